package main

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/report"
	"tocsin/internal/rule"
	"tocsin/rules"
)

// loadRules loads what --rules names, or the shipped rules. A path that cannot be read is a mistake
// of the caller, which keeps no other rule from loading; everything else that is wrong is in the
// list.
func loadRules(paths []string) (rule.Set, diag.List, error) {
	if len(paths) == 0 {
		set, diags := rule.LoadFS(rules.FS, ".")
		return set, diags, nil
	}
	good, complaint := readable("rules", paths)
	set, diags := rule.Load(good...)
	return set, diags, complaint
}

// planned is a rule set with the plans of the rules that can run and the report on all.
type planned struct {
	plans  []query.Plan
	report report.Report
	// disabled are the rules that could be loaded and say enabled = false, idle the plans of those
	// that could run.
	disabled []*rule.Rule
	idle     []query.Plan
	// failed tells that a rule which is not disabled cannot run.
	failed bool
}

// planRules loads and plans. The error is a mistake of the caller that came beside rules that may
// well run.
func planRules(paths []string) (planned, error) {
	set, diags, err := loadRules(paths)
	byFile := map[string]diag.List{}
	for _, d := range diags {
		byFile[d.File] = append(byFile[d.File], d)
	}
	var p planned
	for _, r := range set.Broken() {
		p.add(r, byFile[r.Path], nil)
		delete(byFile, r.Path)
	}
	for _, r := range set.Rules() {
		plan, more := query.For(r)
		list := slices.Concat(byFile[r.Path], more)
		list.Sort()
		delete(byFile, r.Path)
		p.add(r, list, plan)
	}
	for _, file := range slices.Sorted(maps.Keys(byFile)) { // files that could not even be read
		p.report.Add(report.Result{Path: file, Status: report.Invalid, Diagnostics: byFile[file]})
		p.failed = true
	}
	slices.SortStableFunc(p.report.Results, func(a, b report.Result) int { return strings.Compare(a.Path, b.Path) })
	return p, err
}

// add keeps the plan of a rule, if it has one, and what is to be reported of it.
func (p *planned) add(r *rule.Rule, list diag.List, plan query.Plan) {
	out := report.Result{
		Path: r.Path, RuleID: r.ID, Name: r.Name, Type: string(r.Type), Language: string(r.Language),
		Status: report.Judge(list), Diagnostics: list,
	}
	if plan != nil && out.Status == report.Valid {
		out.Strategy = string(plan.Strategy())
	}
	p.report.Add(out)
	switch disabled := out.Status != report.Invalid && r.Enabled != nil && !*r.Enabled; {
	case disabled: // one that is invalid may not mean it
		p.disabled = append(p.disabled, r)
		if plan != nil {
			p.idle = append(p.idle, plan)
		}
	case plan == nil:
		p.failed = true
	default:
		p.plans = append(p.plans, plan)
	}
}

// problems returns what there is to say of all rules.
func (p planned) problems() diag.List {
	var list diag.List
	for _, r := range p.report.Results {
		list = append(list, r.Diagnostics...)
	}
	return list
}

// findPlan plans the rule that ref means: one of --rules, or a file of its own. The plan is nil when
// the list says why the rule cannot run.
func findPlan(paths []string, ref string) (query.Plan, diag.List, error) {
	if canRead(ref) == nil && ref != "-" {
		paths = []string{ref}
	}
	set, diags, complaint := loadRules(paths)
	for _, r := range set.Broken() {
		if ref == r.Path || ref == r.ID || ref == r.Name {
			return nil, of(r, diags), nil
		}
	}
	r, err := set.Find(ref)
	switch {
	case err == nil:
	case complaint != nil:
		return nil, nil, complaint
	default:
		return nil, nil, usageError{err}
	}
	plan, more := query.For(r)
	return plan, append(of(r, diags), more...), nil
}

// of returns the diagnostics about a rule's file.
func of(r *rule.Rule, all diag.List) diag.List {
	return slices.DeleteFunc(slices.Clone(all), func(d diag.Diagnostic) bool { return d.File != r.Path })
}
