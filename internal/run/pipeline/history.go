package pipeline

import (
	"context"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/query"
)

// history is a [query.History] of the stored alerts.
type history struct{ alerts alert.Instances }

// Past returns the alerts about instances. It refreshes the alerts first, as the last slot may have just written some.
func (h history) Past(ctx context.Context, ruleID string, instances []string, since time.Time) ([]query.Past, error) {
	var out []query.Past
	q := alert.InstanceQuery{RuleID: ruleID, Instances: instances, Since: since, Fresh: true}
	err := h.alerts.Find(ctx, q, func(d alert.Document) (bool, error) {
		from, to := alert.Span(d.Source)
		out = append(out, query.Past{Instance: alert.InstanceOf(d), From: from, To: to})
		return true, nil
	})
	return out, err //nolint:wrapcheck // it says what was looked for
}
