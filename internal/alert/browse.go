package alert

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// Browser finds stored alerts for people.
type Browser interface {
	Reader
	// GetAll returns the alerts with these ids by id. Ids without an alert are missing in the result.
	GetAll(ctx context.Context, ids []string) (map[string]Document, error)
	// Prefixed returns the ids that begin with a prefix, sorted, at most limit of them.
	Prefixed(ctx context.Context, prefix string, limit int) ([]string, error)
	// CountByRule counts the alerts of a filter, whose Newest and Limit have no effect, in the order of [SortCounts].
	CountByRule(ctx context.Context, f Filter) ([]RuleCount, error)
}

// RuleCount is the number of alerts of one rule.
type RuleCount struct {
	// RuleID is the rule's id, "" for alerts without one.
	RuleID string
	// Name and Severity are those of the last alert of the listing's order.
	Name, Severity string
	Alerts         int64
	// First and Last are the earliest and latest @timestamp, to the millisecond; zero if no alert has one.
	First, Last time.Time
}

// The fields of an alert that a [RuleCount] is made of.
const (
	RuleIDField   = "kibana.alert.rule.rule_id"
	RuleNameField = "kibana.alert.rule.name"
	SeverityField = "kibana.alert.severity"
)

// CountByRule implements [Browser] by a listing. Its memory grows with the number of rules.
func CountByRule(ctx context.Context, r Reader, f Filter) ([]RuleCount, error) {
	f.Newest, f.Limit = false, 0
	counts := map[string]*RuleCount{}
	err := r.List(ctx, f, func(d Document) (bool, error) {
		id := event.First(d.Source, RuleIDField)
		c := counts[id]
		if c == nil {
			c = &RuleCount{RuleID: id}
			counts[id] = c
		}
		c.Alerts++
		c.Name, c.Severity = event.First(d.Source, RuleNameField), event.First(d.Source, SeverityField)
		if at, _, err := mapping.ParseDate(event.First(d.Source, "@timestamp"), ""); err == nil {
			at = at.UTC().Truncate(time.Millisecond)
			if c.First.IsZero() {
				c.First = at
			}
			c.Last = at
		}
		return true, nil
	})
	out := make([]RuleCount, 0, len(counts))
	for _, c := range counts {
		out = append(out, *c)
	}
	SortCounts(out)
	return out, err
}

// SortCounts sorts by number of alerts, most first, then by the latest alert, then by rule id.
func SortCounts(counts []RuleCount) {
	slices.SortFunc(counts, func(a, b RuleCount) int {
		return cmp.Or(cmp.Compare(b.Alerts, a.Alerts), b.Last.Compare(a.Last), cmp.Compare(a.RuleID, b.RuleID))
	})
}
