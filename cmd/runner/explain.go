package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"tocsin/internal/condition"
	"tocsin/internal/event"
	"tocsin/internal/query"
	"tocsin/internal/search"
	"tocsin/internal/window"
)

// explainCmd shows what a rule becomes.
type explainCmd struct {
	Rule  string    `arg:"" help:"Id, name, file or path of the rule."`
	Event string    `help:"Say why the (first) event of this file matches or not." placeholder:"FILE" type:"path" xor:"what"`
	Alert string    `help:"Say the same of the event behind a stored alert." placeholder:"ID" xor:"what"`
	At    time.Time `help:"Slot whose window is shown; now without it." placeholder:"T" format:"2006-01-02T15:04:05Z07:00"`
}

// Run is the subcommand.
func (c *explainCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json"); err != nil {
		return err
	}
	plan, diags, err := findPlan(a.global.Rules, c.Rule)
	if err != nil {
		return err
	}
	if err := a.show(diags); err != nil {
		return err
	}
	if plan == nil {
		return errFailed
	}
	prepared, err := c.prepare(ctx, a, plan)
	if err != nil {
		return err
	}
	at := c.At
	if at.IsZero() {
		at = time.Now()
	}
	r := plan.Rule()
	explanation := prepared.Explain(window.At(at, r.From.Expr, r.To.Expr))
	source, err := c.source(ctx, a)
	if err != nil {
		return err
	}
	if source == nil {
		return explainRequest(a, explanation)
	}
	trace, err := prepared.Trace(event.NewDocument(source))
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	return explainEvent(a, explanation, trace)
}

// prepare binds the plan to the mappings at hand, or assumes those of ECS.
func (c *explainCmd) prepare(ctx context.Context, a *app, plan query.Plan) (query.Prepared, error) {
	if len(a.global.Elasticsearch) == 0 && len(a.global.Events) == 0 {
		prepared, _ := plan.Assume()
		return prepared, nil
	}
	b, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = b.close() }()
	prepared, diags, err := plan.Prepare(ctx, b.events)
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

// source is the event to judge, nil when none was asked for.
func (c *explainCmd) source(ctx context.Context, a *app) (map[string]any, error) {
	switch {
	case c.Event != "":
		return readEvent(c.Event)
	case c.Alert != "":
		b, err := a.open(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { _ = b.close() }()
		doc, err := b.alerts.Get(ctx, c.Alert)
		if err != nil {
			return nil, fmt.Errorf("explain alert %s: %w", c.Alert, err)
		}
		return normalise(doc.Source)
	}
	return nil, nil //nolint:nilnil // no event was asked for
}

// normalise gives a stored document the number types of decoded events.
func normalise(source map[string]any) (map[string]any, error) {
	data, err := json.Marshal(source)
	if err != nil {
		return nil, fmt.Errorf("encode alert: %w", err)
	}
	e := event.Event{Source: data}
	doc, err := e.Document()
	if err != nil {
		return nil, fmt.Errorf("read alert: %w", err)
	}
	return doc.Source, nil
}

// readEvent reads the first event of a file, however the JSON is laid out: plain or with
// _index, _id and _source.
func readEvent(path string) (map[string]any, error) {
	f, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, usagef("read event: %w", err)
	}
	defer func() { _ = f.Close() }()
	dec := json.NewDecoder(f)
	dec.UseNumber()
	var source map[string]any
	if err := dec.Decode(&source); err != nil {
		return nil, usagef("read event %s: %w", path, err)
	}
	if inner, ok := source["_source"].(map[string]any); ok {
		return inner, nil
	}
	return source, nil
}

func explainRequest(a *app, e query.Explanation) error {
	if a.global.Format == "json" {
		return writeJSON(a.out, "json", []query.Explanation{e})
	}
	explainHead(a.out, e)
	body, err := search.JSON(e.Request, "  ")
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	_, err = fmt.Fprintf(a.out, "request    GET %s\n%s\n\ncurl       %s\n", e.Path(), body, curl(a.global.Elasticsearch, e, body))
	return wrapWrite(err)
}

func explainHead(w io.Writer, e query.Explanation) {
	time := e.TimeField
	if e.TimeFallback != "" {
		time += ", or " + e.TimeFallback + " where that is missing"
	}
	_, _ = fmt.Fprintf(w, "rule       %s (%s)\ntype       %s, %s\nindices    %s\nwindow     %s on %s\nquery      %s\ncondition  %s\n",
		e.Name, e.RuleID, e.Type, e.Language, strings.Join(e.Indices, ", "), e.Window, time, e.Query, e.Condition)
	if e.Exact {
		_, _ = fmt.Fprintf(w, "strategy   %s: every event found is a hit\n", e.Strategy)
		return
	}
	_, _ = fmt.Fprintf(w, "strategy   %s for %s, then the whole condition in memory\n", e.Strategy, e.Pushed)
}

// curl is a line for a shell. Credentials are left to the reader.
func curl(addresses []string, e query.Explanation, body []byte) string {
	base := "http://localhost:9200"
	if len(addresses) > 0 {
		base = addresses[0]
		if u, err := url.Parse(base); err == nil {
			u.User = nil
			base = strings.TrimRight(u.String(), "/")
		}
	}
	quoted := strings.ReplaceAll(string(body), "'", `'\''`)
	return fmt.Sprintf("curl -s -H 'Content-Type: application/json' '%s%s' -d '%s'", base, e.Path(), quoted)
}

// explained is the JSON form of the judgement on an event.
type explained struct {
	RuleID  string          `json:"rule_id"`
	Matches bool            `json:"matches"`
	Trace   condition.Trace `json:"trace"`
}

func explainEvent(a *app, e query.Explanation, t condition.Trace) error {
	if a.global.Format == "json" {
		return writeJSON(a.out, "json", []explained{{e.RuleID, t.Holds, t}})
	}
	verdict := "does not match"
	if t.Holds {
		verdict = "matches"
	}
	if _, err := fmt.Fprintf(a.out, "The event %s %s (window and indices aside).\n\n", verdict, e.Name); err != nil {
		return wrapWrite(err)
	}
	return writeTrace(a.out, t, 0)
}

// writeTrace writes one line per part of the condition, marked by what it gave.
func writeTrace(w io.Writer, t condition.Trace, depth int) error {
	mark := "no "
	if t.Holds {
		mark = "yes"
	}
	line := fmt.Sprintf("%s  %s%s", mark, strings.Repeat("  ", depth), t.Text)
	if len(t.Parts) == 0 && t.Values == nil {
		line += "   (the event has no value there)"
	} else if t.Values != nil {
		line += "   event: " + strings.Join(t.Values, " | ")
	}
	if _, err := fmt.Fprintln(w, strings.Map(printable, line)); err != nil {
		return wrapWrite(err)
	}
	for _, p := range t.Parts {
		if err := writeTrace(w, p, depth+1); err != nil {
			return err
		}
	}
	return nil
}
