package catalog_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/catalog"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/membership"
)

const (
	elastic = "[rule]\nrule_id = \"e1\"\nname = \"E\"\ndescription = \"d\"\ntype = \"eql\"\nindex = [\"logs-*\"]\nseverity = \"low\"\nrisk_score = 21\nquery = 'any where true'\n"
	splunk  = "name: S\nid: s1\ntype: TTP\nsearch: '`src` a=1 | stats count by a'\nrba:\n  message: m\n  risk_objects: [{field: a, type: user, score: 30}]\ntags: {mitre_attack_id: [T1059.004]}\n"
	macro   = "name: src\ndefinition: sourcetype=x\n"
)

// write makes a folder of files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoad(t *testing.T) {
	dir := write(t, map[string]string{
		"elastic/e.toml": elastic, "content/detections/endpoint/s.yml": splunk, "content/macros/src.yml": macro,
		"content/detections/endpoint/odd.yml": "kind: Deployment\n",
	})
	for name, paths := range map[string][]string{
		"one folder":    {"."},
		"two folders":   {"elastic", "content"},
		"files":         {"elastic/e.toml", "content/detections/endpoint/s.yml"},
		"a folder deep": {"elastic", "content/detections/endpoint"},
		"twice":         {"elastic", "content", "content/detections/endpoint/s.yml"},
	} {
		for i := range paths {
			paths[i] = filepath.Join(dir, paths[i])
		}
		c, diags, err := catalog.Load(t.Context(), catalog.Options{Index: []string{"logs-*"}}, paths...)
		if err != nil || len(diags) > 0 {
			t.Errorf("%s: %v, %v", name, err, diags)
			continue
		}
		strategies := map[string]query.Strategy{}
		for _, r := range c.Rules() {
			plan, diags := c.Plan(r)
			if plan == nil {
				t.Errorf("%s: %s: %v", name, r.ID, diags)
				continue
			}
			strategies[r.ID] = plan.Strategy()
		}
		if diff := cmp.Diff(map[string]query.Strategy{"e1": query.Scan, "s1": query.Search}, strategies); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLoadFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
		// broken is how many rules cannot run because of it.
		broken int
	}{
		"a detection with an id of another": {map[string]string{"a.yml": splunk, "b.yml": splunk, "src.yml": macro}, "b.yml:1:1: error: rule id s1 is already used at", 1},
		"an id too long":                    {map[string]string{"a.yml": strings.Replace(splunk, "s1", strings.Repeat("s", 600), 1)}, "rule_id has 600 bytes", 1},
		"and of another format":             {map[string]string{"a.yml": strings.Replace(splunk, "s1", "e1", 1), "e.toml": elastic}, "rule id e1 is already used at", 1},
		"a type that is none":               {map[string]string{"a.yml": strings.Replace(splunk, "TTP", "Odd", 1)}, "a.yml:3:7: error: the type Odd is none of", 1},
		"no YAML":                           {map[string]string{"a.yml": splunk + " b: [\n"}, "a.yml:", 1},
		"a macro that is none":              {map[string]string{"m.yml": "name: x\ndefinition: [a]\n"}, "definition is not a text", 0},
	} {
		c, diags, err := catalog.Load(t.Context(), catalog.Options{}, write(t, tt.files))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := diags.Err(); got == nil || !strings.Contains(got.Error(), tt.want) || len(c.Broken()) != tt.broken {
			t.Errorf("%s: %v and %d broken, want %s and %d", name, got, len(c.Broken()), tt.want, tt.broken)
		}
	}
	c, diags, err := catalog.Load(t.Context(), catalog.Options{}, filepath.Join(t.TempDir(), "missing.yml"))
	if err != nil || !diags.HasErrors() || c.Len() != 0 {
		t.Errorf("a file that is not there: %v, %v", err, diags)
	}
}

// TestRule wants a detection as a rule with all that it says.
func TestRule(t *testing.T) {
	files := fstest.MapFS{"s.yml": {Data: []byte(splunk + "description: d\nauthor: a\nknown_false_positives: f\n")}, "m.yml": {Data: []byte(macro)}}
	c, diags, err := catalog.LoadFS(t.Context(), catalog.Options{}, files, ".")
	if err != nil || c.Len() != 1 {
		t.Fatal(err, diags)
	}
	r := c.Rules()[0]
	type said struct {
		Name, Description, Cron, Window, Threat string
		Type                                    rule.Type
		Language                                rule.Language
		Severity                                rule.Severity
		Score                                   int
		Author, FalsePositives                  []string
	}
	want := said{
		"S", "d", "0 * * * *", "[2026-01-15T12:50:00Z, 2026-01-15T13:50:00Z)", "TA0002 T1059 T1059.004", rule.TypeSPL, rule.SPL, rule.Low, 30,
		[]string{"a"},
		[]string{"f"},
	}
	threat := r.Threat[0]
	got := said{
		r.Name, r.Description, r.Cron, r.Window(time.Date(2026, 1, 15, 14, 0, 59, 0, time.UTC)).String(),
		threat.Tactic.ID + " " + threat.Technique[0].ID + " " + threat.Technique[0].Subtechnique[0].ID, r.Type, r.Language, r.Severity, r.RiskScore,
		r.Author, r.FalsePositives,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d := r.Report(diag.Error, "x", "rule.query", "here"); d.Line != 4 || d.File != "s.yml" {
		t.Errorf("the query stands at %s", d.Place())
	}
}

// TestDocs compares docs/escu.md with the code: its map loads, and its windows and folders are the code's.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../../docs/escu.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	_, rest, found := strings.Cut(page, "```toml\n")
	text, _, _ := strings.Cut(rest, "```")
	m, diags := fieldmap.Load(diag.NewText("docs/escu.md", text), membership.Check, pushdown.Check)
	if !found || len(diags) > 0 || len(m.Sources) != 1 || len(m.Sources[0].Fields) != 3 {
		t.Errorf("the map of the page: %v, %+v", diags, m)
	}
	for _, hour := range []int{14, 15} {
		earliest, latest := escu.DefaultSchedule(escu.Anomaly).Range(time.Date(2026, 1, 15, hour, 0, 0, 0, time.UTC))
		row := "| " + time.Date(0, 1, 1, hour, 0, 0, 0, time.UTC).Format("15:04") + " | " + earliest.Format("15:04") + " ≤ t < " + latest.Format("15:04") + " |"
		if !strings.Contains(page, row) {
			t.Errorf("no row %s", row)
		}
	}
	for _, kind := range []escu.Type{escu.TTP, escu.Anomaly, escu.Correlation, escu.Hunting} {
		d := escu.Detection{Type: kind, Risk: escu.Risk{Objects: []escu.RiskObject{{Field: "a"}}}}
		yes := map[bool]string{true: "yes", false: "no"}
		if !slices.ContainsFunc(strings.Split(page, "\n"), func(line string) bool {
			return strings.HasPrefix(line, "| "+string(kind)) && strings.HasSuffix(line, "| "+yes[d.CreatesRisk()]+" | "+yes[d.CreatesFinding()]+" |")
		}) {
			t.Errorf("the row of %s is not true", kind)
		}
	}
}
