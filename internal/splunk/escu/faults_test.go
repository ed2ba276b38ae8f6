package escu_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"tocsin/internal/diag"
	"tocsin/internal/splunk/escu"
)

// TestReported pins what is said of a detection, with its place.
func TestReported(t *testing.T) {
	const head = "name: n\nid: i\nversion: 1\n"
	for _, tt := range []struct{ content, want string }{
		{head + "search: a\n", "d.yml:1:1: error: the file has no type, which says what its rows become: one of TTP, Anomaly, Hunting, Correlation and Baseline [escu/missing]"},
		{head + "type: Hunting\n", "d.yml:1:1: error: the file has no search [escu/missing]"},
		{head + "type: Hunting\nsearch: [a]\n", "d.yml:5:9: error: search is not a text [escu/syntax]"},
		{head + "type: Hunting\nsearch: a\ndata_source: [[x]]\n", "d.yml:6:15: error: data_source is not a list of texts [escu/syntax]"},
		{head + "type: Hunting\nsearch: a\ntags: x\n", "d.yml:6:7: error: tags is not a mapping [escu/syntax]"},
		{head + "type: Hunting\nsearch: a\nfinding: {title: x, entity: {field: y, type: user, score: 5}}\n", "d.yml:6:10: warning: a Hunting makes neither finding nor risk [escu/value]"},
		{head + "type: Baseline\nsearch: a\nfinding: {title: x}\n", "d.yml:6:10: warning: a Baseline makes neither finding nor risk [escu/value]"},
		{head + "type: Anomaly\nsearch: a\nfinding: {title: x}\n", "d.yml:6:10: warning: an Anomaly makes no finding: the format has intermediate_findings for it [escu/value]"},
		{head + "type: TTP\nsearch: a\nfinding: {title: x}\n", "d.yml:6:10: warning: the finding has no entity with a field: nobody is scored for it [escu/missing]"},
		{head + "type: TTP\nsearch: a\nfinding: {title: x, entity: {field: y, type: user, score: -1}}\n", "d.yml:6:59: error: the score -1 is not within 0 and 100 [escu/value]"},
		{head + "type: TTP\nsearch: a\nfinding: {title: x, entity: {field: y, type: user, score: 101}}\n", "d.yml:6:59: error: the score 101 is not within 0 and 100 [escu/value]"},
		{head + "type: TTP\nsearch: a\nfinding: {title: x, entity: {field: y, type: user, score: 100}}\n", ""},
		{head + "type: TTP\nsearch: a\nfinding: {title: x, entity: {field: y, type: user, score: 0}}\n", ""},
		{head + "type: TTP\nsearch: a\nfinding: {title: x, entity: {field: y, type: user, score: 1.5}}\n", `d.yml:6:59: error: finding.entity.score is not a whole number: "1.5" [escu/value]`},
		{head + "type: TTP\nsearch: a\nfinding: {title: x, entity: {field: y, kind: user}}\n", "d.yml:6:40: warning: unknown key finding.entity.kind [escu/unknown-key]"},
		{head + "type: TTP\nsearch: a\nthrottling: {fields: [a], period: soon}\n", `d.yml:6:35: error: "soon" is no length of time such as 3600s or 1d [escu/value]`},
		{head + "type: TTP\nsearch: a\nthrottling: {fields: [a], period: 0s}\n", `d.yml:6:35: error: "0s" is no length of time such as 3600s or 1d [escu/value]`},
		{head + "type: TTP\nsearch: a\nthrottling: {fields: [a], period: 9999999999}\n", `d.yml:6:35: error: "9999999999" is no length of time such as 3600s or 1d [escu/value]`},
		{head + "type: TTP\nsearch: a\nthrottling: {fields: [a], period: 2w, extra: 1}\n", "d.yml:6:39: warning: unknown key throttling.extra [escu/unknown-key]"},
		{head + "type: TTP\nsearch: a\nschedule: Nightly\ncustom_schedule: {schedule_window: late}\n", `d.yml:7:18: error: the schedule window "late" is neither auto nor a number of minutes [escu/value]`},
		{head + "type: TTP\nsearch: a\nmitre_attack_id: [T0000]\n", "d.yml:6:19: note: T0000 is no technique of MITRE ATT&CK Enterprise that is known here [escu/unknown-name]"},
		{"- a\n", "d.yml:1:1: error: the file is not a mapping [escu/syntax]"},
		{"", "d.yml:1:1: error: the file is empty [escu/syntax]"},
		{"a: b: c\n", "d.yml:1:1: error: mapping values are not allowed in this context [escu/syntax]"},
		{"name: &x n\nid: *x\ntype: Hunting\nsearch: a\n", ""},
		{"name: n\nid: i\ntype: Hunting\nsearch: a\nreferences: null\n", ""},
	} {
		d, diags := detection(t, tt.content)
		text := fmt.Sprint(diags)
		if tt.want == "" && len(diags) > 0 || !strings.Contains(text, tt.want) || (d == nil) != diags.HasErrors() {
			t.Errorf("%s\n got %s\nwant %s", tt.content, text, tt.want)
		}
	}
}

