package store_test

import (
	"strings"
	"testing"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// Lines of every form are found: those that are read in part and those that are decoded.
func TestSearchOfEveryFormOfLine(t *testing.T) {
	lines := []string{
		`{"k": "x", "n": 0}`,
		`{"_index": "logs-a", "_id": "1", "_source": {"k": "x", "n": 1}}`,
		`{"_index": "other", "_source": {"k": "x"}}`,
		`{"_index": "logs-a", "k": "x", "n": 3}`,
		`{"\u005findex": "logs-a", "_id": "4", "_source": {"k": "x"}}`,
		`{"_index": "other", "_index": "logs-a", "_source": {"k": "x"}}`,
		`{"_source": {"k": "no"}, "k": "x", "_index": "logs-a"}`,
		`{"_source": null, "k": "x"}`,
		`{"data_stream": {"type": "logs", "dataset": "b", "namespace": "c"}, "k": "x"}`,
		`{"data_stream": {"type": ["other", "logs"], "dataset": "b", "namespace": "c"}, "k": "x"}`,
		`{"data_stream.type": "other", "data_stream": {"dataset": "b", "namespace": "c"}, "k": "x"}`,
		`{"k": "no", "k": "x"}`,
		`{"k": "\u0078", "text": "\"_index\""}`,
	}
	e, _ := openEvents(t, store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(strings.Join(lines, "\n"))})
	var found []string
	_, err := e.Search(t.Context(), search.Request{
		Patterns: []string{"logs-*"}, Where: condition.Term{Field: "k.keyword", Value: "x"}, Time: search.TimeRange{Field: search.DefaultTimestamp},
	}, func(page []event.Event) (bool, error) {
		for _, hit := range page {
			found = append(found, string(hit.Source))
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := len(lines) - 3; len(found) != want { // without the lines of "other"
		t.Errorf("%d lines are found, want %d:\n%s", len(found), want, strings.Join(found, "\n"))
	}
}
