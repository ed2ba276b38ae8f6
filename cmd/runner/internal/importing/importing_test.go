package importing_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/cmd/runner/internal/importing"
	"tocsin/internal/diag"
	"tocsin/internal/rule"
)

func put(tb interface{ Fatal(args ...any) }, name string, data []byte) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		tb.Fatal(err)
	}
}

// text draws what people write into rules.
func text() *rapid.Generator[string] {
	return rapid.Map(rapid.StringOfN(rapid.SampledFrom([]rune("aB1 .\"'\\\n\t#[]{}é")), 1, 20, -1), func(s string) string { return "x" + s + "y" })
}

// exported draws a rule as Kibana exports it.
func exported(rt *rapid.T, id string) map[string]any {
	r := map[string]any{
		"id": "internal-" + id, "rule_id": id, "name": text().Draw(rt, "name"), "description": text().Draw(rt, "description"), "severity": "low", "risk_score": rapid.IntRange(0, 100).Draw(rt, "score"),
		"index": []string{"logs-*", text().Draw(rt, "index")}, "interval": "5m", "from": "now-9m", "to": "now", "enabled": rapid.Bool().Draw(rt, "enabled"),
		"references": []string{}, "exceptions_list": []any{}, "actions": []any{}, "note": "", "license": nil, "immutable": false, "created_by": "ann", "revision": 3, "version": 4,
		"type": "query", "language": "kuery", "query": "process.name: sh",
		"tags": rapid.SliceOf(text()).Draw(rt, "tags"),
	}
	if rapid.Bool().Draw(rt, "threat") {
		r["threat"] = []any{
			map[string]any{"framework": "MITRE ATT&CK", "tactic": map[string]any{"id": "TA0002", "name": "Execution", "reference": text().Draw(rt, "reference")}, "technique": []any{
				map[string]any{"id": "T1059", "name": text().Draw(rt, "technique"), "reference": "r", "subtechnique": []any{
					map[string]any{"id": "T1059.001", "name": "n", "reference": "r"}, map[string]any{"id": "T1059.004", "name": "n", "reference": "r"},
				}},
				map[string]any{"id": "T1106", "name": "n", "reference": "r", "subtechnique": []any{}},
			}},
			map[string]any{"framework": "MITRE ATT&CK", "tactic": map[string]any{"id": "TA0003", "name": "Persistence", "reference": "r"}, "technique": []any{}},
		}
	}
	if rapid.Bool().Draw(rt, "filters") {
		r["filters"] = []any{map[string]any{
			"meta": map[string]any{"alias": nil, "negate": rapid.Bool().Draw(rt, "negate"), "disabled": false, "key": "host.name"}, "$state": map[string]any{"store": "appState"},
			"query": map[string]any{"match_phrase": map[string]any{"host.name": text().Draw(rt, "value")}},
		}}
	}
	switch rapid.SampledFrom([]string{"query", "eql", "threshold", "new_terms", "machine_learning"}).Draw(rt, "type") {
	case "eql":
		r["type"], r["language"], r["query"] = "eql", "eql", "process where\n  process.name == \"sh\"\n"
	case "threshold":
		r["type"], r["threshold"] = "threshold", map[string]any{"field": []string{"host.name"}, "value": 3, "cardinality": []any{map[string]any{"field": "user.name", "value": 2}}}
	case "new_terms":
		r["type"], r["new_terms_fields"], r["history_window_start"] = "new_terms", []string{"user.name"}, "now-7d"
	case "machine_learning":
		delete(r, "query")
		delete(r, "language")
		delete(r, "index")
		delete(r, "filters")
		r["type"], r["machine_learning_job_id"], r["anomaly_threshold"] = "machine_learning", []string{"job"}, 50
	case "query":
		r["alert_suppression"] = map[string]any{"group_by": []string{"host.name"}, "duration": map[string]any{"value": 5, "unit": "m"}, "missing_fields_strategy": "suppress"}
		r["exceptions_list"] = []any{map[string]any{"id": "x", "list_id": "known", "type": "detection", "namespace_type": "single"}}
	}
	return r
}

