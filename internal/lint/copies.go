package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/rule"
)

// sought returns what decides which alerts a rule makes, as text; "" if it is not known.
func (s *Subject) sought() string {
	r := s.Rule
	query := strings.Join(strings.Fields(r.Query.Value), " ")
	switch {
	case s.EQL != nil:
		query = s.EQL.String()
	case s.KQL != nil:
		query = s.KQL.String()
	}
	if query == "" || r.Language == rule.Sigma || r.Language == rule.SPL { // what they look for is not in the model alone
		return ""
	}
	index := slices.Clone(r.Index)
	slices.Sort(index)
	var more strings.Builder
	if m := r.MachineLearning; m != nil {
		fmt.Fprintf(&more, "%+v|", *m)
	}
	if t := r.Threshold; t != nil {
		fmt.Fprintf(&more, "%+v|", *t)
	}
	if t := r.NewTerms; t != nil {
		fmt.Fprintf(&more, "%v %s|", t.Fields, t.HistoryWindowStart.Text)
	}
	if t := r.ThreatMatch; t != nil {
		fmt.Fprintf(&more, "%v %s %+v %v|", t.Index, t.Query.Value, t.Mapping, t.Filters)
	}
	return fmt.Sprintf("%s|%s|%s|%v|%s|%v|%s|%s|%s", r.Type, r.Language, query, index, r.DataViewID, r.Filters, r.SavedID, r.EventCategoryOverride, more.String())
}

// duplicateRule finds rules that look for the same: each hit makes an alert of both.
func duplicateRule(all []*Subject) {
	first := map[string]*Subject{}
	for _, s := range all {
		text := s.sought()
		if text == "" {
			continue
		}
		if other := first[text]; other != nil {
			s.AtKey("rule.query", "rule %s (%s) has the same query and indices: every hit makes two alerts. Remove one of the rules, or disable it", other.Rule.ID, other.Rule.Path)
			continue
		}
		first[text] = s
	}
}

// similar is the share of equal tests from which two rules are near duplicates.
const similar = 0.8

// nearDuplicate finds rules of which most tests are the same.
func nearDuplicate(all []*Subject) {
	type candidate struct {
		s     *Subject
		tests map[string]bool
	}
	byTest := map[string][]int{}
	var seen []candidate
	for _, s := range all {
		tests := map[string]bool{}
		for _, st := range s.stages() {
			tests[fmt.Sprint("step", st.step)] = true
			collect(st.condition, tests)
		}
		const least = 4 // fewer tests are alike by chance
		if len(tests) < least {
			continue
		}
		shared := map[int]int{}
		for t := range tests {
			for _, i := range byTest[t] {
				shared[i]++
			}
		}
		for _, i := range slices.Sorted(maps.Keys(shared)) {
			o := seen[i]
			n := shared[i]
			if union := len(tests) + len(o.tests) - n; float64(n) < similar*float64(union) || s.sought() == o.s.sought() {
				continue
			}
			s.AtKey("rule.query", "%d of %d tests are those of rule %s (%s): let one rule do both, or say in a comment what differs", n, len(tests), o.s.Rule.ID, o.s.Rule.Path)
			break
		}
		for t := range tests {
			byTest[t] = append(byTest[t], len(seen))
		}
		seen = append(seen, candidate{s, tests})
	}
}

// collect adds the tests of a condition.
func collect(f *formula, tests map[string]bool) {
	if f.op == leaf {
		tests[f.text] = true
	}
	for _, x := range f.xs {
		collect(x, tests)
	}
}
