package splunk

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// grouping groups rows by the values of fields and aggregates each group.
type grouping struct {
	account *account
	aggs    []spl.Agg
	exprs   []program
	by      []string
	// name maps a field of the search to the row's field, since tstats removes the dataset.
	name namer
	// fill replaces missing values of by; nil excludes such rows.
	fill   func(field string) (Value, bool)
	scope  *scope
	groups map[string]*group
	order  []*group
	key    []byte
	single []Value
	found  [1]*group
}

// group is one combination of values.
type group struct {
	values []Value
	slots  []slot
}

// slot is one aggregation: of one field, or of each field that matches a pattern.
type slot struct {
	one  accumulator
	many map[string]accumulator
}

func newGrouping(to *account, aggs []spl.Agg, by []spl.Name, name namer) *grouping {
	g := &grouping{account: to, aggs: aggs, name: name, scope: to.run.scope(), groups: map[string]*group{}}
	for _, n := range by {
		g.by = append(g.by, n.Text)
	}
	g.exprs = make([]program, len(aggs))
	for i, a := range aggs {
		if a.X != nil {
			g.exprs[i] = compileNode(a.X)
		}
	}
	return g
}

// of returns the groups of a row: none if a value is missing, several if a field has several values.
func (g *grouping) of(row Row) ([]*group, error) {
	g.single = g.single[:0]
	for _, name := range g.by {
		v := row.Get(g.name(name))
		if v.IsNull() && g.fill != nil {
			v, _ = g.fill(name)
		}
		switch v.kind {
		case null:
			return nil, nil
		case several:
			return g.product(row)
		default:
			g.single = append(g.single, v)
		}
	}
	one, err := g.group(g.single)
	if err != nil {
		return nil, err
	}
	g.found[0] = one
	return g.found[:1:1], nil
}

