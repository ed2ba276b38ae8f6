package escu_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/diag"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
)

// search is the one search of the three generations below.
const search = "search: '`src` a=1 | stats count by user, dest'\n"

var generations = map[string]string{
	"v4": "name: Four\nid: 4\nversion: 7\nstatus: production\ntype: TTP\ndescription: d\ndata_source:\n- S\ndate: '2024-01-02'\n" + search + `
tags:
  analytic_story: [Story]
  asset_type: Endpoint
  confidence: 80
  impact: 80
  risk_score: 64
  message: $user$ on $dest$
  mitre_attack_id: [T1003.001, T9999]
  observable:
  - {name: user, type: User, role: [Victim]}
  - {name: dest, type: Endpoint, role: [Victim]}
  - {name: who, type: User Name, role: [Victim]}
  - {name: proc, type: Process Name, role: [Attacker]}
  - {name: hash, type: File Hash, role: [Attacker]}
  - {name: other, type: Registry Key, role: [Attacker]}
  security_domain: endpoint
`,
	"v5": "name: Five\nid: 5\nversion: 1\nstatus: production\ntype: Anomaly\nenabled_by_default: true\n" + search + `
rba:
  message: $user$ on $dest$
  risk_objects:
  - {field: user, type: user, score: 20}
  threat_objects:
  - {field: proc, type: process_name}
tags:
  analytic_story: [Story]
  mitre_attack_id: [T1105]
  security_domain: network
  throttling: {fields: [user], period: 1h}
`,
	"v6": "name: Six\nid: 6\nversion: 1\nstatus: production\ntype: Anomaly\ncreation_date: '2026-01-05'\nmodification_date: '2026-05-13'\n" + search + `
custom_schedule: {cron_schedule: '*/30 * * * *', earliest_time: -40m@m, latest_time: -10m@m, schedule_window: '5'}
finding:
  title: Something on $dest$
  entity: {field: dest, type: system, score: 50}
intermediate_findings:
  entities:
  - {field: user, type: user, score: 30, message: $user$ did}
  - {field: dest, type: system, score: 90, message: on $dest$}
threat_objects:
- {field: proc, type: process_name}
analytic_story: [Story]
mitre_attack_id: [T1105]
security_domain: endpoint
category: endpoint
tests:
- {name: t, test_type: unit, expected_results: 0, attack_data: [{data: u, source: s, sourcetype: st}]}
`,
}

func detection(t *testing.T, content string) (*escu.Detection, diag.List) {
	t.Helper()
	return escu.ParseDetection(diag.NewText("d.yml", content))
}

func TestGenerations(t *testing.T) {
	type summary struct {
		Generation escu.Generation
		Objects    []escu.RiskObject
		Threats    []escu.ThreatObject
		Severity   string
		Cron       string
		Risk       bool
		Finding    bool
		Warnings   int
	}
	for name, want := range map[string]summary{
		"v4": {
			escu.V4,
			[]escu.RiskObject{{"user", "user", 64, "$user$ on $dest$"}, {"dest", "system", 64, "$user$ on $dest$"}, {"who", "other", 64, "$user$ on $dest$"}},
			[]escu.ThreatObject{{"proc", "process"}, {"hash", "file_name"}, {"other", "registry key"}},
			"high", "0 * * * *", true, true, 1,
		},
		"v5": {escu.V5, []escu.RiskObject{{"user", "user", 20, "$user$ on $dest$"}}, []escu.ThreatObject{{"proc", "process_name"}}, "informational", "0 * * * *", true, false, 0},
		"v6": {
			escu.V6,
			[]escu.RiskObject{{"user", "user", 30, "$user$ did"}, {"dest", "system", 90, "on $dest$"}},
			[]escu.ThreatObject{{"proc", "process_name"}},
			"critical", "*/30 * * * *", true, false, 1,
		},
	} {
		d, diags := detection(t, generations[name])
		if d == nil {
			t.Errorf("%s: %v", name, diags)
			continue
		}
		got := summary{d.Generation, d.Risk.Objects, d.Risk.Threats, d.Risk.Severity(), d.Schedule.Cron, d.CreatesRisk(), d.CreatesFinding(), len(diags)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%v", name, diff, diags)
		}
		if d.SearchName() != "ESCU - "+d.Name+" - Rule" || !slices.Equal(d.Stories, []string{"Story"}) {
			t.Errorf("%s: %s, %v", name, d.SearchName(), d.Stories)
		}
	}
}

