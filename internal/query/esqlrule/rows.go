package esqlrule

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/search"
)

// rowGroup is the rows of one document.
type rowGroup struct {
	ref  search.Ref
	rows [][]any
}

// documentHits makes a hit of each row's document. If a document has several different rows, each row is a hit with its
// values as a part of its identity.
func (x *esqlRun) documentHits(ctx context.Context, t rowTable) (bool, error) {
	groups := t.grouped()
	x.found += int64(len(groups))
	for size := query.NextFetch(0, 0); len(groups) > 0; {
		batch := groups[:min(size, len(groups))]
		groups = groups[len(batch):]
		events, err := x.events(ctx, t, batch)
		if err != nil {
			return false, err
		}
		size = query.NextFetch(len(batch), query.SourceBytes(events))
		var hits []query.Hit
		for i, g := range batch {
			made, err := t.groupHits(g, events[i], x.target.Fields)
			if err != nil {
				return false, err
			}
			hits = append(hits, made...)
		}
		x.found += int64(len(hits) - len(batch))
		x.result.Seen += int64(len(hits))
		if more, err := x.visit(hits); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// grouped groups rows by document, in the order of their first rows.
func (t rowTable) grouped() []rowGroup {
	id, index := t.Column("_id"), t.Column("_index")
	var out []rowGroup
	place := map[search.Ref]int{}
	for _, row := range t.Values {
		idText, _ := row[id].(string)
		indexText, _ := row[index].(string)
		ref := search.Ref{Index: indexText, ID: idText}
		at, known := place[ref]
		if !known {
			at = len(out)
			place[ref] = at
			out = append(out, rowGroup{ref: ref})
		}
		out[at].rows = append(out[at].rows, row)
	}
	return out
}

// events returns the documents of groups: the _source in the rows, or what is read from Elasticsearch. A document that no
// longer exists is empty.
func (x *esqlRun) events(ctx context.Context, t rowTable, groups []rowGroup) ([]event.Event, error) {
	source := t.Column("_source")
	out := make([]event.Event, len(groups))
	var wanted []search.Ref
	for i, g := range groups {
		out[i] = event.Event{Index: g.ref.Index, ID: g.ref.ID, Source: json.RawMessage("{}")}
		if source < 0 || g.rows[0][source] == nil {
			wanted = append(wanted, g.ref)
			continue
		}
		text, err := search.JSON(g.rows[0][source], "")
		if err != nil {
			return nil, err //nolint:wrapcheck // it says what it was doing
		}
		out[i].Source = text
	}
	if len(wanted) == 0 {
		return out, nil
	}
	found, err := x.runner.Documents(ctx, wanted)
	if err != nil {
		return nil, fmt.Errorf("read the events of %s: %w", x.plan.label(), err)
	}
	for i, g := range groups {
		if e, ok := found[g.ref]; ok {
			out[i] = e
		}
	}
	return out, nil
}

// groupHits makes hits of a document and its rows. Values of a row replace values of the document if they differ, and have
// no type from the document's index.
func (t rowTable) groupHits(g rowGroup, e event.Event, fields mapping.Fields) ([]query.Hit, error) {
	var hits []query.Hit
	seen := map[string]bool{}
	for _, row := range g.rows {
		values := t.canonical(row)
		if seen[values] {
			continue
		}
		seen[values] = true
		over := e
		put, err := t.over(row, &e, &over)
		if err != nil {
			return nil, err
		}
		h := query.Hit{Event: over, Key: []string{"esql", values}, ByEvent: true}
		if len(put) > 0 {
			h.Types = mapping.Layers{put, fields}
		}
		hits = append(hits, h)
	}
	if len(hits) == 1 {
		hits[0].Key, hits[0].ByEvent = nil, false // the event's own identity
	}
	return hits, nil
}

// madeHits makes a hit of each row itself. Its fields are the columns, and its identity consists of its values and the
// window.
func (x *esqlRun) madeHits(_ context.Context, t rowTable) (bool, error) {
	x.found += int64(len(t.Values))
	from, to := search.FormatTime(x.window.From), search.FormatTime(x.window.To)
	for batch := range slices.Chunk(t.Values, query.FetchSize) {
		hits := make([]query.Hit, len(batch))
		for i, row := range batch {
			source, err := t.document(row)
			if err != nil {
				return false, err
			}
			key := []string{"esql_row", from, to, t.canonical(row)}
			if at := t.Column("_id"); at >= 0 { // a row without its _index
				key = append(key, fmt.Sprint(row[at]))
			}
			hits[i] = query.Hit{Event: event.Event{Source: source}, Key: key, Parents: []event.Event{}, Types: mapping.Untyped()}
		}
		x.result.Seen += int64(len(hits))
		if more, err := x.visit(hits); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// rowsOf returns the rows of an answer as hits without documents, in the query's order.
func rowsOf(rows search.Rows) ([]query.Hit, error) {
	t := newRowTable(rows)
	id, index := t.Column("_id"), t.Column("_index")
	hits := make([]query.Hit, len(t.Values))
	for i, row := range t.Values {
		source, err := t.document(row)
		if err != nil {
			return nil, err
		}
		hits[i].Event = event.Event{Source: source}
		if id >= 0 {
			hits[i].Event.ID, _ = row[id].(string)
		}
		if index >= 0 {
			hits[i].Event.Index, _ = row[index].(string)
		}
	}
	return hits, nil
}
