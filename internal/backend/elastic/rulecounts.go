package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/alert"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// countPage is the number of rules in one page of counts.
const countPage = 500

// countAnswer is the answer of _search with the alerts of each rule.
type countAnswer struct {
	TimedOut     bool     `json:"timed_out"`
	Shards       shards   `json:"_shards"`
	Clusters     clusters `json:"_clusters"`
	Aggregations struct {
		Rules struct {
			AfterKey json.RawMessage `json:"after_key"`
			Buckets  []countBucket   `json:"buckets"`
		} `json:"rules"`
	} `json:"aggregations"`
}

type countBucket struct {
	Key struct {
		Rule *string `json:"rule"`
	} `json:"key"`
	Alerts int64      `json:"doc_count"`
	First  countValue `json:"first"`
	Last   countValue `json:"last"`
	Newest struct {
		Hits struct {
			Hits []hit `json:"hits"`
		} `json:"hits"`
	} `json:"newest"`
}

// countValue is a date in milliseconds; nil: no alert has one.
type countValue struct {
	Value *float64 `json:"value"`
}

func (v countValue) time() time.Time {
	if v.Value == nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(*v.Value)).UTC()
}

// CountByRule counts alerts by an aggregation, as of the last refresh.
func (a *Alerts) CountByRule(ctx context.Context, f alert.Filter) ([]alert.RuleCount, error) {
	if err := a.findable(ctx); err != nil {
		return nil, err
	}
	op := "count alerts [" + a.alias + "]"
	f.Newest = true
	composite := condition.Query{"size": countPage, "sources": []condition.Query{
		{"rule": condition.Query{"terms": condition.Query{"field": alert.RuleIDField, "missing_bucket": true}}},
	}}
	body := condition.Query{
		"size": 0, "query": a.filterQuery(f), "track_total_hits": false,
		"aggs": condition.Query{"rules": condition.Query{"composite": composite, "aggs": condition.Query{
			"first": condition.Query{"min": condition.Query{"field": search.DefaultTimestamp}},
			"last":  condition.Query{"max": condition.Query{"field": search.DefaultTimestamp}},
			"newest": condition.Query{"top_hits": condition.Query{
				"size": 1, "sort": a.listing(f)["sort"], "_source": []string{alert.RuleNameField, alert.SeverityField},
			}},
		}}},
	}
	var counts []alert.RuleCount
	for {
		answer, err := a.countRules(ctx, op, body)
		if err != nil {
			return nil, err
		}
		for _, b := range answer.Aggregations.Rules.Buckets {
			c, err := b.count()
			if err != nil {
				return nil, err
			}
			counts = append(counts, c)
		}
		after := answer.Aggregations.Rules.AfterKey
		if len(answer.Aggregations.Rules.Buckets) < countPage || after == nil {
			alert.SortCounts(counts)
			return counts, nil
		}
		composite["after"] = after
	}
}

func (b countBucket) count() (alert.RuleCount, error) {
	c := alert.RuleCount{Alerts: b.Alerts, First: b.First.time(), Last: b.Last.time()}
	if b.Key.Rule != nil {
		c.RuleID = *b.Key.Rule
	}
	for _, h := range b.Newest.Hits.Hits {
		doc, err := h.alert()
		if err != nil {
			return c, err
		}
		c.Name, c.Severity = event.First(doc.Source, alert.RuleNameField), event.First(doc.Source, alert.SeverityField)
	}
	return c, nil
}

func (a *Alerts) countRules(ctx context.Context, op string, body condition.Query) (countAnswer, error) {
	data, err := search.JSON(body, "")
	if err != nil {
		return countAnswer{}, err //nolint:wrapcheck // the error names the operation
	}
	yes := true
	answer, err := call[countAnswer](ctx, a.client, op, func() esapi.Request {
		return searching{esapi.SearchRequest{
			Index: escape([]string{a.alias}), Body: bytes.NewReader(data), IgnoreUnavailable: &yes, AllowNoIndices: &yes, AllowPartialSearchResults: &yes,
		}, 0}
	})
	if err != nil {
		return answer, err
	}
	var d damage
	d.add(answer.Shards, answer.TimedOut, answer.Clusters)
	return answer, d.err(op)
}
