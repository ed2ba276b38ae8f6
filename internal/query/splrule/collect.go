package splrule

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"tocsin/internal/query"
	"tocsin/internal/search"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/translate/spl"
)

// Collect takes the rows that a search writes to an index by itself. Risk events are written as those of
// detections are; no other index is, and the account of the run says so.
func (o *rowHits) Collect(_ context.Context, c *spl.Collect, row splunk.Row) error {
	if c.Index != escu.RiskIndex {
		o.uncollected[c.Index]++
		return nil
	}
	events := escu.Collected(o.plan.Detection, row, o.window)
	if len(events) == 0 {
		o.unscored++
	}
	for _, e := range events {
		o.collected = append(o.collected, o.riskEvent(e, ""))
	}
	return nil
}

// riskEvent makes the document of a risk event.
func (o *rowHits) riskEvent(e escu.RiskEvent, instance string) query.RiskEvent {
	doc := e.Document()
	doc["kibana.alert.rule.rule_id"], doc["kibana.alert.original_time"] = o.plan.Detection.ID, search.FormatTime(o.window.Latest)
	if instance != "" {
		doc["kibana.alert.instance.id"] = instance
	}
	return query.RiskEvent{ID: e.ID, Source: doc}
}

// collectedHits are hits that make no alert, of the risk events that the search wrote.
func (o *rowHits) collectedHits() []query.Hit {
	var hits []query.Hit
	for some := range slices.Chunk(o.collected, rowsAtOnce) {
		hits = append(hits, query.Hit{Silent: true, Risk: some})
	}
	o.collected = nil
	return hits
}

// uncollectedText says what was not written.
func (o *rowHits) uncollectedText() []string {
	var out []string
	for _, index := range slices.Sorted(maps.Keys(o.uncollected)) {
		out = append(out, fmt.Sprintf("collect does not write %s to the index %s: only risk events are written, to the index risk", rowCount(o.uncollected[index]), index))
	}
	return out
}
