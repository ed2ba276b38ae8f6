package splunk

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// union passes on the rows of several searches. Rows that are events are merged in time order, newest first.
func (r *run) union(c *spl.Union, out stage) error {
	rows := &kept{account: r.account(c.Command())}
	timed, events := true, true
	for _, sub := range c.Subs {
		events = events && KeepsEvents(sub)
		err := r.search(sub, sink(func(row Row) error {
			_, ok := row["_time"].Float()
			timed = timed && ok
			return rows.add(row)
		}))
		if err != nil {
			return err
		}
	}
	order := make([]int, len(rows.rows))
	for i := range order {
		order[i] = i
	}
	if timed && events {
		slices.SortStableFunc(order, func(a, b int) int {
			x, _ := rows.rows[a]["_time"].Float()
			y, _ := rows.rows[b]["_time"].Float()
			return cmp.Compare(y, x)
		})
	}
	for _, i := range order {
		if err := r.alive(); err != nil {
			return err
		}
		if err := out.row(rows.take(i)); err != nil {
			return err
		}
	}
	return nil
}

// hidden reports whether a field is ignored when two rows are compared: fields that Splunk does not show, and the
// time under its name in Elasticsearch.
func hidden(name string) bool { return name == "@timestamp" || name[:min(1, len(name))] == "_" }

// rowKey returns the text of all fields of a row that are not hidden.
func rowKey(row Row) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(row)) {
		if !hidden(name) {
			b.WriteString(name + "\x00" + row[name].String() + "\x00")
		}
	}
	return b.String()
}

// setOf passes on the rows that are in one of two searches, in both, or in either, each row once.
func (r *run) setOf(c *spl.SetOp, out stage) error {
	held := r.account("set")
	a, err := r.rows(held, c.A, maxJoined)
	if err != nil {
		return err
	}
	b, err := r.rows(held, c.B, maxJoined)
	if err != nil {
		return err
	}
	in := map[string]int{}
	for side, rows := range []*kept{a, b} {
		for _, row := range rows.rows {
			key := rowKey(row)
			if _, known := in[key]; !known {
				if err := held.hold(len(key) + 64); err != nil {
					return err
				}
			}
			in[key] |= 1 << side
		}
	}
	wanted := map[string]func(int) bool{
		"union": func(int) bool { return true }, "diff": func(n int) bool { return n != 3 }, "intersect": func(n int) bool { return n == 3 },
	}[c.Op]
	for _, rows := range []*kept{a, b} {
		for _, row := range rows.rows {
			if err := r.alive(); err != nil {
				return err
			}
			key := rowKey(row)
			if n := in[key]; n == 0 || !wanted(n) {
				continue
			}
			in[key] = 0 // It is passed on once.
			if err := out.row(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// beside adds the fields of the row of a subsearch at the same position to each row. Further rows of the subsearch
// become separate rows.
type beside struct {
	next stage
	run  *run
	spec *spl.AppendCols
	rows *kept
	n    int
}

func (r *run) appendCols(c *spl.AppendCols, next stage) (stage, error) {
	rows, err := r.rows(r.account("appendcols"), c.Sub, maxJoined)
	return &beside{next, r, c, rows, 0}, err
}

func (s *beside) row(row Row) error {
	if s.n < len(s.rows.rows) {
		for name, v := range s.rows.take(s.n) {
			if _, has := row[name]; !has || s.spec.Override {
				row[name] = v
			}
		}
		s.n++
	}
	return s.next.row(row)
}

func (s *beside) end() error {
	for ; s.n < len(s.rows.rows); s.n++ {
		if err := s.next.row(s.rows.take(s.n)); err != nil {
			return err
		}
	}
	return s.next.end()
}
