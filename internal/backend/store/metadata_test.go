package store_test

import (
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

// TestMetadataFields: events can be searched by their ids and indices, in a search and in a scan,
// however their lines contain them.
func TestMetadataFields(t *testing.T) {
	e := mustEvents(t,
		`{"_index":"logs-a","_id":"one","_source":{"@timestamp":"2026-01-15T12:00:01Z"}}`,
		`{"_index":".ds-logs-b-2026.01.15-000001","_id":"two","@timestamp":"2026-01-15T12:00:02Z"}`,
		`{"@timestamp":"2026-01-15T12:00:03Z","data_stream":{"type":"logs","dataset":"c","namespace":"d"}}`,
	)
	hashed := searchAll(t, e, search.Request{})[2].ID
	target, err := e.Resolve(t.Context(), []string{"*"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var requests []search.Request
	rows := []struct {
		where condition.Expr
		want  string
	}{
		{condition.Term{Field: "_id", Value: "one"}, "1"},
		{condition.Not{X: condition.Term{Field: "_id", Value: "one"}}, "2 3"},
		{condition.Terms{Field: "_id", Values: []any{"two", hashed}}, "2 3"},
		{condition.Wildcard{Field: "_id", Pattern: "o*"}, "1"},
		{condition.Exists{Field: "_id"}, "1 2 3"},
		{condition.Term{Field: "_index", Value: "logs-a"}, "1"},
		{condition.Term{Field: "_index", Value: "LOGS-A", Fold: true}, "1"},
		{condition.Term{Field: "_index", Value: "logs-b"}, "2"},
		{condition.Term{Field: "_index", Value: ".ds-logs-b-2026.01.15-000001"}, "2"},
		{condition.Wildcard{Field: "_index", Pattern: "logs-c-*"}, "3"},
		{condition.Not{X: condition.Wildcard{Field: "_index", Pattern: "logs-*"}}, ""},
	}
	for _, row := range rows {
		requests = append(requests, search.Request{Patterns: []string{"*"}, Where: row.where, FieldTypes: target.Fields, Time: search.TimeRange{Field: "@timestamp"}})
	}
	answers, _, err := batch.Scan(t.Context(), e, requests, batch.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if !answers.Knows(requests[i]) {
			t.Errorf("%s: %s", row.where, answers.Why(requests[i]))
		}
		for way, from := range map[string]search.Events{"search": e, "scan": answers} {
			var got []string
			_, err := from.Search(t.Context(), requests[i], func(page []event.Event) (bool, error) {
				for _, hit := range page {
					got = append(got, string(hit.Source[strings.Index(string(hit.Source), "12:00:0")+7]))
				}
				return true, nil
			})
			if text := strings.Join(got, " "); err != nil || text != row.want {
				t.Errorf("%s by %s: %s, want %s; %v", row.where, way, text, row.want, fmt.Sprint(err))
			}
		}
	}
}
