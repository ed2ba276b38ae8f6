package indicator

import (
	"cmp"
	"slices"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// Match is one indicator that matches an event.
type Match struct {
	Ref event.Ref
	// Group is the number of the matching group.
	Group int
	// Values are the event's values that match, one for each entry that is not negated.
	Values []mapping.Value
}

// Found is the result of matching an event.
type Found struct {
	// Matches are ordered by group, then location; at most [Options.Matches].
	Matches []Match
	// Total is the number of all matches. If More is set, it is a lower bound: counting was
	// stopped.
	Total int
	More  bool
}

// maxCounted bounds the work for one event that matches very many indicators.
const maxCounted = 10_000

// Match finds the indicators that match an event.
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

// matcher matches one event.
type matcher struct {
	set   *Set
	event condition.Document
	found Found
	// visited counts the postings that were visited; seen holds the indicators found for the group.
	visited int
	seen    map[uint32]bool
}

// eventTerm holds the event's values of an entry, with their terms.
type eventTerm struct {
	terms  []term
	values []mapping.Value
}

// inOrder sorts values: which of several values an indicator is found by must not depend on how the
// event was read.
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

// eventTerms returns every term under which an indicator may match a value of the event.
func (m *matcher) eventTerms(e entry) eventTerm {
	var c eventTerm
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
	all := make([]eventTerm, len(g.match))
	terms := make([][]term, len(g.match))
	for j, e := range g.match {
		all[j] = m.eventTerms(e)
		terms[j] = all[j].terms
		if len(terms[j]) == 0 {
			return
		}
	}
	m.seen = map[uint32]bool{}
	differ := make([]differing, len(g.differ))
	for j, e := range g.differ {
		differ[j] = differing{has: len(m.event.Values(e.Event)) > 0, terms: m.eventTerms(e).terms}
	}
	for chosen := range combinations(terms) {
		head := m.set.heads[hash(i, chosen)]
		for ; head > 0; head = m.set.postings[head-1].next {
			if m.visited++; m.visited > maxCounted {
				m.found.More = true
				return
			}
			m.posting(i, head-1, differ, func() []mapping.Value { return valuesOf(all, chosen) })
		}
	}
}

// posting adds an indicator, unless it was found already or a negated entry excludes it.
func (m *matcher) posting(group int, at uint32, differ []differing, values func() []mapping.Value) {
	place := m.set.postings[at].place
	if m.seen[place] {
		return
	}
	for j, excluded := range m.set.negated[at] {
		if !differ[j].from(excluded) {
			return
		}
	}
	m.seen[place] = true
	m.found.Total++
	if len(m.found.Matches) < m.set.options.Matches {
		m.found.Matches = append(m.found.Matches, Match{m.set.places.at(place), group, values()})
	}
}

// valuesOf returns the values of a choice of terms.
func valuesOf(all []eventTerm, chosen []term) []mapping.Value {
	out := make([]mapping.Value, len(all))
	for j, c := range all {
		out[j] = c.values[slices.Index(c.terms, chosen[j])]
	}
	return out
}

// differing holds the event's terms of a negated entry.
type differing struct {
	has   bool
	terms []term
}

func (d differing) from(excluded unwanted) bool {
	if excluded.none {
		return d.has
	}
	return !slices.ContainsFunc(excluded.terms, func(t term) bool { return slices.Contains(d.terms, t) })
}
