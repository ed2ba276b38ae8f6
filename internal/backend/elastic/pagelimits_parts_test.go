package elastic_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// narrow is a cluster that bears so many documents in one request, and has so many events in index logs.
type narrow struct {
	bears, events int
	// whole refuses the request, else a part of it fails.
	whole bool

	mu      sync.Mutex
	refused int
}

const broken429 = `{"error":{"type":"circuit_breaking_exception","reason":"[parent] Data too large"},"status":429}`

type narrowBody struct {
	Size  int               `json:"size"`
	After []json.RawMessage `json:"search_after"`
	Slice *struct{ ID, Max int }
	Query struct {
		IDs *struct{ Values []string }
	}
}

func (n *narrow) refuse() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refused++
}

// hits is the answer to one search.
func (n *narrow) hits(b narrowBody) string {
	names := make([]string, 0, n.events)
	for i := range n.events {
		if b.Slice == nil || i%b.Slice.Max == b.Slice.ID {
			names = append(names, strconv.Itoa(i))
		}
	}
	if b.Query.IDs != nil {
		names = b.Query.IDs.Values
	}
	from := 0
	if len(b.After) > 0 {
		_, _ = fmt.Sscan(string(b.After[len(b.After)-1]), &from)
		from++
	}
	var hits []string
	for i := from; i < min(len(names), from+b.Size); i++ {
		hits = append(hits, fmt.Sprintf(`{"_index":"logs","_id":%q,"_source":{},"sort":[%d]}`, names[i], i))
	}
	return fmt.Sprintf(`{"status":200,"_shards":{"total":2},"hits":{"total":{"value":%d,"relation":"eq"},"hits":[%s]}}`, len(names), strings.Join(hits, ","))
}

func (n *narrow) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/_pit") {
		return status(200, `{"id":"p"}`)(r)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var searches []narrowBody
	multi := strings.HasSuffix(r.URL.Path, "/_msearch")
	for i, line := range bytes.Split(bytes.TrimSpace(data), []byte("\n")) {
		var b narrowBody
		if multi && i%2 == 0 {
			continue
		}
		if err := json.Unmarshal(line, &b); err != nil {
			return nil, err
		}
		searches = append(searches, b)
	}
	sum := 0
	parts := make([]string, len(searches))
	for i, b := range searches {
		sum += b.Size
		parts[i] = n.hits(b)
		if b.Size > n.bears && !n.whole {
			n.refuse()
			parts[i] = `{"status":200,"_shards":{"total":2,"failed":1,"failures":[{"index":"logs","reason":{"type":"circuit_breaking_exception"}}]},"hits":{"hits":[]}}`
			if multi {
				parts[i] = broken429
			}
		}
	}
	switch {
	case sum > n.bears && n.whole:
		n.refuse()
		return status(429, broken429)(r)
	case multi:
		return status(200, `{"responses":[`+strings.Join(parts, ",")+`]}`)(r)
	}
	return status(200, parts[0])(r)
}

// TestWhatIsTooMuchIsAskedForInParts: for any memory limit of the cluster, the first pages of several
// searches, the shared read, and documents by id are read completely, and the third round stays below the
// limit: the first may have asked for few documents, as their size was unknown.
func TestWhatIsTooMuchIsAskedForInParts(t *testing.T) {
	fewChecks(t)
	rapid.Check(t, func(rt *rapid.T) {
		n := &narrow{
			bears: rapid.IntRange(1, 300).Draw(rt, "bears"), events: rapid.IntRange(0, 350).Draw(rt, "events"), whole: rapid.Bool().Draw(rt, "whole"),
		}
		c, err := elastic.NewWithTransport(elastic.Config{URLs: []string{"http://es:9200"}}, n)
		if err != nil {
			rt.Fatal(err)
		}
		kind := rapid.SampledFrom([]func(context.Context, *elastic.Client, int) (int, error){firstPages, sharedRead, documents}).Draw(rt, "kind")
		fault := ""
		// Refused requests are made again after a pause.
		synctest.Test(t, func(t *testing.T) {
			for round := range 3 {
				n.refused = 0
				switch found, err := kind(t.Context(), c, n.events); {
				case err != nil || found != n.events:
					fault = fmt.Sprintf("round %d: %d events of %d, %v", round, found, n.events, err)
				case round > 1 && n.refused > 0:
					fault = fmt.Sprintf("%d requests were too much again", n.refused)
				}
			}
		})
		if fault != "" {
			rt.Fatal(fault)
		}
	})
}

// firstPages reads the first pages of seven searches, and the rest as package batch does.
func firstPages(ctx context.Context, c *elastic.Client, _ int) (int, error) {
	request := search.Request{Patterns: []string{"logs"}, Where: condition.Const(true), PageSize: 1000}
	requests := make([]search.Request, 7)
	for i := range requests {
		requests[i] = request
	}
	found := 0
	for i, first := range c.FirstPages(ctx, requests) {
		count := len(first.Events)
		if first.Err != nil || first.Result.Total != int64(count) {
			count = 0
			_, err := c.Search(ctx, request, func(page []event.Event) (bool, error) {
				count += len(page)
				return true, nil
			})
			if err != nil {
				return 0, err
			}
		}
		if i > 0 && count != found {
			return 0, fmt.Errorf("search %d has %d hits, not %d", i, count, found)
		}
		found = count
	}
	return found, nil
}

func sharedRead(ctx context.Context, c *elastic.Client, _ int) (int, error) {
	var mu sync.Mutex
	found := 0
	visit := func(page []event.Event) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		found += len(page)
		return true, nil
	}
	_, err := c.SearchSlices(ctx, search.Request{Patterns: []string{"logs"}, Where: condition.Const(true), PageSize: 1000}, []search.Visit{visit, visit})
	return found, err
}

func documents(ctx context.Context, c *elastic.Client, events int) (int, error) {
	refs := make([]search.Ref, events)
	for i := range refs {
		refs[i] = search.Ref{Index: "logs", ID: strconv.Itoa(i)}
	}
	got, err := c.Documents(ctx, refs)
	return len(got), err
}
