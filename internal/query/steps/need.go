package steps

import (
	"fmt"

	"tocsin/internal/match/condition"
	"tocsin/internal/query"
)

// Needs implements [query.Needy]: an event of each step that must be there.
func (g *groupSearch) Needs() query.Need {
	need := query.Need{All: []query.Need{}}
	for i, t := range g.steps.Terms {
		if !t.Missing {
			need.All = append(need.All, query.Need{
				Of: fmt.Sprintf("step %d", i+1), Where: condition.Simplify(t.Where), Target: g.target, Time: g.plan.Time,
			})
		}
	}
	return need
}
