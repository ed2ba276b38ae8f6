//go:build integration

package elastic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// pitThief remembers the points in time that are opened through it.
type pitThief struct {
	next   http.RoundTripper
	opened []string
}

func (p *pitThief) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := p.next.RoundTrip(r)
	if err != nil || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/_pit") {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	var pit struct {
		ID string `json:"id"`
	}
	p.opened = append(p.opened, "")
	if err := json.Unmarshal(body, &pit); err != nil {
		return nil, err
	}
	p.opened[len(p.opened)-1] = pit.ID
	return res, nil
}

// TestRealExpiredPointInTime closes the point in time under a search, among events of one time.
func TestRealExpiredPointInTime(t *testing.T) {
	base := node(t)
	do := func(method, path, body string) string { return request(t, method, base+path, body) }
	p := prefix(t)
	var lines, want []string
	for i := range 3 {
		makeIndex(t, do, fmt.Sprintf("%s-%d", p, i), `{"mappings":{"properties":{"@timestamp":{"type":"date"}}}}`)
	}
	for i := range 300 {
		index, id := fmt.Sprintf("%s-%d", p, i%3), strconv.Itoa(i)
		source := fmt.Sprintf(`{"@timestamp":"2026-01-01T00:00:%02dZ"}`, i/100)
		if i >= 200 {
			source = `{}`
		}
		lines, want = append(lines, create(index, id, source)), append(want, index+"/"+id)
	}
	bulk(t, do, lines...)
	for after := 1; after <= 8; after++ {
		thief := &pitThief{next: &http.Transport{DisableKeepAlives: true}}
		c, err := elastic.NewWithTransport(elastic.Config{URLs: []string{base}}, thief)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		pages := 0
		_, err = c.Search(t.Context(), search.Request{
			Patterns: []string{p + "-*"}, Where: condition.Const(true), PageSize: 37,
			Time: search.TimeRange{Field: "@timestamp"},
		}, func(page []event.Event) (bool, error) {
			if pages++; pages == after {
				do("DELETE", "/_pit", fmt.Sprintf(`{"id":%q}`, thief.opened[0]))
			}
			return ids(&got)(page)
		})
		if err != nil || len(thief.opened) != 2 {
			t.Fatalf("%d opened, %v", len(thief.opened), err)
		}
		if diff := cmp.Diff(want, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
			t.Errorf("lost after page %d: %d events (-want +got):\n%.500s", after, len(got), diff)
		}
	}
}
