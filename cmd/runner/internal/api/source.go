package api

import (
	"context"
	"time"

	"tocsin/internal/run/verdict"
)

// MaxExplained is how many events behind an alert are explained at most.
const MaxExplained = 50

// Source is where everything comes from. Its methods are safe for concurrent use; their answers belong to everybody and are
// not changed. An error is a [*Problem] if it is the request's fault.
type Source interface {
	Overview(ctx context.Context) (Overview, error)
	// Rules returns all rules, in the order of their names.
	Rules(ctx context.Context) (Rules, error)
	// Rule returns one rule with its latest slots.
	Rule(ctx context.Context, id string) (RuleDetail, error)
	// Slots returns the slots of a rule in the ledger between two times, the newest first.
	Slots(ctx context.Context, ruleID string, from, to time.Time) ([]Slot, error)
	// Runs returns the latest runs of this runner, the newest first.
	Runs(ctx context.Context) ([]Run, error)
	Coverage(ctx context.Context) (Coverage, error)
	Gaps(ctx context.Context) (Gaps, error)
	Costs(ctx context.Context) (Costs, error)
	Attack(ctx context.Context) (Attack, error)
	Runners(ctx context.Context) (Runners, error)
	// States returns the states of the service in their order, also those that ended as far back as they are remembered.
	States(ctx context.Context) (ServiceStates, error)

	// Alerts returns a page of alerts, the newest first.
	Alerts(ctx context.Context, q AlertQuery) (Alerts, error)
	Alert(ctx context.Context, id string) (AlertDetail, error)
	// ChangeAlerts changes what people decide about alerts.
	ChangeAlerts(ctx context.Context, c Change) (Changed, error)
	// AlertCounts counts alerts over time.
	AlertCounts(ctx context.Context) (AlertCounts, error)
	// ExplainAlert says why the events behind an alert made it, for so many of them at most; Explain why an event does or does not.
	ExplainAlert(ctx context.Context, id string, most int) ([]verdict.Verdict, error)
	Explain(ctx context.Context, q Question) ([]verdict.Verdict, error)

	Backfills(ctx context.Context) (Backfills, error)
	Backfill(ctx context.Context, job string) (Backfill, error)
	StartBackfill(ctx context.Context, n NewBackfill) (Backfill, error)
	CancelBackfill(ctx context.Context, job string) (Backfill, error)
	// Reload reads the rules again.
	Reload(ctx context.Context) (Reloaded, error)
}
