package ruletest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"tocsin/cmd/runner/internal/ruletest"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
)

// namedBlock matches a block of a page with a file name.
var namedBlock = regexp.MustCompile("(?s)```[a-z]+ (\\S+)\n(.*?)```")

// TestDocumentedFiles: the files in the pages about rules load without diagnostics, and their tests
// pass, and fail when their expectations are changed.
func TestDocumentedFiles(t *testing.T) {
	for page, rules := range map[string]int{"rules.md": 4, "exceptions.md": 1} {
		t.Run(page, func(t *testing.T) {
			text, err := os.ReadFile("../../../../docs/" + page)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, block := range namedBlock.FindAllStringSubmatch(string(text), -1) {
				files[block[1]] = block[2]
			}
			chdir(t, files)
			set, list := rule.Load(".")
			for _, r := range set.Rules() {
				plan, more := plans.For(r)
				if list = append(list, more...); plan == nil {
					t.Errorf("%s cannot run", r.Path)
				}
			}
			if set.Len() != rules || len(list) > 0 {
				t.Errorf("%d rules\n%s", set.Len(), render(t, list))
			}
			tests, list := ruletest.Load(".")
			if len(tests) == 0 || len(list) > 0 {
				t.Fatal(render(t, list))
			}
			for _, f := range tests {
				passes(t, f)
			}
		})
	}
}

// passes requires every test of a file to pass, and to fail with other expectations.
func passes(t *testing.T, f ruletest.File) {
	t.Helper()
	for i := range f.Tests {
		results, list, err := ruletest.Run(t.Context(), shipped, f)
		if err != nil || len(list) > 0 {
			t.Fatalf("%s: %v, %v", f.Path, list, err)
		}
		if !results[i].Passed {
			t.Errorf("%s: %s", f.Path, render(t, results[i].Problems))
		}
		f.Tests[i].Alerts = append(f.Tests[i].Alerts, "nosuch")
		if results, _, err := ruletest.Run(t.Context(), shipped, f); err != nil || results[i].Passed {
			t.Errorf("%s: test %d passes whatever it wants: %v", f.Path, i, err)
		}
		f.Tests[i].Alerts = f.Tests[i].Alerts[:len(f.Tests[i].Alerts)-1]
	}
}

// Every type of entry and of value list is in the page about exceptions.
func TestDocumentedEntries(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/exceptions.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		string(rule.EntryMatch), string(rule.EntryMatchAny), string(rule.EntryExists), string(rule.EntryWildcard), string(rule.EntryList), string(rule.EntryNested),
		string(rule.ValueIP), string(rule.ValueIPRange), string(rule.ValueKeyword), string(rule.ValueText),
	} {
		if !strings.Contains(string(text), "| `"+name+"` |") {
			t.Errorf("exceptions.md does not explain %s", name)
		}
	}
}

// A file of several rules says which one is tested, and only that is.
func TestRuleOfSeveral(t *testing.T) {
	const common = `"description":"D","risk_score":1,"severity":"low","type":"query","language":"kuery","index":["logs-*"]`
	tests := []struct{ id, problem string }{
		{"two", ""},
		{"", "r.test.toml:8:10: error: event hit should make an alert and does not"}, // the first rule, which finds other events
		{"three", "r.test.toml:4:8: error: export.ndjson has no rule three [ruletest/rule]"},
	}
	for _, tt := range tests {
		chdir(t, map[string]string{
			"export.ndjson": `{"rule_id":"one","name":"One",` + common + `,"query":"process.name: ls"}` + "\n" + `{"rule_id":"two","name":"Two",` + common + `,"query":"process.name: sh"}` + "\n",
			"r.test.toml":   "rule = \"export.ndjson\"\nrule_id = \"" + tt.id + "\"\n[[test]]\nname = \"n\"\nevents = '''\n" + hit + "\n'''\nalerts = [\"hit\"]\n",
		})
		files, list := ruletest.Load("r.test.toml")
		if len(list) > 0 {
			t.Fatal(render(t, list))
		}
		results, _, err := ruletest.Run(t.Context(), shipped, files[0])
		if err != nil || len(results) != 1 || results[0].Passed != (tt.problem == "") {
			t.Fatalf("%s: %v, %v", tt.id, results, err)
		}
		if got := render(t, results[0].Problems); !strings.HasPrefix(got, tt.problem) {
			t.Errorf("%s: %s", tt.id, got)
		}
	}
}
