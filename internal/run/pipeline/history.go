package pipeline

import (
	"context"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/query"
)

// history gives rule types access to earlier alerts.
type history struct{ alerts alert.Instances }

// Past returns the alerts about instances. It refreshes the index first, as the previous slot may have
// created some a moment ago.
func (h history) Past(ctx context.Context, ruleID string, instances []string, since time.Time) ([]query.Past, error) {
	var out []query.Past
	q := alert.InstanceQuery{RuleID: ruleID, Instances: instances, Since: since, Fresh: true}
	err := h.alerts.Find(ctx, q, func(d alert.Document) (bool, error) {
		from, to := alert.Span(d.Source)
		out = append(out, query.Past{Instance: alert.InstanceOf(d), From: from, To: to})
		return true, nil
	})
	return out, err //nolint:wrapcheck // the error names the operation
}
