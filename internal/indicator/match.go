package indicator

import (
	"cmp"
	"slices"

	"tocsin/internal/condition"
	"tocsin/internal/event"
	"tocsin/internal/mapping"
)

// Match is one indicator that an event carries.
type Match struct {
	Ref event.Ref
	// Group is the number of the group that it meets.
	Group int
	// Values are the event's values that it is found by, one for each entry that is not negated.
	Values []mapping.Value
}

// Found is what an event matches.
type Found struct {
	// Matches are in the order of groups, then of places; no more than [Options.Matches].
	Matches []Match
	// Total is the number of all of them. It is a least number when More is set: then they were not
	// counted to the end.
	Total int
	More  bool
}

// maxCounted bounds what is done for one event that carries what countless indicators have.
const maxCounted = 10_000

// Match finds the indicators that an event carries.
func (s *Set) Match(d condition.Document) Found {
	m := matcher{set: s, event: d}
	for i := range s.groups {
		m.group(i)
	}
	slices.SortFunc(m.found.Matches, func(a, b Match) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Ref.Index, b.Ref.Index), cmp.Compare(a.Ref.ID, b.Ref.ID))
	})
	return m.found
}

// matcher looks at one event.
type matcher struct {
	set   *Set
	event condition.Document
	found Found
	// looked counts the postings that were looked at, seen are the indicators found for the group.
	looked int
	seen   map[uint32]bool
}

// carried are the event's values of an entry, with their terms.
type carried struct {
	terms  []term
	values []mapping.Value
}

// inOrder returns values in an order of their own: which of several an indicator is found by must not hang on
// who has read the event.
func inOrder(f mapping.Field, values []mapping.Value) []mapping.Value {
	if len(values) < 2 {
		return values
	}
	sorted := slices.Clone(values)
	slices.SortStableFunc(sorted, func(a, b mapping.Value) int {
		return cmp.Or(a.Time.Compare(b.Time), f.CompareKeys(f.Key(a), f.Key(b)))
	})
	return sorted
}

// carries returns every term under which an indicator may have a value of the event.
func (m *matcher) carries(e entry) carried {
	var c carried
	_, ranges := e.Indicator.Type.Element()
	for _, v := range inOrder(e.Event, m.event.Values(e.Event)) {
		bits, ok := bitsOf{}, true
		if ranges {
			bits, ok = inIntervals(e.Indicator, e.Event, v)
		}
		for _, g := range e.grains {
			switch {
			case !ok:
				continue
			case ranges:
				c.terms = append(c.terms, bits.block(int(g)))
			default:
				c.terms = append(c.terms, ownTerm(m.event, e.Event, v, g))
			}
			c.values = append(c.values, v)
		}
	}
	return c
}

func (m *matcher) group(i int) {
	g := m.set.groups[i]
	all := make([]carried, len(g.match))
	terms := make([][]term, len(g.match))
	for j, e := range g.match {
		all[j] = m.carries(e)
		terms[j] = all[j].terms
		if len(terms[j]) == 0 {
			return
		}
	}
	m.seen = map[uint32]bool{}
	differ := make([]differing, len(g.differ))
	for j, e := range g.differ {
		differ[j] = differing{has: len(m.event.Values(e.Event)) > 0, terms: m.carries(e).terms}
	}
	for chosen := range combinations(terms) {
		head := m.set.heads[hash(i, chosen)]
		for ; head > 0; head = m.set.postings[head-1].next {
			if m.looked++; m.looked > maxCounted {
				m.found.More = true
				return
			}
			m.posting(i, head-1, differ, func() []mapping.Value { return valuesOf(all, chosen) })
		}
	}
}

// posting takes an indicator, unless it was found already or has what it must not have.
func (m *matcher) posting(group int, at uint32, differ []differing, values func() []mapping.Value) {
	place := m.set.postings[at].place
	if m.seen[place] {
		return
	}
	for j, theirs := range m.set.negated[at] {
		if !differ[j].from(theirs) {
			return
		}
	}
	m.seen[place] = true
	m.found.Total++
	if len(m.found.Matches) < m.set.options.Matches {
		m.found.Matches = append(m.found.Matches, Match{m.set.places.at(place), group, values()})
	}
}

// valuesOf finds the values behind a choice of terms.
func valuesOf(all []carried, chosen []term) []mapping.Value {
	out := make([]mapping.Value, len(all))
	for j, c := range all {
		out[j] = c.values[slices.Index(c.terms, chosen[j])]
	}
	return out
}

// differing is what the event has where it has to differ.
type differing struct {
	has   bool
	terms []term
}

func (d differing) from(theirs unwanted) bool {
	if theirs.none {
		return d.has
	}
	return !slices.ContainsFunc(theirs.terms, func(t term) bool { return slices.Contains(d.terms, t) })
}
