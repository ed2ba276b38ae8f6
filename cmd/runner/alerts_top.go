package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/condition"
)

// alertsTopCmd counts alerts by rule.
type alertsTopCmd struct {
	alertFlags

	Limit int `help:"Maximum number of rules. 0: all." default:"0"`
}

// ruleCount is a line of the output.
type ruleCount struct {
	RuleID   string     `json:"rule_id"`
	Name     string     `json:"name"`
	Severity string     `json:"severity"`
	Alerts   int64      `json:"alerts"`
	First    *time.Time `json:"first"`
	Last     *time.Time `json:"last"`
}

// Run is the subcommand.
func (c *alertsTopCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	if c.Limit < 0 {
		return usagef("--limit must not be negative")
	}
	if err := c.check(false); err != nil {
		return err
	}
	b, err := a.openAlertsToRead(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	// A sequence counts once: its building blocks do not.
	f, err := c.filter(ctx, a, b, false, condition.Not{X: condition.Exists{Field: groupIndex}})
	if err != nil {
		return err
	}
	counts, err := b.alerts.CountByRule(ctx, f)
	if err != nil {
		return fmt.Errorf("count alerts: %w", err)
	}
	if c.Limit > 0 {
		counts = counts[:min(c.Limit, len(counts))]
	}
	return writeCounts(a, counts)
}

func writeCounts(a *app, counts []alert.RuleCount) error {
	if a.global.Format != "text" {
		lines := make([]ruleCount, len(counts))
		for i, n := range counts {
			lines[i] = ruleCount{RuleID: n.RuleID, Name: n.Name, Severity: n.Severity, Alerts: n.Alerts, First: known(n.First), Last: known(n.Last)}
		}
		return writeJSON(a.out, a.global.Format, lines)
	}
	if len(counts) == 0 {
		_, err := io.WriteString(a.err, "no alerts\n")
		return wrapWrite(err)
	}
	t := newTable(a.out, "ALERTS", "SEVERITY", "FIRST", "LAST", "RULE", "RULE ID")
	for _, n := range counts {
		t.row(n.Alerts, n.Severity, shortTime(n.First), shortTime(n.Last), n.Name, n.RuleID)
	}
	return t.flush()
}

// known returns a time, nil for the zero time.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func shortTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
