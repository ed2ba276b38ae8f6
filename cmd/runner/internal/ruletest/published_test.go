package ruletest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/cmd/runner/internal/ruletest"
	"tocsin/internal/testkit/conformance"
)

// publish writes the sets of a corpus in the layout of SigmaHQ into a folder, and returns the folder of their rules. The
// events of a set are those that change makes of them; a set without events is left out.
func publish(t *testing.T, dir, corpus string, sets []conformance.SigmaSet, change func(set conformance.SigmaSet, rule string) []map[string]any) string {
	t.Helper()
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for n, set := range sets {
		rule, err := os.ReadFile(filepath.Join(corpus, set.Rule))
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("regression_data/%03d", n)
		if m := named.FindStringSubmatch(string(rule)); m != nil {
			name = m[1]
		} else {
			rule = fmt.Appendf(rule, "\nregression_tests_path: %s/info.yml\n", name)
		}
		events := change(set, string(rule))
		if len(events) == 0 {
			continue
		}
		var lines strings.Builder
		for _, e := range events {
			text, err := json.MarshalIndent(e, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			lines.Write(append(text, '\n'))
		}
		write(filepath.Join(dir, set.Rule), string(rule))
		write(filepath.Join(dir, name, "one.json"), lines.String())
		write(filepath.Join(dir, name, "info.yml"), "regression_tests_info:\n- name: "+filepath.Base(set.Rule)+"\n  type: evtx\n  path: "+name+"/one.evtx\n")
	}
	return filepath.Join(dir, "rules")
}

var named = regexp.MustCompile(`(?m)^regression_tests_path: *(\S+)/info\.yml`)

// published are the sets of the corpus.
func published(t *testing.T) (corpus string, sets []conformance.SigmaSet) {
	t.Helper()
	corpus = "../../../../../shared/corpus/sigma"
	sets, err := conformance.SigmaSets(corpus)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the corpus is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	return corpus, sets
}

// results runs the tests of the rules in a folder.
func results(t *testing.T, folder string) []ruletest.Result {
	t.Helper()
	tests, list := ruletest.LoadPublished(folder)
	if len(list) > 0 {
		t.Fatal(render(t, list))
	}
	out, list, err := ruletest.RunPublished(t.Context(), shipped, tests)
	if err != nil || list.HasErrors() {
		t.Fatal(render(t, list), err)
	}
	return out
}

// TestPublished wants every published event to be found, in both forms.
func TestPublished(t *testing.T) {
	corpus, sets := published(t)
	all := results(t, publish(t, t.TempDir(), corpus, sets, func(set conformance.SigmaSet, _ string) []map[string]any {
		var out []map[string]any
		for i, e := range set.Events {
			if set.Finds()[i] {
				out = append(out, e)
			}
		}
		return out
	}))
	if len(all) != len(sets) {
		t.Errorf("%d tests of %d sets", len(all), len(sets))
	}
	for _, r := range all {
		if !r.Passed || len(r.Problems) > 0 {
			t.Errorf("%s: %s", r.Name, render(t, r.Problems))
		}
	}
}

// TestPublishedNear changes the fields of published events that their rules test: all of them, then nothing is found, and
// one by one, then something is lost, unless the rule has alternatives.
func TestPublishedNear(t *testing.T) {
	corpus, sets := published(t)
	changed := 0
	all := results(t, publish(t, t.TempDir(), corpus, sets, func(set conformance.SigmaSet, rule string) []map[string]any {
		var out []map[string]any
		for _, e := range set.Events {
			clone := with(t, e, func(name string) bool { return tests(rule, name) })
			if clone == nil {
				t.Errorf("%s tests no field of its events", set.Rule)
				continue
			}
			out = append(out, clone)
		}
		changed++
		return out
	}))
	for _, r := range all {
		if r.Passed {
			t.Errorf("%s finds events without what it looks for", r.Name)
		}
	}
	if changed < 100 {
		t.Errorf("%d sets were changed", changed)
	}
	lost := map[string]int{}
	for n := range 6 {
		all := results(t, publish(t, t.TempDir(), corpus, sets, func(set conformance.SigmaSet, rule string) []map[string]any {
			if lost[filepath.Base(set.Rule)] > 0 {
				return nil
			}
			var out []map[string]any
			for i, e := range set.Events {
				if !set.Finds()[i] {
					continue
				}
				at := 0
				clone := with(t, e, func(name string) bool {
					if !tests(rule, name) {
						return false
					}
					at++
					return at == n+1
				})
				if clone != nil {
					out = append(out, clone)
				}
			}
			return out
		}))
		for _, r := range all {
			if !r.Passed {
				lost[r.Name]++
			}
		}
	}
	for _, set := range sets {
		text, err := os.ReadFile(filepath.Join(corpus, set.Rule))
		if err != nil {
			t.Fatal(err)
		}
		if lost[filepath.Base(set.Rule)] == 0 && !alternatives.Match(text) {
			t.Errorf("%s finds its events whichever of their fields is another", set.Rule)
		}
	}
}

// alternatives finds rules that one field of several can satisfy.
var alternatives = regexp.MustCompile(`(?m)^\s+condition:.*(\bor\b|1 of)|^\s+- '?\w+(\|\w+)*'?:`)

// tests reports whether a rule has a test of a field, or looks for words.
func tests(rule, name string) bool {
	name = strings.ReplaceAll(name, " ", "")
	return name == "_raw" || regexp.MustCompile(`(?m)^\s+(- )?'?`+regexp.QuoteMeta(name)+`(\|[\w|]+)?'?:`).MatchString(rule)
}

// with returns a copy of an event in which chosen fields are another; nil if there are none.
func with(t *testing.T, e map[string]any, chosen func(name string) bool) map[string]any {
	t.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var clone map[string]any
	if err := json.Unmarshal(text, &clone); err != nil {
		t.Fatal(err)
	}
	found := false
	var visit func(o map[string]any)
	visit = func(o map[string]any) {
		for _, name := range slices.Sorted(maps.Keys(o)) {
			if inner, ok := o[name].(map[string]any); ok && name != "Data" {
				visit(inner)
				continue
			}
			if chosen(name) {
				o[name] = "another"
				found = true
			}
		}
	}
	visit(clone)
	if !found {
		return nil
	}
	return clone
}

// TestPublishedDocs runs the test of docs/rule-tests.md.
func TestPublishedDocs(t *testing.T) {
	page, err := conformance.ReadPage("rule-tests.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, b := range page.Blocks {
		if head, _, ok := strings.Cut(b.Text, "\n"); ok && b.Info == "yaml" {
			path, _, _ := strings.Cut(strings.TrimPrefix(head, "# "), ",")
			files[path] = b.Text
		}
	}
	info := files["regression_data/whoami/info.yml"]
	id := regexp.MustCompile(`- id: (\S+)`).FindStringSubmatch(info)
	path := regexp.MustCompile(`(?m)^ +path: (\S+)`).FindStringSubmatch(info)
	if id == nil || path == nil {
		t.Fatalf("the page has no test: %v", files)
	}
	files["rules/whoami.yml"] = "title: Whoami\nid: " + id[1] + "\nlogsource: {product: windows, category: process_creation}\ndetection:\n  s:\n    Image|endswith: \\whoami.exe\n" +
		"  condition: s\n" + files["rules/whoami.yml"]
	files[path[1]] = `{"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Image": "C:\\whoami.exe"}`
	chdir(t, files)
	if all := results(t, "rules"); len(all) != 1 || !all[0].Passed {
		t.Errorf("%v", all)
	}
}