func TestTypes(t *testing.T) {
	for kind, want := range map[string][2]bool{"TTP": {true, true}, "Anomaly": {true, false}, "Hunting": {false, false}, "Correlation": {false, true}} {
		d, diags := detection(t, strings.Replace(generations["v5"], "type: Anomaly", "type: "+kind, 1))
		if d == nil {
			t.Fatal(diags)
		}
		if got := [2]bool{d.CreatesRisk(), d.CreatesFinding()}; got != want {
			t.Errorf("%s: risk and finding are %v, want %v", kind, got, want)
		}
	}
}

func TestTechniques(t *testing.T) {
	got, known := escu.LookupTechnique("T1003.001")
	parent, _ := escu.LookupTechnique("T1003")
	want := escu.Technique{ID: "T1003.001", Name: "LSASS Memory", Tactics: []escu.Tactic{{ID: "TA0006", Name: "Credential Access"}}, Parent: &parent}
	if diff := cmp.Diff(want, got); diff != "" || !known {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Tactics[0].ShortName() != "credential-access" {
		t.Errorf("short name %s", got.Tactics[0].ShortName())
	}
	if got, known := escu.LookupTechnique("T9999"); known || got.ID != "T9999" {
		t.Errorf("%v is known", got)
	}
}

// TestWindows requires hourly windows without gaps and overlaps, whenever the search runs.
func TestWindows(t *testing.T) {
	s := escu.DefaultSchedule(escu.TTP)
	at := func(hour int) time.Time { return time.Date(2025, 8, 14, hour, 0, 0, 0, time.UTC) }
	earliest, latest := s.Range(at(21))
	if want := at(20).Add(-10 * time.Minute); !earliest.Equal(want) {
		t.Errorf("earliest %s, want %s", earliest, want)
	}
	if want := at(21).Add(-10 * time.Minute); !latest.Equal(want) {
		t.Errorf("latest %s, want %s", latest, want)
	}
	for hour := range 48 {
		_, end := s.Range(at(hour))
		begin, _ := s.Range(at(hour + 1))
		if !end.Equal(begin) {
			t.Errorf("the window of hour %d ends at %s, the next begins at %s", hour, end, begin)
		}
	}
}

func TestDetectionFaults(t *testing.T) {
	for _, tt := range []struct{ change, to, want string }{
		{"id: 5\n", "", "d.yml:1:1: error: the file has no id [escu/missing]"},
		{"type: Anomaly", "type: Odd", "d.yml:5:7: error: the type Odd is none of"},
		{"version: 1", "version: x", `d.yml:3:10: error: version is not a whole number: "x"`},
		{"score: 20", "score: 200", "error: the score 200 is not within 0 and 100"},
		{"enabled_by_default: true", "enabled_by_default: maybe", "error: enabled_by_default is neither true nor false"},
		{"rba:", "rba: [", "error: "},
		{"type: user,", "type: cat,", "warning: rba.risk_objects[0].type cat is not one that is known"},
		{"rba:", "deployment: {scheduling: {cron_schedule: often}}\nrba:", `error: parse cron "often"`},
		{"rba:", "deployment: {scheduling: {earliest_time: yesterday}}\nrba:", `"yesterday" is no time modifier`},
		{"rba:", "risk_scor: 5\nrba:", "warning: unknown key risk_scor"},
		{"  security_domain:", "  securty_domain:", "warning: unknown key tags.securty_domain: did you mean security_domain?"},
	} {
		_, diags := detection(t, strings.Replace(generations["v5"], tt.change, tt.to, 1))
		var all []string
		for _, d := range diags {
			all = append(all, d.Error())
		}
		if !slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, tt.want) }) {
			t.Errorf("%s: %q, want %s", tt.to, all, tt.want)
		}
	}
}

