package escu_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
)

// full is a detection that says all that one can.
const full = `name: Full
id: f-1
version: 3
status: production
type: TTP
author: Ann
description: What it is
how_to_implement: Collect it
known_false_positives: Few
references: ['https://example.org/a']
data_source: [Sysmon, 'Windows Security']
creation_date: '2026-01-05'
modification_date: '2026-05-13'
enabled_by_default: false
search: 'a=1 | stats count by user, dest'
custom_schedule: {cron_schedule: '*/30 * * * *', earliest_time: -40m@m, latest_time: -10m@m, schedule_window: auto}
finding: {title: On $dest$, entity: {field: dest, type: system, score: 50}}
intermediate_findings: {entities: [{field: user, type: user, score: 30, message: $user$ did}]}
threat_objects: [{field: proc, type: process_name}]
analytic_story: [Story, Other]
mitre_attack_id: [T1003.001, T1003, T1105]
asset_type: Endpoint
security_domain: endpoint
cve: [CVE-2026-1]
drilldown_searches:
- {name: See $user$, search: 'user=$user$', earliest_offset: -1h, latest_offset: now}
tests:
- {name: one, test_type: unit, attack_data: [{data: u, source: s, sourcetype: st, custom_index: i}]}
- {name: two, test_type: manual, expected_results: 4}
`

func parse(t *testing.T, content string) *escu.Detection {
	t.Helper()
	d, diags := detection(t, content)
	if d == nil {
		t.Fatal(diags)
	}
	return d
}

