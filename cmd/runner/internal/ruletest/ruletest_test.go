package ruletest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"tocsin/cmd/runner/internal/ruletest"
	"tocsin/internal/diag"
	"tocsin/internal/run/catalog"
)

// shipped are the options of the command's defaults.
var shipped = catalog.Options{Index: []string{"logs-*", "splunk-*"}, Sigma: catalog.Sigma{Index: []string{"logs-*"}}}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell is a rule that alerts on shells of nginx.
const shell = `[rule]
rule_id = "r1"
name = "Shell"
description = "A web server starts a shell."
type = "eql"
index = ["logs-*"]
severity = "high"
risk_score = 73
query = 'process where process.parent.name == "nginx" and process.name == "sh"'
`

const (
	hit  = `{"_index":"logs-web","_id":"hit","_source":{"@timestamp":"2026-01-15T14:00:00Z","event.category":"process","process":{"name":"sh","parent.name":"nginx"},"host":{"name":"web-1"}}}`
	miss = `{"_index":"logs-web","_id":"miss","_source":{"@timestamp":"2026-01-15T14:01:00Z","event.category":"process","process":{"name":"ls","parent.name":"nginx"}}}`
)

// chdir goes to a new directory with these files.
func chdir(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func render(t *testing.T, l diag.List) string {
	t.Helper()
	var b strings.Builder
	if err := diag.Render(&b, l); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// runOne runs the only test of a file and returns its problems.
func runOne(t *testing.T, content string) string {
	t.Helper()
	chdir(t, map[string]string{"r.toml": shell, "r.test.toml": content})
	files, diags := ruletest.Load("r.test.toml")
	if len(diags) > 0 || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), diags)
	}
	results, diags, err := ruletest.Run(t.Context(), shipped, files[0])
	if err != nil || len(diags) > 0 || len(results) != 1 {
		t.Fatalf("%v, %v, %v", results, diags, err)
	}
	r := results[0]
	if r.File != "r.test.toml" || r.RuleID != "r1" || r.Name != "x" || r.Problems == nil || r.Passed == r.Problems.HasErrors() {
		t.Errorf("result %+v", r)
	}
	return render(t, r.Problems)
}

