package main

import (
	"context"
	"fmt"

	"tocsin/internal/ruletest"
)

// testCmd runs rule tests.
type testCmd struct {
	Paths []string `arg:"" name:"path" help:"Test files, rules that have one beside them, and directories."`
}

// Run is the subcommand.
func (c *testCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	files, diags := ruletest.Load(c.Paths...)
	if err := a.show(diags); err != nil {
		return err
	}
	var all []ruletest.Result
	failed := diags.HasErrors()
	for _, f := range files {
		results, diags, err := ruletest.Run(ctx, f)
		if err != nil {
			return fmt.Errorf("test: %w", err)
		}
		if err := a.show(diags); err != nil {
			return err
		}
		failed = failed || diags.HasErrors()
		all = append(all, results...)
	}
	if a.global.Format != "text" {
		if err := writeJSON(a.out, a.global.Format, all); err != nil {
			return err
		}
	}
	passed := 0
	for _, r := range all {
		if r.Passed {
			passed++
		}
		if a.global.Format != "text" {
			continue
		}
		if err := a.showResult(r); err != nil {
			return err
		}
	}
	if a.global.Format == "text" {
		if _, err := fmt.Fprintf(a.out, "%d passed, %d failed\n", passed, len(all)-passed); err != nil {
			return wrapWrite(err)
		}
	}
	switch {
	case failed || passed < len(all):
		return errFailed
	case len(all) == 0:
		return usagef("no rule test found")
	}
	return nil
}

func (a *app) showResult(r ruletest.Result) error {
	verdict := "ok    "
	if !r.Passed {
		verdict = "FAILED"
	}
	if _, err := fmt.Fprintf(a.out, "%s  %s: %s\n", verdict, r.File, r.Name); err != nil {
		return wrapWrite(err)
	}
	return a.show(r.Problems)
}
