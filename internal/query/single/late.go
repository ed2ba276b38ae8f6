package single

import (
	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/query"
	"tocsin/internal/search"
)

// ingested is the field that says when an event was taken in.
const ingested = "event.ingested"

// CodeNotIngested marks a second look for late events that cannot tell which they are.
const CodeNotIngested = "rule/late-unknown"

// lateOnly is the condition that an event came late, nil where no index tells when events came.
func lateOnly(target search.Target, late []query.Late) condition.Expr {
	if _, mapped := target.Fields.Field(ingested); !mapped {
		return nil
	}
	var either condition.Or
	for _, l := range late {
		either = append(either, condition.And{
			search.TimeRange{Field: search.DefaultTimestamp, Window: l.Window}.Condition(),
			condition.Range{Field: ingested, Gte: search.FormatTime(l.Since), Format: "strict_date_optional_time"},
		})
	}
	return either
}

// takeLate narrows a bound search to late events.
func (s *Search) takeLate(late []query.Late) diag.List {
	only := lateOnly(s.target, late)
	if only == nil {
		s.blind = true
		return diag.List{s.plan.Rule().Report(diag.Warning, CodeNotIngested, "rule.index",
			"no index maps event.ingested: which events came late cannot be told")}
	}
	s.where = s.where.Narrowed(only)
	return nil
}
