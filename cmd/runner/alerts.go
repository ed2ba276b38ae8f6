package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
	"tocsin/internal/splunk"
)

// alertsCmd lists, counts, shows and changes stored alerts.
type alertsCmd struct {
	List alertsListCmd `cmd:"" default:"withargs" help:"List alerts, newest first."`
	Top  alertsTopCmd  `cmd:"" help:"Count the alerts of each rule, most first."`
	Show alertsShowCmd `cmd:"" help:"Show one alert."`

	Close  alertsCloseCmd  `cmd:"" help:"Close alerts."`
	Ack    alertsAckCmd    `cmd:"" help:"Acknowledge alerts."`
	Open   alertsOpenCmd   `cmd:"" help:"Open alerts again."`
	Tag    alertsTagCmd    `cmd:"" help:"Add tags to alerts, and remove tags."`
	Assign alertsAssignCmd `cmd:"" help:"Assign alerts to users, and take users off."`
}

type alertsListCmd struct {
	alertFlags

	Risk    bool          `help:"List risk events instead of alerts."`
	Limit   int           `help:"Maximum number of alerts. 0: all." default:"0"`
	Oldest  bool          `help:"List the oldest alerts first."`
	Follow  bool          `help:"List the latest alerts (10, or --limit), oldest first, then new ones as they are written."`
	Refresh time.Duration `help:"How often --follow looks for new alerts." default:"2s"`
}

type alertsShowCmd struct {
	ID string `arg:"" help:"Id of the alert, or its first characters."`
}

// check returns a usage error for flags that do not go together.
func (c *alertsListCmd) check(format string) error {
	switch {
	case c.Limit < 0:
		return usagef("--limit must not be negative")
	case c.Follow && c.Risk:
		return usagef("--follow does not go with --risk")
	case c.Follow && c.Oldest:
		return usagef("--follow lists the oldest alerts first already, without --oldest")
	case c.Follow && format == "json":
		return usagef("--follow has no end, and --format json is one list: use --format ndjson")
	case c.Refresh <= 0:
		return usagef("--refresh must be more than 0")
	}
	return c.alertFlags.check(c.Risk)
}

