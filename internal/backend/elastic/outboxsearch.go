package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/match/condition"
	"tocsin/internal/notify"
	"tocsin/internal/search"
)

// outboxAnswer is the answer to a search of the outbox.
type outboxAnswer struct {
	TimedOut bool     `json:"timed_out"`
	Shards   shards   `json:"_shards"`
	Clusters clusters `json:"_clusters"`
	Hits     struct {
		Total struct {
			Value int `json:"value"`
		} `json:"total"`
		Hits []hit `json:"hits"`
	} `json:"hits"`
	Aggregations struct {
		Newest countValue `json:"newest"`
		Groups struct {
			Buckets []struct {
				Key struct {
					Route  *string `json:"route"`
					Status string  `json:"status"`
				} `json:"key"`
				Count  int        `json:"doc_count"`
				Oldest countValue `json:"oldest"`
			} `json:"buckets"`
		} `json:"groups"`
	} `json:"aggregations"`
}

// entries decodes the hits.
func (a outboxAnswer) entries() ([]notify.Entry, error) {
	var out []notify.Entry
	for _, h := range a.Hits.Hits {
		var s outboxSource
		if err := json.Unmarshal(h.Source, &s); err != nil {
			return nil, fmt.Errorf("read notification %s: %w", h.ID, err)
		}
		e, err := notify.DecodeEntry([]byte(s.Entry), mark{h.SeqNo, h.PrimaryTerm})
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// ask searches the index, refreshed before, so that what was written is found. It does not wait for its turn among the searches of rules.
func (o *Outbox) ask(ctx context.Context, op string, body condition.Query) (outboxAnswer, error) {
	op += " [" + o.index + "]"
	data, err := search.JSON(body, "")
	if err != nil {
		return outboxAnswer{}, err
	}
	if _, err := call[struct{}](ctx, o.client, "refresh ["+o.index+"]", func() esapi.Request {
		return esapi.IndicesRefreshRequest{Index: []string{o.index}}
	}); notFound(err) { // not installed yet
		return outboxAnswer{}, nil
	} else if err != nil {
		return outboxAnswer{}, err
	}
	a, err := call[outboxAnswer](ctx, o.client, op, func() esapi.Request {
		return esapi.SearchRequest{Index: []string{o.index}, Body: bytes.NewReader(data)}
	})
	if err != nil {
		return a, err
	}
	var d damage
	d.add(a.Shards, a.TimedOut, a.Clusters)
	return a, d.err(op)
}

// outboxTime returns a time as the index keeps it, in milliseconds.
func outboxTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Find implements [notify.Store].
func (o *Outbox) Find(ctx context.Context, q notify.Query) ([]notify.Entry, error) {
	filter := []condition.Query{}
	not := []condition.Query{}
	term := func(field, value string) {
		if value != "" {
			filter = append(filter, condition.Query{"term": condition.Query{field: value}})
		}
	}
	term("route", q.Route)
	term("group", q.Group)
	if len(q.Unrouted) > 0 {
		not = append(not, condition.Query{"terms": condition.Query{"route": q.Unrouted}})
	}
	if len(q.Statuses) > 0 {
		filter = append(filter, condition.Query{"terms": condition.Query{"status": q.Statuses}})
	} else {
		not = append(not, condition.Query{"term": condition.Query{"status": notify.Leased}})
	}
	span := condition.Query{"format": "strict_date_optional_time"}
	if !q.From.IsZero() {
		span["gte"] = outboxTime(q.From)
	}
	if !q.Before.IsZero() {
		span["lt"] = outboxTime(q.Before)
	}
	if len(span) > 1 {
		filter = append(filter, condition.Query{"range": condition.Query{"at": span}})
	}
	body := condition.Query{
		"query": condition.Query{"bool": condition.Query{"filter": filter, "must_not": not}}, "size": q.Size(), "track_total_hits": false,
		"seq_no_primary_term": true, "_source": []string{"id", "entry"},
		"sort": []condition.Query{{"at": condition.Query{"order": "asc", "unmapped_type": "date"}}, {"id": condition.Query{"order": "asc", "unmapped_type": "keyword"}}},
	}
	if q.After != nil {
		body["search_after"] = []any{q.After.At.UnixMilli(), q.After.ID}
	}
	a, err := o.ask(ctx, "find notifications", body)
	if err != nil {
		return nil, err
	}
	return a.entries()
}

// Members implements [notify.Store].
func (o *Outbox) Members(ctx context.Context, digest string, limit int) (notify.Members, error) {
	a, err := o.ask(ctx, "count the members of a digest", condition.Query{
		"query": condition.Query{"bool": condition.Query{"filter": []condition.Query{
			{"term": condition.Query{"digest": digest}}, {"term": condition.Query{"status": notify.Member}},
		}}},
		"size": limit, "track_total_hits": true, "seq_no_primary_term": true, "_source": []string{"id", "entry"},
		"sort": []condition.Query{{"at": condition.Query{"order": "desc", "unmapped_type": "date"}}, {"id": condition.Query{"order": "desc", "unmapped_type": "keyword"}}},
		"aggs": condition.Query{"newest": condition.Query{"max": condition.Query{"field": "at"}}},
	})
	if err != nil {
		return notify.Members{}, err
	}
	some, err := a.entries()
	return notify.Members{Count: a.Hits.Total.Value, Newest: a.Aggregations.Newest.time(), Some: some}, err
}

// Forget implements [notify.Store], as the ledger does: without delete by query, which needs a module.
func (o *Outbox) Forget(ctx context.Context, before time.Time) (int, error) {
	n := 0
	for {
		a, err := o.ask(ctx, "find old notifications", condition.Query{
			"query": condition.Query{"bool": condition.Query{"filter": []condition.Query{
				{"terms": condition.Query{"status": []notify.Status{notify.Delivered, notify.Member}}},
				{"range": condition.Query{"at": condition.Query{"lt": outboxTime(before), "format": "strict_date_optional_time"}}},
			}}},
			"size": outboxBatch, "track_total_hits": false, "_source": false,
		})
		if err != nil || len(a.Hits.Hits) == 0 {
			return n, err
		}
		var body bytes.Buffer
		for _, h := range a.Hits.Hits {
			line, err := search.JSON(map[string]any{"delete": map[string]any{"_id": h.ID}}, "")
			if err != nil {
				return n, err
			}
			body.Write(append(line, '\n'))
		}
		gone, err := o.client.deleteAll(ctx, "delete old notifications ["+o.index+"]", o.index, body.Bytes())
		n += gone
		if err != nil {
			return n, err
		}
	}
}

// maxOutboxGroups is the number of routes and statuses that are told.
const maxOutboxGroups = 5000

// Stats implements [notify.Store].
func (o *Outbox) Stats(ctx context.Context) ([]notify.Stat, error) {
	a, err := o.ask(ctx, "count notifications", condition.Query{
		"query": condition.Query{"bool": condition.Query{"must_not": []condition.Query{{"term": condition.Query{"status": notify.Leased}}}}},
		"size":  0, "track_total_hits": false,
		"aggs": condition.Query{"groups": condition.Query{
			"composite": condition.Query{"size": maxOutboxGroups, "sources": []condition.Query{
				{"route": condition.Query{"terms": condition.Query{"field": "route", "missing_bucket": true}}}, {"status": condition.Query{"terms": condition.Query{"field": "status"}}},
			}},
			"aggs": condition.Query{"oldest": condition.Query{"min": condition.Query{"field": "created"}}},
		}},
	})
	if err != nil {
		return nil, err
	}
	out := []notify.Stat{}
	for _, b := range a.Aggregations.Groups.Buckets {
		s := notify.Stat{Status: notify.Status(b.Key.Status), Count: b.Count, Oldest: b.Oldest.time()}
		if b.Key.Route != nil {
			s.Route = *b.Key.Route
		}
		out = append(out, s)
	}
	return out, nil
}
