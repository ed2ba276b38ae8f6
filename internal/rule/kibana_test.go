package rule_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"tocsin/internal/rule"
)

// TestKibanaDiagnostics loads the files of each archive as a directory, and compares the
// diagnostics with its want section.
func TestKibanaDiagnostics(t *testing.T) {
	files, err := filepath.Glob("testdata/kibana/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, list := rule.LoadFS(filesOf(archive), ".")
			got := render(t, list)
			if *update {
				setWant(archive, got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(section(archive, "want"), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func filesOf(archive *txtar.Archive) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, f := range archive.Files {
		if f.Name != "want" {
			fsys[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return fsys
}

// load loads files given as alternating names and contents, and requires that there are no
// diagnostics.
func load(t *testing.T, files ...string) rule.Set {
	t.Helper()
	fsys := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		fsys[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	set, list := rule.LoadFS(fsys, ".")
	if len(list) > 0 {
		t.Fatal(render(t, list))
	}
	return set
}

// exported is a rule with about every key that Kibana writes.
const exported = `{"id":"9b1f","updated_at":"2026-01-10T09:00:00.000Z","updated_by":"elastic","created_at":"2026-01-01T09:00:00.000Z","created_by":"elastic",` +
	`"name":"N","tags":["a","b"],"interval":"5m","enabled":false,"revision":7,"description":"D","risk_score":73,"severity":"high","note":"note","license":"L",` +
	`"output_index":"","meta":{"from":"1m"},"author":["me"],"false_positives":["f"],"from":"now-360s","rule_id":"r1","max_signals":50,` +
	`"risk_score_mapping":[{"field":"x","operator":"equals","value":""}],"severity_mapping":[{"field":"y","operator":"equals","value":"1","severity":"low"}],` +
	`"threat":[{"framework":"MITRE ATT&CK","tactic":{"id":"TA0001","name":"Initial Access","reference":"https://attack.mitre.org/tactics/TA0001/"},"technique":[{"id":"T1078","name":"Valid Accounts","reference":"https://attack.mitre.org/techniques/T1078/","subtechnique":[]}]}],` +
	`"to":"now","references":["https://example.org"],"version":3,"exceptions_list":[],"immutable":true,"rule_source":{"type":"external","is_customized":false},` +
	`"related_integrations":[{"package":"endpoint","version":"^8.2.0"}],"required_fields":[{"name":"event.type","type":"keyword","ecs":true}],"setup":"S",` +
	`"type":"threshold","language":"kuery","index":["logs-*"],"query":"a: \"b\\\\c\"","filters":[],"saved_id":"s1","threshold":{"field":["host.id"],"value":5,"cardinality":[{"field":"user.id","value":2}]},` +
	`"alert_suppression":{"duration":{"value":5,"unit":"h"}},"investigation_fields":{"field_names":["user.name"]},"actions":[{"group":"default","id":"c1","params":{},"action_type_id":".slack"}],` +
	`"throttle":null,"timestamp_override":"event.ingested","timestamp_override_fallback_disabled":true,"rule_name_override":"rule.name","building_block_type":"default",` +
	`"timeline_id":"t","timeline_title":"T","execution_summary":{"last_execution":{"date":"2026-01-10T09:00:00.000Z"}},"outcome":"exactMatch"}` + "\n"

func TestExportedRule(t *testing.T) {
	r := load(t, "a/export.ndjson", "\n"+exported).Rules()[0]
	got := *r
	ignore := cmpopts.IgnoreFields(rule.Rule{}, "Source", "Query", "From", "To", "ContentHash")
	want := rule.Rule{
		Path: "a/export.ndjson", Line: 2, ID: "r1", Name: "N", Description: "D", Type: rule.TypeThreshold, Enabled: new(bool),
		Language: rule.Kuery, Index: []string{"logs-*"}, SavedID: "s1", TimestampField: "@timestamp",
		TimestampOverride: "event.ingested", TimestampOverrideFallbackDisabled: true,
		Interval: 5 * time.Minute, MaxSignals: 50,
		Threshold: &rule.Threshold{Fields: []string{"host.id"}, Value: 5, Cardinality: []rule.Cardinality{{Field: "user.id", Value: 2}}},
		Severity:  rule.High, SeverityMapping: []rule.SeverityMapping{{Field: "y", Operator: "equals", Value: "1", Severity: rule.Low}},
		RiskScore: 73, RiskScoreMapping: []rule.RiskScoreMapping{{Field: "x", Operator: "equals"}},
		RuleNameOverride: "rule.name", BuildingBlockType: "default", AlertSuppression: &rule.AlertSuppression{Duration: 5 * time.Hour},
		Threat: []rule.Threat{{
			Framework: "MITRE ATT&CK",
			Tactic:    rule.Tactic{ID: "TA0001", Name: "Initial Access", Reference: "https://attack.mitre.org/tactics/TA0001/"},
			Technique: []rule.Technique{{ID: "T1078", Name: "Valid Accounts", Reference: "https://attack.mitre.org/techniques/T1078/", Subtechnique: []rule.Subtechnique{}}},
		}},
		Tags: []string{"a", "b"}, Author: []string{"me"}, License: "L", Note: "note", Setup: "S", References: []string{"https://example.org"},
		FalsePositives: []string{"f"}, InvestigationFields: []string{"user.name"}, TimelineID: "t", TimelineTitle: "T",
		ExceptionsList:      []rule.Exception{},
		Actions:             []map[string]any{{"group": "default", "id": "c1", "params": map[string]any{}, "action_type_id": ".slack"}},
		Meta:                map[string]any{"from": "1m"},
		RelatedIntegrations: []rule.RelatedIntegration{{Package: "endpoint", Version: "^8.2.0"}},
		RequiredFields:      []rule.RequiredField{{Name: "event.type", Type: "keyword", ECS: true}},
		Version:             3, Revision: 7,
	}
	if diff := cmp.Diff(want, got, ignore); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Query.Value != `a: "b\\c"` || got.From.Text != "now-360s" || got.To.Text != "now" {
		t.Errorf("query %s, from %s, to %s", got.Query.Value, got.From.Text, got.To.Text)
	}
}

// Every type has its keys in Kibana's spelling.
func TestExportedTypes(t *testing.T) {
	const common = `{"rule_id":"r","name":"N","description":"D","risk_score":1,"severity":"low",`
	tests := []struct {
		name, keys string
		check      func(r *rule.Rule) bool
	}{
		{"new terms", `"type":"new_terms","language":"kuery","index":["a"],"query":"a:b","new_terms_fields":["x","y"],"history_window_start":"now-7d"`, func(r *rule.Rule) bool {
			return len(r.NewTerms.Fields) == 2 && r.NewTerms.HistoryWindowStart.Text == "now-7d"
		}},
		{"indicator match", `"type":"threat_match","language":"kuery","index":["a"],"query":"*:*","threat_index":["ti"],"threat_query":"*:*","threat_language":"kuery","threat_filters":[],"threat_mapping":[{"entries":[{"field":"a","type":"mapping","value":"b"}]}],"threat_indicator_path":"threat.indicator"`, func(r *rule.Rule) bool {
			return r.ThreatMatch.Mapping[0].Entries[0].Value == "b"
		}},
		{"machine learning", `"type":"machine_learning","machine_learning_job_id":["j"],"anomaly_threshold":50`, func(r *rule.Rule) bool { return r.MachineLearning.AnomalyThreshold == 50 }},
		{"es|ql", `"type":"esql","language":"esql","query":"FROM a"`, func(r *rule.Rule) bool { return r.Query.Value == "FROM a" }},
		{"event correlation", `"type":"eql","language":"eql","index":["a"],"query":"any where true","event_category_override":"event.kind","tiebreaker_field":"event.sequence","timestamp_field":"event.created"`, func(r *rule.Rule) bool {
			return r.EventCategoryOverride == "event.kind" && r.TiebreakerField == "event.sequence" && r.TimestampField == "event.created"
		}},
		{"saved query", `"type":"saved_query","saved_id":"s","index":["a"]`, func(r *rule.Rule) bool { return r.Language == rule.Kuery && r.SavedID == "s" }},
		{"filters alone", `"type":"query","language":"kuery","index":["a"],"query":"","filters":[{"meta":{},"query":{"match_all":{}}}]`, func(r *rule.Rule) bool { return len(r.Filters) == 1 }},
		{"fields of 8.10", `"type":"query","language":"kuery","index":["a"],"query":"a:b","investigation_fields":["x"]`, func(r *rule.Rule) bool { return len(r.InvestigationFields) == 1 }},
		{"data view", `"type":"query","language":"kuery","data_view_id":"d","query":"a:b"`, func(r *rule.Rule) bool { return r.DataViewID == "d" && r.Index == nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if r := load(t, "r.json", common+tt.keys+"}").Rules()[0]; !tt.check(r) || r.Line != 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// Kibana's notes about a rule do not change its hash.
func TestExportedHash(t *testing.T) {
	first := load(t, "e.ndjson", exported).Rules()[0]
	again := strings.NewReplacer(`"2026-01-10T09:00:00.000Z"`, `"2026-02-01T00:00:00.000Z"`, `"revision":7`, `"revision":8`, `"id":"9b1f",`, "").Replace(exported)
	if second := load(t, "e.ndjson", again).Rules()[0]; first.ContentHash != second.ContentHash {
		t.Error("the same rule has another hash")
	}
	if other := load(t, "e.ndjson", strings.Replace(exported, `"risk_score":73`, `"risk_score":74`, 1)).Rules()[0]; first.ContentHash == other.ContentHash {
		t.Error("another rule has the same hash")
	}
}

// From a directory, only files that begin like Kibana's are read.
func TestLoadFindsExports(t *testing.T) {
	const event = `{"@timestamp":"2026-01-15T14:00:00Z","rule":{"id":"1"}}` + "\n"
	set := load(t,
		"a.ndjson", exported,
		"b.ndjson", event,
		"c.ndjson", strings.Repeat(event, 20)+strings.Replace(exported, "r1", "r2", 1),
		"d.json", `{"mappings":{}}`,
		"e.json", "{\n"+strings.Replace(exported, "r1", "r3", 1)[1:],
		".f.ndjson", strings.Replace(exported, "r1", "r4", 1),
		"g.ndjson", "",
		"h.ndjson", `{"attributes":{"title":"x-*"},"id":"v","type":"index-pattern","references":[]}`,
	)
	var got []string
	for _, r := range set.Rules() {
		got = append(got, r.ID)
	}
	if diff := cmp.Diff([]string{"r1", "r3"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSavedObjects(t *testing.T) {
	const objects = `{"attributes":{"title":"logs-*, audit-*","name":"Security","timeFieldName":"@timestamp","runtimeFieldMap":"{}"},"id":"view","type":"index-pattern","references":[],"coreMigrationVersion":"8.8.0"}
{"attributes":{"title":"Shells","description":"","query":{"query":"process.name: sh","language":"kuery"},"filters":[{"meta":{"negate":true},"query":{"exists":{"field":"a"}}}]},"id":"query","type":"query","references":[]}
{"rule_id":"r","name":"N","description":"D","risk_score":1,"severity":"low","type":"saved_query","saved_id":"query","data_view_id":"view","index":["old-*"],"query":"old"}
{"rule_id":"q","name":"M","description":"D","risk_score":1,"severity":"low","type":"saved_query","saved_id":"gone","data_view_id":"other","index":["old-*"],"query":"old"}
`
	set := load(t, "export.ndjson", objects)
	r := set.ByID("r")
	if diff := cmp.Diff([]string{"logs-*", "audit-*"}, r.Index); diff != "" {
		t.Errorf("indices of the data view (-want +got):\n%s", diff)
	}
	if r.Query.Value != "process.name: sh" || r.Language != rule.Kuery || len(r.Filters) != 1 {
		t.Errorf("query %q in %s, %v", r.Query.Value, r.Language, r.Filters)
	}
	for key, want := range map[string]string{"rule.filters[0]": "export.ndjson:2:117", "rule.query": "export.ndjson:2:67", "rule.saved_id": "export.ndjson:3:109"} {
		if place := r.Report(0, "", key, "").Place(); place != want {
			t.Errorf("%s is at %s, want %s", key, place, want)
		}
	}
	other := set.ByID("q")
	if other.Query.Value != "old" || other.Index[0] != "old-*" {
		t.Errorf("%q on %v: what is not known must not replace what the rule has", other.Query.Value, other.Index)
	}
	set.UseDataViews(map[string][]string{"other": {"new-*"}})
	if diff := cmp.Diff([]string{"new-*"}, other.Index); diff != "" {
		t.Errorf("indices of a data view that is given (-want +got):\n%s", diff)
	}
}

// A file of something else is given up early, whatever its size; a single foreign line is not a
// reason.
func TestLoadGivesEventsUp(t *testing.T) {
	events := strings.Repeat(`{"event":"no rule"}`+"\n", 200_000)
	set, list := rule.LoadFS(fstest.MapFS{"e.ndjson": {Data: []byte(events)}}, "e.ndjson")
	if last := list[len(list)-1]; len(list) != 101 || last.Line != 100 || !strings.Contains(last.Message, "the rest is not read") || len(set.Broken()) != 100 {
		t.Errorf("%d remarks, the last %v", len(list), last)
	}
	mixed := strings.Repeat("{}\n", 99) + exported + strings.Repeat("{}\n", 20_000) + strings.Replace(exported, "r1", "r2", 1)
	if set, list := rule.LoadFS(fstest.MapFS{"e.ndjson": {Data: []byte(mixed)}}, "e.ndjson"); set.Len() != 2 || len(list) != 20_099 || list[20_098].Line != 20_100 {
		t.Errorf("%d rules, %d remarks", set.Len(), len(list))
	}
}

// FuzzExport requires no panic and a place in the file for every diagnostic, whatever the lines.
func FuzzExport(f *testing.F) {
	f.Add(exported)
	f.Add(listed + lists)
	f.Add(`{"id":"v","type":"index-pattern","attributes":{"title":"a,b"}}` + "\n" + `{"exported_count":1}`)
	f.Fuzz(func(t *testing.T, content string) {
		fsys := fstest.MapFS{"export.ndjson": {Data: []byte(content)}, "one.json": {Data: []byte(content)}, "x.exceptions.toml": {Data: []byte(content)}}
		set, list := rule.LoadFS(fsys, "export.ndjson", "one.json", "x.exceptions.toml")
		lines := strings.Count(content, "\n") + 1
		for _, d := range list {
			if d.Line < 1 || d.Line > lines || d.Column < 1 {
				t.Errorf("%s: no such place in %d lines", d.Error(), lines)
			}
		}
		for _, r := range set.Rules() {
			for _, item := range r.Exceptions {
				if len(item.Entries) == 0 || item.Report(0, "", "entries[0].field", "").Line == 0 {
					t.Errorf("exception %q counts with %d entries", item.ItemID, len(item.Entries))
				}
			}
		}
	})
}
