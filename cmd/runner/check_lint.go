package main

import (
	"path/filepath"
	"slices"
	"strings"

	"tocsin/cmd/runner/internal/report"
	"tocsin/cmd/runner/internal/ruletest"
	"tocsin/internal/diag"
	"tocsin/internal/lint"
	"tocsin/internal/rule"
)

// lints returns the lints that the flags choose.
func (c *checkCmd) lints() ([]lint.Lint, error) {
	lints, unknown := lint.Select(c.Lint)
	if len(unknown) == 0 {
		return lints, nil
	}
	var known []string
	for _, l := range lint.All() {
		known = append(known, strings.TrimPrefix(l.Code, "lint/"))
	}
	if near := diag.Nearest(strings.TrimPrefix(unknown[0], "lint/"), known); near != "" {
		return nil, usagef("--lint %s is not a lint: did you mean %s?", unknown[0], near)
	}
	return nil, usagef("--lint %s is not a lint: docs/lints.md lists them; all means every one", unknown[0])
}

// lint adds the diagnostics of lints to the report, and takes out of it what the rules' authors ignore.
func (c *checkCmd) lint(rules *planned, lints []lint.Lint, paths []string) {
	type place struct {
		path string
		line int
		id   string
	}
	tested := testedRules(lints, paths)
	subjects := make([]*lint.Subject, 0, len(rules.plans)+len(rules.idle))
	for _, plan := range slices.Concat(rules.plans, rules.idle) {
		s := lint.NewSubject(plan.Rule())
		s.Tested = tested(s.Rule)
		for _, f := range rules.set.Foreign(s.Rule) {
			s.Foreign = append(s.Foreign, lint.Foreign(f))
		}
		subjects = append(subjects, s)
	}
	slices.SortStableFunc(subjects, func(a, b *lint.Subject) int { return strings.Compare(a.Rule.Path, b.Rule.Path) })
	byPlace := map[place]int{}
	for i, s := range subjects {
		byPlace[place{s.Rule.Path, s.Rule.Line, s.Rule.ID}] = i
	}
	found := lint.Run(lints, subjects)
	out := report.Report{Diagnostics: rules.report.Diagnostics, Sigma: rules.report.Sigma, Here: rules.report.Here}
	for _, r := range rules.report.Results {
		if i, ok := byPlace[place{r.Path, r.Line, r.RuleID}]; ok {
			r.Diagnostics = subjects[i].Keep(lint.Merge(r.Diagnostics, found[i]))
			if r.Status = report.Judge(r.Diagnostics); r.Status != report.Valid {
				r.Strategy = ""
			}
		}
		out.Add(r)
	}
	rules.report = out
}

// testedRules returns whether a rule has a test, as far as one of the lints asks for it.
func testedRules(lints []lint.Lint, paths []string) func(*rule.Rule) bool {
	asked := slices.ContainsFunc(lints, func(l lint.Lint) bool { return l.Code == "lint/no-test" })
	if !asked || len(paths) == 0 { // every shipped rule has one
		return func(*rule.Rule) bool { return true }
	}
	good, _ := readable("rules", paths) // what cannot be read is reported with the rules
	files, _ := ruletest.Load(good...)  // faults of tests are for the command test
	tested := map[string][]string{}
	for _, f := range files {
		if len(f.Tests) > 0 {
			tested[filepath.Clean(f.Rule)] = append(tested[filepath.Clean(f.Rule)], f.RuleID)
		}
	}
	published, _ := ruletest.LoadPublished(good...)
	for _, p := range published {
		tested[filepath.Clean(p.Rule)] = append(tested[filepath.Clean(p.Rule)], p.ID)
	}
	return func(r *rule.Rule) bool {
		return slices.ContainsFunc(tested[filepath.Clean(r.Path)], func(id string) bool { return id == "" || id == r.ID })
	}
}

// warned reports whether a report has a warning.
func warned(r report.Report) bool {
	is := func(l diag.List) bool {
		return slices.ContainsFunc(l, func(d diag.Diagnostic) bool { return d.Severity == diag.Warning })
	}
	return is(r.Diagnostics) || slices.ContainsFunc(r.Results, func(r report.Result) bool { return is(r.Diagnostics) })
}
