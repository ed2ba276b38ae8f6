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

// AdHoc implements [query.AdHoc]. Each row is an event without an index and an id. The search ends after size rows.
func (s *splSearch) AdHoc(ctx context.Context, src query.Source, w window.Window, size int) (query.Answer, error) {
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
			return nil // commands that write need all rows
		default:
			return errEnough
		}
		for _, own := range []string{"_id", "_index"} {
			delete(row, own) // Splunk does not show where events are stored
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
	return query.Answer{Hits: hits, Columns: spl.Order(p.Search)}, err //nolint:wrapcheck // it names the command
}
