package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"

	"tocsin/cmd/runner/internal/geoip"
	"tocsin/cmd/runner/internal/report"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/catalog"
	"tocsin/internal/sigma"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/membership"
	"tocsin/rules"
)

// loadRules loads the rules of paths, or the shipped rules if paths is empty. A path that cannot be read is a usage
// error, with which the other paths are still loaded; all other mistakes are in the list.
func (g *globals) loadRules(ctx context.Context, paths []string) (catalog.Catalog, diag.List, error) {
	views, complaint := g.dataViews()
	options, left, more := g.splunkOptions()
	complaint = errors.Join(complaint, more)
	if len(paths) == 0 {
		set, diags, err := catalog.LoadFS(ctx, options, rules.FS, ".")
		g.name(set)
		return set, append(left, diags...), errors.Join(complaint, err)
	}
	good, more := readable("rules", paths)
	set, diags, err := catalog.Load(ctx, options, good...)
	set.UseDataViews(views)
	g.name(set)
	return set, append(left, diags...), errors.Join(complaint, more, err)
}

// name makes the names of rules known to the log.
func (g *globals) name(set catalog.Catalog) {
	names := map[string]string{}
	for _, r := range slices.Concat(set.Broken(), set.Rules()) {
		if r.ID != "" && r.Name != "" {
			names[r.ID] = r.Name
		}
	}
	g.names.Set(names)
}

// splunkOptions returns the options of searches in SPL. The field maps of --field-map override the shipped one.
func (g *globals) splunkOptions() (catalog.Options, diag.List, error) {
	m := fieldmap.Default()
	var left diag.List
	good, complaint := readable("field-map", g.FieldMap)
	for _, name := range good {
		text, err := os.ReadFile(name)
		if err != nil {
			complaint = errors.Join(complaint, usagef("field-map: %w", err))
			continue
		}
		more, diags := fieldmap.Load(diag.NewText(name, string(text)), membership.Check, pushdown.Check)
		left = append(left, diags...)
		m = m.Over(more)
	}
	m = m.In("Risk", elastic.RiskAlias(cmp.Or(g.riskNamespace, g.Namespace)))
	var locate func(string) map[string]string
	if g.GeoIP != "" {
		db, err := geoip.Open(g.GeoIP) // for as long as the process lives
		if err != nil {
			complaint = errors.Join(complaint, usagef("geoip: %w", err))
		} else {
			locate = db.Locate
		}
	}
	sigmas, more, err := g.sigmaOptions()
	return catalog.Options{
		Locate: locate, Map: &m, Index: rule.SplitPatterns(g.SplunkIndex), SplunkURL: strings.TrimSuffix(string(g.SplunkURL), "/"), Skew: int(g.Skew), OnlyEnabled: g.OnlyEnabled, Sigma: sigmas,
	}, append(left, more...), errors.Join(complaint, err)
}

// sigmaOptions are what rules of Sigma are run with.
func (g *globals) sigmaOptions() (catalog.Sigma, diag.List, error) {
	o := catalog.Sigma{Index: rule.SplitPatterns(g.SigmaIndex), Statuses: g.SigmaStatus, Levels: g.SigmaLevel, Placeholders: map[string][]string{}, LongestSpan: g.CorrelationMax, RunUnmapped: g.SigmaUnmapped == "run"}
	var left diag.List
	grades, err := sigma.GradesWith(g.SigmaGrade)
	if err != nil {
		return o, nil, usagef("sigma-grade: %w", err)
	}
	o.Grades = grades
	if err := sigma.CheckSelection(g.SigmaStatus, g.SigmaLevel); err != nil {
		return o, nil, usageError{err}
	}
	good, complaint := readable("sigma-placeholders", g.SigmaPlaceholders)
	for _, name := range good {
		text, err := os.ReadFile(name)
		if err != nil {
			complaint = errors.Join(complaint, usagef("sigma-placeholders: %w", err))
			continue
		}
		values, diags := sigma.Placeholders(diag.NewText(name, string(text)))
		left = append(left, diags...)
		maps.Copy(o.Placeholders, values)
	}
	good, more := readable("sigma-schedule", g.SigmaSchedule)
	complaint = errors.Join(complaint, more)
	for _, name := range good {
		text, err := os.ReadFile(name)
		if err != nil {
			complaint = errors.Join(complaint, usagef("sigma-schedule: %w", err))
			continue
		}
		schedules, diags := sigma.ReadSchedules(diag.NewText(name, string(text)))
		left = append(left, diags...)
		o.Schedules = o.Schedules.Then(schedules)
	}
	return o, left, complaint
}

