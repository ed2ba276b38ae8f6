package alert

import (
	"context"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// Instances finds alerts by their instance, and changes them. Alerts of one thing at different
// times have the same kibana.alert.instance.id; for others it is their own id.
type Instances interface {
	// Find visits all alerts that match q, with their Revision, until visit returns false. Alerts
	// of one instance come in the order of their @timestamp; instances come in no order. The error
	// is of kind Partial if some alerts could not be read.
	Find(ctx context.Context, q InstanceQuery, visit func(Document) (more bool, err error)) error
	// Update changes the fields of Set of each alert that was found, and no others, unless the alert
	// has changed since: then it is Stale. It returns one Written per document in the same order. An
	// error means that the call failed as a whole and the outcome of each alert is unknown.
	Update(ctx context.Context, docs []Document) ([]Written, error)
}

// InstanceQuery selects alerts of a rule by instance.
type InstanceQuery struct {
	// RuleID is the kibana.alert.rule.rule_id of the rule; "" means any rule.
	RuleID string
	// Instances are any number of values of kibana.alert.instance.id.
	Instances []string
	// Since excludes alerts whose last event, according to [Span], is older; zero excludes none. It
	// is truncated to the millisecond, the precision of alerts.
	Since time.Time
	// Newest returns the newest alert of an instance first, instead of the oldest.
	Newest bool
	// Fresh includes alerts that were written a moment ago, at some cost to a cluster.
	Fresh bool
}

// Limit returns Since truncated to the millisecond; ok is false if it is zero.
func (q InstanceQuery) Limit() (since time.Time, ok bool) {
	return q.Since.Truncate(time.Millisecond), !q.Since.IsZero()
}

// Span returns the times of the first and the last event behind an alert, zero if it has none.
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

// TimeOf returns a date of an alert, in any spelling of its fields; zero when there is none.
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

// InstanceOf returns the instance of an alert.
func InstanceOf(doc Document) string {
	return event.First(doc.Source, "kibana.alert.instance.id")
}