// Run is the subcommand.
func (c *alertsListCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	if err := c.check(a.global.Format); err != nil {
		return err
	}
	if c.Follow {
		return c.follow(ctx, a)
	}
	b, err := a.openAlertsToRead(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	f, err := c.filter(ctx, a, b, c.Risk)
	if err != nil {
		return err
	}
	f.Newest = !c.Oldest
	if a.global.Format == "text" && !c.Risk {
		return c.table(ctx, a, b, f)
	}
	w := newAlertWriter(a)
	kept := b.alerts
	if c.Risk {
		kept, w.describe, w.none = b.risk, describeRisk, "no risk events"
	} else {
		f.Limit = c.Limit // what is kept beside risk events does not count
	}
	err = kept.List(ctx, f, func(d alert.Document) (bool, error) {
		if c.Risk && splunk.IsCollected(d.Source) {
			return true, nil
		}
		err := w.write(d)
		return c.Limit == 0 || w.count < c.Limit, err
	})
	if err != nil {
		return errors.Join(fmt.Errorf("list alerts: %w", err), w.finish())
	}
	return w.finish()
}

// table lists alerts in text. Alerts of a sequence are one tree, at the place of the first of them.
func (c *alertsListCmd) table(ctx context.Context, a *app, b *backend, f alert.Filter) error {
	t := newAlertTable(a, b)
	err := b.alerts.List(ctx, f, func(d alert.Document) (bool, error) {
		err := t.add(ctx, d)
		return c.Limit == 0 || t.units < c.Limit, err
	})
	if err != nil {
		err = fmt.Errorf("list alerts: %w", err)
	}
	if err := errors.Join(err, t.flush(ctx)); err != nil || t.units > 0 {
		return err
	}
	_, err = io.WriteString(a.err, "no alerts\n")
	return wrapWrite(err)
}

// Run is the subcommand.
func (c *alertsShowCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	b, err := a.openAlertsToRead(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	doc, err := b.alertNamed(ctx, c.ID)
	if errors.Is(err, alert.ErrNotFound) {
		if risk, riskErr := b.risk.Get(ctx, c.ID); riskErr == nil {
			doc, err = risk, nil
		}
	}
	if err != nil {
		return fmt.Errorf("show %w", err)
	}
	indent := "  "
	if a.global.Format == "ndjson" {
		indent = ""
	}
	data, err := search.JSON(flat(doc), indent)
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	_, err = fmt.Fprintf(a.out, "%s\n", data)
	return wrapWrite(err)
}

// maxNamed is the number of alerts that an error about an ambiguous id lists.
const maxNamed = 8

// alertNamed returns the alert with an id, or the only one whose id begins with it.
func (b *backend) alertNamed(ctx context.Context, id string) (alert.Document, error) {
	if id == "" {
		return alert.Document{}, usagef("alert: the id is empty")
	}
	ids, err := b.alerts.Prefixed(ctx, id, maxNamed+1)
	switch {
	case err != nil:
		return alert.Document{}, fmt.Errorf("alert %s: %w", id, err)
	case len(ids) == 0 || slices.Contains(ids, id):
		return b.alerts.Get(ctx, id) //nolint:wrapcheck // it names the alert
	case len(ids) == 1:
		return b.alerts.Get(ctx, ids[0]) //nolint:wrapcheck // it names the alert
	}
	docs, err := b.alerts.GetAll(ctx, ids[:min(len(ids), maxNamed)])
	if err != nil {
		return alert.Document{}, fmt.Errorf("alert %s: %w", id, err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "alert %s: the id is ambiguous; alerts with ids that begin like this:", id)
	for i, known := range ids {
		if i == maxNamed {
			text.WriteString("\nand more")
			break
		}
		fmt.Fprintf(&text, "\n%s  %s  %s", known, event.First(docs[known].Source, originalTime), event.First(docs[known].Source, alert.RuleNameField))
	}
	return alert.Document{}, usageError{errors.New(text.String())}
}

// flat returns the alert document with its _id and _index as fields.
func flat(d alert.Document) map[string]any {
	out := maps.Clone(d.Source)
	out["_id"] = d.ID
	if d.Index != "" {
		out["_index"] = d.Index
	}
	return out
}

// alertWriter writes alerts one by one in the format of the command.
type alertWriter struct {
	stdio
	format string
	count  int
	// describe formats one alert for the text format; none is the text when there are no alerts.
	describe func(alert.Document) string
	none     string
}

func newAlertWriter(a *app) *alertWriter {
	return &alertWriter{stdio: a.stdio, format: a.global.Format, describe: describe, none: "no alerts"}
}

func (w *alertWriter) write(d alert.Document) error {
	w.count++
	if w.format == "text" {
		_, err := io.WriteString(w.out, w.describe(d))
		return wrapWrite(err)
	}
	data, err := search.JSON(flat(d), "")
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	before, after := "", "\n"
	if w.format == "json" {
		before, after = ",\n", ""
		if w.count == 1 {
			before = "[\n"
		}
	}
	_, err = fmt.Fprintf(w.out, "%s%s%s", before, data, after)
	return wrapWrite(err)
}

// finish closes the JSON array, or writes that there are no alerts.
func (w *alertWriter) finish() error {
	to, text := w.out, ""
	switch {
	case w.format == "json" && w.count == 0:
		text = "[]\n"
	case w.format == "json":
		text = "\n]\n"
	case w.format == "text" && w.count == 0:
		to, text = w.err, w.none+"\n"
	}
	_, err := io.WriteString(to, text)
	return wrapWrite(err)
}

// describe formats an alert in a few lines of text.
func describe(d alert.Document) string {
	field := func(name string) string { return escaped(event.First(d.Source, "kibana.alert."+name)) }
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s (risk %s)  %s\n", field("original_time"), field("severity"), field("risk_score"), field("rule.name"))
	if t := techniques(d.Source); t != "" {
		fmt.Fprintf(&b, "    MITRE ATT&CK  %s\n", t)
	}
	fmt.Fprintf(&b, "    reason        %s\n    id            %s\n", field("reason"), d.ID)
	return b.String()
}

// describeRisk formats a risk event in a few lines of text.
func describeRisk(d alert.Document) string {
	field := func(name string) string { return escaped(event.First(d.Source, name)) }
	all := func(name string) string {
		var texts []string
		for _, v := range event.Lookup(d.Source, name) {
			texts = append(texts, fmt.Sprint(v))
		}
		return escaped(strings.Join(texts, ", "))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  risk %s for %s %s  %s\n", field("event.start"), field("risk.score"), field("risk.object_type"), field("risk.object"), field("rule.name"))
	if ids := all("threat.technique.id"); ids != "" {
		fmt.Fprintf(&b, "    MITRE ATT&CK  %s %s\n", ids, all("threat.technique.name"))
	}
	fmt.Fprintf(&b, "    message       %s\n", field("message"))
	if threats := all("risk.threat_objects.value"); threats != "" {
		fmt.Fprintf(&b, "    by            %s %s\n", field("risk.threat_objects.type"), threats)
	}
	fmt.Fprintf(&b, "    id            %s\n", d.ID)
	return b.String()
}

// techniques lists the ATT&CK techniques of an alert. Sub-techniques replace their parents.
func techniques(source map[string]any) string {
	var names []string
	add := func(t map[string]any) { names = append(names, event.First(t, "id")+" "+event.First(t, "name")) }
	for _, threat := range event.Objects(source, "kibana.alert.rule.threat") {
		for _, technique := range event.Objects(threat, "technique") {
			subs := event.Objects(technique, "subtechnique")
			if len(subs) == 0 {
				add(technique)
			}
			for _, s := range subs {
				add(s)
			}
		}
	}
	return escaped(strings.Join(names, "; "))
}
