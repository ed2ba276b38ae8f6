package correlating

import (
	"slices"

	"tocsin/internal/match/correlation"
	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/search"
)

// execution is the state of one execution.
type execution struct {
	shelf *search.Shelf
	// rereads: events can be read again by index and id.
	rereads bool
	result  query.Result
	// untimed is the number of events without a time.
	untimed int
	// hits are those of each leaf.
	hits [][]hit
	// things are what hits of correlations are about, by number: an event, or the events of an inner completion.
	things []thing
	// numbers are the things of events.
	numbers map[event.Ref]int
}

// thing is an event of a leaf, or an inner completion with its hits.
type thing struct {
	hit     *hit
	members []correlation.Hit
}

// group is the hits of equal group values.
type group struct {
	values []string
	hits   []correlation.Hit
}

// completion is a window that meets a correlation's condition.
type completion struct {
	at int64
	// group are the values of the group.
	group []string
	// members are its hits, in order of time: a part of those of the group.
	members []correlation.Hit
	value   string
}

// completions visits what a node finds, each group by itself, in the order of the groups.
func (x *execution) completions(n *node, visit func(completion)) {
	for _, g := range x.groups(n) {
		n.Spec.Find(g.hits, func(c correlation.Completion) bool {
			visit(completion{c.At, g.values, c.Hits, c.Value})
			return true
		})
	}
}

// groups returns the hits of a node's members by group, in the order of the groups.
func (x *execution) groups(n *node) []*group {
	groups := map[string]*group{}
	for rule, m := range n.members {
		if m.inner != nil {
			x.inner(m, func(at int64, of []string, thing int) {
				x.join(groups, rule, at, thing, pick(of, m.group), pick(of, m.counted))
			})
			continue
		}
		for i := range x.hits[m.leaf] {
			h := &x.hits[m.leaf][i]
			x.join(groups, rule, h.at, x.number(h), columns(h, m.group), columns(h, m.counted))
		}
	}
	keys := make([]string, 0, len(groups))
	for key := range groups {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out := make([]*group, len(keys))
	for i, key := range keys {
		out[i] = groups[key]
	}
	return out
}

// inner makes a thing of each completion of an inner correlation.
func (x *execution) inner(m member, add func(at int64, group []string, thing int)) {
	x.completions(m.inner, func(c completion) {
		x.things = append(x.things, thing{members: c.members})
		add(c.at, c.group, len(x.things)-1)
	})
}

// number is the number of an event: one for all rules that it matches.
func (x *execution) number(h *hit) int {
	if n, known := x.numbers[h.ref]; known && h.ref.ID != "" {
		return n
	}
	n := len(x.things)
	x.things = append(x.things, thing{hit: h})
	x.numbers[h.ref] = n
	return n
}

func columns(h *hit, numbers []int) [][]string {
	out := make([][]string, len(numbers))
	for i, n := range numbers {
		out[i] = h.values[n]
	}
	return out
}

// pick returns the values of an inner group; none for a field that it does not have.
func pick(values []string, numbers []int) [][]string {
	out := make([][]string, len(numbers))
	for i, n := range numbers {
		if n >= 0 {
			out[i] = []string{values[n]}
		}
	}
	return out
}

// join adds a hit to its groups: one for each value of a field with several, none if it lacks a field.
func (x *execution) join(groups map[string]*group, rule int, at int64, thing int, of, counted [][]string) {
	values := tuples(counted)
	for _, key := range combinations(of) {
		id := search.KeyName(key)
		if groups[id] == nil {
			groups[id] = &group{values: key}
		}
		groups[id].hits = append(groups[id].hits, correlation.Hit{At: at, Rule: rule, Event: thing, Values: values})
	}
}

// combinations are all ways to take a value of each column; one without any if there are no columns.
func combinations(columns [][]string) [][]string {
	out := [][]string{{}}
	for _, column := range columns {
		var longer [][]string
		for _, begun := range out {
			for _, v := range column {
				longer = append(longer, append(slices.Clip(begun), v))
			}
		}
		out = longer
	}
	return out
}

// tuples are the values that are counted: a text of one column as it is, texts of several as one.
func tuples(columns [][]string) []string {
	switch len(columns) {
	case 0:
		return nil
	case 1:
		return columns[0]
	}
	var out []string
	for _, c := range combinations(columns) {
		out = append(out, search.KeyName(c))
	}
	return out
}

// events are the events behind hits, in order of time, each once.
func (x *execution) events(hits []correlation.Hit) []*hit {
	seen := map[int]bool{}
	var out []*hit
	var add func([]correlation.Hit)
	add = func(hits []correlation.Hit) {
		for _, h := range hits {
			if seen[h.Event] {
				continue
			}
			seen[h.Event] = true
			if t := x.things[h.Event]; t.hit != nil {
				out = append(out, t.hit)
			} else {
				add(t.members)
			}
		}
	}
	add(hits)
	slices.SortStableFunc(out, func(a, b *hit) int { return a.compare(b) })
	return out
}