func TestRun(t *testing.T) {
	const head = "[[test]]\nname = 'x'\n"
	tests := []struct{ name, in, want string }{
		{"as expected", head + "alerts = ['hit']\nevents = '''\n" + hit + "\n" + miss + "\n'''\n", ""},
		{"nothing expected", head + "alerts = []\nevents = '''" + miss + "'''\n", ""},
		{"no events at all", head + "alerts = []\nat = '2026-01-15T14:05:00Z'\nevents = ''\n", ""},
		{"outside of the window", head + "alerts = []\nat = '2026-01-15T14:00:00Z'\nevents = '''" + hit + "'''\n", ""},
		{"an unexpected alert", head + "alerts = []\nevents = '''" + hit + "'''\n", "r.test.toml:3:10: error: event hit made an alert and should not [ruletest/unexpected]\n    3 | alerts = []\n      |          ^^\n"},
		{"a missing alert", head + "alerts = ['hit', 'miss']\nevents = '''\n" + hit + "\n" + miss + "'''\n", "r.test.toml:3:10: error: event miss should make an alert and does not [ruletest/missing]\n    3 | alerts = ['hit', 'miss']\n      |          ^^^^^^^^^^^^^^^\n"},
		{
			"fields, flat and nested", head + "alerts = ['hit']\nevents = '''" + hit + "'''\nfields.'kibana.alert.risk_score' = 73\nfields.'host.name' = 'web-1'\nfields.'event.kind' = 'event'\n",
			`: event hit: event.kind is "signal", want "event" [ruletest/field]`,
		},
		{"no time", head + "alerts = []\nevents = '{\"a\":1}'\n", "r.test.toml:4:10: error: no event says when: give at, or an @timestamp [ruletest/no-time]\n"},
		{"a time that is none", head + "alerts = []\nevents = '{\"@timestamp\":\"soon\"}'\n", "no event says when"},
		{"a broken event, at its place", head + "alerts = ['hit']\nevents = '''\n" + hit + "\n{\"où\":x}\n'''\n", "r.test.toml:6:7: error: not one JSON object: invalid character 'x' looking for beginning of value [ruletest/events]\n    6 | {\"où\":x}\n      |       ^\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := runOne(t, tt.in)
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	const good = "[[test]]\nname = 'x'\nalerts = []\nevents = ''\n"
	chdir(t, map[string]string{
		"a.toml": shell, "a.test.toml": good, "sub/b.test.toml": "rule = '../a.toml'\n" + good, "sub/b.toml": shell, "README.md": "",
		"broken.test.toml": "[[test]\n",
	})
	tests := []struct {
		name string
		in   []string
		want []string
		diag string
	}{
		{"a directory", []string{"sub"}, []string{"sub/b.test.toml: a.toml"}, ""},
		{"a test file", []string{"a.test.toml"}, []string{"a.test.toml: a.toml"}, ""},
		{"a rule", []string{"a.toml"}, []string{"a.test.toml: a.toml"}, ""},
		{"a broken file beside good ones", []string{"."}, []string{"a.test.toml: a.toml", "sub/b.test.toml: a.toml"}, "broken.test.toml:1:"},
		{"a rule without a test", []string{"other.toml"}, nil, "other.toml: error: no such file or directory [ruletest/unreadable]\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files, diags := ruletest.Load(tt.in...)
			var got []string
			for _, f := range files {
				got = append(got, filepath.ToSlash(f.Path)+": "+filepath.ToSlash(f.Rule))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if said := render(t, diags); !strings.HasPrefix(said, tt.diag) || tt.diag == "" && said != "" {
				t.Errorf("diagnostics %s, want %s", said, tt.diag)
			}
		})
	}
}

func TestParseFaults(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"no test", "rule = 'a.toml'\n", "the file has no [[test]] [ruletest/no-test]"},
		{"no name", "[[test]]\nalerts = []\nevents = ''\n", "t:1:1: error: a [[test]] needs name [ruletest/missing-field]"},
		{"no alerts", "[[test]]\nname = 'x'\nevents = ''\n", "t:1:1: error: a [[test]] needs alerts [ruletest/missing-field]"},
		{"no events", "[[test]]\nname = 'x'\nalerts = []\n", "t:1:1: error: a [[test]] needs events [ruletest/missing-field]"},
		{"a time that is none", "[[test]]\nname = 'x'\nalerts = []\nevents = ''\nat = 'noon'\n", "t:5:6: error: at must be a time such as 2026-01-15T14:05:00Z [ruletest/bad-time]"},
		{"a misspelt key", "[[test]]\nname = 'x'\nalerts = []\nevents = ''\nfield.a = 1\n", "t:5:1: error: "},
		{"a wrong type", "[[test]]\nname = 'x'\nalerts = 'hit'\nevents = ''\n", "t:3:10: error: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, diags := ruletest.Parse("t", tt.in)
			if got := render(t, diags); !diags.HasErrors() || !strings.Contains(got, tt.want) {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// A rule that cannot run fails all its tests.
func TestRuleCannotRun(t *testing.T) {
	tests := []struct{ name, rule, want string }{
		{"broken", "[rule\n", "r.toml:1:"},
		{"bad query", strings.Replace(shell, `name == "sh"`, `name ==`, 1), "[eql/syntax]"},
		{"unsupported", strings.NewReplacer(`type = "eql"`, "type = \"query\"\nlanguage = \"kuery\"", `index = ["logs-*"]`, `data_view_id = "d"`).Replace(shell), "[rule/unsupported]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			chdir(t, map[string]string{"r.toml": tt.rule, "r.test.toml": "[[test]]\nname = 'x'\nalerts = []\nevents = ''\n"})
			files, _ := ruletest.Load("r.test.toml")
			results, diags, err := ruletest.Run(t.Context(), shipped, files[0])
			if err != nil || len(results) != 1 || results[0].Passed {
				t.Fatalf("%+v, %v", results, err)
			}
			if got := render(t, diags); !strings.Contains(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := render(t, results[0].Problems); !strings.Contains(got, "r.test.toml:2:8: error: the rule r.toml cannot be run [ruletest/rule]") {
				t.Error(got)
			}
		})
	}
}

// The example of the documentation passes, and each of its tests can fail.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/rule-tests.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, block := range regexp.MustCompile("(?s)```toml\n# (\\S+)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		files[block[1]] = block[2]
	}
	chdir(t, files)
	tests, diags := ruletest.Load(".")
	if len(tests) != 1 || len(diags) > 0 {
		t.Fatalf("%d test files, %v", len(tests), diags)
	}
	for i := range tests[0].Tests {
		results, diags, err := ruletest.Run(t.Context(), shipped, tests[0])
		if err != nil || len(diags) > 0 || len(results) != 2 {
			t.Fatalf("%v, %v, %v", results, diags, err)
		}
		if !results[i].Passed {
			t.Error(render(t, results[i].Problems))
		}
		tests[0].Tests[i].Alerts = append(tests[0].Tests[i].Alerts, "nosuch")
		if results, _, err := ruletest.Run(t.Context(), shipped, tests[0]); err != nil || results[i].Passed {
			t.Errorf("test %d passes whatever it wants: %v", i, err)
		}
	}
}
