package plans_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/testkit/trial"
)

// TestNamesOfSlot: every kind of rule reads the indices of its slot and of the days that it looks back on,
// and no others.
func TestNamesOfSlot(t *testing.T) {
	slot := time.Date(2026, 3, 1, 0, 10, 0, 0, time.UTC)
	w := window.Window{From: slot.Add(-15 * time.Minute), To: slot}
	events := `
day-2026.02.28/before {"@timestamp":"2026-02-28T23:58:00Z","event":{"category":"a","kind":"event"},"host":{"name":"h"},"user":{"name":"u1"},"destination":{"ip":"10.0.0.1"}}
day-2026.03.01/after {"@timestamp":"2026-03-01T00:05:00Z","event":{"category":"b","kind":"event"},"host":{"name":"h"},"user":{"name":"u2"},"destination":{"ip":"10.0.0.1"}}
day-2026.02.27/elsewhere {"@timestamp":"2026-03-01T00:05:00Z","event":{"category":"b","kind":"event"},"host":{"name":"h"},"user":{"name":"u3"},"destination":{"ip":"10.0.0.1"}}
day-2026.03.02/ahead {"@timestamp":"2026-02-28T23:59:00Z","event":{"category":"a","kind":"event"},"host":{"name":"h"},"user":{"name":"u4"},"destination":{"ip":"10.0.0.1"}}
day-2026.02.26/history {"@timestamp":"2026-02-26T12:00:00Z","event":{"category":"b","kind":"event"},"host":{"name":"h"},"user":{"name":"u1"}}
day-2026.02.26/long-ago {"@timestamp":"2026-02-20T12:00:00Z","event":{"category":"b","kind":"event"},"host":{"name":"h"},"user":{"name":"u2"}}
ti-2026.03/indicator {"@timestamp":"2026-01-01T00:00:00Z","threat":{"indicator":{"type":"ip","ip":"10.0.0.1"}}}
ti-2026.01/old {"@timestamp":"2026-01-01T00:00:00Z","threat":{"indicator":{"type":"ip","ip":"10.0.0.1"}}}
ml-2026.02.28/anomaly {"timestamp":"2026-02-28T23:58:00Z","job_id":"j","result_type":"record","is_interim":false,"record_score":90,"detector_index":0}
ml-2026.02.27/other {"timestamp":"2026-02-28T23:58:00Z","job_id":"j","result_type":"record","is_interim":false,"record_score":90,"detector_index":0}
`
	const index = "index = [\"<day-{now/d}>\"]\n"
	const kuery = "language = \"kuery\"\n" + index
	for _, tt := range []struct{ typ, rule, want, patterns string }{
		{"query", kuery + `query = "event.kind: event"`, "before after", "day-2026.02.28 day-2026.03.01"},
		{"query", "language = \"lucene\"\nindex = [\"day-*\", \"-<day-{now/d}>\"]\nquery = \"event.kind:event\"", "ahead elsewhere", "day-* -day-2026.02.28 -day-2026.03.01"},
		{"eql", "language = \"eql\"\n" + index + `query = "any where true"`, "before after", "day-2026.02.28 day-2026.03.01"},
		{
			"eql", "language = \"eql\"\n" + index + `query = 'sequence by host.name with maxspan=2d [any where event.category == "b"] [any where event.category == "b"]'`, "",
			"day-2026.02.26 day-2026.02.27 day-2026.02.28 day-2026.03.01",
		},
		{
			"eql", "language = \"eql\"\n" + index + `query = 'sequence by host.name with maxspan=1h [any where event.category == "a"] [any where event.category == "b"]'`, "before+after",
			"day-2026.02.28 day-2026.03.01",
		},
		{"threshold", kuery + "query = \"event.kind: event\"\n[rule.threshold]\nfield = \"host.name\"\nvalue = 2\n", "before+after", "day-2026.02.28 day-2026.03.01"},
		{"new_terms", kuery + "query = \"event.kind: event\"\nnew_terms_fields = [\"user.name\"]\nhistory_window_start = \"now-4d\"\n", "after", "day-2026.02.28 day-2026.03.01"},
		{
			"threat_match", kuery + "query = \"event.kind: event\"\nthreat_index = [\"<ti-{now/M{yyyy.MM}}>\"]\nthreat_query = \"threat.indicator.type: *\"\nthreat_language = \"kuery\"\n" + trial.ThreatByAddress,
			"before after", "day-2026.02.28 day-2026.03.01",
		},
		{"machine_learning", "index = [\"<ml-{now/d}>\"]\nmachine_learning_job_id = [\"j\"]\nanomaly_threshold = 50\n", "anomaly", "ml-2026.02.28 ml-2026.03.01"},
	} {
		t.Run(tt.typ+" "+tt.want, func(t *testing.T) {
			plan, diags := plans.For(trial.Rule(t, tt.typ, tt.rule))
			if plan == nil {
				t.Fatal(diags)
			}
			src := query.Source{Events: trial.Events(t, events), At: slot, Window: w}
			prepared, diags, err := plan.Prepare(t.Context(), src)
			if err != nil || prepared == nil {
				t.Fatal(err, diags)
			}
			var got []string
			_, err = prepared.Execute(t.Context(), src, w, func(hits []query.Hit) (bool, error) {
				for _, h := range hits {
					got = append(got, eventsBehind(h))
				}
				return true, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "ahead elsewhere" {
				slices.Sort(got)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.patterns, strings.Join(prepared.Explain(w).Indices, " ")); diff != "" {
				t.Errorf("explained (-want +got):\n%s", diff)
			}
		})
	}
}

// eventsBehind are the ids of a hit's events.
func eventsBehind(h query.Hit) string {
	var ids []string
	switch {
	case h.Group != nil:
		for _, e := range h.Group.Present() {
			ids = append(ids, e.ID)
		}
	case h.Parents != nil && h.Event.ID == "":
		for _, e := range h.Parents {
			ids = append(ids, e.ID)
		}
	default:
		ids = []string{h.Event.ID}
	}
	return strings.Join(ids, "+")
}

// TestNamesMissing: a name with dates is missing when no index of any of its days is there, and said as it
// is written.
func TestNamesMissing(t *testing.T) {
	slot := time.Date(2026, 3, 1, 0, 10, 0, 0, time.UTC)
	src := query.Source{
		Events: trial.Events(t, `day-2026.03.01/1 {"@timestamp":"2026-03-01T00:05:00Z","event":{"category":"a"}}`), At: slot,
		Window: window.Window{From: slot.Add(-time.Hour), To: slot},
	}
	r := trial.Rule(t, "query", "language = \"kuery\"\nindex = [\"<day-{now/d}>\", \"<other-{now/d}>\", \"none\"]\nquery = \"event.category: a\"\n")
	plan, diags := plans.For(r)
	if plan == nil {
		t.Fatal(diags)
	}
	prepared, diags, err := plan.Prepare(t.Context(), src)
	if err != nil || prepared == nil {
		t.Fatal(err, diags)
	}
	if diff := cmp.Diff([]string{"<other-{now/d}>", "none"}, prepared.Target().Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

func TestNamesRefused(t *testing.T) {
	for key, typ := range map[string]string{"index": "query", "threat_index": "threat_match"} {
		lines := "language = \"kuery\"\nindex = [\"a\"]\nquery = \"event.kind: event\"\n"
		if typ == "threat_match" {
			lines += "threat_index = [\"ti\"]\nthreat_query = \"*:*\"\nthreat_language = \"kuery\"\n" + trial.ThreatByAddress
		}
		r := trial.Rule(t, typ, lines)
		if names := []string{"ok", "<x-{now/q}>"}; key == "index" {
			r.Index = names
		} else {
			r.ThreatMatch.Index = names
		}
		_, diags := plans.For(r)
		if !diags.HasErrors() || diags[0].Code != query.CodeIndexName || !strings.Contains(diags[0].Message, `unknown unit "q"`) {
			t.Errorf("%s: %v", key, diags)
		}
	}
	esql := &rule.Rule{ID: "r", Type: rule.TypeESQL, Language: rule.ESQL}
	esql.Query.Value = fmt.Sprintf("FROM %q | WHERE true", "<x-{now/q}>")
	if _, diags := plans.For(esql); !diags.HasErrors() || diags[0].Code != query.CodeIndexName {
		t.Error(diags)
	}
}
