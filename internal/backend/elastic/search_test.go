package elastic_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// pits is a server's points in time, and the pages of searches in them.
type pits struct {
	mu     sync.Mutex
	opened int
	closed []string
	bodies []map[string]any
	pages  []string // Answers of _search, in order; "404" is an expired point in time.
}

func (p *pits) handler(t *testing.T) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case strings.HasSuffix(r.URL.Path, "/_pit") && r.Method == http.MethodPost:
			p.opened++
			answer(w, 200, fmt.Sprintf(`{"id":"pit%d"}`, p.opened))
		case r.URL.Path == "/_pit":
			p.closed = append(p.closed, fmt.Sprint(read(t, r)["id"]))
			answer(w, 200, `{"succeeded":true,"num_freed":1}`)
		case r.URL.Path == "/_search":
			p.bodies = append(p.bodies, read(t, r))
			page := p.pages[min(len(p.bodies), len(p.pages))-1]
			if page == "404" {
				answer(w, 404, `{"error":{"root_cause":[{"type":"search_context_missing_exception","reason":"No search context found for id [1]"}],
					"type":"search_phase_execution_exception","reason":"all shards failed"},"status":404}`)
				return
			}
			answer(w, 200, page)
		default:
			t.Errorf("unexpected %s %s", r.Method, r.URL)
		}
	}
}

// pageOf writes the answer of a search: hits "id@time#place", and more members before them.
func pageOf(more string, hits ...string) string {
	var out []string
	for _, h := range hits {
		id, sort, _ := strings.Cut(h, "@")
		at, place, _ := strings.Cut(sort, "#")
		if at != "null" {
			at = `"` + at + `"`
		}
		out = append(out, fmt.Sprintf(`{"_index":"i","_id":%q,"_source":{},"sort":[%s,%s]}`, id, at, place))
	}
	return fmt.Sprintf(`{"_shards":{"total":1},%s"took":3,"hits":{"total":{"value":5,"relation":"eq"},"hits":[%s]}}`, more, strings.Join(out, ","))
}

func searchIn(t *testing.T, p *pits) (got []string, result search.Result, err error) {
	t.Helper()
	c := newServer(t, p.handler(t))
	result, err = c.Search(t.Context(), search.Request{
		Patterns: []string{"logs-*"}, Where: condition.Const(true), PageSize: 2, Time: search.TimeRange{Field: "@timestamp"},
	}, ids(&got))
	return got, result, err
}

func TestSearchPages(t *testing.T) {
	p := &pits{pages: []string{
		pageOf(`"pit_id":"pit1b",`, "a@1#1", "b@2#9007199254740993"), pageOf(`"pit_id":"pit1c",`, "c@null#3", "d@null#4"), pageOf(``, "e@null#5"),
	}}
	got, result, err := searchIn(t, p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"i/a", "i/b", "i/c", "i/d", "i/e"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if result.Total != 5 || result.Pages != 3 || result.Took.Milliseconds() != 9 {
		t.Errorf("result %+v", result)
	}
	if diff := cmp.Diff([]string{"pit1c"}, p.closed); diff != "" {
		t.Errorf("closed points in time (-want +got):\n%s", diff)
	}
	for i, want := range []string{"<nil> true pit1", "[2 9.007199254740992e+15] false pit1b", "[9.223372036854776e+18 4] false pit1c"} {
		b := p.bodies[i]
		if s := fmt.Sprintln(b["search_after"], b["track_total_hits"], b["pit"].(map[string]any)["id"]); s != want+"\n" {
			t.Errorf("request %d: %s, want %s", i, s, want)
		}
	}
}

func TestSearchIsPartial(t *testing.T) {
	failures := `"_shards":{"total":4,"failed":2,"failures":[
		{"index":"logs-a","reason":{"type":"t","reason":"r"}},{"index":"logs-b","reason":{"type":"t","reason":"r"}}]},`
	rows := []struct{ name, more, want string }{
		{"shards", failures, "search [logs-*]: 2 of 4 shards failed: [logs-a,logs-b] t: r"},
		{"time", `"timed_out":true,`, "search [logs-*]: Elasticsearch ran out of its time for the search"},
		{
			"remote clusters", `"_clusters":{"skipped":1,"details":{"(local)":{"status":"successful"},"eu":{"status":"skipped"}}},`,
			"search [logs-*]: remote clusters did not answer: eu",
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := &pits{pages: []string{pageOf(row.more, "a@1#1", "b@2#2"), pageOf(``, "c@3#3")}}
			got, _, err := searchIn(t, p)
			if failure.KindOf(err) != failure.Partial || err.Error() != row.want {
				t.Errorf("error %v", err)
			}
			if len(got) != 3 || len(p.closed) != 1 {
				t.Errorf("hits %v, closed %v", got, p.closed)
			}
		})
	}
}

