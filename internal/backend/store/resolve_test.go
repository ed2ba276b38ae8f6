package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/search"
)

func TestResolve(t *testing.T) {
	const backing = ".ds-logs-endpoint.events.process-default-2026.01.31-000002"
	named := []string{"auditbeat-1", "logs-a", "logs-b", "logs-elastic-cloud-logs-7", backing}
	tests := []struct {
		name, patterns, indices, missing string
	}{
		{"exact", "logs-a", "logs-a", ""},
		{"wildcard", "logs-*", backing + " logs-a logs-b logs-elastic-cloud-logs-7", ""},
		{"wildcard in the middle", "l*gs-*b", "logs-b", ""},
		{"all", "_all", backing + " auditbeat-1 logs-a logs-b logs-elastic-cloud-logs-7", ""},
		{"none given", "", backing + " auditbeat-1 logs-a logs-b logs-elastic-cloud-logs-7", ""},
		{"list in one string", "logs-a, auditbeat-*,", "auditbeat-1 logs-a", ""},
		{"missing", "logs-a;winlogbeat-*;x", "logs-a", "winlogbeat-* x"},
		{"exclusion", "logs-*;-*elastic-cloud-logs-*;-logs-b", backing + " logs-a", ""},
		{"exclusion of what comes later", "logs-*;-logs-b;logs-b", backing + " logs-a logs-b logs-elastic-cloud-logs-7", ""},
		{"minus without a wildcard before it", "-logs-a;logs-*", backing + " logs-a logs-b logs-elastic-cloud-logs-7", "-logs-a"},
		{"minus behind an exact name", "logs-a;-logs-*", "logs-a", "-logs-*"},
		{"data stream by name", "logs-endpoint.events.process-default", backing, ""},
		{"backing index by name", ".ds-logs-endpoint*", backing, ""},
		{"other cluster", "c1:logs-*", "", "c1:logs-*"},
		{"question mark is a character", "logs-?", "", "logs-?"},
	}
	var lines []string
	for _, index := range named {
		lines = append(lines, fmt.Sprintf(`{"_index":%q,"_source":{}}`, index))
	}
	e := mustEvents(t, lines...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			patterns := strings.Split(tt.patterns, ";")
			target, err := e.Resolve(t.Context(), patterns, []string{"a"})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.indices, strings.Join(target.Indices, " ")); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(tt.missing, strings.Join(target.Missing, " ")); d != "" {
				t.Error(d)
			}
			found := map[string]bool{}
			for _, hit := range searchAll(t, e, search.Request{Patterns: patterns}) {
				found[hit.Index] = true
			}
			for _, index := range target.Indices {
				if !found[index] {
					t.Errorf("search does not find %s", index)
				}
				delete(found, index)
			}
			if len(found) > 0 {
				t.Errorf("search finds %v, Resolve does not", found)
			}
		})
	}
}

func TestResolveEventsWithoutIndex(t *testing.T) {
	path := writeFile(t, "f", `{"a":1}`)
	tests := []struct {
		name, index     string
		indices, absent []string
		hits            int
	}{
		{"every pattern", "", []string{""}, nil, 1},
		{"a named index", "logs-mine", nil, []string{"winlogbeat-*"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, _ := openEvents(t, store.EventsOptions{Files: []string{path}, Index: tt.index})
			patterns := []string{"winlogbeat-*"}
			target, err := e.Resolve(t.Context(), patterns, nil)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([][]string{tt.indices, tt.absent}, [][]string{target.Indices, target.Missing}); d != "" {
				t.Error(d)
			}
			if _, ok := target.Fields.Field("process.name"); !ok {
				t.Error("a field of ECS that no event has is not mapped")
			}
			if hits := searchAll(t, e, search.Request{Patterns: patterns}); len(hits) != tt.hits {
				t.Errorf("%d hits, want %d", len(hits), tt.hits)
			}
		})
	}
}
