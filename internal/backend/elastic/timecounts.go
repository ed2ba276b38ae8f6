package elastic

import (
	"bytes"
	"context"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/alert"
	"tocsin/internal/match/condition"
	"tocsin/internal/search"
)

// timeAnswer is the answer of _search with the alerts of each part of the time.
type timeAnswer struct {
	TimedOut     bool     `json:"timed_out"`
	Shards       shards   `json:"_shards"`
	Clusters     clusters `json:"_clusters"`
	Aggregations struct {
		Parts struct {
			Buckets []timeBucket `json:"buckets"`
		} `json:"parts"`
	} `json:"aggregations"`
}

type timeBucket struct {
	Alerts     int64 `json:"doc_count"`
	Severities struct {
		Buckets []struct {
			Key    string `json:"key"`
			Alerts int64  `json:"doc_count"`
		} `json:"buckets"`
	} `json:"severities"`
}

// severities is the largest number of severities that are told apart; the others count as none.
const severities = 16

// CountByTime implements [alert.TimeCounter] by an aggregation, as of the last refresh.
func (a *Alerts) CountByTime(ctx context.Context, f alert.Filter, step time.Duration, parts int) ([]alert.TimeCount, error) {
	if err := a.findable(ctx); err != nil {
		return nil, err
	}
	op := "count alerts over time [" + a.alias + "]"
	out := alert.TimeParts(f.Since, step, parts)
	begin := out[0].From.UnixMilli()
	end := begin + int64(len(out))*step.Milliseconds()
	aggregation := condition.Query{
		"range": condition.Query{"field": search.DefaultTimestamp, "format": "epoch_millis", "ranges": ranges(begin, step.Milliseconds(), len(out))},
		"aggs":  condition.Query{"severities": condition.Query{"terms": condition.Query{"field": alert.SeverityField, "size": severities}}},
	}
	within := condition.Query{"range": condition.Query{search.DefaultTimestamp: condition.Query{"gte": begin, "lt": end, "format": "epoch_millis"}}}
	data, err := search.JSON(condition.Query{
		"size": 0, "track_total_hits": false, "aggs": condition.Query{"parts": aggregation},
		"query": condition.Query{"bool": condition.Query{"filter": []any{a.filterQuery(f), within}}},
	}, "")
	if err != nil {
		return nil, err //nolint:wrapcheck // the error names the operation
	}
	yes := true
	answer, err := call[timeAnswer](ctx, a.client, op, func() esapi.Request {
		return searching{esapi.SearchRequest{
			Index: escape([]string{a.alias}), Body: bytes.NewReader(data), IgnoreUnavailable: &yes, AllowNoIndices: &yes, AllowPartialSearchResults: &yes,
		}, 0}
	})
	if err != nil {
		return nil, err
	}
	var d damage
	d.add(answer.Shards, answer.TimedOut, answer.Clusters)
	for i, b := range answer.Aggregations.Parts.Buckets {
		if i >= len(out) {
			break
		}
		b.into(out[i].BySeverity)
	}
	return out, d.err(op)
}

func ranges(begin, step int64, parts int) []any {
	out := make([]any, parts)
	for i := range out {
		from := begin + int64(i)*step
		out[i] = condition.Query{"from": from, "to": from + step}
	}
	return out
}

// into adds the alerts of a part of the time.
func (b timeBucket) into(by map[string]int64) {
	rest := b.Alerts
	for _, s := range b.Severities.Buckets {
		by[s.Key] += s.Alerts
		rest -= s.Alerts
	}
	if rest > 0 {
		by[""] += rest
	}
}