// planned holds the plans of the rules that can run, and the report on all rules.
type planned struct {
	plans  []query.Plan
	report report.Report
	// disabled holds the loaded rules with enabled = false; idle holds the plans of those disabled rules
	// that could run.
	disabled []*rule.Rule
	idle     []query.Plan
	// silent holds the rules that alert only through a correlation; their plans are idle.
	silent []*rule.Rule
	// broken holds the rules with an id that cannot run.
	broken []*rule.Rule
	// set has all of these rules.
	set catalog.Catalog
	// failed reports that a rule that is not disabled cannot run.
	failed bool
}

// planRules loads and plans the rules of paths. The error is a usage error; the planned rules can still
// run.
func (g *globals) planRules(ctx context.Context, paths []string) (planned, error) {
	set, left, err := g.loadRules(ctx, paths)
	p := planned{set: set}
	owned := rule.NewOwned(left)
	for _, r := range set.Broken() {
		p.add(r, owned.Take(r), nil)
	}
	rules := set.Rules()
	for i, made := range set.Plans(rules) {
		mine := append(owned.Take(rules[i]), made.Diags...)
		mine.Sort()
		p.add(rules[i], mine, made.Plan)
	}
	p.others(append(owned.Left(), set.UnmetSchedules()...))
	if status, level := set.SigmaCounts(); len(status) > 0 {
		p.report.Sigma = &report.SigmaCounts{Status: status, Level: level}
	}
	slices.SortStableFunc(p.report.Results, func(a, b report.Result) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	return p, err
}

// others reports diagnostics that belong to no rule. A file that could not be read counts as an invalid rule, because
// it may have one; files of exceptions and lists do not count.
func (p *planned) others(left diag.List) {
	for _, d := range left {
		if d.Line == 0 && d.Severity == diag.Error {
			p.report.Add(report.Result{Path: d.File, Status: report.Invalid, Diagnostics: diag.List{d}})
		} else {
			p.report.Diagnostics = append(p.report.Diagnostics, d)
		}
	}
	p.failed = p.failed || left.HasErrors()
}

// add adds a rule with its diagnostics, and its plan, which is nil if it cannot run, to the report.
func (p *planned) add(r *rule.Rule, list diag.List, plan query.Plan) {
	out := report.Result{
		Path: r.Path, Line: r.Line, RuleID: r.ID, Name: r.Name, Type: string(r.Type), Language: string(r.Language),
		Status: report.Judge(list), Diagnostics: list,
	}
	if plan != nil && out.Status == report.Valid {
		out.Strategy = string(plan.Strategy())
	}
	p.report.Add(out)
	switch disabled := out.Status != report.Invalid && r.Enabled != nil && !*r.Enabled; {
	case disabled: // an invalid rule counts as invalid, not as disabled
		p.disabled = append(p.disabled, r)
		if plan != nil {
			p.idle = append(p.idle, plan)
		}
	case plan == nil:
		p.failed = true
		if r.ID != "" {
			p.broken = append(p.broken, r)
		}
	case r.SilencedBy != "":
		p.silent, p.idle = append(p.silent, r), append(p.idle, plan)
	default:
		p.plans = append(p.plans, plan)
	}
}

// problems returns the diagnostics of all rules.
func (p planned) problems() diag.List {
	list := slices.Clone(p.report.Diagnostics)
	for _, r := range p.report.Results {
		list = append(list, r.Diagnostics...)
	}
	return list
}

// findPlan plans the rule with the id, name or path ref: a rule of --rules, or a file besides them. The plan
// is nil when the list says why the rule cannot run.
func (g *globals) findPlan(ctx context.Context, ref string) (query.Plan, diag.List, error) {
	paths := g.Rules
	if canRead(ref) == nil && ref != "-" {
		paths = append([]string{ref}, paths...)
	}
	if _, err := g.dataViews(); err != nil {
		return nil, nil, err
	}
	set, diags, complaint := g.loadRules(ctx, paths)
	for _, r := range set.Broken() {
		if ref == r.Path || ref == r.ID || ref == r.Name {
			return nil, rule.NewOwned(diags).Take(r), nil
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
	plan, more := set.Plan(r)
	return plan, append(rule.NewOwned(diags).Take(r), more...), nil
}
