package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/event"
	"tocsin/internal/pipeline"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
	"tocsin/internal/window"
)

// queryCmd searches events with a query that is no rule.
type queryCmd struct {
	Query              string    `arg:"" help:"The query."`
	Language           string    `help:"Language of the query." required:"" placeholder:"eql"`
	Index              []string  `help:"Index patterns to search." default:"*" placeholder:"PATTERN"`
	From               time.Time `help:"Earliest time." placeholder:"T" format:"2006-01-02T15:04:05Z07:00"`
	To                 time.Time `help:"Time before which events lie." placeholder:"T" format:"2006-01-02T15:04:05Z07:00"`
	Size               int       `help:"Greatest number of hits: the latest ones are shown." default:"100"`
	TimestampField     string    `help:"Field of the event's time." default:"@timestamp"`
	EventCategoryField string    `help:"Field of the event category." default:"event.category"`
	TiebreakerField    string    `help:"Field that orders events of the same time."`
}

// Run is the subcommand.
func (c *queryCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	if !translate.Supports(rule.Language(c.Language)) {
		return usagef("unknown language %q: it is one of %v", c.Language, translate.Languages())
	}
	if c.Size < 0 {
		return usagef("--size must not be negative")
	}
	plan, diags := query.AdHoc(query.AdHocQuery{
		Text: diag.NewText("query", c.Query), Language: rule.Language(c.Language), Index: c.Index,
		TimestampField: c.TimestampField, CategoryField: c.EventCategoryField, TiebreakerField: c.TiebreakerField,
	})
	if plan == nil {
		return a.badQuery(diags)
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	prepared, diags, err := plan.Prepare(ctx, b.events)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	if prepared == nil {
		return a.badQuery(diags)
	}
	if err := a.show(diags); err != nil {
		return err
	}
	for _, w := range pipeline.TargetWarnings(c.Index, prepared.Target()) {
		a.global.log.Warn(w)
	}
	hits, searchErr := c.collect(ctx, b, prepared)
	if err := writeHits(a, hits, c.TimestampField); err != nil {
		return err
	}
	switch {
	case searchErr != nil:
		return fmt.Errorf("query: %w", searchErr)
	case b.missing:
		return usagef("not all event files could be read")
	case b.badInput:
		return errFailed
	}
	return nil
}

// badQuery shows what is wrong with the query, which is an argument.
func (a *app) badQuery(diags diag.List) error {
	if err := a.show(diags); err != nil {
		return err
	}
	return usagef("the query cannot be run")
}

// collect takes the latest hits and puts them in order of time.
func (c *queryCmd) collect(ctx context.Context, b *backend, p query.Prepared) ([]event.Event, error) {
	var hits []event.Event
	if c.Size == 0 {
		return nil, nil
	}
	_, err := p.ExecuteLatest(ctx, b.events, window.Window{From: c.From, To: c.To}, func(page []query.Hit) (bool, error) {
		for _, h := range page[:min(len(page), c.Size-len(hits))] {
			hits = append(hits, h.Event)
		}
		return len(hits) < c.Size, nil
	})
	slices.Reverse(hits)
	return hits, err //nolint:wrapcheck // the caller says what it was doing
}

// hit is the JSON form of an event hit.
type hit struct {
	Index  string          `json:"_index"`
	ID     string          `json:"_id"`
	Source json.RawMessage `json:"_source"`
}

func writeHits(a *app, events []event.Event, timeField string) error {
	if a.global.Format != "text" {
		hits := make([]hit, len(events))
		for i, e := range events {
			hits[i] = hit{e.Index, e.ID, e.Source}
		}
		return writeJSON(a.out, a.global.Format, hits)
	}
	t := newTable(a.out, "TIME", "INDEX", "ID", "EVENT")
	for _, e := range events {
		doc, err := e.Document()
		if err != nil {
			return fmt.Errorf("query: %w", err)
		}
		t.row(event.First(doc.Source, timeField), e.Index, e.ID, summary(doc.Source))
	}
	if err := t.flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.err, "%d hits\n", len(events))
	return wrapWrite(err)
}

// summaryFields are looked at for a one-line summary of an event.
var summaryFields = []string{
	"event.category", "event.action", "host.name", "user.name", "process.name", "process.command_line", "file.path",
	"source.ip", "destination.ip", "message",
}

// maxSummary is the length of a summary in characters.
const maxSummary = 100

func summary(source map[string]any) string {
	var parts []string
	for _, f := range summaryFields {
		if text := event.First(source, f); text != "" {
			parts = append(parts, text)
		}
	}
	text := []rune(strings.Join(parts, " · "))
	if len(text) > maxSummary {
		return string(text[:maxSummary-1]) + "…"
	}
	return string(text)
}
