package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/verdict"
	"tocsin/internal/search"
	"tocsin/internal/search/tables"
)

// judge says of each event that the flags name why it makes an alert or not.
func (c *explainCmd) judge(ctx context.Context, a *app, b *backend, plan query.Plan) error {
	subjects, files, err := c.subjects(ctx, a, b)
	if err != nil {
		return err
	}
	verdicts, err := c.verdicts(ctx, a, b, plan, subjects, files)
	if err != nil {
		return err
	}
	if err := writeVerdicts(a, verdicts); err != nil {
		return err
	}
	if slices.ContainsFunc(verdicts, func(v verdict.Verdict) bool { return v.Matches == nil }) {
		return errFailed
	}
	return nil
}

// verdicts judges events by a rule. files has them if they are in none of the backend's stores.
func (c *explainCmd) verdicts(ctx context.Context, a *app, b *backend, plan query.Plan, subjects []verdict.Subject, files *store.Events) ([]verdict.Verdict, error) {
	at := c.At.Time
	if at.IsZero() {
		at = time.Now()
	}
	prepared, err := c.prepare(ctx, a, b, plan, at)
	if err != nil {
		return nil, err
	}
	q, err := c.question(ctx, a, b, plan, files)
	if err != nil {
		return nil, err
	}
	q.Prepared = prepared
	verdicts := make([]verdict.Verdict, len(subjects))
	for i, s := range subjects {
		s.Event.Types = mapping.OfIndex(prepared.Target().Fields, s.Event.Index)
		if verdicts[i], err = q.Judge(ctx, s); err != nil {
			return nil, fmt.Errorf("explain: %w", err)
		}
	}
	return verdicts, nil
}

// question returns what is known of the runs of a rule. Events of --event that no store of alerts knows are run for trial,
// in memory.
func (c *explainCmd) question(ctx context.Context, a *app, b *backend, plan query.Plan, files *store.Events) (*verdict.Question, error) {
	q := &verdict.Question{Plan: plan, Slot: c.At.Time, Now: time.Now()}
	events := b.events
	if files != nil {
		events = files
	}
	q.Events = events
	locator, ok := search.As[search.Locator](events)
	if !ok {
		none, _, err := store.OpenEvents(ctx, store.EventsOptions{}) // names alone decide
		if err != nil {
			return nil, err //nolint:wrapcheck // it says what it was doing
		}
		locator = none
	}
	q.Locate = locator.Locate
	if len(a.global.Elasticsearch) > 0 && files == nil {
		q.Ask = func(ctx context.Context, of event.Ref, e condition.Expr) (bool, error) {
			ids, err := condition.NewRaw(condition.Query{"ids": condition.Query{"values": []string{of.ID}}})
			if err != nil {
				return false, err //nolint:wrapcheck // it says what it was doing
			}
			found, err := b.having(ctx, []string{of.Index}, of.ID, condition.And{ids, e})
			return len(found) > 0, err
		}
	}
	if len(a.global.Elasticsearch) > 0 || a.global.Store != "" {
		q.Ledger = b.ledger
		q.Alerts = func(context.Context, time.Time) (verdict.Alerts, error) {
			return alertsOf(a, b, plan.Rule().ID), nil
		}
		return q, nil
	}
	if files != nil || b.events != nil {
		q.Supposed = true
		runs := trials{app: a, plan: plan, events: events, series: b.series, by: map[time.Time]*backend{}}
		if files != nil {
			runs.series = files
		}
		q.Alerts = runs.at
	}
	return q, nil
}

// alertsOf finds the alerts of a rule in a backend.
func alertsOf(a *app, b *backend, ruleID string) verdict.Alerts {
	const id, index = "kibana.alert.ancestors.id", "kibana.alert.ancestors.index"
	return verdict.Alerts{
		About: func(ctx context.Context, ref event.Ref) (found []alert.Document, err error) {
			fields, err := b.alertFields(ctx, a, false, []string{id, index})
			if err != nil {
				return nil, err
			}
			where := condition.And{condition.Term{Field: id, Value: ref.ID}}
			if ref.Index != "" {
				where = append(where, condition.Term{Field: index, Value: ref.Index})
			}
			err = b.alerts.List(ctx, alert.Filter{RuleID: ruleID, Where: where, Fields: fields, Limit: 1}, func(d alert.Document) (bool, error) {
				found = append(found, d)
				return true, nil
			})
			return found, err //nolint:wrapcheck // it says what it was doing
		},
		Of: func(ctx context.Context, instances []string) (found []alert.Document, err error) {
			err = b.alerts.Find(ctx, alert.InstanceQuery{RuleID: ruleID, Instances: instances}, func(d alert.Document) (bool, error) {
				found = append(found, d)
				return true, nil
			})
			return found, err //nolint:wrapcheck // it says what it was doing
		},
	}
}

