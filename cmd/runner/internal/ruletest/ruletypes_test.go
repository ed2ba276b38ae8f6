package ruletest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"tocsin/cmd/runner/internal/ruletest"
)

// The rules and rule tests in the pages of rule types work, and each of the tests can fail. Pages
// without any are tested where their types are planned.
func TestRuleTypePages(t *testing.T) {
	pages, err := filepath.Glob("../../../../docs/rule-types/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal("there are no pages", err)
	}
	blocks := regexp.MustCompile("(?s)```toml\n# (\\S+)\n(.*?)```")
	contents := map[string]string{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if blocks.Match(text) {
			contents[filepath.Base(page)] = string(text)
		}
	}
	if len(contents) == 0 {
		t.Fatal("no page shows a rule and its test")
	}
	for page, text := range contents {
		t.Run(page, func(t *testing.T) {
			files := map[string]string{}
			for _, block := range blocks.FindAllStringSubmatch(text, -1) {
				files[block[1]] = block[2]
			}
			chdir(t, files)
			tests, diags := ruletest.Load(".")
			if len(tests) == 0 || len(diags) > 0 {
				t.Fatalf("%d test files, %v", len(tests), diags)
			}
			for _, file := range tests {
				runPage(t, file)
			}
		})
	}
}

func runPage(t *testing.T, file ruletest.File) {
	t.Helper()
	results, diags, err := ruletest.Run(t.Context(), shipped, file)
	if err != nil || diags.HasErrors() || len(results) != len(file.Tests) {
		t.Fatalf("%s: %v, %v, %v", file.Path, results, diags, err)
	}
	for i, result := range results {
		if !result.Passed {
			t.Error(render(t, result.Problems))
		}
		file.Tests[i].Alerts = append(file.Tests[i].Alerts, "nosuch")
	}
	results, _, err = ruletest.Run(t.Context(), shipped, file)
	for i, result := range results {
		if err != nil || result.Passed {
			t.Errorf("%s: test %d passes whatever it wants: %v", file.Path, i, err)
		}
	}
}
