package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/ledger/coverage"
)

// The budgets of a rule on the status page: the defaults of the flags.
const (
	budgetTime   = 30 * time.Second
	budgetAlerts = 100
)

// topCmd shows what rules cost, how many alerts they make, and when they last succeeded.
type topCmd struct {
	timeRange

	Sort         string        `help:"What comes first: time (the rules that take most), alerts (a day) or age (of the last success)." enum:"time,alerts,age" default:"time"`
	Limit        int           `help:"Maximum number of rules. 0: all." default:"0"`
	BudgetTime   time.Duration `help:"How long a run may take on average. 0: no budget." default:"30s"`
	BudgetAlerts int           `help:"How many alerts a day a rule may make. 0: no budget." default:"100"`
	BudgetAge    time.Duration `help:"How long ago the last success may be. 0: three intervals of the rule, an hour at least." default:"0s"`
	Strict       bool          `help:"The exit code is 1 when a rule is over a budget."`
}

// topRow is a rule in the output, as JSON.
type topRow struct {
	coverage.Cost

	Took    float64  `json:"took_seconds"`
	Mean    float64  `json:"mean_seconds"`
	Longest float64  `json:"longest_seconds"`
	Share   float64  `json:"share_of_time"`
	Age     *float64 `json:"age_seconds"`
	// Over names the budgets that the rule is over.
	Over []string `json:"over_budget"`
}

// Run is the subcommand.
func (c *topCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	if c.Limit < 0 || c.BudgetTime < 0 || c.BudgetAlerts < 0 || c.BudgetAge < 0 {
		return usagef("--limit and budgets must not be negative")
	}
	o, err := c.options(a.clock.Passed())
	if err != nil {
		return err
	}
	b, rules, waits, _, err := c.ledgerOf(ctx, a, a.openAlertsToRead)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	costs, err := coverage.Costs(ctx, b.ledger, asked(rules, waits), o)
	if err != nil {
		return err //nolint:wrapcheck // it names the ledger
	}
	rows := make([]topRow, len(costs))
	over := 0
	for i, cost := range costs {
		rows[i] = c.row(cost, o)
		if len(rows[i].Over) > 0 {
			over++
		}
	}
	slices.SortStableFunc(rows, c.compare)
	if c.Limit > 0 {
		rows = rows[:min(c.Limit, len(rows))]
	}
	if err := c.write(a, rows, len(costs), over, o); err != nil {
		return err
	}
	if over > 0 && c.Strict {
		return errFailed
	}
	return nil
}

// row judges a rule by the budgets.
func (c *topCmd) row(cost coverage.Cost, o coverage.Options) topRow {
	r := topRow{
		Cost: cost, Took: cost.Took.Seconds(), Mean: cost.Mean.Seconds(), Longest: cost.Longest.Seconds(), Share: cost.Took.Seconds() / o.To.Sub(o.From).Seconds(), Over: []string{},
	}
	if c.BudgetTime > 0 && cost.Mean > c.BudgetTime {
		r.Over = append(r.Over, "time")
	}
	if c.BudgetAlerts > 0 && cost.AlertsADay > float64(c.BudgetAlerts) {
		r.Over = append(r.Over, "alerts")
	}
	oldest := cmp.Or(c.BudgetAge, max(time.Hour, 3*cost.Interval))
	if cost.LastSuccess == nil {
		r.Over = append(r.Over, "age")
		return r
	}
	age := o.To.Sub(*cost.LastSuccess)
	seconds := age.Seconds()
	if r.Age = &seconds; age > oldest {
		r.Over = append(r.Over, "age")
	}
	return r
}

// compare orders rows: the largest first, and rules without a success as the oldest.
func (c *topCmd) compare(a, b topRow) int {
	by := 0
	switch c.Sort {
	case "alerts":
		by = cmp.Compare(b.AlertsADay, a.AlertsADay)
	case "age":
		switch {
		case a.Age == nil || b.Age == nil:
			by = cmp.Compare(boolRank(a.Age != nil), boolRank(b.Age != nil))
		default:
			by = cmp.Compare(*b.Age, *a.Age)
		}
	default:
		by = cmp.Compare(b.Took, a.Took)
	}
	return cmp.Or(by, strings.Compare(a.Name, b.Name), strings.Compare(a.RuleID, b.RuleID))
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *topCmd) write(a *app, rows []topRow, all, over int, o coverage.Options) error {
	if a.global.Format != "text" {
		return writeJSON(a.out, a.global.Format, rows)
	}
	t := newTable(a.out, "RULE", "RUNS", "FAILED", "A RUN", "LONGEST", "SHARE", "READ", "ALERTS A DAY", "LAST SUCCESS", "OVER BUDGET")
	for _, r := range rows {
		last := "none"
		if r.Age != nil {
			last = brief(time.Duration(*r.Age*float64(time.Second))) + " ago"
		}
		t.row(shorten(r.Name, maxRuleName), r.Runs, r.Failed, r.Cost.Mean.Round(time.Millisecond), r.Cost.Longest.Round(time.Millisecond), fmt.Sprintf("%.2f%%", 100*r.Share), r.Read,
			fmt.Sprintf("%.1f", r.AlertsADay), last, cmp.Or(strings.Join(r.Over, ", "), "-"))
	}
	if err := t.flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.err, "%s over a budget, of %d, from %s to %s\n", count(over, "rule"), all, o.From.UTC().Format(time.RFC3339), o.To.UTC().Format(time.RFC3339))
	return wrapWrite(err)
}
