package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search/tables"
	"tocsin/internal/splunk"
)

// demoEvents are a few events of one afternoon: some that each shipped rule matches, and some that
// almost match.
//
//go:embed demo_events.ndjson
var demoEvents []byte

// demoSlot is the slot of all rules of the demo.
var demoSlot = time.Date(2026, 1, 15, 14, 5, 0, 0, time.UTC)

// demoCmd runs the shipped rules over sample events without any setup.
type demoCmd struct{}

// Run is the subcommand.
func (demoCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	rules, err := a.global.planRules(ctx, nil)
	if err != nil {
		return err
	}
	if err := a.show(rules.problems()); err != nil {
		return err
	}
	events, diags, err := store.OpenEvents(ctx, store.EventsOptions{Files: []string{"-"}, Stdin: bytes.NewReader(demoEvents)})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { _ = events.Close() }()
	if err := a.show(diags); err != nil {
		return err
	}
	alerts := store.NewMemory()
	risk := store.NewMemory()
	p := &pipeline.Pipeline{Events: events, Series: events, Alerts: alerts, Instances: alerts, Risk: demoRisk(a, risk), Tables: tables.NewMemory(), Now: func() time.Time { return demoSlot }}
	failed := rules.failed
	for _, plan := range rules.plans {
		x := p.Run(ctx, pipeline.Job{Plan: plan, Slot: demoSlot, Window: plan.Rule().Window(demoSlot), Manual: true})
		if x.Status != pipeline.Succeeded {
			failed = true
			a.global.log.Error("rule failed", "rule_id", x.RuleID, "error", x.Problem())
		}
	}
	made, err := demoAlerts(ctx, a, alerts)
	if err != nil {
		return err
	}
	added, err := demoRiskEvents(ctx, a, risk)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.err, "\n%s read %s and made %s and %s.\n",
		count(len(rules.plans), "rule"), count(int(events.Len()), "event"), count(made, "alert"), count(added, "risk event"))
	if failed {
		return errFailed
	}
	return wrapWrite(err)
}

// demoAlerts writes the alerts in the order of their events and returns their number.
func demoAlerts(ctx context.Context, a *app, alerts alert.Reader) (int, error) {
	var docs []alert.Document
	if err := alerts.List(ctx, alert.Filter{}, func(d alert.Document) (bool, error) {
		if !splunk.IsCollected(d.Source) {
			docs = append(docs, d)
		}
		return true, nil
	}); err != nil {
		return 0, fmt.Errorf("demo: %w", err)
	}
	slices.SortFunc(docs, func(x, y alert.Document) int {
		const time = "kibana.alert.original_time"
		return strings.Compare(event.First(x.Source, time), event.First(y.Source, time))
	})
	w := newAlertWriter(a)
	w.describe = describeAlert
	for _, d := range docs {
		if err := w.write(d); err != nil {
			return 0, err
		}
	}
	return len(docs), w.finish()
}

// describeAlert formats an alert in a few lines of text.
func describeAlert(d alert.Document) string {
	field := func(name string) string { return escaped(event.First(d.Source, "kibana.alert."+name)) }
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s (risk %s)  %s\n", field("original_time"), field("severity"), field("risk_score"), field("rule.name"))
	if t := techniques(d.Source); t != "" {
		fmt.Fprintf(&b, "    MITRE ATT&CK  %s\n", t)
	}
	fmt.Fprintf(&b, "    reason        %s\n    id            %s\n", field("reason"), d.ID)
	return b.String()
}

// demoRisk keeps risk events where the rules over them find them.
func demoRisk(a *app, risk *store.Memory) *pipeline.Risk {
	return &pipeline.Risk{
		Indexer: risk, Instances: risk, Events: &store.Kept{Records: risk, Index: elastic.RiskAlias(a.global.Namespace)},
	}
}

// demoRiskEvents writes the risk events and returns their number. To scripts an alert is what they asked
// for, so only people see them.
func demoRiskEvents(ctx context.Context, a *app, risk alert.Reader) (int, error) {
	var docs []alert.Document
	if err := risk.List(ctx, alert.Filter{}, func(d alert.Document) (bool, error) {
		docs = append(docs, d)
		return true, nil
	}); err != nil {
		return 0, fmt.Errorf("demo: %w", err)
	}
	if a.global.Format != "text" || len(docs) == 0 {
		return len(docs), nil
	}
	slices.SortFunc(docs, func(x, y alert.Document) int {
		return strings.Compare(event.First(x.Source, "event.start")+x.ID, event.First(y.Source, "event.start")+y.ID)
	})
	if _, err := io.WriteString(a.out, "\nRisk events\n"); err != nil {
		return 0, wrapWrite(err)
	}
	for _, d := range docs {
		if _, err := io.WriteString(a.out, describeRisk(d)); err != nil {
			return 0, wrapWrite(err)
		}
	}
	return len(docs), nil
}
