package alert

import (
	"context"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/mapping"
)

// Instances finds alerts by what they are about, and changes them. Alerts of one thing at different
// times have the same kibana.alert.instance.id; that of others is their own id.
type Instances interface {
	// Find hands out all alerts that q asks for, with their Revision, until visit returns false.
	// Those of one instance come in the order of their @timestamp; those of different instances in no
	// order. The error is of kind Partial where some could not be seen.
	Find(ctx context.Context, q InstanceQuery, visit func(Document) (more bool, err error)) error
	// Replace puts each document in the place of the alert that was found, unless that has changed
	// since: then it is Stale. It returns one Written per document in the same order; the error is for
	// a call that failed as a whole, when nothing is known of any.
	Replace(ctx context.Context, docs []Document) ([]Written, error)
}

// InstanceQuery asks for the alerts of a rule about some instances.
type InstanceQuery struct {
	// RuleID is the rule's kibana.alert.rule.rule_id; "" means any rule.
	RuleID string
	// Instances are values of kibana.alert.instance.id, any number of them.
	Instances []string
	// Since leaves out the alerts whose last event, as [Span] tells, is older; zero leaves out none.
	// Alerts know milliseconds only, so it counts to the millisecond.
	Since time.Time
	// Newest gives the newest alert of an instance first, not the oldest.
	Newest bool
	// Fresh makes alerts that were written a moment ago seen too, which costs a cluster something.
	Fresh bool
}

// Limit is Since to the millisecond, ok is false where there is none.
func (q InstanceQuery) Limit() (since time.Time, ok bool) {
	return q.Since.Truncate(time.Millisecond), !q.Since.IsZero()
}

// Span is the time of the first and of the last event behind an alert, zero where it does not tell.
func Span(source map[string]any) (from, to time.Time) {
	at := TimeOf(source, "kibana.alert.original_time")
	from, to = at, at
	for _, name := range []string{"kibana.alert.threshold_result.from", "kibana.alert.suppression.start"} {
		if t := TimeOf(source, name); !t.IsZero() {
			from = t
			break
		}
	}
	if end := TimeOf(source, "kibana.alert.suppression.end"); end.After(to) {
		to = end
	}
	return from, to
}

// TimeOf reads a date of an alert, whichever way its fields are spelled; zero when there is none.
func TimeOf(source map[string]any, name string) time.Time {
	text := event.First(source, name)
	if text == "" {
		return time.Time{}
	}
	t, _, err := mapping.ParseDate(text, "")
	if err != nil {
		return time.Time{}
	}
	return t
}

// InstanceOf is what an alert is about.
func InstanceOf(doc Document) string {
	return event.First(doc.Source, "kibana.alert.instance.id")
}
