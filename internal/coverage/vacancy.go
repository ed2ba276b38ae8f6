package coverage

import (
	"cmp"
	"slices"
	"time"
)

// Vacancy is an index pattern that means no index.
type Vacancy struct {
	Pattern string `json:"pattern"`
	// Rules is the number of rules that have it, Vacant that of those none of whose patterns means one: their
	// slots cover nothing.
	Rules  int `json:"rules"`
	Vacant int `json:"vacant_rules"`
	// Since is the first slot of any rule that found it so; Met tells that it meant an index before.
	Since time.Time `json:"since"`
	Met   bool      `json:"met"`
}

// Fails reports whether somebody is to be told: the pattern once had data, or has had none for longer than
// the given time, where that is not 0.
func (v Vacancy) Fails(now time.Time, after time.Duration) bool {
	return v.Met || after > 0 && now.Sub(v.Since) > after
}

// Vacancies are the patterns of rows that mean no index, by name.
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
