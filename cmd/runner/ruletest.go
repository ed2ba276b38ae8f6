package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tocsin/cmd/runner/internal/ruletest"
	"tocsin/internal/diag"
	"tocsin/internal/run/catalog"
)

// testCmd runs rule tests.
type testCmd struct {
	Paths []string `arg:"" name:"path" help:"Test files (*.test.toml), rule files with tests next to them (Sigma: regression_tests_path), and directories."`
}

// Run is the subcommand. It fails when a test fails, or when a test file or its rule has errors.
func (c *testCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	paths, complaint := readable("test", c.Paths)
	files, diags := ruletest.Load(paths...)
	if err := a.show(diags); err != nil {
		return err
	}
	options, left, more := a.global.splunkOptions()
	if err := a.show(left); err != nil {
		return err
	}
	complaint = errors.Join(complaint, more)
	failed := diags.HasErrors() || left.HasErrors()
	var all []ruletest.Result
	for _, f := range files {
		results, broken, err := a.test(ctx, options, f)
		if err != nil {
			return err
		}
		all = append(all, results...)
		failed = failed || broken
	}
	published, unread, broken, err := a.publishedTests(ctx, options, paths)
	if err != nil {
		return err
	}
	all, failed = append(all, published...), failed || broken
	passed := 0
	for _, r := range all {
		if r.Passed {
			passed++
		}
	}
	if err := a.writeResults(all, passed); err != nil {
		return err
	}
	switch {
	case complaint != nil:
		return complaint
	case failed || passed < len(all):
		return errFailed
	case len(all) == 0:
		none := "no rule tests (*.test.toml, or Sigma's regression_tests_path) found"
		if unread {
			none = "no rule tests that can be run"
		}
		return usagef("test: %s in %s", none, strings.Join(c.Paths, ", "))
	}
	return nil
}

// publishedTests runs the tests that rules of Sigma name; unread reports that some cannot be run, broken that one of
// their files or rules has errors.
func (a *app) publishedTests(ctx context.Context, options catalog.Options, paths []string) (results []ruletest.Result, unread, broken bool, err error) {
	published, diags := ruletest.LoadPublished(paths...)
	if err := a.show(diags); err != nil {
		return nil, false, false, err
	}
	results, more, err := ruletest.RunPublished(ctx, options, published, a.global.Rules...)
	if err != nil {
		return nil, false, false, fmt.Errorf("test: %w", err)
	}
	return results, len(diags) > 0, diags.HasErrors() || more.HasErrors(), a.show(more)
}

// test runs the tests of one file; broken reports that its rule cannot be tested.
func (a *app) test(ctx context.Context, o catalog.Options, f ruletest.File) (results []ruletest.Result, broken bool, err error) {
	results, diags, err := ruletest.Run(ctx, o, f, a.global.Rules...)
	if err != nil {
		return nil, false, fmt.Errorf("test: %w", err)
	}
	return results, diags.HasErrors(), a.show(diags)
}

func (a *app) writeResults(all []ruletest.Result, passed int) error {
	if a.global.Format != "text" {
		return writeJSON(a.out, a.global.Format, all)
	}
	for _, r := range all {
		verdict := "ok    "
		if !r.Passed {
			verdict = "FAILED"
		}
		if _, err := fmt.Fprintf(a.out, "%s  %s: %s\n", verdict, r.File, r.Name); err != nil {
			return wrapWrite(err)
		}
		if err := diag.Render(a.out, r.Problems); err != nil {
			return err //nolint:wrapcheck // it says what it was doing
		}
	}
	_, err := fmt.Fprintf(a.out, "%d passed, %d failed\n", passed, len(all)-passed)
	return wrapWrite(err)
}
