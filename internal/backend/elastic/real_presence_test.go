//go:build integration

package elastic_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/condition"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// TestRealPresence: fields are those of events in the window, however many are asked for.
func TestRealPresence(t *testing.T) {
	c, do := realClient(t)
	index := fmt.Sprintf("presence-%d", time.Now().UnixNano())
	do("PUT", "/"+index, `{"mappings":{"properties":{"@timestamp":{"type":"date"},"a":{"type":"keyword"},"b":{"type":"keyword"},"c":{"properties":{"d":{"type":"keyword"}}}}}}`)
	t.Cleanup(func() { do("DELETE", "/"+index, "") })
	do("PUT", "/"+index+"/_doc/1?refresh", `{"@timestamp":"2026-01-15T12:00:00Z","a":"x","c":{"d":"x"}}`)
	do("PUT", "/"+index+"/_doc/2?refresh", `{"@timestamp":"2026-01-14T12:00:00Z","b":"x"}`)
	fields := []string{"a", "b", "c", "c.d"}
	for i := range 1200 {
		fields = append(fields, fmt.Sprintf("other.field_%d", i))
	}
	r := search.Request{Patterns: []string{index}, Where: condition.Const(true), Time: search.TimeRange{Field: "@timestamp", Window: window.Window{
		From: time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 16, 0, 0, 0, 0, time.UTC),
	}}}
	found, err := search.Present(t.Context(), c, r, fields)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"a": true, "c": true, "c.d": true}, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRealManyNames: more names than Elasticsearch takes in one request for field capabilities.
func TestRealManyNames(t *testing.T) {
	c, do := realClient(t)
	index := fmt.Sprintf("names-%d", time.Now().UnixNano())
	do("PUT", "/"+index, `{"mappings":{"properties":{"a":{"properties":{"b":{"type":"keyword"}}},"z":{"type":"long"}}}}`)
	t.Cleanup(func() { do("DELETE", "/"+index, "") })
	fields := []string{"a.b", "z"}
	for i := range 3000 {
		fields = append(fields, fmt.Sprintf("m%d.%x.name_of_%d", i*7919%3001, i*31, i))
	}
	target, err := c.Resolve(t.Context(), []string{index}, fields)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"a.b": true, "z": true, "m0.0.name_of_0": false} {
		if _, got := target.Fields.Field(name); got != want {
			t.Errorf("%s is mapped: %v", name, got)
		}
	}
}
