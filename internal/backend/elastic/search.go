package elastic

import (
	"context"
	"encoding/json"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// Search reads the events that match, in a point in time, so concurrent writes have no effect. Hits of
// healthy shards are visited even if other shards fail; the error is then of kind Partial and names them. If
// no shard was searched at all, the error is of kind Partial too, as the caller has resolved the patterns to
// indices.
func (c *Client) Search(ctx context.Context, r search.Request, visit search.Visit) (search.Result, error) {
	patterns := tidy(r.Patterns)
	if len(patterns) == 0 {
		return search.Result{}, nil // without patterns, Elasticsearch searches every index
	}
	body := r.Body()
	if body["sort"] == nil { // search_after needs an order
		body["sort"] = []condition.Query{{"_shard_doc": "asc"}}
	}
	op := "search [" + shown(patterns) + "]"
	visitHits := func(hits []hit) (bool, error) {
		page := make([]event.Event, len(hits))
		for i, h := range hits {
			page[i] = h.event(r)
		}
		return visit(page)
	}
	parts := patternChunks(patterns, maxPath)
	if len(parts) == 1 {
		p := newPager(c, op, patterns, body, r.Size())
		p.damage = c.expecting(patterns, true)
		result, err := p.run(ctx, visitHits)
		return result, c.noticeUnsearched(err)
	}
	var m merger
	for _, part := range parts {
		p := newPager(c, op, part, body, r.Size())
		p.damage = c.expecting(part, false)
		m.pagers = append(m.pagers, p)
	}
	return m.run(ctx, visitHits)
}

// noticeUnsearched returns err. If it says that nothing was searched although indices exist, the caches of privileges
// and indices are cleared.
func (c *Client) noticeUnsearched(err error) error {
	if failure.UnreadOf(err) == failure.Forbidden {
		c.rights.invalidate()
		c.known.forget()
	}
	return err
}

func sortOf(body condition.Query) []condition.Query {
	clauses, _ := body["sort"].([]condition.Query)
	return clauses
}

// hit is one document of an answer. Sort is sent back unchanged. Raw values are parts of the answer.
type hit struct {
	Index  string            `json:"_index"`
	ID     string            `json:"_id"`
	Source json.RawMessage   `json:"_source"`
	Fields map[string][]any  `json:"fields"`
	Sort   []json.RawMessage `json:"sort"`
	// Only in answers to searches that request them.
	SeqNo       int64 `json:"_seq_no"`
	PrimaryTerm int64 `json:"_primary_term"`
}

// event returns the hit of a request as an event. Requested fields that the document lacks have no values,
// whatever its source says.
func (h hit) event(r search.Request) event.Event {
	if len(r.Fields) > 0 && h.Fields == nil {
		h.Fields = map[string][]any{}
	}
	for _, name := range r.Fields {
		if _, has := h.Fields[name]; !has {
			h.Fields[name] = nil
		}
	}
	if h.Source == nil { // the index stores no source
		h.Source = json.RawMessage("{}")
	}
	return event.Event{Index: h.Index, ID: h.ID, Source: h.Source, Fields: h.Fields, Types: r.TypesOf(h.Index)}
}

// page is the answer of _search.
type page struct {
	PIT      string   `json:"pit_id"`
	Took     int64    `json:"took"`
	TimedOut bool     `json:"timed_out"`
	Shards   shards   `json:"_shards"`
	Clusters clusters `json:"_clusters"`
	Hits     struct {
		Total *struct {
			Value    int64  `json:"value"`
			Relation string `json:"relation"`
		} `json:"total"`
		Hits []hit `json:"hits"`
	} `json:"hits"`

	// hitsThere: the answer has the list of hits, even if it is empty.
	hitsThere bool
	// body is the memory that the sources of hits are parts of.
	body []byte
}

// total returns the number of hits; -1 if it is unknown.
func (p page) total() int64 {
	if p.Hits.Total == nil || p.Hits.Total.Relation != "eq" {
		return -1
	}
	return p.Hits.Total.Value
}