// TestThrottle pins lengths of time.
func TestThrottle(t *testing.T) {
	for text, want := range map[string]string{"90": "1m30s", "90s": "1m30s", "5m": "5m0s", "2h": "2h0m0s", "1d": "24h0m0s", "2w": "336h0m0s"} {
		d := parse(t, "name: n\nid: i\ntype: TTP\nsearch: a\nthrottling: {fields: [a, b], period: '"+text+"'}\n")
		if got := d.Throttle.Period.String(); got != want || len(d.Throttle.Fields) != 2 || d.Throttle.Text != text {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestBaselines wants a baseline to be known without a type, by its schedule, its folder or what it learns, and what tells
// of findings to be none.
func TestBaselines(t *testing.T) {
	for name, tt := range map[string]struct {
		path, more string
		want       bool
	}{
		"schedule":      {"x/d.yml", "search: a\nschedule: Default Baseline\n", true},
		"folder":        {"baselines/d.yml", "search: a\n", true},
		"learns":        {"x/d.yml", "search: a | outputlookup t\n", true},
		"fits":          {"x/d.yml", "search: a | FIT DensityFunction x\n", true},
		"own times":     {"x/d.yml", "search: a\ncustom_schedule: {schedule_window: '5'}\n", true},
		"times, tags":   {"x/d.yml", "search: a\ncustom_schedule: {schedule_window: '5'}\ntags: {cve: [x]}\n", false},
		"nothing":       {"x/d.yml", "search: a\n", false},
		"tells":         {"baselines/d.yml", "search: a | outputlookup t\nthreat_objects: [{field: x, type: url}]\n", false},
		"tells in rba":  {"baselines/d.yml", "search: a\nrba: {message: x}\n", false},
		"tells nothing": {"baselines/d.yml", "search: a\nthreat_objects: []\n", true},
	} {
		d, diags := escu.ParseDetection(diag.NewText(tt.path, "name: n\nid: i\n"+tt.more))
		if got := d != nil && d.Type == escu.Baseline; got != tt.want {
			t.Errorf("%s: %t, %v", name, got, diags)
		}
	}
}

// failing is a file system in which one name cannot be read.
type failing struct {
	fs.FS
	name string
}

func (f failing) Open(name string) (fs.File, error) {
	if name == f.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("no such luck")}
	}
	return f.FS.Open(name) //nolint:wrapcheck // It is the other one's.
}

// TestUnreadable wants what cannot be read to be said with its name, and to stop no other file.
func TestUnreadable(t *testing.T) {
	files := fstest.MapFS{
		"d/good.yml": {Data: []byte("name: n\nid: i\ntype: Hunting\nsearch: a\n")}, "d/bad.yml": {Data: []byte("name: m\n")}, "e/other.yml": {Data: []byte("name: o\n")},
	}
	for _, name := range []string{"d/bad.yml", "e"} {
		l, diags, err := escu.Load(t.Context(), failing{files, name}, ".")
		if err != nil || len(l.Detections) != 1 || diags.Err() == nil || !strings.Contains(diags.Err().Error(), name+": error: no such luck [escu/unreadable]") {
			t.Errorf("%s: %v, %v", name, err, diags)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := escu.Load(ctx, files, "."); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

// TestMacrosConf pins the macros of an app, and what is wrong with the file at its place.
func TestMacrosConf(t *testing.T) {
	conf := func(content string) (*escu.Library, diag.List) {
		l, diags, err := escu.Load(t.Context(), fstest.MapFS{"macros.conf": {Data: []byte(content)}}, ".")
		if err != nil {
			t.Fatal(err)
		}
		return l, diags
	}
	l, diags := conf("; note\r\n[one]\r\ndefinition = a=1\r\n\n[two(1)]\nargs = x\ndefinition = b=$x$ \\\n  c=2\niseval = true\ndescription = d\nvalidation = v\nerrormsg = e\n[three]\niseval = 1\ndefinition=\\")
	if len(diags) > 0 {
		t.Errorf("%v", diags)
	}
	for name, want := range map[string]string{"one": "a=1 false []", "two": "b=$x$ \n  c=2 true [x]", "three": `\ true []`} {
		args := 0
		if name == "two" {
			args = 1
		}
		m, _, found := l.Macros.Macro(name, args)
		if got := fmt.Sprintf("%s %t %v", m.Definition, m.Eval, m.Args); !found || got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for content, want := range map[string]string{
		"[a]\nb\n":                     "macros.conf:2:1: error: expected a [macro] and its key = value [escu/syntax]",
		"[a(x)]\ndefinition = b\n":     "macros.conf:1:1: error: [a(x)] is no name of a macro [escu/syntax]",
		"[a]\ncolour = red\n":          "macros.conf:2:1: warning: unknown key colour [escu/unknown-key]",
		"[a]\nargs = x\n[b]\nargs=y\n": "error: the macro a has 0 arguments and names 1 [escu/value]",
		"[a(1)]\ndefinition = x\n":     "error: the macro a has 1 arguments and names 0 [escu/value]",
	} {
		if _, diags := conf(content); !strings.Contains(fmt.Sprint(diags), want) {
			t.Errorf("%s: %v, want %s", content, diags, want)
		}
	}
}

// TestMacroNames wants what is wrong with a call to be told by the numbers of arguments that there are, the built-in
// ones among them, and a filter to be there for each detection unless somebody has one.
func TestMacroNames(t *testing.T) {
	m := macros(t, "name: two(2)\ndefinition: $a$ $b$\narguments: [a, b]\n")
	if got, _, found := m.Macro("two", 2); !found || got.Definition != "$a$ $b$" {
		t.Errorf("%+v", got)
	}
	for name, want := range map[string]string{"two": "[2]", "drop_dm_object_name": "[1]", "nowhere": "[]"} {
		if _, others, found := m.Macro(name, 5); found || fmt.Sprint(others) != want {
			t.Errorf("%s: %t %v, want %s", name, found, others, want)
		}
	}
	if _, _, found := m.Macro("x_filter", 1); found {
		t.Error("a filter takes an argument")
	}
	own := macros(t, "name: x_filter\ndefinition: a=$b$\narguments: [b]\n")
	if _, others, found := own.Macro("x_filter", 0); found || fmt.Sprint(others) != "[1]" {
		t.Errorf("a filter with another number of arguments: %t %v", found, others)
	}
	for name, want := range map[string]string{
		"security_content_summariesonly": "summariesonly=false allow_old_summaries=true fillnull_value=null", "summariesonly_config": "false", "oldsummaries_config": "true",
		"fillnull_config": "null", "summariesonly": "summariesonly=false",
	} {
		if got, _, found := (escu.Macros{}).Macro(name, 0); !found || got.Definition != want {
			t.Errorf("%s: %t %q, want %q", name, found, got.Definition, want)
		}
	}
}

// TestPlacesOfEscapes requires the caret under the word after each escape of double quotes.
func TestPlacesOfEscapes(t *testing.T) {
	for _, escape := range []string{`\t`, `\n`, `\"`, `\\`, `\x41`, `\u00e9`, `\U0001F600`, `\e`, `\_`, `\N`, `\L`, `\P`, `\a`, `\0`, `é`, `\r`, `\v`, `\f`, `\b`} {
		content := "name: n\nid: i\ntype: Hunting\nsearch: \"a='" + escape + "' | frob\"\n"
		if escape == `\"` || escape == `\\` {
			content = "name: n\nid: i\ntype: Hunting\nsearch: \"a=b" + `\\` + escape + " | frob\"\n"
		}
		d, diags := escu.ParseDetection(diag.NewText("d.yml", content))
		if d == nil {
			t.Errorf("%s: %v", escape, diags)
			continue
		}
		_, diags = (&escu.Library{}).Parse(d, (&escu.Library{}).Env())
		before, _, _ := strings.Cut(strings.Split(content, "\n")[3], "frob")
		want := fmt.Sprintf("d.yml:4:%d", len([]rune(before))+1)
		if len(diags) != 1 || diags[0].Place() != want {
			t.Errorf("%s: %v, want %s", escape, diags, want)
		}
	}
}
