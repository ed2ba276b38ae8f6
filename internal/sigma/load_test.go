package sigma_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/sigma"
	"tocsin/internal/splunk/escu"
)

const (
	id1 = "11111111-1111-4111-8111-111111111111"
	id2 = "22222222-2222-4222-8222-222222222222"

	detects = "logsource: {product: windows}\nlevel: high\ndetection:\n  s: {A: x}\n  condition: s\n"
)

func load(t *testing.T, files map[string]string) (*sigma.Library, diag.List) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	var texts []diag.Text
	_, _, err := escu.LoadBeside(t.Context(), fsys, func(_ string, text diag.Text) bool {
		if !sigma.Is(text.Value) {
			return false
		}
		texts = append(texts, text)
		return true
	}, ".")
	if err != nil {
		t.Fatal(err)
	}
	l, diags, err := sigma.Load(t.Context(), sigma.Options{}, texts...)
	if err != nil {
		t.Fatal(err)
	}
	return l, diags
}

// TestIs tells Sigma's files from others, damaged or not.
func TestIs(t *testing.T) {
	for text, want := range map[string]bool{
		"title: x\n" + detects: true, "title: x\nlogsource: [": true, "title: x\ncorrelation:\n": true, "filter : \n": true, "\ufefflogsource:\n": true,
		"action: global\ntitle: x\n": true, "name: x\nsearch: y\ndetection: z\n": false, "name: x\ntype: TTP\n": false, "a:\n  detection: x\n": false, "": false,
		"- detection: x\n": false,
	} {
		if got := sigma.Is(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// TestModel wants a rule with all that it says.
func TestModel(t *testing.T) {
	text := "title: T\nid: " + id1 + "\nname: n\nstatus: test\nlevel: critical\ndescription: d\nauthor: Ann, Bob\nlicense: MIT\ndate: 2024/01/02\nmodified: 2024-02-03\n" +
		"references: [https://a.test]\nfalsepositives: [few]\nfields: [A]\nscope: [server]\nrelated: [{id: " + id2 + ", type: derived}]\nextra: 1\n" +
		"tags: [attack.execution, attack.t1059.001, attack.defense_impairment, attack.t1562.001, attack.t9999, cve.2021-44228]\n" +
		"custom: {interval: 10m, from: now-20m, max_signals: 7, index: [logs-x]}\n" +
		"logsource: {product: windows, category: process_creation}\ndetection:\n  s: {A: x}\n  condition: s\n"
	l, diags := load(t, map[string]string{"r.yml": text})
	if len(diags) > 0 || len(l.Rules) != 1 {
		t.Fatal(diags)
	}
	s := l.Rules[0]
	r := s.Rule([]string{"logs-*"}, sigma.Grades())
	type said struct {
		ID, Name, Description, License, Window string
		Type                                   rule.Type
		Language                               rule.Language
		Severity                               rule.Severity
		Risk, Signals                          int
		Interval                               time.Duration
		Index, Author, Refs, False, Fields     []string
		Created, Updated                       string
		Threat                                 []string
		Query                                  string
	}
	var threat []string
	for _, x := range r.Threat {
		line := []string{x.Tactic.ID, x.Tactic.Name}
		for _, tech := range x.Technique {
			line = append(line, tech.ID)
			for _, sub := range tech.Subtechnique {
				line = append(line, sub.ID)
			}
		}
		threat = append(threat, strings.Join(line, " "))
	}
	slot := time.Date(2026, 1, 15, 14, 0, 0, 0, time.UTC)
	want := said{
		id1, "T", "d", "MIT", window.Window{From: slot.Add(-20 * time.Minute), To: slot}.String(), rule.TypeQuery, rule.Sigma, rule.Critical, 99, 7, 10 * time.Minute,
		[]string{"logs-x"},
		[]string{"Ann", "Bob"},
		[]string{"https://a.test"},
		[]string{"few"},
		[]string{"A"},
		"2024-01-02", "2024-02-03",
		[]string{"TA0002 Execution T1059 T1059.001 T9999", "TA0112 Defense Impairment T1685"},
		"detection:\n  s: {A: x}\n  condition: s",
	}
	got := said{
		r.ID, r.Name, r.Description, r.License, r.Window(slot).String(), r.Type, r.Language, r.Severity, r.RiskScore, r.MaxSignals, r.Interval, r.Index, r.Author,
		r.References, r.FalsePositives, r.InvestigationFields, r.Metadata.CreationDate.Format(time.DateOnly), r.Metadata.UpdatedDate.Format(time.DateOnly), threat, r.Query.Value,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"extra"}, s.Custom); diff != "" {
		t.Errorf("custom keys (-want +got):\n%s", diff)
	}
	if d := r.Report(diag.Error, "x", "rule.severity", "here"); d.Line != 5 || d.Column != 8 {
		t.Errorf("the level stands at %s", d.Place())
	}
	var notes []string
	for _, d := range s.Diags {
		notes = append(notes, d.Severity.String()+" "+d.Message)
	}
	wantNotes := []string{"note key extra is not of the format: it is kept and has no effect", "note attack.defense_impairment is written with hyphens since Sigma 2.0", "note T1562.001 was revoked: it is T1685 (Disable or Modify Tools) now", "note T9999 is no technique that is known here"}
	if diff := cmp.Diff(wantNotes, notes); diff != "" {
		t.Errorf("remarks (-want +got):\n%s", diff)
	}
}

// TestDefaults wants what is not said filled in.
func TestDefaults(t *testing.T) {
	l, _ := load(t, map[string]string{"r.yml": "title: T\nlogsource: {service: s}\ndetection: {s: {A: x}, condition: s}\n"})
	r := l.Rules[0].Rule([]string{"logs-*"}, sigma.Grades())
	if !strings.HasPrefix(r.ID, "sigma-") || r.Severity != rule.Medium || r.RiskScore != 47 || r.Interval != 5*time.Minute || r.From.Text != "now-6m" || r.Index[0] != "logs-*" {
		t.Errorf("%+v", r)
	}
	l, _ = load(t, map[string]string{"r.yml": "title: T\nid: " + id1 + "\nlevel: informational\nlogsource: {service: s}\ndetection: {s: {A: x}, condition: s}\n"})
	if r := l.Rules[0].Rule(nil, sigma.Grades()); r.BuildingBlockType != "default" || r.Severity != rule.Low || r.RiskScore != 5 {
		t.Errorf("%+v", r)
	}
}

func TestFaults(t *testing.T) {
	head := "title: T\nid: " + id1 + "\n"
	for text, want := range map[string]string{
		"id: " + id1 + "\n" + detects:                                                     "r.yml:1:1: error: the rule has no title",
		"title: T\nid: x\n" + detects:                                                     `r.yml:2:5: error: the id "x" is no UUID`,
		head + "status: done\n" + detects:                                                 "r.yml:3:9: error: the status done is none of",
		head + "status: stabel\n" + detects:                                               "did you mean stable?",
		head + "level: extreme\nlogsource: {product: x}":                                  "the level extreme is none of",
		head + "detection: {s: {A: x}, condition: s}\n":                                   "the rule has no logsource",
		head + "logsource: {definition: x}\ndetection: {s: {A: x}, condition: s}\n":       "logsource has none of category, product and service",
		head + "logsource: {product: x}\n":                                                "the rule has no detection",
		head + detects + "level: low\n":                                                   "r.yml:8:1: error: the key level is repeated",
		head + "logsource: {product: x}\ndetection:\n  s: {A: x, A: y}\n  condition: s\n": "r.yml:5:13: error: the key A is repeated",
		head + "logsource: [\n":                                                           "r.yml:3:1: error: did not find expected node content",
		"action: twist\ntitle: x\n":                                                       "the action twist is none of global, reset and repeat",
		head + "custom: {interval: 5}\n" + detects:                                        "the interval \"5\" is no length of time",
		head + "filter:\n  s: {A: x}\n  condition: not s\nlogsource: {product: x}\n":      "the filter has no rules",
		head + "filter:\n  rules: any\n  s: {A: x}\nlogsource: {product: x}\n":            "filter has no condition",
		head + "correlation: {type: odd, rules: [a], timespan: 5m}\n":                     "the type odd is none of",
		head + "correlation: {type: event_count, timespan: 5m}\n":                         "the correlation has no rules",
	} {
		l, diags := load(t, map[string]string{"r.yml": text})
		for _, r := range l.Rules {
			diags = append(diags, r.Diags...)
		}
		for _, c := range l.Correlations {
			diags = append(diags, c.Diags...)
		}
		if err := diags.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestDocuments reads files of several documents, with filters and correlations, and tells each its own lines.
func TestDocuments(t *testing.T) {
	text := "title: A\nid: " + id1 + "\nname: a\n" + detects + "---\ntitle: B\nid: " + id2 + "\nodd: 1\n" + detects +
		"---\ntitle: F\nlogsource: {product: windows}\nfilter: {rules: [a], f: {U: x}, condition: not f}\n" +
		"---\ntitle: G\nlogsource: {product: linux}\nfilter: {rules: any, f: {U: x}, condition: not f}\n" +
		"---\ntitle: C\nname: c\ncorrelation: {type: event_count, rules: [a], timespan: 5m, condition: {gte: 2}}\n"
	l, diags := load(t, map[string]string{"sub/r.yaml": text, ".hidden/x.yml": text, "o.yml": "name: x\nsearch: y\n"})
	if len(l.Rules) != 2 || len(l.Filters) != 2 || len(l.Correlations) != 1 {
		t.Fatalf("%d, %d, %d", len(l.Rules), len(l.Filters), len(l.Correlations))
	}
	a, b := l.Rules[0], l.Rules[1]
	if len(a.Filters) != 1 || a.Filters[0].Title != "F" || len(b.Filters) != 0 {
		t.Errorf("filters: %v, %v", a.Filters, b.Filters)
	}
	if a.Line != 1 || a.Last != 9 || b.Line != 10 || b.Last != 18 {
		t.Errorf("lines: %d to %d, %d to %d", a.Line, a.Last, b.Line, b.Last)
	}
	r := b.Rule(nil, sigma.Grades())
	if len(b.Diags) != 1 || !r.Owns(b.Diags[0]) || a.Rule(nil, sigma.Grades()).Owns(b.Diags[0]) {
		t.Errorf("whose they are: %v", b.Diags)
	}
	var said []string
	for _, d := range diags {
		said = append(said, d.Severity.String()+" "+d.Message)
	}
	want := []string{
		"warning the filter meets no rule",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTemplates merges the old form of several rules in a file.
func TestTemplates(t *testing.T) {
	text := "action: global\ntitle: T\nid: " + id1 + "\nlogsource: {product: windows}\nlevel: low\n---\ndetection: {s: {A: x}, condition: s}\n" +
		"---\ndetection: {s: {B: x}, condition: s}\nlevel: high\n---\naction: repeat\ndetection: {s: {C: x}}\n---\naction: reset\n---\ntitle: U\n" + detects
	l, diags := load(t, map[string]string{"r.yml": text})
	if len(diags) > 0 || len(l.Rules) != 4 {
		t.Fatal(len(l.Rules), diags)
	}
	var got []string
	for _, r := range l.Rules {
		c := r.Condition()
		got = append(got, strings.TrimPrefix(r.ID, id1)+" "+r.Title+" "+r.Level+" "+strings.Join(c.Names(), ","))
	}
	got[3] = strings.TrimPrefix(got[3], l.Rules[3].ID)
	if diff := cmp.Diff([]string{" T low A", "-2 T low B", "-3 T low B,C", " U high A"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestFiltersApply draws log sources: a filter is applied where it is no narrower than the rule.
func TestFiltersApply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (category, product, service string) {
			of := rapid.SampledFrom([]string{"", "", "a", "b"})
			return of.Draw(t, label+" category"), of.Draw(t, label+" product"), of.Draw(t, label+" service")
		}
		write := func(c, p, s string) string {
			var b strings.Builder
			for _, part := range []struct{ key, value string }{{"category", c}, {"product", p}, {"service", s}} {
				if part.value != "" {
					fmt.Fprintf(&b, "  %s: %s\n", part.key, part.value)
				}
			}
			return b.String()
		}
		rc, rp, rs := draw("rule")
		fc, fp, fs := draw("filter")
		if rc+rp+rs == "" || fc+fp+fs == "" {
			t.Skip()
		}
		named := rapid.SampledFrom([]string{"any", "[]", id1, "[n]", "[other]"}).Draw(t, "rules")
		text := fmt.Sprintf("title: T\nid: %s\nname: n\nlogsource:\n%sdetection: {s: {A: x}, condition: s}\n---\ntitle: F\nlogsource:\n%sfilter: {rules: %s, s: {A: x}, condition: not s}\n",
			id1, write(rc, rp, rs), write(fc, fp, fs), named)
		l, _, err := sigma.Load(t.Context(), sigma.Options{}, diag.NewText("r.yml", text))
		if err != nil || len(l.Rules) != 1 {
			t.Fatal(err)
		}
		within := func(f, r string) bool { return f == "" || f == r }
		want := named != "[other]" && within(fc, rc) && within(fp, rp) && within(fs, rs)
		if got := len(l.Rules[0].Filters) == 1; got != want {
			t.Errorf("%t, want %t:\n%s", got, want, text)
		}
	})
}

func TestPlaceholders(t *testing.T) {
	got, diags := sigma.Placeholders(diag.NewText("p.toml", "A = [\"x\", 'y*']\nB-c = 'z'\n"))
	if diff := cmp.Diff(map[string][]string{"A": {"x", "y*"}, "B-c": {"z"}}, got); diff != "" || len(diags) > 0 {
		t.Errorf("%v (-want +got):\n%s", diags, diff)
	}
	if _, diags = sigma.Placeholders(diag.NewText("p.toml", "A = [[1]]\n")); !diags.HasErrors() {
		t.Error("a list of lists is read")
	}
}

func TestGradesWith(t *testing.T) {
	got, err := sigma.GradesWith([]string{"high=critical:90", "none=low:0"})
	if err != nil || got["high"] != (sigma.Grade{Severity: rule.Critical, RiskScore: 90}) || got[""] != (sigma.Grade{Severity: rule.Low}) || got["low"] != sigma.Grades()["low"] {
		t.Errorf("%v, %v", got, err)
	}
	for _, change := range []string{"", "high", "high=", "odd=low:1", "high=odd:1", "high=low", "high=low:x", "high=low:101"} {
		if _, err := sigma.GradesWith([]string{change}); err == nil {
			t.Errorf("%q is taken", change)
		}
	}
}
