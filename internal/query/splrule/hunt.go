package splrule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// Hunt returns the first rows of a search in their order, each as an event that has no place. What is wanted
// at most is told apart from all: the search ends there.
func (s *splSearch) Hunt(ctx context.Context, src query.Source, w window.Window, size int) ([]query.Hit, error) {
	p := s.plan
	at := splunk.Window{Earliest: w.From, Latest: w.To, Now: src.At}
	if src.At.IsZero() {
		at.Now = w.To
	}
	env := p.Env
	env.Tables = src.Tables
	events := p.source(src)
	events.KeepSource = false
	var hits []query.Hit
	writes := splunk.Writes(p.Search)
	err := splunk.Run(ctx, p.Search, env, routed{src, events}, at, func(row splunk.Row) error {
		switch {
		case len(hits) < size:
		case writes:
			return nil // What it writes, it writes of all rows.
		default:
			return errEnough
		}
		for _, own := range []string{"_id", "_index"} {
			delete(row, own) // Of events that Splunk has, nobody sees where they are kept.
		}
		source, err := json.Marshal(row.Native())
		if err != nil {
			return fmt.Errorf("encode a row: %w", err)
		}
		hits = append(hits, query.Hit{Event: event.Event{Source: source}})
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return hits, err //nolint:wrapcheck // It names the command.
}

// Columns are the names of the rows in their order, as far as the search has one.
func (p *splPlan) Columns() []string { return spl.Order(p.Search) }
