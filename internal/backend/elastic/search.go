package elastic

import (
	"context"
	"encoding/json"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// Search reads the matching events in a point in time, so that concurrent writes have no effect. If some shards fail, the
// hits of the others are visited, and the error is a partial failure that names the failed shards. It is also a partial
// failure if no shard was searched, as the caller has resolved the patterns to indices.
func (c *Client) Search(ctx context.Context, r search.Request, visit search.Visit) (search.Result, error) {
	patterns := tidy(r.Patterns)
	if len(patterns) == 0 {
		return search.Result{}, nil // for Elasticsearch, no pattern would mean all indices
	}
	body := r.Body()
	if body["sort"] == nil { // paging needs an order
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
		return result, c.noticed(err)
	}
	var m merger
	for _, part := range parts {
		p := newPager(c, op, part, body, r.Size())
		p.damage = c.expecting(part, false)
		m.pagers = append(m.pagers, p)
	}
	return m.run(ctx, visitHits)
}

// noticed returns an error. If it says that the user may not read the indices, the known privileges and indices are
// discarded.
func (c *Client) noticed(err error) error {
	if failure.UnreadOf(err) == failure.Forbidden {
		c.rights.forget()
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
	// only if the search requests them
	SeqNo       int64 `json:"_seq_no"`
	PrimaryTerm int64 `json:"_primary_term"`
}

// event returns the hit of a request as an event. Requested fields that the hit lacks have no values, even if the source
// has some.
func (h hit) event(r search.Request) event.Event {
	if len(r.Fields) > 0 && h.Fields == nil {
		h.Fields = map[string][]any{}
	}
	for _, name := range r.Fields {
		if _, has := h.Fields[name]; !has {
			h.Fields[name] = nil
		}
	}
	if h.Source == nil { // the index does not store sources
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

	// hitsThere: the answer has a list of hits, which may be empty.
	hitsThere bool
	// body is the answer; the sources of hits are parts of it.
	body []byte
}

// total returns the number of hits, or -1 if the answer does not have it.
func (p page) total() int64 {
	if p.Hits.Total == nil || p.Hits.Total.Relation != "eq" {
		return -1
	}
	return p.Hits.Total.Value
}
