package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/report"
	"tocsin/internal/rule"
	"tocsin/rules"
)

// loadRules loads what --rules names, or the shipped rules. A path that does not exist is a
// mistake of the caller; everything else that is wrong is in the list.
func loadRules(paths []string) (rule.Set, diag.List, error) {
	if len(paths) == 0 {
		set, diags := rule.LoadFS(rules.FS, ".")
		return set, diags, nil
	}
	var missing []error
	for _, p := range paths {
		if _, err := os.Stat(p); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, fmt.Errorf("rules: %s does not exist", p))
		}
	}
	set, diags := rule.Load(paths...)
	if len(missing) > 0 {
		return set, diags, usageError{errors.Join(missing...)}
	}
	return set, diags, nil
}

// planned is a rule set with the plans of the rules that can run and the report on all.
type planned struct {
	set    rule.Set
	plans  []query.Plan
	report report.Report
}

// planRules loads and plans. The error is a mistake of the caller that came beside rules that may
// well run.
func planRules(paths []string) (planned, error) {
	set, diags, err := loadRules(paths)
	p := planned{set: set}
	byFile := map[string]diag.List{}
	for _, d := range diags {
		byFile[d.File] = append(byFile[d.File], d)
	}
	for _, r := range set.Broken() {
		p.report.Add(result(r, byFile[r.Path], nil))
		delete(byFile, r.Path)
	}
	for _, r := range set.Rules() {
		plan, more := query.For(r)
		list := append(byFile[r.Path], more...)
		list.Sort()
		delete(byFile, r.Path)
		p.report.Add(result(r, list, plan))
		if plan != nil {
			p.plans = append(p.plans, plan)
		}
	}
	for file, list := range byFile { // files that could not even be read
		p.report.Add(report.Result{Path: file, Status: report.Invalid, Diagnostics: list})
	}
	return p, err
}

func result(r *rule.Rule, list diag.List, plan query.Plan) report.Result {
	out := report.Result{
		Path: r.Path, RuleID: r.ID, Name: r.Name, Type: string(r.Type), Language: string(r.Language),
		Status: report.Judge(list), Diagnostics: list,
	}
	if plan != nil && out.Status == report.Valid {
		out.Strategy = string(plan.Strategy())
	}
	return out
}

// problems returns the diagnostics of rules that cannot run, and warnings of the others.
func (p planned) problems() diag.List {
	var list diag.List
	for _, r := range p.report.Results {
		list = append(list, r.Diagnostics...)
	}
	return list
}

// allValid reports whether every rule can run.
func (p planned) allValid() bool { return p.report.Valid == p.report.Rules }

// find returns the plan of the rule that ref means; a rule file that is no part of the set is
// loaded by itself.
func findPlan(paths []string, ref string) (query.Plan, diag.List, error) {
	if info, err := os.Stat(ref); err == nil && !info.IsDir() {
		paths = []string{ref}
	}
	set, diags, err := loadRules(paths)
	if err != nil {
		return nil, diags, err
	}
	r, err := set.Find(ref)
	if err != nil {
		return nil, diags, usageError{err}
	}
	plan, more := query.For(r)
	return plan, more, nil
}
