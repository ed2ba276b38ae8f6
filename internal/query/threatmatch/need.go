package threatmatch

import "tocsin/internal/query"

// Needs implements [query.Needy]: an event with the fields that are compared, and an indicator.
func (s *threatSearch) Needs() query.Need {
	return query.Need{All: []query.Need{
		{Where: s.where.Whole, Target: s.target, Time: s.plan.Time},
		{Of: "the indicators", Where: s.indicatorWhere.Whole, Target: s.indicators},
	}}
}
