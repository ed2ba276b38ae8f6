package single

import "tocsin/internal/query"

// Needs implements [query.Needy].
func (s *Search) Needs() query.Need {
	return query.Need{Where: s.where.Whole, Target: s.target, Time: s.plan.Time}
}
