package main

import (
	"context"
	"regexp"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/query"
)

// setupILMCmd is the subcommand setup ilm.
type setupILMCmd struct {
	applying
	Keep         time.Duration  `help:"How long alerts are kept after the rollover of their index." default:"2160h"`
	KeepRisk     *time.Duration `name:"keep-risk" help:"The same for risk events (default: --keep)." placeholder:"DURATION"`
	RolloverAge  time.Duration  `name:"rollover-age" help:"Age of an index at which the alias rolls over." default:"720h"`
	RolloverSize string         `name:"rollover-size" help:"Size of a primary shard at which the alias rolls over." default:"50gb"`
	CatchUpAge   time.Duration  `name:"catch-up-age" help:"The value of run: alerts must be kept longer than slots may be run again." default:"168h"`
}

// byteSize is a size as Elasticsearch reads it.
var byteSize = regexp.MustCompile(`^[1-9][0-9]*(b|kb|mb|gb|tb|pb)$`)

// Run is the subcommand.
func (c *setupILMCmd) Run(ctx context.Context, a *app) error {
	plans, err := a.planSetup(ctx)
	if err != nil {
		return err
	}
	risk := c.Keep
	if c.KeepRisk != nil {
		risk = *c.KeepRisk
	}
	if err := keepsEnough("--keep", c.Keep, plans, c.CatchUpAge); err != nil {
		return err
	}
	if err := keepsEnough("--keep-risk", risk, plans, c.CatchUpAge); err != nil {
		return err
	}
	switch {
	case c.RolloverAge < time.Hour:
		return usagef("--rollover-age must be at least 1h")
	case !byteSize.MatchString(c.RolloverSize):
		return usagef("--rollover-size %q is not a size such as 50gb", c.RolloverSize)
	}
	var requests []elastic.Request
	if _, kibana := a.global.AlertsTo.space(); !kibana { // the lifecycle of Kibana's index is Kibana's
		alerts, err := elastic.NewAlerts(nil, a.global.Namespace)
		if err != nil {
			return usageError{err}
		}
		requests = alerts.LifecycleRequests(elastic.Lifecycle{Keep: c.Keep, RollAfter: c.RolloverAge, RollSize: c.RolloverSize})
	}
	if a.global.useOf(plans).Scores {
		scores, err := elastic.NewRisk(nil, a.global.Namespace)
		if err != nil {
			return usageError{err}
		}
		requests = append(requests, scores.LifecycleRequests(elastic.Lifecycle{Keep: risk, RollAfter: c.RolloverAge, RollSize: c.RolloverSize})...)
	}
	return c.carryOut(ctx, a, requests)
}

// keepsEnough returns a usage error if alerts are kept for less time than they are needed: to recognise the alerts that a
// slot would make again, for as long as slots may be run, and those that suppression counts further events in.
func keepsEnough(flag string, keep time.Duration, plans []query.Plan, catchUpAge time.Duration) error {
	longest, of := leastKept(plans, catchUpAge)
	if keep >= longest {
		return nil
	}
	why := "--catch-up-age"
	if of != "" {
		why = "--catch-up-age and what rule " + of + " looks back"
	}
	return usagef("%s %s is too short: alerts would be made again. It must be at least %s: %s", flag, span(keep), span(longest), why)
}

// leastKept returns how long alerts must be kept, and the rule that needs the longest; "" for none.
func leastKept(plans []query.Plan, catchUpAge time.Duration) (longest time.Duration, of string) {
	longest = catchUpAge
	slot := time.Now()
	for _, p := range plans {
		r := p.Rule()
		back := slot.Sub(r.Window(slot).From)
		if r.AlertSuppression != nil {
			back = max(back, r.AlertSuppression.Duration) // as far as its alerts are looked for
		}
		if catchUpAge+back > longest {
			longest, of = catchUpAge+back, r.ID
		}
	}
	return longest, of
}