// trials runs a rule over events in memory, once for each slot that is asked about.
type trials struct {
	app    *app
	plan   query.Plan
	events search.Events
	series pipeline.Series
	by     map[time.Time]*backend
}

// at returns the alerts of the run at a slot.
func (t *trials) at(ctx context.Context, slot time.Time) (verdict.Alerts, error) {
	b := t.by[slot]
	if b == nil {
		b = &backend{alerts: store.NewMemory(), risk: store.NewMemory()}
		p := &pipeline.Pipeline{
			Events: t.events, Series: t.series, Alerts: b.alerts, Instances: b.alerts, Now: func() time.Time { return slot },
			Risk: &pipeline.Risk{Indexer: b.risk, Instances: b.risk}, Tables: tables.NewMemory(),
		}
		x := p.Run(ctx, pipeline.Job{Plan: t.plan, Slot: slot, Window: t.plan.Rule().Window(slot), Manual: true})
		if x.Status == pipeline.Failed {
			return verdict.Alerts{}, fmt.Errorf("a run at slot %s fails: %s", search.FormatTime(slot), x.Problem())
		}
		t.by[slot] = b
	}
	return alertsOf(t.app, b, t.plan.Rule().ID), nil
}

// mostDetailed is how many events are shown with all their checks.
const mostDetailed = 10

// writeVerdicts writes one object for one event, and a list of them, or a line each, for several.
func writeVerdicts(a *app, all []verdict.Verdict) error {
	switch {
	case a.global.Format == "json" && len(all) == 1:
		return writeObject(a.out, all[0])
	case a.global.Format != "text":
		return writeJSON(a.out, a.global.Format, all)
	}
	alerts := 0
	for i, v := range all {
		if v.Alerts {
			alerts++
		}
		if err := writeVerdict(a.out, v, len(all), i); err != nil {
			return wrapWrite(err)
		}
	}
	if len(all) == 1 {
		return nil
	}
	_, err := fmt.Fprintf(a.out, "\n%d events, %d of them make an alert or belong to one\n", len(all), alerts)
	return wrapWrite(err)
}

func writeVerdict(w io.Writer, v verdict.Verdict, of, i int) error {
	var out strings.Builder
	line := func(format string, args ...any) { out.WriteString(escaped(fmt.Sprintf(format, args...)) + "\n") }
	head := ""
	if of > 1 {
		head = fmt.Sprintf("%d  %s  ", i+1, strings.Trim(v.Index+"/"+v.ID, "/"))
	}
	if of > 1 && i > 0 && of <= mostDetailed {
		line("")
	}
	line("%s%s", head, v.Summary)
	if of > mostDetailed {
		_, err := io.WriteString(w, out.String())
		return err
	}
	line("")
	for _, c := range v.Checks {
		line("%-11s %-7s  %s", c.Name, c.Result, c.Text)
	}
	for n, c := range v.Deciding {
		label := ""
		if n == 0 {
			label = "deciding"
		}
		line("%-11s %-7s  %s", label, yesNo(c.Holds), clauseLine(c))
	}
	if !v.Smallest {
		line("            (a smaller set of clauses may decide, too)")
	}
	if v.Matches != nil {
		line("")
		writeTrace(line, v.Trace, 0)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func yesNo(holds bool) string {
	if holds {
		return "yes"
	}
	return "no"
}

func clauseLine(c verdict.Clause) string {
	line := c.Text
	if c.Of != "" {
		line += "   of " + c.Of
	}
	if c.Values == nil {
		return line + "   (the event has no value there)"
	}
	return line + "   event: " + strings.Join(c.Values, " | ")
}

// writeTrace writes one line for each part of the condition, marked yes or no.
func writeTrace(write func(format string, args ...any), t condition.Trace, depth int) {
	mark := "no "
	if t.Holds {
		mark = "yes"
	}
	line := fmt.Sprintf("%s  %s%s", mark, strings.Repeat("  ", depth), t.Text)
	if t.Of != "" && t.Of != t.Text {
		line += "   " + t.Of
	}
	if len(t.Parts) == 0 && t.Values == nil {
		line += "   (the event has no value there)"
	} else if t.Values != nil {
		line += "   event: " + strings.Join(t.Values, " | ")
	}
	if t.Deciding {
		line += "   (decides)"
	}
	write("%s", line)
	for _, p := range t.Parts {
		writeTrace(write, p, depth+1)
	}
}
