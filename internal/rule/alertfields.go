package rule

import (
	"cmp"
	"slices"
)

// Described lists the event fields that the reason of an alert mentions, for every rule.
var Described = []string{
	"destination.ip", "destination.port", "event.category", "file.name", "host.name", "process.name", "process.parent.name",
	"source.ip", "source.port", "user.name",
}

// Originals lists the dates of an event that its alert stores under other names.
var Originals = []string{"event.created", "event.end", "event.ingested", "event.start"}

// Streams lists the parts of an event's data stream name. Indices have them as constants, so events
// may omit them.
var Streams = []string{"data_stream.dataset", "data_stream.namespace", "data_stream.type"}

// EventTime is the default field of an event's time.
const EventTime = "@timestamp"

// TimeFields returns the fields of an event's time for the rule's windows. The first one that an
// event has counts.
func (r *Rule) TimeFields() []string {
	names := []string{cmp.Or(r.TimestampOverride, EventTime)}
	if !r.TimestampOverrideFallbackDisabled && names[0] != EventTime {
		names = append(names, EventTime)
	}
	return names
}

// AskedFields returns the event fields from which the rule fills its alerts, and by which correlations group them. Their values are used
// as the event's index maps them.
func (r *Rule) AskedFields() []string {
	names := append(r.TimeFields(), r.Correlated...)
	if s := r.AlertSuppression; s != nil {
		names = append(names, s.GroupBy...)
	}
	for _, m := range r.SeverityMapping {
		names = append(names, m.Field)
	}
	for _, m := range r.RiskScoreMapping {
		names = append(names, m.Field)
	}
	return sorted(append(names, r.RuleNameOverride))
}

// AlertFields returns all event fields that the rule's alerts depend on.
func (r *Rule) AlertFields() []string {
	return sorted(slices.Concat(r.AskedFields(), Described, Originals, Streams, []string{EventTime}))
}

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// GroupsEachValue reports whether an event with several values in a suppression field belongs to
// one group per value, as in an aggregation. Otherwise all values together are one group.
func (r *Rule) GroupsEachValue() bool { return r.Type == TypeQuery || r.Type == TypeSavedQuery }
