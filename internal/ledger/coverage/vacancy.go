package coverage

import (
	"cmp"
	"slices"
	"time"
)

// Vacancy is an index pattern that matches no index.
type Vacancy struct {
	Pattern string `json:"pattern"`
	// Rules is the number of rules that have the pattern. Vacant is how many of them have no
	// pattern that matches an index: their slots cover nothing.
	Rules  int `json:"rules"`
	Vacant int `json:"vacant_rules"`
	// Since is the first slot, of any rule, that found no index. Met means that the pattern matched
	// an index before.
	Since time.Time `json:"since"`
	Met   bool      `json:"met"`
}

// Fails reports whether the vacancy is a failure: the pattern once had data, or has had none for
// longer than after, unless after is 0.
func (v Vacancy) Fails(now time.Time, after time.Duration) bool {
	return v.Met || after > 0 && now.Sub(v.Since) > after
}

// Vacancies returns the patterns of rows that match no index, by name.
func Vacancies(rows []Row) []Vacancy {
	byName := map[string]*Vacancy{}
	for _, r := range rows {
		for _, p := range r.Unmet {
			v := byName[p.Name]
			if v == nil {
				v = &Vacancy{Pattern: p.Name, Since: p.Since}
				byName[p.Name] = v
			}
			v.Rules++
			v.Met = v.Met || p.Met
			if p.Since.Before(v.Since) {
				v.Since = p.Since
			}
			if r.vacantLast {
				v.Vacant++
			}
		}
	}
	out := make([]Vacancy, 0, len(byName))
	for _, v := range byName {
		out = append(out, *v)
	}
	slices.SortFunc(out, func(a, b Vacancy) int { return cmp.Compare(a.Pattern, b.Pattern) })
	return out
}
