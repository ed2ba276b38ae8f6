package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"tocsin/internal/match/event"
	"tocsin/internal/query"
)

// hit is the JSON form of an event hit.
type hit struct {
	Index  string          `json:"_index"`
	ID     string          `json:"_id"`
	Source json.RawMessage `json:"_source"`
}

// group is the JSON form of a sequence or sample.
type group struct {
	JoinKeys []any `json:"join_keys"`
	Events   []any `json:"events"`
}

// jsonHits returns the JSON forms of hits.
func jsonHits(hits []query.Hit) []any {
	out := make([]any, len(hits))
	for i, h := range hits {
		if h.Event.Index == "" && h.Event.ID == "" && h.Group == nil { // a row of ES|QL
			out[i] = h.Event.Source
			continue
		}
		if h.Group == nil {
			out[i] = hit{h.Event.Index, h.Event.ID, h.Event.Source}
			continue
		}
		g := group{JoinKeys: h.Group.JoinKeys}
		for _, e := range h.Group.Events {
			if e == nil {
				g.Events = append(g.Events, map[string]bool{"missing": true})
				continue
			}
			g.Events = append(g.Events, hit{e.Index, e.ID, e.Source})
		}
		out[i] = g
	}
	return out
}

// writeHits writes the hits of an answer in the format of the command; columns asks for a table of its columns.
func writeHits(a *app, found query.Answer, timeField string, columns bool) error {
	hits := found.Hits
	if a.global.Format == "csv" {
		return writeCSV(a, found)
	}
	if a.global.Format != "text" {
		return writeJSON(a.out, a.global.Format, jsonHits(hits))
	}
	if columns {
		rows, err := newRowTable(found)
		if err != nil {
			return err
		}
		if rows.shown() {
			if err := rows.write(a); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.err, "%s\n", count(len(hits), "row"))
			return wrapWrite(err)
		}
	}
	t := newTable(a.out, "TIME", "INDEX", "ID", "EVENT")
	what := "hit"
	for n, h := range hits {
		events := []*event.Event{&h.Event}
		if h.Group != nil {
			what = "sequence"
			t.row(fmt.Sprintf("#%d", n+1), "", "", joinKeys(h.Group.JoinKeys))
			events = h.Group.Events
		}
		for _, e := range events {
			if err := writeEvent(t, e, timeField); err != nil {
				return err
			}
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.err, "%s\n", count(len(hits), what))
	return wrapWrite(err)
}

// writeEvent writes the row of an event; nil is the missing event of a sequence.
func writeEvent(t *table, e *event.Event, timeField string) error {
	if e == nil {
		t.row("-", "", "", "(no such event)")
		return nil
	}
	doc, err := e.Document()
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	t.row(event.First(doc.Source, timeField), e.Index, e.ID, summary(doc.Source, max(maxSummary, t.width)))
	return nil
}

func joinKeys(keys []any) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		if parts[i] = fmt.Sprint(k); k == nil {
			parts[i] = "(none)"
		}
	}
	return "by " + strings.Join(parts, ", ")
}

// summaryFields are the fields in the one-line summary of an event.
var summaryFields = []string{
	"event.category", "event.action", "host.name", "user.name", "process.name", "process.command_line", "file.path",
	"source.ip", "destination.ip", "message",
}

// maxSummary is the maximum length of a summary in characters where no terminal is wider.
const maxSummary = 100

// summary returns what an event is about, in at most most characters.
func summary(source map[string]any, most int) string {
	var parts []string
	for _, f := range summaryFields {
		if text := event.First(source, f); text != "" {
			parts = append(parts, text)
		}
	}
	return shorten(strings.Join(parts, " · "), most)
}
