package splunk

import (
	"slices"

	"tocsin/internal/translate/spl"
)

// head passes the first rows on, as long as a condition holds.
type head struct {
	next  stage
	spec  *spl.Head
	scope *scope
	while program
	seen  int
	done  bool
}

func newHead(r *run, c *spl.Head, next stage) stage {
	h := &head{next: next, spec: c, scope: r.scope()}
	if c.While != nil {
		h.while = compileNode(c.While)
	}
	return h
}

func (s *head) row(row Row) error {
	if s.done || s.spec.N >= 0 && s.seen >= s.spec.N {
		return errDone
	}
	if s.while != nil {
		v, err := s.scope.eval(s.while, row)
		if err != nil {
			return err
		}
		holds := v.isTrue() || v.IsNull() && s.spec.Null
		if s.done = !holds; s.done && !s.spec.Last {
			return errDone
		}
	}
	s.seen++
	if err := s.next.row(row); err != nil {
		return err
	}
	if s.done || s.seen == s.spec.N {
		return errDone
	}
	return nil
}

func (s *head) end() error { return s.next.end() }

// tail passes the last n rows on, in reverse order; all rows if n is negative.
type tail struct {
	next stage
	n    int
	rows kept
}

func (s *tail) row(row Row) error {
	if err := s.rows.add(row); err != nil {
		return err
	}
	if s.n >= 0 && len(s.rows.rows) > s.n {
		s.rows.drop()
	}
	return nil
}

func (s *tail) end() error {
	for i := range slices.Backward(s.rows.rows) {
		if err := s.next.row(s.rows.take(i)); err != nil {
			return err
		}
	}
	return s.next.end()
}