func TestManyShardFailuresStayReadable(t *testing.T) {
	var all []string
	for i := range 400 {
		all = append(all, fmt.Sprintf(`{"index":"logs-%d","reason":{"type":"t%d","reason":%q}}`, i, i%20, strings.Repeat("x", 3000)))
	}
	p := &pits{pages: []string{pageOf(`"_shards":{"total":400,"failed":400,"failures":[` + strings.Join(all, ",") + `]},`)}}
	_, _, err := searchIn(t, p)
	if err == nil || len(err.Error()) > 6000 || !strings.Contains(err.Error(), "and 15 reasons more") {
		t.Errorf("%d bytes: %.300v", len(err.Error()), err)
	}
}

func TestSearchSurvivesAnExpiredPointInTime(t *testing.T) {
	lost := `"_shards":{"total":2,"failed":1,"failures":[{"index":"i","reason":{"type":"search_context_missing_exception","reason":"gone"}}]},`
	for name, gone := range map[string]string{"wholly": "404", "on one shard": pageOf(lost, "x@9#9")} {
		t.Run(name, func(t *testing.T) {
			p := &pits{pages: []string{
				pageOf(``, "a@1#1", "b@2#2"), gone, pageOf(``, "b@2#7", "c@2#8"), pageOf(``, "d@3#9"),
			}}
			got, _, err := searchIn(t, p)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"i/a", "i/b", "i/c", "i/d"}, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if after := fmt.Sprint(p.bodies[2]["search_after"]); after != "[2 -1]" || p.opened != 2 || len(p.closed) != 2 {
				t.Errorf("went on after %s; %d opened, %d closed", after, p.opened, len(p.closed))
			}
		})
	}
}

func TestSearchGivesUpOnPointsInTime(t *testing.T) {
	p := &pits{pages: []string{pageOf(``, "a@1#1", "b@2#2"), "404"}}
	got, _, err := searchIn(t, p)
	if failure.KindOf(err) != failure.Unavailable || p.opened != 2 || len(got) != 2 {
		t.Errorf("%d opened, %v, %v", p.opened, got, err)
	}
}

func TestSearchStops(t *testing.T) {
	var cancel context.CancelFunc
	rows := []struct {
		name  string
		visit search.Visit
		check func(error) bool
	}{
		{"when told to", func([]event.Event) (bool, error) { return false, nil }, func(err error) bool { return err == nil }},
		{"on an error", func([]event.Event) (bool, error) { return true, errFull }, func(err error) bool { return errors.Is(err, errFull) }},
		{"when cancelled", func([]event.Event) (bool, error) { cancel(); return true, nil }, func(err error) bool { return errors.Is(err, context.Canceled) }},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := &pits{pages: []string{pageOf(``, "a@1#1", "b@2#2")}}
			c := newServer(t, p.handler(t))
			var ctx context.Context
			ctx, cancel = context.WithCancel(t.Context())
			defer cancel()
			_, err := c.Search(ctx, search.Request{Patterns: []string{"logs-*"}, Where: condition.Const(true), PageSize: 2}, row.visit)
			if !row.check(err) || len(p.bodies) != 1 {
				t.Errorf("error %v after %d pages", err, len(p.bodies))
			}
			if !slices.Equal(p.closed, []string{"pit1"}) {
				t.Errorf("closed %v", p.closed)
			}
		})
	}
}

var errFull = errors.New("no room")

// Elasticsearch would resolve dates in names by its own clock, not for the slot.
func TestDatesHaveToBeWrittenOut(t *testing.T) {
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked = true
		answer(w, 200, `{}`)
	}))
	defer server.Close()
	c := newClient(t, elastic.Config{URLs: []string{server.URL}})
	_, err := c.Resolve(t.Context(), []string{"logs-*", "-<logs-{now/d}>"}, nil)
	_, located := c.Locate(t.Context(), []string{"<logs-{now/d}>"})
	if failure.KindOf(err) != failure.Rejected || failure.KindOf(located) != failure.Rejected || asked {
		t.Errorf("%v, %v, asked %v", err, located, asked)
	}
}
