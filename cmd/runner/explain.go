package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
)

// explainCmd shows what a rule becomes.
type explainCmd struct {
	Rule  string `arg:"" help:"Id, name, file or path of the rule."`
	Event string `help:"Say why the (first) event of this file matches or not; - is standard input." placeholder:"FILE" xor:"what"`
	Alert string `help:"Show why the event of a stored alert matches or not." placeholder:"ID" xor:"what"`
	At    moment `help:"Slot whose window is shown (default: now)." placeholder:"T"`
}

// Run is the subcommand.
func (c *explainCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json"); err != nil {
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
	judged, err := c.event(ctx, a, b)
	if err != nil {
		return err
	}
	if judged == nil {
		return explainRequest(a, explanation)
	}
	judged.Types = mapping.OfIndex(prepared.Target().Fields, judged.Index)
	doc, err := judged.Document()
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	trace, err := prepared.Trace(ctx, doc)
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	return explainEvent(a, explanation, trace)
}

// open opens the backend that the explanation needs: events if the flags name them, alerts for --alert, otherwise
// an empty one.
func (c *explainCmd) open(ctx context.Context, a *app) (*backend, error) {
	switch g := a.global; {
	case len(g.Elasticsearch) > 0 || len(g.Events) > 0:
		return a.open(ctx)
	case c.Alert != "":
		return a.openAlerts(ctx)
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

// event returns the event of --event or --alert, nil without these flags.
func (c *explainCmd) event(ctx context.Context, a *app, b *backend) (*event.Event, error) {
	switch {
	case c.Event != "":
		return a.readEvent(c.Event)
	case c.Alert != "":
		doc, err := b.alertNamed(ctx, c.Alert)
		if err != nil {
			return nil, fmt.Errorf("explain: %w", err)
		}
		return asEvent("", doc.ID, doc.Source)
	}
	return nil, nil //nolint:nilnil // no event was asked for
}

func asEvent(index, id string, source map[string]any) (*event.Event, error) {
	data, err := json.Marshal(source)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return &event.Event{Index: index, ID: id, Source: data}, nil
}

// readEvent reads the first event of a file. The event is a plain document or has
// _index, _id and _source. The JSON may span several lines.
func (a *app) readEvent(name string) (*event.Event, error) {
	in := a.in
	if name != "-" {
		if err := canRead(name); err != nil {
			return nil, usagef("event: %w", err)
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, usagef("event: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	dec := json.NewDecoder(in)
	dec.UseNumber()
	var source map[string]any
	switch err := dec.Decode(&source); {
	case err != nil:
		return nil, usagef("event: %s has no valid event: %w", name, err)
	case source == nil:
		return nil, usagef("event: %s has null instead of an event", name)
	}
	if inner, ok := source["_source"].(map[string]any); ok {
		index, _ := source["_index"].(string)
		id, _ := source["_id"].(string)
		return asEvent(index, id, inner)
	}
	return asEvent("", "", source)
}
