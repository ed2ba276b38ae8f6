package counting

import (
	"slices"

	"tocsin/internal/match/condition"
	"tocsin/internal/query"
)

// Needs implements [query.Needy]: only events with a value of every field of the groups are counted.
func (c *counted) Needs() query.Need {
	where := condition.And{c.where.Whole}
	for _, f := range slices.Concat(c.by, c.distinct) {
		if f.mapped {
			where = append(where, condition.Exists{Field: f.field.Name})
		} else {
			where = append(where, condition.Const(false))
		}
	}
	return query.Need{Where: condition.Simplify(where), Target: c.target, Time: c.plan.Time}
}
