package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/cmd/runner/internal/report"
	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/splunk/pushdown"
)

// checkCmd reports mistakes in rules without running them.
type checkCmd struct {
	Paths  []string `arg:"" optional:"" name:"path" help:"Rule files, Kibana exports and directories (default: --rules, or the shipped rules)."`
	Live   bool     `help:"Also check the rules against the mappings of --elasticsearch or --events. Implied by --events and --mapping on the command line."`
	Lint   []string `help:"Style lints to run besides the others: no-test, leading-wildcard, near-duplicate, or all." placeholder:"NAME"`
	Strict bool     `help:"Fail also if there are warnings."`

	// locator finds the indices of the sources of the field map; made when first needed.
	locator *pushdown.Locator
}

// Run is the subcommand. It fails when a rule is invalid or not supported.
func (c *checkCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf(report.Formats...); err != nil {
		return err
	}
	switch g := a.global; {
	case a.typed["mapping"] && len(g.Events) == 0:
		return usagef("--mapping needs --events FILE: the files say which indices there are")
	case a.typed["mapping"], a.typed["events"]:
		c.Live = true
	}
	lints, err := c.lints()
	if err != nil {
		return err
	}
	paths := c.Paths
	if len(paths) == 0 {
		paths = a.global.Rules
	}
	rules, complaint := a.global.planRules(ctx, paths)
	if c.Live {
		if err := c.live(ctx, a, &rules); err != nil {
			return err
		}
	}
	c.lint(&rules, lints, paths)
	out := a.out
	if a.global.Format == "text" {
		out = painted(a.screen)
	}
	if err := rules.report.Write(out, a.global.Format); err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	switch {
	case complaint != nil:
		return complaint
	case rules.report.Rules == 0:
		return usagef("rules: no rules found in %s", strings.Join(paths, ", "))
	case rules.report.Valid < rules.report.Rules, rules.report.Diagnostics.HasErrors(), c.Strict && warned(rules.report):
		return errFailed
	}
	return nil
}

// live adds the diagnostics of the rules under the current mappings.
func (c *checkCmd) live(ctx context.Context, a *app, rules *planned) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	more := map[string]diag.List{}
	plans := slices.Concat(rules.plans, rules.idle)
	bar := a.bars.add("rules", int64(len(plans)))
	defer bar.finish()
	for _, plan := range plans {
		list, err := c.prepare(ctx, b, plan)
		if err != nil {
			return err
		}
		more[plan.Rule().ID] = list
		bar.step()
	}
	rules.report = withMore(rules.report, more)
	return b.incomplete
}

func (c *checkCmd) prepare(ctx context.Context, b *backend, plan query.Plan) (diag.List, error) {
	r := plan.Rule()
	now := time.Now()
	prepared, list, err := plan.Prepare(ctx, query.Source{Events: b.events, At: now, Window: r.Window(now)})
	switch kind := failure.KindOf(err); {
	case err == nil:
	case kind == failure.Rejected || kind == failure.Partial: // it affects this rule only
		return append(list, r.Report(diag.Error, "check/live", "rule.index", "%v", err)), nil
	default:
		return nil, fmt.Errorf("check live: %w", err)
	}
	if prepared == nil {
		return list, nil
	}
	more, err := c.places(ctx, b, r, prepared)
	if err != nil {
		return nil, err
	}
	list = append(list, more...)
	target := prepared.Target()
	for i, pattern := range r.Index {
		for _, missing := range target.Missing {
			if pattern == missing {
				key := fmt.Sprintf("rule.index[%d]", i)
				if plan.Strategy() == query.ESQL { // ES|QL names its indices in the query
					key = "rule.query"
				}
				list = append(list, r.Report(diag.Warning, "check/missing-index", key, "no open index matches %s", pattern))
			}
		}
	}
	for _, u := range slices.Concat(target.Unread, target.Partly) {
		if u.Why != failure.Closed {
			list = append(list, r.Report(diag.Warning, "check/unread-index", "rule.index", "%s is not read: %s", u.Name, u.Reason))
		}
	}
	if len(target.Closed) > 0 {
		list = append(list, r.Report(diag.Warning, "check/closed-index", "rule.index", "closed indices are not searched: %s", strings.Join(target.Closed, ", ")))
	}
	return list, nil
}

// splSearch is implemented by a prepared search in SPL, which has sources of the field map.
type splSearch interface {
	Sources() []string
	FieldMap() pushdown.Map
}

// places reports which indices can have the events that a search in SPL asks for.
func (c *checkCmd) places(ctx context.Context, b *backend, r *rule.Rule, prepared query.Prepared) (diag.List, error) {
	s, ok := prepared.(splSearch)
	if !ok || len(s.Sources()) == 0 {
		return nil, nil
	}
	if c.locator == nil {
		c.locator = &pushdown.Locator{Search: b.events, Map: s.FieldMap()}
	}
	places, err := c.locator.Places(ctx, s.Sources(), prepared.Target().Indices)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the index
	}
	var found []string
	for _, p := range places {
		if len(p.Indices) > 0 {
			found = append(found, p.Source+" can be in "+strings.Join(p.Indices, ", "))
		}
	}
	if len(found) == 0 {
		return diag.List{r.Report(diag.Warning, "check/no-events", "rule.query", "no index can have events of %s: nothing can be found", strings.Join(s.Sources(), ", "))}, nil
	}
	return diag.List{r.Report(diag.Note, "check/events", "rule.query", "events of %s", strings.Join(found, "; of "))}, nil
}

// withMore returns a report in which every rule is judged with its further diagnostics, by rule id.
func withMore(old report.Report, more map[string]diag.List) report.Report {
	out := report.Report{Diagnostics: old.Diagnostics}
	for _, r := range old.Results {
		r.Diagnostics = append(r.Diagnostics, more[r.RuleID]...)
		r.Diagnostics.Sort()
		if r.Status = report.Judge(r.Diagnostics); r.Status != report.Valid {
			r.Strategy = ""
		}
		out.Add(r)
	}
	return out
}
