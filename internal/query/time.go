package query

import (
	"tocsin/internal/rule"
	"tocsin/internal/search"
)

// TimeRange returns the field that is compared with a rule's windows: the timestamp override, with @timestamp as the
// fallback, or @timestamp. The timestamp field of EQL only orders events.
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