// TestExportKeepsRules draws exports: the files made of one load as the same rules with the same exceptions, and reading it
// again gives the same files.
func TestExportKeepsRules(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		source, into := filepath.Join(dir, "export.ndjson"), filepath.Join(dir, "rules")
		if err := os.RemoveAll(into); err != nil {
			rt.Fatal(err)
		}
		var lines []string
		line := func(v any) {
			data, err := json.Marshal(v)
			if err != nil {
				rt.Fatal(err)
			}
			lines = append(lines, string(data))
		}
		for _, id := range []string{"one", "two"} {
			line(exported(rt, id))
		}
		line(map[string]any{"list_id": "known", "type": "detection", "namespace_type": "single", "name": "Known", "id": "x", "tags": []string{}})
		line(map[string]any{"list_id": "known", "item_id": "i", "type": "simple", "namespace_type": "single", "name": text().Draw(rt, "item"), "os_types": []string{}, "comments": []any{}, "entries": []any{
			map[string]any{"field": "host.name", "type": "match_any", "operator": "included", "value": []string{text().Draw(rt, "excepted"), "b"}},
			map[string]any{"field": "user", "type": "nested", "entries": []any{map[string]any{"field": "name", "type": "match", "operator": "included", "value": "v"}}},
		}})
		put(rt, source, []byte(strings.Join(lines, "\n")+"\n"))
		judged := importing.Statuses{source: {{RuleID: "one", Line: 1}, {RuleID: "two", Line: 2}}}
		files, notes, err := importing.Read(source, judged)
		if err != nil || len(notes) > 0 {
			rt.Fatal(err, notes)
		}
		files, notes = importing.Place(files, nil)
		if len(files) != 3 || len(notes) > 0 {
			rt.Fatalf("%d files, %v", len(files), notes)
		}
		replace := func(name string, data []byte) error { put(rt, name, data); return nil }
		for range 2 {
			for _, f := range files {
				if _, err := f.Write(into, false, replace); err != nil {
					rt.Fatal(err)
				}
			}
		}
		for _, f := range files {
			if outcome, err := f.Write(into, false, replace); err != nil || outcome != importing.Unchanged {
				rt.Errorf("%s a third time: %s, %v", f.Name, outcome, err)
			}
		}
		want, before := rule.Load(source)
		got, after := rule.Load(into)
		if before.HasErrors() || after.HasErrors() {
			rt.Fatalf("%v\n%v", before.Err(), after.Err())
		}
		for _, w := range want.Rules() {
			g, err := got.Find(w.ID)
			if err != nil {
				rt.Fatal(err)
			}
			if d := cmp.Diff(w, g, same...); d != "" {
				rt.Errorf("rule %s (-export +file):\n%s", w.ID, d)
			}
		}
	})
}

// same compares rules without where they are written.
var same = []cmp.Option{
	cmpopts.IgnoreFields(rule.Rule{}, "Path", "Line", "LastLine", "Source", "ContentHash", "Revision", "Range"),
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b diag.Text) bool { return a.Value == b.Value }),
	cmp.Comparer(func(a, b rule.Moment) bool { return a.Text == b.Text }),
	cmpopts.IgnoreMapEntries(func(_ string, v any) bool { return v == nil }), // TOML has no null
	cmpopts.IgnoreUnexported(rule.ExceptionItem{}, rule.Entry{}),
}

func TestPlace(t *testing.T) {
	files := []importing.File{
		{Name: "a.toml", RuleIDs: []string{"1"}, From: "x"},
		{Name: "a.toml", RuleIDs: []string{"2"}, From: "x"},
		{Name: "a.toml", RuleIDs: []string{"1"}, From: "y"},
		{Name: "b.toml", RuleIDs: []string{"3"}, From: "x"},
		{Name: "c.toml", RuleIDs: []string{"4"}, From: "x"},
		{Name: "l.exceptions.toml", Content: "1", From: "x"},
		{Name: "l.exceptions.toml", Content: "1", From: "y"},
		{Name: "l.exceptions.toml", Content: "2", From: "z"},
	}
	placed, notes := importing.Place(files, map[string]string{"3": "mine/renamed.toml", "4": "all.ndjson"})
	var got []string
	for _, f := range placed {
		got = append(got, f.Name)
	}
	for _, n := range notes {
		if !n.Lost {
			t.Errorf("%+v is not lost", n)
		}
		got = append(got, n.Path+": "+n.Reason)
	}
	want := []string{
		"a.toml", "a_2.toml", "mine/renamed.toml", "l.exceptions.toml",
		"y: a rule with this id is already in x", "x: a rule with this id is already in all.ndjson", "z: another file is imported as l.exceptions.toml",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
