// Package trial runs rules over events that are written in a test.
package trial

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
)

// Noon is the slot of trials.
var Noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// Rule reads a rule of a type, with further lines of [rule].
func Rule(t *testing.T, typ, lines string) *rule.Rule {
	t.Helper()
	r, diags := rule.Parse("r.toml", `
[rule]
rule_id = "9f5f0c3e-0000-4000-8000-000000000002"
name = "r"
description = "r"
type = "`+typ+`"
severity = "low"
risk_score = 1
`+lines)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return r
}

// ThreatHead and ThreatByAddress are lines of an indicator match rule over logs-*, which compares destination.ip with
// threat.indicator.ip of ti-*.
const (
	ThreatHead = `
language = "kuery"
index = ["logs-*"]
query = "event.kind:event"
threat_index = ["ti-*"]
threat_language = "kuery"
threat_query = '@timestamp >= "now-30d/d" and threat.indicator.type:*'
`
	ThreatByAddress = `
[[rule.threat_mapping]]
[[rule.threat_mapping.entries]]
field = "destination.ip"
type = "mapping"
value = "threat.indicator.ip"
`
)

// EQL plans a rule with this query over logs-*.
func EQL(t *testing.T, text string) query.Plan {
	t.Helper()
	r := Rule(t, "eql", "language = \"eql\"\nindex = [\"logs-*\"]\nquery = '''\n"+text+"\n'''\n")
	plan, diags := plans.For(r)
	if plan == nil {
		t.Fatal(diags)
	}
	return plan
}

// Events makes an event store of lines index/id {source}, whose fields have these types, if any are given.
func Events(t *testing.T, lines string, types ...mapping.Table) *store.Events {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(lines) {
		place, source, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		index, id, _ := strings.Cut(place, "/")
		fmt.Fprintf(&out, `{"_index":%q,"_id":%q,"_source":%s}`+"\n", index, id, source)
	}
	options := store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(out.String())}
	for _, table := range types {
		options.Mapping = mapping.Everywhere(table)
	}
	events, diags, err := store.OpenEvents(t.Context(), options)
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	t.Cleanup(func() { _ = events.Close() })
	return events
}

// Run runs a rule over the ten minutes before noon. The diagnostics are from preparing it.
func Run(t *testing.T, r *rule.Rule, events *store.Events) ([]query.Hit, query.Result, diag.List) {
	t.Helper()
	plan, diags := plans.For(r)
	if plan == nil {
		t.Fatal(diags)
	}
	src := query.Source{Events: events, At: Noon}
	prepared, diags, err := plan.Prepare(t.Context(), src)
	if err != nil || prepared == nil {
		t.Fatal(err, diags)
	}
	var hits []query.Hit
	result, err := prepared.Execute(t.Context(), src, window.Window{From: Noon.Add(-10 * time.Minute), To: Noon}, func(h []query.Hit) (bool, error) {
		hits = append(hits, h...)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return hits, result, diags
}

// IDs are the ids of the events of hits, in order, between spaces.
func IDs(hits []query.Hit) string {
	var ids []string
	for _, h := range hits {
		ids = append(ids, h.Event.ID)
	}
	return strings.Join(ids, " ")
}
