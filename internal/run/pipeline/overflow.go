package pipeline

import (
	"context"
	"encoding/json"
	"fmt"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// kindOverflow marks the identity of an alert that stands for hits beyond max_signals.
const kindOverflow = "overflow"

// summarize creates one alert with the number of hits that max_signals left. The window is then complete: it
// is not run again for them. Another run of the slot makes the same alert.
func (x *execution) summarize(ctx context.Context) error {
	source, err := json.Marshal(map[string]any{
		search.DefaultTimestamp: search.FormatTime(x.Window.To),
		"message":               fmt.Sprintf("max_signals left %d hits of rule %s in %s without alerts of their own", x.Left, x.RuleName, x.Window),
	})
	if err != nil {
		return fmt.Errorf("summarize the hits that rule %s has left: %w", x.RuleID, err)
	}
	doc, err := x.builder().Build(alert.Finding{
		Event: event.Event{Source: source}, Key: []string{kindOverflow, search.FormatTime(x.Slot)}, Parents: []event.Event{},
		Types: mapping.Untyped(),
		Facts: map[string]any{
			"kibana.alert.suppression.docs_count": x.Left,
			"kibana.alert.suppression.start":      search.FormatTime(x.Window.From),
			"kibana.alert.suppression.end":        search.FormatTime(x.Window.To),
			"kibana.alert.reason":                 fmt.Sprintf("%d further hits were left by max_signals", x.Left),
		},
	}, alert.Run{ID: x.ID, Slot: x.Slot, Time: x.now(), Manual: x.manual})
	if err != nil {
		return fmt.Errorf("summarize the hits that rule %s has left: %w", x.RuleID, err)
	}
	written, err := tracedWrite(ctx, "write alerts", []alert.Document{doc}, x.pipeline.Alerts.Create)
	if err == nil {
		err = written[0].Err
	}
	if err != nil {
		return fmt.Errorf("summarize the hits that rule %s has left: %w", x.RuleID, err)
	}
	x.Summarized = true
	return x.tell(ctx, []alert.Document{doc}, written, nil)
}