// TestDocument pins a risk event as it is indexed.
func TestDocument(t *testing.T) {
	d := parse(t, full)
	row := splunk.Row{
		"user": splunk.Text("ann"), "dest": splunk.Text("h"), "proc": splunk.Texts([]string{"a", "b"}), "firstTime": splunk.Text("2026-01-01T10:50:30"),
		"lastTime": splunk.Number(1767265860.25), "_raw": splunk.Text("text"), "count": splunk.Number(2),
	}
	events := escu.RiskEvents(d, row, window(12))
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	technique := map[string]any{
		"id": []any{"T1003.001", "T1003", "T1105"}, "name": []any{"LSASS Memory", "OS Credential Dumping", "Ingress Tool Transfer"},
		"subtechnique": map[string]any{"id": []any{"T1003.001"}, "name": []any{"LSASS Memory"}},
	}
	want := map[string]any{
		"@timestamp": "2026-01-01T11:50:00.000Z",
		"event": map[string]any{
			"kind": "signal", "category": []any{"threat"}, "type": []any{"indicator"}, "dataset": "risk.event", "module": "tocsin",
			"id": events[0].ID, "risk_score": 50.0, "start": "2026-01-01T10:50:30.000Z", "end": "2026-01-01T11:11:00.250Z",
		},
		"message": "On h",
		"rule": map[string]any{
			"uuid": "f-1", "id": "f-1", "name": "Full", "version": "3", "ruleset": "ESCU", "category": "TTP", "description": "What it is",
			"author": []any{"Ann"}, "reference": []any{"https://example.org/a"},
		},
		"risk": map[string]any{
			"object": "h", "object_type": "system", "object_field": "dest", "normalized_object": "h", "score": 50.0, "factor_add": 0.0, "factor_mult": 1.0,
			"calculated_score": 50.0, "message": "On h", "threat_objects": []any{
				map[string]any{"field": "proc", "value": "a", "type": "process_name"}, map[string]any{"field": "proc", "value": "b", "type": "process_name"},
			},
		},
		"splunk": map[string]any{
			"search_name": "ESCU - Full - Rule", "source": "ESCU - Full - Rule", "analyticstories": []any{"Story", "Other"},
			"info_min_time": 1767264600.0, "info_max_time": 1767268200.0, "info_search_time": 1767268800.0,
			"annotations": map[string]any{
				"mitre_attack": []any{"T1003.001", "T1003", "T1105"}, "mitre_tactic": []any{"credential-access", "command-and-control"},
			},
		},
		"threat": map[string]any{
			"framework": "MITRE ATT&CK", "technique": technique,
			"tactic": map[string]any{"id": []any{"TA0006", "TA0011"}, "name": []any{"Credential Access", "Command and Control"}},
		},
		"host": map[string]any{"name": "h"}, "related": map[string]any{"hosts": []any{"h"}},
		"result": map[string]any{
			"user": "ann", "dest": "h", "proc": []any{"a", "b"}, "firstTime": "2026-01-01T10:50:30", "lastTime": 1767265860.25, "count": 2.0,
		},
	}
	if diff := cmp.Diff(want, native(t, events[0].Document())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	user := native(t, events[1].Document()).(map[string]any)
	if diff := cmp.Diff([]any{map[string]any{"name": "ann"}, map[string]any{"user": []any{"ann"}}, nil}, []any{user["user"], user["related"], user["host"]}); diff != "" {
		t.Errorf("a user (-want +got):\n%s", diff)
	}
}

// TestDocumentOfLittle requires that missing values are omitted.
func TestDocumentOfLittle(t *testing.T) {
	d := parse(t, "name: n\nid: i\ntype: Anomaly\nsearch: a=1\nrba: {message: about $who$, risk_objects: [{field: x, type: other, score: 5}]}\n")
	events := escu.RiskEvents(d, splunk.Row{"x": splunk.Text("v")}, window(12))
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	doc := native(t, events[0].Document()).(map[string]any)
	for _, key := range []string{"threat", "host", "user", "related"} {
		if doc[key] != nil {
			t.Errorf("%s is %v", key, doc[key])
		}
	}
	risk := doc["risk"].(map[string]any)
	if risk["threat_objects"] != nil || !cmp.Equal(risk["missing_fields"], any([]any{"who"})) || risk["message"] != "about $who$" {
		t.Errorf("risk is %v", risk)
	}
	rule, splunk := doc["rule"].(map[string]any), doc["splunk"].(map[string]any)
	if rule["author"] != nil || splunk["analyticstories"] != nil || splunk["annotations"] != nil {
		t.Errorf("rule %v, splunk %v", rule, splunk)
	}
}

// TestDocumentSpan tests the time of the events behind a row: from the row, or else the window.
func TestDocumentSpan(t *testing.T) {
	d := parse(t, full)
	for name, tt := range map[string]struct {
		row        splunk.Row
		start, end string
	}{
		"nothing":            {splunk.Row{}, "2026-01-01T10:50:00.000Z", "2026-01-01T11:50:00.000Z"},
		"first and last":     {splunk.Row{"firstTime": splunk.Number(1767265200), "lastTime": splunk.Number(1767265260)}, "2026-01-01T11:00:00.000Z", "2026-01-01T11:01:00.000Z"},
		"first alone":        {splunk.Row{"firstTime": splunk.Number(1767265200)}, "2026-01-01T10:50:00.000Z", "2026-01-01T11:50:00.000Z"},
		"last alone":         {splunk.Row{"lastTime": splunk.Number(1767265200)}, "2026-01-01T10:50:00.000Z", "2026-01-01T11:50:00.000Z"},
		"last before first":  {splunk.Row{"firstTime": splunk.Number(1767265260), "lastTime": splunk.Number(1767265200)}, "2026-01-01T10:50:00.000Z", "2026-01-01T11:50:00.000Z"},
		"first is last":      {splunk.Row{"firstTime": splunk.Number(1767265200), "lastTime": splunk.Number(1767265200)}, "2026-01-01T11:00:00.000Z", "2026-01-01T11:00:00.000Z"},
		"an event":           {splunk.Row{"_time": splunk.Number(1767265200.5)}, "2026-01-01T11:00:00.500Z", "2026-01-01T11:00:00.500Z"},
		"event and more":     {splunk.Row{"_time": splunk.Number(5), "firstTime": splunk.Text("2026-01-01T11:00:00"), "lastTime": splunk.Text("2026-01-01T11:02:00")}, "2026-01-01T11:00:00.000Z", "2026-01-01T11:02:00.000Z"},
		"what is no time":    {splunk.Row{"firstTime": splunk.Text("yesterday"), "lastTime": splunk.Text("today")}, "2026-01-01T10:50:00.000Z", "2026-01-01T11:50:00.000Z"},
		"several at a field": {splunk.Row{"_time": splunk.Texts([]string{"a", "b"})}, "2026-01-01T10:50:00.000Z", "2026-01-01T11:50:00.000Z"},
	} {
		tt.row["user"] = splunk.Text("ann")
		events := escu.RiskEvents(d, tt.row, window(12))
		if len(events) != 1 {
			t.Fatalf("%s: %d events", name, len(events))
		}
		event := events[0].Document()["event"].(map[string]any)
		if event["start"] != tt.start || event["end"] != tt.end {
			t.Errorf("%s: from %s to %s, want %s to %s", name, event["start"], event["end"], tt.start, tt.end)
		}
	}
}

// TestCollected pins the risk events that a search writes itself.
func TestCollected(t *testing.T) {
	d := parse(t, strings.Replace(full, "type: TTP", "type: Correlation", 1))
	row := splunk.Row{
		"risk_object": splunk.Texts([]string{"ann", "bob"}), "risk_object_type": splunk.Text("user"), "risk_score": splunk.Number(12.5), "risk_message": splunk.Text("m"),
		"threat_object": splunk.Text("x"), "threat_object_type": splunk.Text("url"), "annotations.mitre_attack": splunk.Text("T1105"),
	}
	var got []map[string]any
	ids := map[string]bool{}
	for _, e := range escu.Collected(d, row, window(12)) {
		ids[e.ID] = true
		f := e.Fields()
		got = append(got, map[string]any{
			"object": f["risk_object"], "type": f["risk_object_type"], "score": f["risk_score"], "message": f["risk_message"], "threats": f["threat_object"],
			"threat types": f["threat_object_type"], "techniques": f["annotations.mitre_attack"], "from": f["info_min_time"], "to": f["info_max_time"], "field": e.ObjectField,
		})
	}
	one := func(object string) map[string]any {
		return map[string]any{
			"object": object, "type": "user", "score": 12.5, "message": "m", "threats": []string{"x"}, "threat types": []string{"url"}, "techniques": []string{"T1105"},
			"from": 1767264600.0, "to": 1767268200.0, "field": "risk_object",
		}
	}
	if diff := cmp.Diff([]map[string]any{one("ann"), one("bob")}, got); diff != "" || len(ids) != 2 {
		t.Errorf("%d ids (-want +got):\n%s", len(ids), diff)
	}
	if d.Type != escu.Correlation {
		t.Error("the detection is changed")
	}
	little := escu.Collected(d, splunk.Row{"risk_object": splunk.Text("x"), "threat_object": splunk.Text("y")}, window(12))
	if len(little) != 1 || little[0].ObjectType != "other" || little[0].Score != 0 || little[0].Message != "" || little[0].Threats[0].Type != "other" || len(little[0].MITRE) != 3 {
		t.Errorf("what says little: %+v", little)
	}
	if none := escu.Collected(d, splunk.Row{"risk_score": splunk.Number(5)}, window(12)); len(none) > 0 {
		t.Errorf("a row about nobody: %+v", none)
	}
}

// TestRule pins what a detection is as a rule.
func TestRule(t *testing.T) {
	d := parse(t, full)
	r := d.Rule()
	day := func(month time.Month, day int) time.Time { return time.Date(2026, month, day, 0, 0, 0, 0, time.UTC) }
	reference := func(id string) string { return "https://attack.mitre.org/techniques/" + id + "/" }
	dumping := rule.Technique{
		ID: "T1003", Name: "OS Credential Dumping", Reference: reference("T1003"),
		Subtechnique: []rule.Subtechnique{{ID: "T1003.001", Name: "LSASS Memory", Reference: reference("T1003/001")}},
	}
	tactic := func(id, name string) rule.Tactic {
		return rule.Tactic{ID: id, Name: name, Reference: "https://attack.mitre.org/tactics/" + id + "/"}
	}
	want := map[string]any{
		"id": "f-1", "name": "Full", "description": "What it is", "type": rule.TypeSPL, "language": rule.SPL, "query": "a=1 | stats count by user, dest",
		"enabled": false, "cron": "*/30 * * * *", "from": "-40m@m", "to": "-10m@m", "severity": rule.Severity("medium"), "score": 50, "version": 3,
		"setup": "Collect it", "references": []string{"https://example.org/a"}, "false positives": []string{"Few"}, "author": []string{"Ann"}, "most": 10000,
		"created": day(1, 5), "updated": day(5, 13), "maturity": rule.Maturity("production"),
		"tags": []string{
			"Type: TTP", "Analytic Story: Story", "Analytic Story: Other", "Data Source: Sysmon", "Data Source: Windows Security", "Asset: Endpoint",
			"Security Domain: endpoint", "CVE: CVE-2026-1",
		},
		"threat": []rule.Threat{
			{Framework: "MITRE ATT&CK", Tactic: tactic("TA0006", "Credential Access"), Technique: []rule.Technique{dumping}},
			{Framework: "MITRE ATT&CK", Tactic: tactic("TA0011", "Command and Control"), Technique: []rule.Technique{
				{ID: "T1105", Name: "Ingress Tool Transfer", Reference: reference("T1105")},
			}},
		},
	}
	got := map[string]any{
		"id": r.ID, "name": r.Name, "description": r.Description, "type": r.Type, "language": r.Language, "query": r.Query.Value, "enabled": *r.Enabled,
		"cron": r.Cron, "from": r.From.Text, "to": r.To.Text, "severity": r.Severity, "score": r.RiskScore, "version": r.Version, "setup": r.Setup,
		"references": r.References, "false positives": r.FalsePositives, "author": r.Author, "most": r.MaxSignals, "created": r.Metadata.CreationDate,
		"updated": r.Metadata.UpdatedDate, "maturity": r.Metadata.Maturity, "tags": r.Tags, "threat": r.Threat,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if file, span, found := r.Source.Place("rule.query"); !found || file.Value != d.Search.Value || span.End != len(d.Search.Value) {
		t.Errorf("the query stands at %v of %q, %t", span, file.Value, found)
	}
	if file, span, found := r.Source.Place("rule.name"); found || file.Value != full || span != (diag.Span{}) {
		t.Errorf("the name stands at %v, %t", span, found)
	}
	if again := parse(t, full).Rule(); again.ContentHash != r.ContentHash || len(r.ContentHash) != 64 || parse(t, full+"\n# x\n").Rule().ContentHash == r.ContentHash {
		t.Error("the hash is not that of the file")
	}
	little := parse(t, "name: n\nid: i\ntype: Hunting\nsearch: a=1\nmodification_date: soon\nmitre_attack_id: [T9999]\n").Rule()
	unknown := []rule.Threat{{Framework: "MITRE ATT&CK", Technique: []rule.Technique{{ID: "T9999", Reference: reference("T9999")}}}}
	if diff := cmp.Diff(unknown, little.Threat); diff != "" || little.Enabled != nil || little.Author != nil || little.FalsePositives != nil || !little.Metadata.UpdatedDate.IsZero() ||
		little.RiskScore != 0 || !slices.Equal(little.Tags, []string{"Type: Hunting"}) {
		t.Errorf("a detection that says little: %+v\n%s", little, diff)
	}
}

// TestSeverities pins the words for scores, and what rules call them.
func TestSeverities(t *testing.T) {
	for _, tt := range []struct {
		score int
		word  string
		want  rule.Severity
	}{
		{0, "informational", rule.Low},
		{20, "informational", rule.Low},
		{21, "low", rule.Low},
		{40, "low", rule.Low},
		{41, "medium", rule.Medium},
		{60, "medium", rule.Medium},
		{61, "high", rule.High},
		{80, "high", rule.High},
		{81, "critical", rule.Critical},
		{100, "critical", rule.Critical},
	} {
		r := escu.Risk{Objects: []escu.RiskObject{{Score: 0}, {Score: tt.score}}}
		if got := r.Severity(); got != tt.word || escu.Severity(got) != tt.want || r.Score() != tt.score {
			t.Errorf("%d: %s, %s, %d", tt.score, got, escu.Severity(got), r.Score())
		}
		of := escu.Risk{Finding: &escu.Finding{Entity: escu.RiskObject{Field: "x", Score: tt.score}}}
		if got := of.Severity(); got != tt.word || of.Score() != tt.score {
			t.Errorf("a finding of %d: %s, %d", tt.score, got, of.Score())
		}
	}
	if none := (escu.Risk{Finding: &escu.Finding{}}); none.Severity() != "high" || none.Score() != 0 {
		t.Errorf("without a score: %s, %d", none.Severity(), none.Score())
	}
}

// TestDrilldownsAndTests requires that the drilldowns and tests of a file are read.
func TestDrilldownsAndTests(t *testing.T) {
	d := parse(t, full)
	if diff := cmp.Diff([]escu.Drilldown{{Name: "See $user$", Search: "user=$user$", Earliest: "-1h", Latest: "now"}}, d.Drilldowns); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := []escu.Test{{Name: "one", Kind: "unit", Expected: 1, Data: []escu.TestData{{URL: "u", Source: "s", SourceType: "st", Index: "i"}}}, {Name: "two", Kind: "manual", Expected: 4}}
	if diff := cmp.Diff(want, d.Tests); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestInstanceID requires that only rows of one detection with equal values are throttled together.
func TestInstanceID(t *testing.T) {
	d, other := parse(t, full), parse(t, strings.Replace(full, "id: f-1", "id: f-2", 1))
	a, b := splunk.Row{"user": splunk.Text("ann")}, splunk.Row{"user": splunk.Text("bob")}
	if id := escu.InstanceID(d, a); id != escu.InstanceID(d, splunk.Row{"user": splunk.Text("ann")}) || id == escu.InstanceID(d, b) || id == escu.InstanceID(other, a) {
		t.Error("instances are not those of equal values")
	}
}

// TestLibraryTables wants a lookup to be found by its name and by that of its file, with a definition and without; one
// that a detection writes to be there without a file; and what cannot be read to say why.
func TestLibraryTables(t *testing.T) {
	files := fstest.MapFS{
		"d/writes.yml":      {Data: []byte("name: w\nid: w\ntype: Hunting\nsearch: 'a=1 | outputlookup append=t made.csv | append [search b=1 | outputlookup \"filled\"]'\n")},
		"l/known.yml":       {Data: []byte("name: known\nfilename: rows.csv\n")},
		"l/rows.csv":        {Data: []byte("a,b\n1,2\n")},
		"lookups/plain.csv": {Data: []byte("k , v\nx,y\n")},
		"lookups/bad.csv":   {Data: []byte("a\n1,2\n")},
		"lookups/empty.csv": {Data: []byte("")},
		"l/filled.yml":      {Data: []byte("name: filled\ncollection: filled\nfields_list: a\n")},
		"l/nofile.yml":      {Data: []byte("name: nofile\nfilename: gone.csv\n")},
		"l/own.yml":         {Data: []byte("name: own\nlookup_type: csv\n")},
		"l/own.csv":         {Data: []byte("a\n1\n")},
		"l/model.yml":       {Data: []byte("name: model\nfilename: x.mlmodel\n")},
		"l/outside.yml":     {Data: []byte("name: outside\nfilename: ../../x.csv\n")},
	}
	l, diags, err := escu.Load(t.Context(), files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"known": "a b 1", "known.csv": "a b 1", "plain.csv": "k v 1", "made": "kept", "made.csv": "kept", "filled": "kept", "nowhere": "none", "own": "a 1",
		"nofile": "empty: its file gone.csv is not there", "model": "empty: it is a model of Splunk's machine learning",
		"bad.csv": "unread: read the rows of the lookup bad.csv: row 1 has 2 cells for 1 columns", "empty.csv": "unread: read the rows of the lookup empty.csv: there is no line with the names of columns",
	} {
		table := l.Table(name)
		got := ""
		switch {
		case table == nil:
			got = "none"
		case table.Unread != "":
			got = "unread: " + table.Unread
		case table.Empty != "":
			got = "empty: " + table.Empty
		case table.Kept:
			got = "kept"
		default:
			got = strings.Join(append(table.Columns, "1"), " ")
			if len(table.Rows) != 1 {
				t.Errorf("%s has the rows %v", name, table.Rows)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if text := diags.Err(); text == nil || !strings.Contains(text.Error(), "l/outside.yml:1:1: error: the file ../../x.csv of the lookup outside cannot be read") {
		t.Errorf("%v", diags)
	}
}

// TestUnknownSources wants data sources that no file describes to be named, whatever blanks and case the names have.
func TestUnknownSources(t *testing.T) {
	content := "name: n\nid: i\ntype: Hunting\nsearch: a=1\ndata_source: [Sysmon EventID 1, 'sysmon event id 1 AND Other', Third]\n"
	d := parse(t, content)
	l := &escu.Library{Macros: escu.Macros{}, Sources: map[string]*escu.DataSource{"Sysmon EventID 1": {}, "Third": {}}}
	s, diags := l.Parse(d, l.Env())
	if s == nil || len(diags) != 1 || !strings.Contains(diags[0].Error(), "warning: the data source Other is not defined [escu/unknown-name]") {
		t.Errorf("%v", diags)
	}
	l.Sources = nil
	if _, diags := l.Parse(d, l.Env()); len(diags) > 0 {
		t.Errorf("without any description: %v", diags)
	}
}

// TestRiskTypes pins the types of risk and threat that observables of generation 4 become.
func TestRiskTypes(t *testing.T) {
	for kind, want := range map[string]string{
		"User": "user", "Username": "user", "Email Address": "user", "Device": "system", "Endpoint": "system", "Hostname": "system", "IP Address": "system", "URL String": "other",
	} {
		content := strings.Replace(generations["v4"], "{name: user, type: User, role: [Victim]}", "{name: user, type: "+kind+", role: [Victim]}", 1)
		if got := parse(t, content).Risk.Objects[0].Type; got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
	for kind, want := range map[string]string{
		"Process Name": "process", "Process": "process", "File Name": "file_name", "File": "file_name", "File Hash": "file_name", "IP Address": "ip_address",
		"URL String": "url", "URL": "url", "Registry Key": "registry key",
	} {
		content := strings.Replace(generations["v4"], "{name: proc, type: Process Name, role: [Attacker]}", "{name: proc, type: "+kind+", role: [attacker]}", 1)
		if got := parse(t, content).Risk.Threats[0].Type; got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
}

// TestDataSource pins what a file says of events.
func TestDataSource(t *testing.T) {
	files := fstest.MapFS{"s.yml": {Data: []byte(`name: Sysmon
source: XmlWinEventLog
sourcetype: xml
separator: EventID
fields: [Image, User]
field_mappings:
- data_model: cim
  mapping: {Image: process_path, User: user}
- mapping:
- mapping: {Extra: extra}
example_log: '{"a": 1}'
`)}}
	l, diags, err := escu.Load(t.Context(), files, ".")
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	want := &escu.DataSource{
		Path: "s.yml", Name: "Sysmon", Source: "XmlWinEventLog", SourceType: "xml", Separator: "EventID", Fields: []string{"Image", "User"},
		Mappings: map[string]string{"Image": "process_path", "User": "user", "Extra": "extra"}, Example: `{"a": 1}`,
	}
	if diff := cmp.Diff(want, l.Sources["Sysmon"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
