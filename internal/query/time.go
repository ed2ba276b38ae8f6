package query

import (
	"tocsin/internal/rule"
	"tocsin/internal/search"
)

// TimeRange says which field a rule's windows are about: the override with @timestamp where it is
// missing, else @timestamp. The timestamp field of EQL is about the order of events only.
func TimeRange(r *rule.Rule) search.TimeRange {
	const field = search.DefaultTimestamp
	if r.TimestampOverride == "" || r.TimestampOverride == field {
		return search.TimeRange{Field: field}
	}
	if r.TimestampOverrideFallbackDisabled {
		return search.TimeRange{Field: r.TimestampOverride}
	}
	return search.TimeRange{Field: r.TimestampOverride, Fallback: field}
}