// TestPlaces requires the caret under the same word in every YAML style.
func TestPlaces(t *testing.T) {
	for name, tt := range map[string]struct{ search, want string }{
		"literal":           {"search: |\n  a=1\n  | frob x\n", "d.yml:7:5"},
		"literal, indented": {"search: |-\n    a=1\n      | frob x\n", "d.yml:7:9"},
		"folded":            {"search: >\n  a=1\n  b=2\n\n  | frob x\n", "d.yml:9:5"},
		"plain":             {"search: a=1 | frob x\n", "d.yml:5:15"},
		"plain over lines":  {"search: a=1\n  b=2\n  | frob x\n", "d.yml:7:5"},
		"single quotes":     {"search: 'a=''x'' | frob x'\n", "d.yml:5:20"},
		"single over lines": {"search: 'a=1\n\n   | frob x'\n", "d.yml:7:6"},
		"double quotes":     {"search: \"a=\\\"é\\\" \\u00e9\\n| frob x\"\n", "d.yml:5:28"},
		"double over lines": {"search: \"a=1 \\\n  \\ b=2\n  | frob x\"\n", "d.yml:7:5"},
		"behind letters":    {"search: 'é=1 | frob x'\n", "d.yml:5:16"},
	} {
		content := "name: n\nid: i\ntype: Hunting\nversion: 1\n" + tt.search
		d, diags := escu.ParseDetection(diag.NewText("d.yml", content))
		if d == nil {
			t.Errorf("%s: %v", name, diags)
			continue
		}
		l := &escu.Library{Macros: escu.Macros{}}
		_, diags = l.Parse(d, l.Env())
		if len(diags) != 1 || diags[0].Place() != tt.want || !strings.Contains(diags[0].Excerpt, "frob") {
			t.Errorf("%s: %v, want %s", name, diags, tt.want)
		}
	}
}

