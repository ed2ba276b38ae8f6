package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/ledger/lease"
	"tocsin/internal/run/service"
)

// runnersCmd shows the live runners, and which rules belong to which of them.
type runnersCmd struct {
	Rule []string `help:"Show which runner this rule (rule_id or name) belongs to. May be repeated." placeholder:"ID" sep:"none"`
}

// runnerRow is a runner in the output.
type runnerRow struct {
	Runner  string    `json:"runner"`
	Host    string    `json:"host"`
	Version string    `json:"version"`
	Renewed time.Time `json:"renewed"`
	// Silent: the last renewal is so long ago that the others replace this runner.
	Silent bool   `json:"silent,omitempty"`
	Digest string `json:"rules_digest"`
	// Same: it runs the same rules as the command was given.
	Same  bool       `json:"same_rules"`
	Rules []ownedRow `json:"rules"`
}

// ownedRow is a rule that belongs to a runner.
type ownedRow struct {
	ID   string `json:"rule_id"`
	Name string `json:"name"`
}

// Run is the subcommand.
func (c *runnersCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	if len(a.global.Elasticsearch) == 0 {
		return usagef("runners share rules only with --elasticsearch URL: an embedded store has one")
	}
	planned, complaint := a.global.planRules(ctx, a.global.Rules)
	if complaint != nil {
		return complaint
	}
	if err := a.showErrors(planned.problems()); err != nil {
		return err
	}
	var rules []*service.Rule
	for _, plan := range planned.plans {
		one, err := service.NewRule(plan)
		if err != nil {
			return err //nolint:wrapcheck // it names the rule
		}
		rules = append(rules, one)
	}
	mine, err := c.chosen(rules)
	if err != nil {
		return err
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	state, err := b.leases.Load(ctx)
	if err != nil {
		return fmt.Errorf("read the leases: %w", connection(err))
	}
	return c.write(a, runnerRows(state, mine, digestOf(rules), a.clock.Local()))
}

// showErrors shows the errors of a list.
func (a *app) showErrors(all diag.List) error {
	return a.show(slices.DeleteFunc(all, func(d diag.Diagnostic) bool { return d.Severity != diag.Error }))
}

// chosen returns the rules that were named, or all.
func (c *runnersCmd) chosen(rules []*service.Rule) ([]*service.Rule, error) {
	if len(c.Rule) == 0 {
		return rules, nil
	}
	var out []*service.Rule
	for _, ref := range c.Rule {
		before := len(out)
		for _, one := range rules {
			if r := one.Plan.Rule(); r.ID == ref || r.Name == ref {
				out = append(out, one)
			}
		}
		if len(out) == before {
			return nil, usagef("--rule %s: no rule that runs has this id or name", ref)
		}
	}
	return out, nil
}

// runnerRows returns the runners of a state with the rules that belong to each.
func runnerRows(state lease.State, rules []*service.Rule, digest string, now time.Time) []runnerRow {
	ids := state.IDs()
	owned := map[string][]ownedRow{}
	for _, one := range rules {
		id := lease.Owner(ids, one.ID())
		owned[id] = append(owned[id], ownedRow{one.ID(), one.Plan.Rule().Name})
	}
	rows := []runnerRow{}
	for _, id := range ids {
		r := state.Runners[id]
		row := runnerRow{
			Runner: id, Host: r.Host, Version: r.Version, Renewed: r.At, Digest: r.Rules, Same: r.Rules == digest,
			Silent: r.Period > 0 && now.Sub(r.At) > 2*r.Period, Rules: owned[id],
		}
		if row.Rules == nil {
			row.Rules = []ownedRow{}
		}
		rows = append(rows, row)
	}
	return rows
}

// write shows runners, or for rules that were named their runners.
func (c *runnersCmd) write(a *app, rows []runnerRow) error {
	if a.global.Format != "text" {
		return writeJSON(a.out, a.global.Format, rows)
	}
	if len(rows) == 0 {
		_, err := io.WriteString(a.err, "no runners\n")
		return wrapWrite(err)
	}
	now := a.clock.Local()
	if len(c.Rule) > 0 {
		t := newTable(a.out, "RULE", "RUNNER", "HOST", "RENEWED")
		for _, r := range rows {
			for _, one := range r.Rules {
				t.row(one.Name, r.Runner, r.Host, renewed(r, now))
			}
		}
		return t.flush()
	}
	t := newTable(a.out, "RUNNER", "HOST", "VERSION", "OWNS", "SAME RULES", "RENEWED")
	for _, r := range rows {
		t.row(r.Runner, r.Host, orDash(r.Version), len(r.Rules), yesNo(r.Same), renewed(r, now))
	}
	return t.flush()
}

// renewed formats when a lease was renewed.
func renewed(r runnerRow, now time.Time) string {
	text := max(0, now.Sub(r.Renewed)).Round(time.Second).String() + " ago"
	if r.Silent {
		text += ", silent"
	}
	return text
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
