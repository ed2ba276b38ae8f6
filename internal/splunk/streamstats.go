package splunk

import (
	"math"
	"strings"

	"tocsin/internal/translate/spl"
)

// streamstats adds aggregations over the previous rows, including the row itself if current is set.
type streamstats struct {
	next   stage
	groups *grouping
	spec   *spl.Aggregate
	// past holds the rows of a window, by group or for all rows.
	past          map[*group]*kept
	before, after program
	scope         *scope
	// last has the values of by of the previous row.
	last string
	any  bool
}

func newStreamstats(r *run, g *grouping, c *spl.Aggregate, next stage) stage {
	s := &streamstats{next: next, groups: g, spec: c, past: map[*group]*kept{}, scope: r.scope()}
	if c.ResetBefore != nil {
		s.before = compileNode(c.ResetBefore)
	}
	if c.ResetAfter != nil {
		s.after = compileNode(c.ResetAfter)
	}
	return s
}

func (s *streamstats) row(row Row) error {
	if err := s.resetBefore(row); err != nil {
		return err
	}
	in, err := s.groups.of(row)
	if err != nil {
		return err
	}
	if len(in) == 0 {
		return s.next.row(row)
	}
	one := in[0]
	seen := row.clone()
	if s.spec.Window > 0 || s.spec.Within != nil {
		err = s.windowed(one, row, seen)
	} else {
		err = s.running(one, row, seen)
	}
	if err != nil {
		return err
	}
	if s.after != nil {
		v, err := s.scope.eval(s.after, row)
		if err != nil {
			return err
		}
		if v.isTrue() {
			s.reset()
		}
	}
	return s.next.row(row)
}

// resetBefore resets the aggregations if the row matches reset_before, or if the values of by have changed.
func (s *streamstats) resetBefore(row Row) error {
	if s.spec.OnChange {
		var b strings.Builder
		for _, name := range s.groups.by {
			b.WriteString(row.Get(name).String() + "\x00")
		}
		if s.any && b.String() != s.last {
			s.reset()
		}
		s.last, s.any = b.String(), true
	}
	if s.before == nil {
		return nil
	}
	v, err := s.scope.eval(s.before, row)
	if v.isTrue() {
		s.reset()
	}
	return err
}

func (s *streamstats) reset() {
	clear(s.groups.groups)
	s.groups.order = nil
	clear(s.past)
	s.groups.account.close()
}

// running aggregates all rows so far.
func (s *streamstats) running(one *group, row, seen Row) error {
	if s.spec.NoCurrent {
		s.groups.results(one, row)
		return s.groups.add(one, seen)
	}
	if err := s.groups.add(one, seen); err != nil {
		return err
	}
	s.groups.results(one, row)
	return nil
}

// windowed aggregates the last rows again: accumulators cannot remove a row.
func (s *streamstats) windowed(one *group, row, seen Row) error {
	place := one
	if s.spec.Global {
		place = nil // One window over all groups; only rows of the row's group are aggregated.
	}
	past := s.past[place]
	if past == nil {
		past = &kept{account: s.groups.account}
		s.past[place] = past
	}
	if !s.spec.NoCurrent {
		if err := past.add(seen); err != nil {
			return err
		}
	}
	for len(past.rows) > 0 && s.tooOld(past.rows, row) {
		past.drop()
	}
	if err := s.results(one, row, past.rows); err != nil {
		return err
	}
	if s.spec.NoCurrent {
		return past.add(seen)
	}
	return nil
}

// tooOld reports whether the first row is outside of the time window.
func (s *streamstats) tooOld(past []Row, row Row) bool {
	if s.spec.Window > 0 && len(past) > s.spec.Window {
		return true
	}
	if s.spec.Within == nil {
		return false
	}
	length, _ := s.spec.Within.Seconds()
	x, isX := past[0]["_time"].Float()
	y, isY := row["_time"].Float()
	return isX && isY && math.Abs(x-y) >= length
}

// results sets the results of a group in a row.
func (s *streamstats) results(one *group, row Row, past []Row) error {
	account := &account{run: s.groups.account.run, command: s.groups.account.command}
	defer account.close()
	fresh := newGrouping(account, s.groups.aggs, s.spec.By, same)
	current, err := fresh.group(one.values)
	if err != nil {
		return err
	}
	for i, r := range past {
		if i%64 == 0 {
			if err := account.run.alive(); err != nil {
				return err
			}
		}
		in, err := fresh.of(r)
		if err != nil {
			return err
		}
		for _, g := range in {
			if g == current {
				if err := fresh.add(g, r); err != nil {
					return err
				}
			}
		}
	}
	fresh.results(current, row)
	return nil
}

func (s *streamstats) end() error {
	s.past = nil
	s.groups.account.close()
	return s.next.end()
}
