package threatmatch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"tocsin/internal/match/event"
	"tocsin/internal/match/indicator"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// The fields of an enrichment, as Kibana writes them.
const (
	enrichmentsField = "threat.enrichments"
	feedNameField    = "threat.feed.name"
	matchType        = "indicator_match_rule"
	// defaultIndicatorPath is the object of an indicator document with the data of the indicator.
	defaultIndicatorPath = "threat.indicator"
)

// enrich returns the event with the data of the indicators that it matches: one object for each field that matches. It
// keeps enrichments that the event has already.
func (s *threatSearch) enrich(c carrier, indicators map[event.Ref]*event.Document) (event.Event, error) {
	var list []any
	path := s.plan.Rule().ThreatMatch.IndicatorPath
	if path == "" {
		path = defaultIndicatorPath
	}
	for _, m := range c.found.Matches {
		about := map[string]any{"indicator": map[string]any{}}
		if doc := indicators[m.Ref]; doc != nil {
			if o := event.Object(doc.Source, path); o != nil {
				about["indicator"] = o
			}
			if name := event.First(doc.Source, feedNameField); name != "" {
				about["feed"] = map[string]any{"name": name}
			}
		}
		at := 0
		for i, e := range s.groups[m.Group] {
			if e.Negate {
				continue
			}
			one := maps.Clone(about)
			one["matched"] = map[string]any{
				"atomic": atomic(c.doc, e.Event, m.Values[at]), "field": s.names[m.Group][i].Field,
				"id": m.Ref.ID, "index": m.Ref.Index, "type": matchType,
			}
			list = append(list, one)
			at++
		}
	}
	source, err := search.JSON(withEnrichments(c.doc.Source, list), "")
	if err != nil {
		return event.Event{}, fmt.Errorf("enrich %s/%s: %w", c.event.Index, c.event.ID, err)
	}
	return event.Event{Index: c.event.Index, ID: c.event.ID, Source: json.RawMessage(source), Fields: c.event.Fields}, nil
}

// atomic returns the event's value as it is written in the event.
func atomic(d *event.Document, f mapping.Field, v mapping.Value) string {
	own, ok := d.Own(f)
	if !ok {
		own = f
	}
	for _, raw := range event.Lookup(d.Source, own.Source()) {
		if indexed, ok := own.Index(raw); ok && indicator.Same(own, indexed, v) {
			if text, ok := mapping.ScalarText(raw); ok {
				return text
			}
		}
	}
	return v.Text()
}

// withEnrichments returns the source with further enrichments after its own.
func withEnrichments(source map[string]any, more []any) map[string]any {
	out := maps.Clone(source)
	threat, isObject := out["threat"].(map[string]any)
	if out["threat"] != nil && !isObject { // a list, or a value that does not belong there
		out[enrichmentsField] = append(asList(out[enrichmentsField]), more...)
		return out
	}
	threat = maps.Clone(threat)
	if threat == nil {
		threat = map[string]any{}
	}
	threat["enrichments"] = slices.Concat(asList(threat["enrichments"]), asList(out[enrichmentsField]), more)
	delete(out, enrichmentsField)
	out["threat"] = threat
	return out
}

func asList(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return slices.Clip(v)
	}
	return []any{value}
}
