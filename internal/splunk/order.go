package splunk

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// compareRows orders two rows by keys. A row that lacks a field comes last.
func compareRows(a, b Row, keys []spl.SortKey) int {
	for _, k := range keys {
		x, y := first(a.Get(k.Name.Text)), first(b.Get(k.Name.Text))
		switch {
		case x.IsNull() && y.IsNull():
			continue
		case x.IsNull():
			return 1
		case y.IsNull():
			return -1
		}
		c := compareAs(x, y, k.As)
		if k.Descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func first(v Value) Value {
	if v.kind == several {
		return v.list[0]
	}
	return v
}

func compareAs(x, y Value, as string) int {
	switch as {
	case "str":
		return strings.Compare(x.String(), y.String())
	case "num":
		a, _ := x.Float()
		b, _ := y.Float()
		return cmp.Compare(a, b)
	}
	return compareAuto(x, y)
}

// compareAuto orders numbers by their amount, behind them addresses by address, and behind those texts.
func compareAuto(x, y Value) int {
	a, isA := address(x)
	b, isB := address(y)
	switch {
	case isA && isB:
		return a.Compare(b)
	case isA || isB:
		_, number := x.Float()
		if isA {
			_, number = y.Float()
		}
		if isB != number {
			return 1
		}
		return -1
	}
	return compareMixed(x, y)
}

func address(v Value) (netip.Addr, bool) {
	if v.kind != text || !strings.ContainsAny(v.text, ".:") {
		return netip.Addr{}, false
	}
	if _, number := parseNumber(v.text); number {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(v.text)
	return a, err == nil
}

// sorted orders all rows.
type sorted struct {
	next stage
	run  *run
	spec *spl.Sort
	rows kept
}

func newSorted(r *run, c *spl.Sort, next stage) stage {
	return &sorted{next, r, c, kept{account: r.account("sort")}}
}

func (s *sorted) row(row Row) error { return s.rows.add(row) }

func (s *sorted) end() error {
	order := make([]int, len(s.rows.rows))
	for i := range order {
		order[i] = i
	}
	// Once the context has ended all are equal, which is soon sorted.
	ended := false
	slices.SortStableFunc(order, func(a, b int) int {
		if ended = ended || s.run.alive() != nil; ended {
			return 0
		}
		return compareRows(s.rows.rows[a], s.rows.rows[b], s.spec.Keys)
	})
	if err := s.run.alive(); err != nil {
		return err
	}
	for n, i := range order {
		if s.spec.Limit > 0 && n == s.spec.Limit {
			break
		}
		if err := s.next.row(s.rows.take(i)); err != nil {
			return err
		}
	}
	s.rows.account.close()
	return s.next.end()
}

// dedup keeps the first rows of each combination.
type dedup struct {
	next stage
	spec *spl.Dedup
	seen map[string]int
	held *account
	last string
	any  bool
}

func newDedup(r *run, c *spl.Dedup, next stage) stage {
	s := &dedup{next: next, spec: c, seen: map[string]int{}, held: r.account("dedup")}
	if len(c.SortBy) > 0 { // the order says which rows are kept
		return newSorted(r, &spl.Sort{Keys: c.SortBy}, s)
	}
	return s
}

func (s *dedup) row(row Row) error {
	var key strings.Builder
	for _, n := range s.spec.Names {
		v := row.Get(n.Text)
		if v.IsNull() {
			if s.spec.KeepEmpty {
				return s.next.row(row)
			}
			return nil
		}
		key.WriteString(v.String())
		key.WriteByte(0)
	}
	k := key.String()
	if s.spec.Consecutive {
		if !s.any || k != s.last {
			clear(s.seen)
			s.held.close()
		}
		s.last, s.any = k, true
	}
	s.seen[k]++
	n := s.seen[k]
	if n == 1 {
		if err := s.held.hold(len(k) + 48); err != nil {
			return err
		}
	}
	if n <= s.spec.N {
		return s.next.row(row)
	}
	if s.spec.KeepEvents {
		for _, name := range s.spec.Names {
			delete(row, row.key(name.Text))
		}
		return s.next.row(row)
	}
	return nil
}

func (s *dedup) end() error { return s.next.end() }

// sortedBy returns the places of rows in the order of a field.
func sortedBy(rows []Row, field string) []int {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	keys := []spl.SortKey{{Name: spl.Name{Text: field}}}
	slices.SortStableFunc(order, func(a, b int) int { return compareRows(rows[a], rows[b], keys) })
	return order
}
