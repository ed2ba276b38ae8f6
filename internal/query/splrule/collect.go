package splrule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"tocsin/internal/query"
	"tocsin/internal/search"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/translate/spl"
)

// Collect takes the rows that a search writes to an index by itself. Risk events are written as those of
// detections are, events of other indices beside them.
func (o *rowHits) Collect(_ context.Context, c *spl.Collect, row splunk.Row) error {
	if c.Index != escu.RiskIndex {
		e, err := o.keptEvent(c, row)
		o.collected = append(o.collected, e)
		return err
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

// collectedHits returns hits with the risk events that the search wrote. They make no alerts.
func (o *rowHits) collectedHits() []query.Hit {
	var hits []query.Hit
	for some := range slices.Chunk(o.collected, rowsAtOnce) {
		hits = append(hits, query.Hit{Silent: true, Risk: some})
	}
	o.collected = nil
	return hits
}

// keptEvent makes the document of an event for an index of Splunk's. Equal rows are told apart by their number.
func (o *rowHits) keptEvent(c *spl.Collect, row splunk.Row) (query.RiskEvent, error) {
	if row["source"].IsNull() {
		row["source"] = splunk.Text(o.plan.Detection.SearchName())
	}
	row["index"] = splunk.Text(c.Index)
	at, _ := row["_time"].Float()
	key := escu.RowKey(row)
	o.alike[key]++
	doc := splunk.CollectedDocument(row, search.FormatTime(time.UnixMicro(int64(math.Round(at*1e6)))))
	doc["kibana.alert.rule.rule_id"] = o.plan.Detection.ID
	w := o.window
	id, err := json.Marshal([]any{"collect", 1, o.plan.Detection.ID, w.Earliest.UnixMilli(), w.Latest.UnixMilli(), key, o.alike[key]})
	if err != nil {
		return query.RiskEvent{}, fmt.Errorf("encode a row for the index %s: %w", c.Index, err)
	}
	sum := sha256.Sum256(id)
	return query.RiskEvent{ID: hex.EncodeToString(sum[:]), Source: doc}, nil
}
