package single

import (
	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/query"
	"tocsin/internal/search"
)

// ingested is the field with the time at which an event was ingested.
const ingested = "event.ingested"

// CodeNotIngested marks a search for late events in indices without an ingest time.
const CodeNotIngested = "rule/late-unknown"

// lateOnly returns the condition that an event is late; nil if no index maps the ingest time.
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

// takeLate restricts a bound search to late events.
func (s *Search) takeLate(late []query.Late) diag.List {
	only := lateOnly(s.target, late)
	if only == nil {
		s.lateUnknown = true
		return diag.List{s.plan.Rule().Report(diag.Warning, CodeNotIngested, "rule.index",
			"no index maps event.ingested: which events came late cannot be told")}
	}
	s.where = s.where.Narrowed(only)
	return nil
}
