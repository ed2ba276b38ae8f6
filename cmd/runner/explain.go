package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/query"
)

// explainCmd shows what a rule becomes.
type explainCmd struct {
	Rule  string   `arg:"" help:"Id, name, file or path of the rule."`
	Event string   `help:"Say why the events of this file make an alert or not; - is standard input." placeholder:"FILE" xor:"what"`
	Alert string   `help:"Say why the event of a stored alert made it." placeholder:"ID" xor:"what"`
	ID    string   `help:"Say why the event with this _id makes an alert or not: an event of the cluster, or of --events." placeholder:"ID" xor:"what"`
	Index []string `help:"Indices, aliases or patterns in which --id is searched for." placeholder:"INDEX"`
	At    moment   `help:"Slot whose window is judged (default: now; for an event the first slot that reads it)." placeholder:"T"`
}

// check returns a usage error for flags that do not go together.
func (c *explainCmd) check(a *app) error {
	switch g := a.global; {
	case (c.ID == "") != (len(c.Index) == 0):
		return usagef("--index and --id go together: an _id is unique within an index")
	case c.ID != "" && len(g.Elasticsearch) == 0 && len(g.Events) == 0:
		return usagef("the source of the event is missing: give --elasticsearch URL or --events FILE, or the event itself with --event FILE")
	}
	if c.aboutEvent() {
		return a.global.formatOneOf("text", "json", "ndjson")
	}
	return a.global.formatOneOf("text", "json")
}

func (c *explainCmd) aboutEvent() bool { return c.Event != "" || c.Alert != "" || c.ID != "" }

// Run is the subcommand.
func (c *explainCmd) Run(ctx context.Context, a *app) error {
	if err := c.check(a); err != nil {
		return err
	}
	plan, diags, err := a.global.findPlan(ctx, c.Rule)
	if err != nil {
		return err
	}
	if err := a.show(diags); err != nil {
		return err
	}
	if plan == nil {
		return errFailed
	}
	b, err := c.open(ctx, a)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	if c.aboutEvent() {
		return c.judge(ctx, a, b, plan)
	}
	at := c.At.Time
	if at.IsZero() {
		at = time.Now()
	}
	prepared, err := c.prepare(ctx, a, b, plan, at)
	if err != nil {
		return err
	}
	explanation := prepared.Explain(plan.Rule().Window(at))
	explanation.Places(prepared.Target(), plan.Rule().Window(at))
	return explainRequest(a, explanation)
}

// open opens the backend that the explanation needs, for reading: events if the flags name them, a store of alerts if
// they name one or --alert needs one, otherwise an empty one.
func (c *explainCmd) open(ctx context.Context, a *app) (*backend, error) {
	switch g := a.global; {
	case len(g.Elasticsearch) > 0:
		return a.open(ctx)
	case g.Store != "" || c.Alert != "":
		b, err := a.openAlertsToRead(ctx)
		if err != nil || len(g.Events) == 0 {
			return b, err
		}
		if err := a.openEvents(ctx, b); err != nil {
			return nil, errors.Join(err, b.close())
		}
		return b, nil
	case len(g.Events) > 0:
		return a.open(ctx)
	}
	return newEmbedded(), nil
}

// prepare binds the plan to the mappings of the events, or to ECS types where there are no events.
func (*explainCmd) prepare(ctx context.Context, a *app, b *backend, plan query.Plan, at time.Time) (query.Prepared, error) {
	if b.events == nil {
		prepared, diags := plan.Assume(at)
		if prepared == nil {
			return nil, errors.Join(a.show(diags), errFailed)
		}
		return prepared, nil
	}
	prepared, diags, err := plan.Prepare(ctx, query.Source{Events: b.events, At: at, Window: plan.Rule().Window(at)})
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	if err := a.show(diags); err != nil {
		return nil, err
	}
	if prepared == nil {
		return nil, errFailed
	}
	return prepared, nil
}
