package elastic_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// TestCircuitBreakerHalvesPages: if a search, or some of its shards, exceed the memory limit, pages are
// halved until they fit, all events are read, and the next read begins with that size.
func TestCircuitBreakerHalvesPages(t *testing.T) {
	const bears, events = 150, 400
	for name, refusal := range map[string]reply{
		"all":         status(429, `{"error":{"type":"circuit_breaking_exception","reason":"[parent] Data too large"}}`),
		"some shards": status(200, `{"_shards":{"total":2,"failed":1,"failures":[{"index":"logs","reason":{"type":"circuit_breaking_exception","reason":"x"}}]},"hits":{"hits":[]}}`),
	} {
		t.Run(name, func(t *testing.T) {
			var sizes []int
			read := 0
			c, _ := scripted(t, elastic.Config{}, func(r *http.Request) (*http.Response, error) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/_pit") && r.Method == http.MethodPost:
					return status(200, `{"id":"p"}`)(r)
				case strings.HasSuffix(r.URL.Path, "/_pit"):
					return status(200, `{}`)(r)
				}
				var body struct {
					Size  int               `json:"size"`
					After []json.RawMessage `json:"search_after"`
				}
				if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
					return nil, err
				}
				sizes = append(sizes, body.Size)
				if body.Size > bears {
					return refusal(r)
				}
				var hits []string
				for range min(body.Size, events-read) {
					hits = append(hits, fmt.Sprintf(`{"_index":"logs","_id":"%d","_source":{},"sort":[%d,%d]}`, read, read, read))
					read++
				}
				return status(200, `{"_shards":{"total":2},"hits":{"hits":[`+strings.Join(hits, ",")+`]}}`)(r)
			})
			for round := range 2 {
				read, sizes = 0, nil
				found := 0
				_, err := c.Search(t.Context(), search.Request{Patterns: []string{"logs"}, Where: condition.Const(true), PageSize: 1000}, func(page []event.Event) (bool, error) {
					found += len(page)
					return true, nil
				})
				if err != nil || found != events {
					t.Fatalf("round %d: %d events, %v", round, found, err)
				}
				if want := [][]int{{100, 400, 200, 100, 100, 100, 100}, {100, 100, 100, 100, 100}}[round]; !slices.Equal(sizes, want) {
					t.Errorf("round %d: pages of %v, want %v", round, sizes, want)
				}
			}
		})
	}
}