func TestLoad(t *testing.T) {
	files := fstest.MapFS{
		"d/four.yml": {Data: []byte(generations["v4"])}, "d/five.yml": {Data: []byte(generations["v5"])},
		"m/src.yml":           {Data: []byte("name: src\ndefinition: sourcetype=s\ndescription: x\n")},
		"m/two.yml":           {Data: []byte("name: two\ndefinition: $a$=$b$\narguments: [a, b]\n")},
		"default/macros.conf": {Data: []byte("# comment\n[conf]\ndefinition = a=1 \\\n| table x\n[pair(2)]\nargs = p, q\ndefinition = $p$=$q$\niseval = 0\n")},
		"l/t.yml":             {Data: []byte("name: t\nfilename: t.csv\nmatch_type: WILDCARD(k)\nmin_matches: 1\ndefault_match: 'no'\ncase_sensitive_match: 'false'\n")},
		"l/t.csv":             {Data: []byte("\ufeffk,v\n\"a*\",\"x, y\"\nb\n")},
		"l/kv.yml":            {Data: []byte("name: kv\ncollection: kv\nfields_list: _key, a, b\n")},
		"l/filled.yml":        {Data: []byte("name: filled\nlookup_type: kvstore\ncollection: filled\nfields_list: [a, b]\n")},
		"l/filled.csv":        {Data: []byte("a,b\n1,2\n")},
		"s/s.yml":             {Data: []byte("name: S\nsource: s\nsourcetype: st\nfields: [a, b]\n")},
		"stories/story.yml":   {Data: []byte("name: Story\nnarrative: x\n")},
		"README.md":           {Data: []byte("not content")},
	}
	l, diags, err := escu.Load(t.Context(), files, ".")
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	if len(l.Detections) != 2 || l.Sources["S"] == nil {
		t.Errorf("%d detections, sources %v", len(l.Detections), l.Sources)
	}
	for _, d := range l.Detections {
		if s, diags := l.Parse(d, l.Env()); s == nil {
			t.Error(diags)
		}
	}
	table := l.Table("t.csv")
	want := &splunk.Table{
		Name: "t", Columns: []string{"k", "v"}, Rows: [][]string{{"a*", "x, y"}, {"b"}}, Matching: map[string]splunk.Matching{"k": splunk.Wildcard},
		IgnoreCase: true, MinMatches: 1, Default: "no",
	}
	if diff := cmp.Diff(want, table, cmpopts.IgnoreUnexported(splunk.Table{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if kv := l.Table("kv"); kv.Empty == "" || !slices.Equal(kv.Columns, []string{"a", "b"}) {
		t.Errorf("a collection: %v", kv)
	}
	if filled := l.Table("filled"); filled.Empty != "" || len(filled.Rows) != 1 {
		t.Errorf("a collection with a file: %v", filled)
	}
	for name, args := range map[string]int{"conf": 0, "pair": 2, "two": 2, "src": 0, "anything_filter": 0, "drop_dm_object_name": 1} {
		if _, _, ok := l.Macros.Macro(name, args); !ok {
			t.Errorf("the macro %s is not there", name)
		}
	}
	if m, _, _ := l.Macros.Macro("conf", 0); m.Definition != "a=1 \n| table x" {
		t.Errorf("%q", m.Definition)
	}
}

func TestLoadFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"no YAML":      {fstest.MapFS{"a.yml": {Data: []byte("name: x\n bad: [\nsearch: a")}}, "a.yml:2:1: error"},
		"match type":   {fstest.MapFS{"a.yml": {Data: []byte("name: t\nfilename: t.csv\nmatch_type: GLOB(x)\n")}}, "is none of WILDCARD"},
		"cells":        {fstest.MapFS{"a.yml": {Data: []byte("name: t\nfilename: t.csv\n")}, "t.csv": {Data: []byte("a\n1,2\n")}}, "row 1 has 2 cells for 1 columns"},
		"conf":         {fstest.MapFS{"macros.conf": {Data: []byte("definition = x\n")}}, "expected a [macro]"},
		"conf args":    {fstest.MapFS{"macros.conf": {Data: []byte("[a(2)]\nargs = x\ndefinition = y\n")}}, "has 2 arguments and names 1"},
		"macro of two": {fstest.MapFS{"a.yml": {Data: []byte("name: x\ndefinition: [a]\n")}}, "definition is not a text"},
	} {
		_, diags, err := escu.Load(t.Context(), tt.files, ".")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := diags.Err(); got == nil || !strings.Contains(got.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
}

// TestOtherFiles requires that files of other kinds are ignored in a directory, and errors if they are named.
func TestOtherFiles(t *testing.T) {
	files := fstest.MapFS{
		"list.yml": {Data: []byte("- a\n")}, "empty.yml": {Data: nil}, "template.yaml": {Data: []byte("a: x\n b: [\n")},
		"deployment.yml": {Data: []byte("kind: Deployment\nname: x\n")}, ".github/workflow.yml": {Data: []byte("search: x\ntype: y\n")},
		"macros.json": {Data: []byte(`{"src": {"name": "src", "definition": "sourcetype=x", "origin": "there"}, "n": 1}`)},
	}
	l, diags, err := escu.Load(t.Context(), files, ".")
	if err != nil || len(diags) > 0 || len(l.Detections)+len(l.Broken) > 0 {
		t.Errorf("a folder: %v, %v, %d detections", err, diags, len(l.Detections)+len(l.Broken))
	}
	if m, _, found := l.Macros.Macro("src", 0); !found || m.Definition != "sourcetype=x" {
		t.Errorf("the macro of macros.json: %+v", m)
	}
	for name, want := range map[string]string{"list.yml": "not a mapping", "empty.yml": "is empty", "template.yaml": "template.yaml:2:1: error"} {
		l, diags, err := escu.Load(t.Context(), files, name)
		if err != nil {
			t.Fatal(err)
		}
		if got := diags.Err(); got == nil || !strings.Contains(got.Error(), want) || len(l.Broken) != 1 {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
}

// TestOverriddenFilter wants a user's filter before the one that every detection has, and commands
// behind it.
func TestOverriddenFilter(t *testing.T) {
	content := "name: n\nid: i\ntype: Hunting\nsearch: a=* | `n_filter` | eval after=1\n"
	d, diags := detection(t, content)
	if d == nil {
		t.Fatal(diags)
	}
	rows := splunk.Events{{"_time": splunk.Number(1), "a": splunk.Text("keep")}, {"_time": splunk.Number(2), "a": splunk.Text("drop")}}
	for want, m := range map[int]escu.Macros{2: {}, 1: macros(t, "name: n_filter\ndefinition: search NOT a=drop\n")} {
		l := &escu.Library{Macros: m}
		s, diags := l.Parse(d, l.Env())
		if s == nil {
			t.Fatal(diags)
		}
		n := 0
		err := splunk.Run(t.Context(), s, l.Env(), rows, splunk.Window{}, func(row splunk.Row) error {
			n++
			if row.Get("after").IsNull() {
				t.Error("what is behind the filter did not run")
			}
			return nil
		})
		if err != nil || n != want {
			t.Errorf("%d rows, want %d: %v", n, want, err)
		}
	}
}

func macros(t *testing.T, content string) escu.Macros {
	t.Helper()
	m, diags := escu.ParseMacro(diag.NewText("m.yml", content))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	out := escu.Macros{}
	out.Add(m)
	return out
}
