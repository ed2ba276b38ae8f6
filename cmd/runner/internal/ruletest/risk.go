package ruletest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"tocsin/internal/alert"
	"tocsin/internal/diag"
	"tocsin/internal/match/event"
	"tocsin/internal/splunk"
)

// compareRisk compares the risk events with the expected ones, each with one [[test.risk]].
func (f File) compareRisk(ctx context.Context, i int, risk alert.Reader) (diag.List, error) {
	left := slices.Clone(f.Tests[i].Risk)
	var problems diag.List
	err := risk.List(ctx, alert.Filter{}, func(d alert.Document) (bool, error) {
		if splunk.IsCollected(d.Source) {
			return true, nil
		}
		for at, want := range left {
			if want.fits(d.Source) {
				left = slices.Delete(left, at, at+1)
				return true, nil
			}
		}
		problems = append(problems, f.report(i, "risk", "ruletest/unexpected-risk", "a risk event was made and should not: %s", showRisk(d.Source)))
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list risk events: %w", err)
	}
	for _, want := range left {
		problems = append(problems, f.report(i, "risk", "ruletest/missing-risk", "a risk event should be made and is not: %s", show(want.expected())))
	}
	return problems, nil
}

// expected returns the keys and values of the expectation.
func (r Risk) expected() map[string]any {
	out := map[string]any{}
	for name, text := range map[string]string{"object": r.Object, "type": r.Type, "message": r.Message} {
		if text != "" {
			out[name] = text
		}
	}
	if r.Score != nil {
		out["score"] = *r.Score
	}
	if r.Threats != nil {
		out["threats"] = r.Threats
	}
	if r.Row != nil {
		out["row"] = r.Row
	}
	return out
}

// found returns a risk event's values under the same keys.
func found(source map[string]any) map[string]any {
	row := map[string]any{}
	if result, ok := source["result"].(map[string]any); ok {
		row = result
	}
	threats := []string{}
	for _, v := range event.Lookup(source, "risk.threat_objects.value") {
		threats = append(threats, fmt.Sprint(v))
	}
	return map[string]any{
		"object": event.First(source, "risk.object"), "type": event.First(source, "risk.object_type"), "message": event.First(source, "message"),
		"score": json.Number(event.First(source, "risk.score")), "threats": threats, "row": row,
	}
}

func showRisk(source map[string]any) string { return show(found(source)) }

func (r Risk) fits(source map[string]any) bool {
	is := found(source)
	for name, want := range r.expected() {
		if name != "row" && !same(is[name], want) {
			return false
		}
	}
	row, _ := is["row"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(r.Row)) {
		if !same(row[name], r.Row[name]) {
			return false
		}
	}
	return true
}
