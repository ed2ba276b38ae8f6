package splrule

import (
	"tocsin/internal/match/condition"
	"tocsin/internal/query"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// Needs implements [query.Needy]: an event that the first command finds. A search that can have rows without one has no need.
func (s *splSearch) Needs() query.Need {
	if s.first == nil || s.plan.overRisk() || s.plan.counts && len(s.plan.groups.By) == 0 || rowsOfNothing(s.plan.Search) {
		return query.Need{All: []query.Need{}}
	}
	where := condition.Simplify(s.first.Condition)
	if s.first.Nothing && len(s.first.Target.Indices) > 0 {
		where = condition.Const(false)
	}
	return query.Need{Where: where, Target: s.first.Target, Time: s.first.Request.Time}
}

// rowsOfNothing reports whether a search may have rows although its first command finds no event: of other searches and
// tables, or counts that are 0.
func rowsOfNothing(s *spl.Search) bool {
	searches := 0
	splunk.EachSearch(s, func(*spl.Search) { searches++ })
	if searches > 1 {
		return true
	}
	for _, stage := range s.Stages {
		switch stage := stage.(type) {
		case *spl.Aggregate:
			if len(stage.By) == 0 {
				return true
			}
		case *spl.Chart, *spl.InputLookup, *spl.Makeresults, *spl.AddTotals, *spl.Format, *spl.Return, *spl.Map, *spl.Makecontinuous, *spl.Predict:
			return true
		}
	}
	return false
}