// product is of for a row with multivalue fields.
func (g *grouping) product(row Row) ([]*group, error) {
	lists := make([][]Value, len(g.by))
	for i, name := range g.by {
		v := row.Get(g.name(name))
		if v.IsNull() && g.fill != nil {
			v, _ = g.fill(name)
		}
		if lists[i] = v.Each(); len(lists[i]) == 0 {
			return nil, nil
		}
	}
	n := combinations(lists)
	out := make([]*group, 0, n)
	for i := range n {
		if err := g.account.run.alive(); err != nil {
			return nil, err
		}
		values := make([]Value, len(lists))
		for j, list := range lists {
			values[j] = list[i%len(list)]
			i /= len(list)
		}
		one, err := g.group(values)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out, nil
}

func (g *grouping) group(values []Value) (*group, error) {
	g.key = g.key[:0]
	for _, v := range values {
		g.key = append(g.key, v.String()...)
		g.key = append(g.key, 0)
	}
	if one, ok := g.groups[string(g.key)]; ok {
		return one, nil
	}
	one := &group{values: slices.Clone(values), slots: make([]slot, len(g.aggs))}
	for i, a := range g.aggs {
		if a.Field != nil && strings.Contains(a.Field.Text, "*") {
			one.slots[i].many = map[string]accumulator{}
		} else {
			one.slots[i].one = g.account.run.accumulator(a)
		}
	}
	g.groups[string(g.key)] = one
	g.order = append(g.order, one)
	return one, g.account.hold(2*len(g.key) + 100*(len(values)+len(g.aggs)) + 200)
}

// addTo adds a row to each of its groups.
func (g *grouping) addTo(row Row) error {
	in, err := g.of(row)
	if err != nil {
		return err
	}
	for _, one := range in {
		if err := g.add(one, row); err != nil {
			return err
		}
	}
	return nil
}

// add adds a row to a group.
func (g *grouping) add(one *group, row Row) error {
	at, _ := row["_time"].Float()
	held := 0
	for i, a := range g.aggs {
		s := one.slots[i]
		switch {
		case s.many != nil:
			held += g.addMany(s.many, a, row, at)
		case a.X != nil:
			v, err := g.scope.eval(g.exprs[i], row)
			if err != nil {
				return err
			}
			if v.kind == boolean {
				if a.Func == "count" && v.number == 0 {
					continue // count(eval(…)) counts the rows for which it is true.
				}
				v = Number(v.number)
			}
			held += addEach(s.one, v, at)
		case a.Field != nil:
			held += addEach(s.one, row.Get(g.name(a.Field.Text)), at)
		default:
			held += s.one.add(Null, at)
		}
	}
	if held == 0 {
		return nil
	}
	return g.account.hold(held)
}

func addEach(a accumulator, v Value, at float64) int {
	switch v.kind {
	case null:
		return 0
	case several:
		held := 0
		for _, x := range v.list {
			held += a.add(x, at)
		}
		return held
	default:
		return a.add(v, at)
	}
}

func (g *grouping) addMany(many map[string]accumulator, a spl.Agg, row Row, at float64) int {
	held := 0
	for _, name := range row.matching(g.name(a.Field.Text)) {
		if slices.Contains(g.by, name) {
			continue
		}
		if many[name] == nil {
			many[name] = g.account.run.accumulator(a)
			held += 150 + len(name)
		}
		held += addEach(many[name], row[name], at)
	}
	return held
}

// results sets the results of a group in a row.
func (g *grouping) results(one *group, row Row) {
	for i, a := range g.aggs {
		s := one.slots[i]
		if s.many == nil {
			row.set(a.As, s.one.result())
			continue
		}
		pattern := g.name(a.Field.Text)
		for name, acc := range s.many {
			stars, ok := captures(pattern, name)
			if !ok {
				stars, _ = captures(strings.ReplaceAll(pattern, "{}", ""), name)
			}
			row.set(fill(a.As, stars), acc.result())
		}
	}
}

// sorted returns the groups in the order of their values.
func (g *grouping) sorted() []*group {
	out := slices.Clone(g.order)
	slices.SortStableFunc(out, func(a, b *group) int {
		for i := range a.values {
			if c := compareMixed(a.values[i], b.values[i]); c != 0 {
				return c
			}
		}
		return 0
	})
	return out
}

// counts reports whether an aggregation has a result without any row.
func (g *grouping) counts() bool {
	return slices.ContainsFunc(g.aggs, func(a spl.Agg) bool { return a.Func == "count" || a.Func == "dc" })
}

// emit passes on one row for each group.
func (g *grouping) emit(next stage) error {
	if len(g.by) == 0 && len(g.order) == 0 && g.counts() {
		if _, err := g.group(nil); err != nil {
			return err
		}
	}
	for _, one := range g.sorted() {
		row := Row{}
		for i, name := range g.by {
			row.set(name, one.values[i])
		}
		g.results(one, row)
		if err := next.row(row); err != nil {
			return err
		}
	}
	return nil
}

// aggregate returns the stage of stats, eventstats or streamstats.
func (r *run) aggregate(c *spl.Aggregate, next stage) stage {
	g := newGrouping(r.account(c.Command()), c.Aggs, c.By, same)
	switch c.Kind {
	case spl.Eventstats:
		return &eventstats{next: next, groups: g, rows: kept{account: g.account}}
	case spl.Streamstats:
		return newStreamstats(r, g, c, next)
	default:
		return &stats{next, g}
	}
}

// stats makes one row for each group.
type stats struct {
	next   stage
	groups *grouping
}

func (s *stats) row(row Row) error { return s.groups.addTo(row) }

func (s *stats) end() error {
	if err := s.groups.emit(s.next); err != nil {
		return err
	}
	s.groups.account.close()
	return s.next.end()
}

// eventstats adds the results of its group to each row. A row without a group is not changed.
type eventstats struct {
	next   stage
	groups *grouping
	rows   kept
	in     []*group
}

func (s *eventstats) row(row Row) error {
	in, err := s.groups.of(row)
	if err != nil {
		return err
	}
	for _, one := range in {
		if err := s.groups.add(one, row); err != nil {
			return err
		}
	}
	s.in = append(s.in, append(in, nil)[0])
	return s.rows.add(row)
}

func (s *eventstats) end() error {
	known := map[*group]Row{}
	err := s.rows.drain(func(i int, row Row) error {
		if one := s.in[i]; one != nil {
			if known[one] == nil {
				known[one] = Row{}
				s.groups.results(one, known[one])
				if err := s.groups.account.hold(known[one].size()); err != nil {
					return err
				}
			}
			maps.Copy(row, known[one])
		}
		return s.next.row(row)
	})
	if err != nil {
		return err
	}
	s.groups.account.close()
	return s.next.end()
}
