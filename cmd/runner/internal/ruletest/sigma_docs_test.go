package ruletest_test

import (
	"os"
	"testing"

	"tocsin/cmd/runner/internal/ruletest"
)

// TestCorrelationPage: the rules and tests of the page about correlations work, and each test can fail.
func TestCorrelationPage(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/sigma-correlations.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, block := range namedBlock.FindAllStringSubmatch(string(text), -1) {
		files[block[1]] = block[2]
	}
	chdir(t, files)
	tests, diags := ruletest.Load(".")
	if len(tests) != 1 || len(diags) > 0 {
		t.Fatalf("%d test files, %v", len(tests), diags)
	}
	runPage(t, tests[0])
}
