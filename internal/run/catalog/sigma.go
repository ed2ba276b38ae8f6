package catalog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/sigma"
)

// Sigma says how rules of Sigma are run.
type Sigma struct {
	// Index are the index patterns of rules whose log source the field map does not name, and of others beside the map's.
	Index []string
	// Placeholders are the values of expand.
	Placeholders map[string][]string
	// Statuses and Levels are those of the rules that run: the others are disabled. A rule that has none counts as
	// stable, and as medium. nil: all but the statuses deprecated and unsupported.
	Statuses, Levels []string
	// Grades is the severity and the risk score by level; nil: as shipped.
	Grades map[string]sigma.Grade
	// LongestSpan is the longest timespan of a correlation; 0 is none.
	LongestSpan time.Duration
	// Schedules say when and where rules run that do not say so themselves.
	Schedules sigma.Schedules
	// RunUnmapped: a rule whose log source the field map does not name runs even if it is true of events that have none
	// of its fields. Else it is refused.
	RunUnmapped bool
}

// addSigma reads files of Sigma.
func (c *Catalog) addSigma(ctx context.Context, texts []diag.Text) (diag.List, error) {
	o := c.options.Sigma
	library, diags, err := sigma.Load(ctx, sigma.Options{Placeholders: o.Placeholders, LongestSpan: o.LongestSpan}, texts...)
	if err != nil {
		return nil, fmt.Errorf("load rules: %w", err)
	}
	grades := o.Grades
	if grades == nil {
		grades = sigma.Grades()
	}
	names := fieldmap.Default()
	if c.options.Map != nil {
		names = *c.options.Map
	}
	diags = append(diags, o.Schedules.Assign(library.Rules, library.Correlations...)...)
	c.sigma, c.bySigma = make(map[*rule.Rule]sigmaRule, len(library.Rules)), make(map[*sigma.Rule]*rule.Rule, len(library.Rules))
	for _, s := range library.Rules {
		one := sigmaRule{rule: s, events: names.Events(s.LogSource)}
		index := fieldmap.In(o.Index, one.events)
		if len(one.events) == 0 {
			s.Diags = append(s.Diags, o.unmapped(s)...)
		}
		r := s.Rule(index, grades)
		r.IndexSupposed = len(one.events) > 0
		o.enable(r, s.Status, s.Level)
		c.sigma[r], c.bySigma[s] = one, r
		diags = append(diags, c.Add(r, s.Diags)...)
	}
	return append(diags, c.addCorrelations(library, grades)...), nil
}

// unmapped reports a log source that is not known.
func (o Sigma) unmapped(s *sigma.Rule) diag.List {
	if s.Detection != nil && !o.RunUnmapped && s.Condition().HoldsOfNothing() {
		return diag.List{s.Report(diag.Error, sigma.CodeUnmappedSource, "logsource",
			"no map names the log source %s, and the rule is true of events that have none of its fields: map the log source, or run such rules with --sigma-unmapped run", s.LogSource)}
	}
	return diag.List{s.Report(diag.Warning, sigma.CodeUnmappedSource, "logsource",
		"no map names the log source %s: fields keep their names, in %s", s.LogSource, strings.Join(o.Index, ", "))}
}

// Filters are the titles of the filters of Sigma that apply to a rule.
func (c *Catalog) Filters(r *rule.Rule) []string {
	var titles []string
	if s, ok := c.sigma[r]; ok {
		for _, f := range s.rule.Filters {
			titles = append(titles, f.Title)
		}
	}
	return titles
}

// PlanUnfiltered plans a rule of Sigma as if no filter applied to it.
func (c *Catalog) PlanUnfiltered(r *rule.Rule) (query.Plan, diag.List) {
	s, ok := c.sigma[r]
	if !ok {
		return c.Plan(r)
	}
	alone := *s.rule
	alone.Filters = nil
	return sigmaRule{&alone, s.events}.plan(r)
}

// SigmaCounts returns the numbers of the rules of Sigma by status and by level, those that do not run included;
// "none" is a rule without one.
func (c *Catalog) SigmaCounts() (status, level map[string]int) {
	status, level = map[string]int{}, map[string]int{}
	for _, s := range c.sigma {
		status[cmp.Or(s.rule.Status, "none")]++
		level[cmp.Or(s.rule.Level, "none")]++
	}
	for _, s := range c.correlations {
		status[cmp.Or(s.Status, "none")]++
		level[cmp.Or(s.Level, "none")]++
	}
	return status, level
}

// UnmetSchedules are notes about the schedules of the options that are for none of the rules.
func (c *Catalog) UnmetSchedules() diag.List {
	var rules []*sigma.Rule
	for _, s := range c.sigma {
		rules = append(rules, s.rule)
	}
	return c.options.Sigma.Schedules.Unmet(rules, slices.Collect(maps.Values(c.correlations))...)
}

// sigmaRule is a rule with the events of its log source.
type sigmaRule struct {
	rule   *sigma.Rule
	events []fieldmap.Events
}

// plan plans the rule. What is wrong with its detection was said when it was loaded.
func (s sigmaRule) plan(r *rule.Rule) (query.Plan, diag.List) {
	if s.rule.Detection == nil {
		return nil, nil
	}
	return plans.ForCondition(r, s.rule.Condition(s.events...)) //nolint:wrapcheck // diagnostics are no error
}

// enable disables a rule that is not one of those that are wanted.
func (o Sigma) enable(r *rule.Rule, status, level string) {
	if !o.runs(cmp.Or(status, "stable"), cmp.Or(level, "medium")) {
		disabled := false
		r.Enabled = &disabled
	}
}

func (o Sigma) runs(status, level string) bool {
	if o.Statuses == nil && (status == "deprecated" || status == "unsupported") {
		return false
	}
	return (o.Statuses == nil || slices.Contains(o.Statuses, status)) && (o.Levels == nil || slices.Contains(o.Levels, level))
}

// Foreign is a field that a rule names as another product does.
type Foreign struct {
	Name string
	// Known are the names that the field map knows where the rule looks.
	Known []string
	// Report makes a diagnostic at the name.
	Report func(sev diag.Severity, code, format string, args ...any) diag.Diagnostic
}

// Foreign returns the fields that a rule of Sigma names, if the field map knows its log source.
func (c *Catalog) Foreign(r *rule.Rule) []Foreign {
	s, ok := c.sigma[r]
	if !ok || s.rule.Detection == nil || len(s.events) == 0 {
		return nil
	}
	var known []string
	for _, e := range s.events {
		known = append(known, e.Known()...)
	}
	var out []Foreign
	s.rule.Detection.Fields(func(name string, report func(diag.Severity, string, string, ...any) diag.Diagnostic) {
		out = append(out, Foreign{name, known, report})
	})
	return out
}
