package rule

import (
	"cmp"
	"slices"
)

// Described are the fields of an event that the reason of its alert tells of, whatever the rule says.
var Described = []string{
	"destination.ip", "destination.port", "event.category", "file.name", "host.name", "process.name", "process.parent.name",
	"source.ip", "source.port", "user.name",
}

// Originals are the dates of an event that its alert keeps under names of its own.
var Originals = []string{"event.created", "event.end", "event.ingested", "event.start"}

// Streams are the names of the data stream of an event, in parts. Indices have them as constants, and
// events need not say them.
var Streams = []string{"data_stream.dataset", "data_stream.namespace", "data_stream.type"}

// EventTime is the field that has the time of an event where the rule names no other.
const EventTime = "@timestamp"

// TimeFields are the fields of an event's time as the rule's windows are about it, the first that is
// there.
func (r *Rule) TimeFields() []string {
	names := []string{cmp.Or(r.TimestampOverride, EventTime)}
	if !r.TimestampOverrideFallbackDisabled && names[0] != EventTime {
		names = append(names, EventTime)
	}
	return names
}

// AskedFields are the fields of events by which the rule says what its alerts are to be: whose values
// are theirs alone to decide.
func (r *Rule) AskedFields() []string {
	names := r.TimeFields()
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

// AlertFields are all fields of events that the rule's alerts are made by.
func (r *Rule) AlertFields() []string {
	return sorted(slices.Concat(r.AskedFields(), Described, Originals, Streams, []string{EventTime}))
}

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// GroupsEachValue reports whether an event with several values in a field that alerts are suppressed by
// belongs to a group for each of them, as for an aggregation; else all of them are one value.
func (r *Rule) GroupsEachValue() bool { return r.Type == TypeQuery || r.Type == TypeSavedQuery }
