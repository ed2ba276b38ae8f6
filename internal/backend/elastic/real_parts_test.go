//go:build integration

package elastic_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

func TestRealLocate(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	makeIndex(t, do, p+"-plain", "")
	makeIndex(t, do, p+"-000001", `{"aliases":{"`+p+`-alias":{}}}`)
	do("PUT", "/_index_template/"+p, `{"index_patterns":["`+p+`-stream*"],"data_stream":{},"template":{"settings":{"number_of_replicas":0}}}`)
	t.Cleanup(func() { do("DELETE", "/_index_template/"+p, "") })
	do("POST", "/"+p+"-stream/_doc?refresh=true", `{"@timestamp":"2026-01-01T00:00:00Z"}`)
	t.Cleanup(func() { do("DELETE", "/_data_stream/"+p+"-stream", "") })
	backing := ""
	if _, err := c.Search(t.Context(), search.Request{Patterns: []string{p + "-stream"}, Where: condition.Const(true)},
		func(page []event.Event) (bool, error) { backing = page[0].Index; return true, nil }); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		pattern string
		want    []string
	}{
		{p + "-plain", []string{p + "-plain"}},
		{p + "-*", []string{p + "-plain", p + "-000001", backing}},
		{p + "-alias", []string{p + "-000001"}},
		{p + "-stream", []string{backing}},
		{p + "-none", nil},
	} {
		covers, err := c.Locate(t.Context(), []string{tt.pattern})
		if err != nil {
			t.Fatal(err)
		}
		for _, index := range []string{p + "-plain", p + "-000001", backing} {
			if covers(index) != slices.Contains(tt.want, index) {
				t.Errorf("%s covers %s: %t", tt.pattern, index, covers(index))
			}
		}
	}
}

func TestRealSlices(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	var lines, want []string
	for i := range 3 {
		makeIndex(t, do, fmt.Sprintf("%s-%d", p, i), `{"settings":{"number_of_shards":2,"number_of_replicas":0}}`)
	}
	for i := range 1000 {
		index, id := fmt.Sprintf("%s-%d", p, i%3), strconv.Itoa(i)
		lines = append(lines, create(index, id, `{"n":`+id+`}`))
		if i >= 100 {
			want = append(want, index+"/"+id)
		}
	}
	bulk(t, do, lines...)
	slices.Sort(want)
	many := []string{p + "-*"}
	for i := range 200 { // more than a URL holds
		many = append(many, fmt.Sprintf("%s-0*,%s-%d,none-%s-%d", p, p, i%3, strings.Repeat("x", 40), i))
	}
	for _, tt := range []struct {
		name     string
		parts    int
		patterns []string
	}{
		{"one part", 1, []string{p + "-*"}},
		{"three parts", 3, []string{p + "-*"}},
		{"patterns that overlap, in several URLs", 2, many},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			var got []string
			visits := make([]search.Visit, tt.parts)
			for i := range visits {
				visits[i] = func(page []event.Event) (bool, error) {
					mu.Lock()
					defer mu.Unlock()
					for _, e := range page {
						got = append(got, e.Index+"/"+e.ID)
					}
					return true, nil
				}
			}
			r := search.Request{Patterns: tt.patterns, Where: condition.Range{Field: "n", Gte: int64(100)}, PageSize: 37}
			if _, err := c.SearchSlices(t.Context(), r, visits); err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRealSnapshotOfStream: a data stream that is asked for by its alias, or to which an index of another name was
// added, is seen as it is after a rollover.
func TestRealSnapshotOfStream(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	stream, alias := p+"-stream", p+"-alias"
	t.Cleanup(func() {
		do("DELETE", "/_data_stream/"+stream, "")
		do("DELETE", "/_index_template/"+stream, "")
	})
	template := func(b string) {
		do("PUT", "/_index_template/"+stream, `{"index_patterns":["`+stream+`"],"data_stream":{},"priority":701,
			"template":{"mappings":{"properties":{"b":{"type":"`+b+`"}}}}}`)
	}
	template("keyword")
	bulk(t, do, create(stream, "1", `{"@timestamp":"2026-01-01T00:00:00Z"}`))
	do("POST", "/_aliases", `{"actions":[{"add":{"index":"`+stream+`","alias":"`+alias+`"}}]}`)
	types := []string{"long", "ip", "date", "boolean", "text", "double"} // each makes another conflict
	for _, patterns := range [][]string{{alias}, {stream}, {p + "-al*"}} {
		for range 2 {
			snapshot, err := c.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got, err := snapshot.Resolve(t.Context(), patterns, []string{"b"})
			if err != nil {
				t.Fatal(err)
			}
			want, err := c.Resolve(t.Context(), patterns, []string{"b"})
			if err != nil {
				t.Fatal(err)
			}
			g, _ := got.Fields.Field("b")
			w, _ := want.Fields.Field("b")
			if diff := cmp.Diff(w, g); diff != "" || len(got.Indices) == 0 {
				t.Errorf("%s (-fresh +snapshot):\n%s", patterns, diff)
			}
			template(types[0])
			types = types[1:]
			do("POST", "/"+stream+"/_rollover", "")
		}
	}
}

// TestRealSnapshot: the cache has what a new resolution would return, whatever happens in between.
func TestRealSnapshot(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	makeIndex(t, do, p+"-1", `{"mappings":{"properties":{"a":{"type":"keyword"}}}}`)
	check := func(step string) {
		t.Helper()
		snapshot, err := c.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for _, fields := range [][]string{{"a"}, {"a", "b"}} {
				got, err := snapshot.Resolve(t.Context(), []string{p + "-*"}, fields)
				if err != nil {
					t.Fatal(err)
				}
				want, err := c.Resolve(t.Context(), []string{p + "-*"}, []string{"a", "b"})
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range fields {
					g, _ := got.Fields.Field(name)
					w, _ := want.Fields.Field(name)
					if diff := cmp.Diff(w, g); diff != "" {
						t.Errorf("%s: field %s (-fresh +snapshot):\n%s", step, name, diff)
					}
				}
				if diff := cmp.Diff(want.Indices, got.Indices); diff != "" {
					t.Errorf("%s: %s", step, diff)
				}
			}
			located, err := snapshot.(search.Locator).Locate(t.Context(), []string{p + "-*"})
			if err != nil {
				t.Fatal(err)
			}
			fresh, err := c.Locate(t.Context(), []string{p + "-*"})
			if err != nil {
				t.Fatal(err)
			}
			for _, index := range []string{p + "-1", p + "-2", "other"} {
				if located(index) != fresh(index) {
					t.Errorf("%s: %s", step, index)
				}
			}
		}
	}
	check("at first")
	do("PUT", "/"+p+"-1/_mapping", `{"properties":{"b":{"type":"long"}}}`)
	check("after a new field")
	makeIndex(t, do, p+"-2", `{"mappings":{"properties":{"a":{"type":"ip"}}}}`)
	check("after a new index")
	do("POST", "/"+p+"-2/_close", "")
	check("after closing an index")
	do("DELETE", "/"+p+"-2", "")
	check("after deleting one")
}

func TestRealFirstPages(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	makeIndex(t, do, p+"-1", `{"mappings":{"properties":{"name":{"type":"keyword"},"@timestamp":{"type":"date"}}}}`)
	var lines []string
	for i := range 150 {
		lines = append(lines, create(p+"-1", strconv.Itoa(i), fmt.Sprintf(`{"@timestamp":%d,"name":%q}`, i, []string{"a", "b", "b", "b"}[i%4])))
	}
	bulk(t, do, lines...)
	request := func(where condition.Expr, patterns ...string) search.Request {
		return search.Request{Patterns: patterns, Where: where, Time: search.TimeRange{Field: search.DefaultTimestamp}}
	}
	nonsense, err := condition.NewRaw(condition.Query{"nonsense": condition.Query{}})
	if err != nil {
		t.Fatal(err)
	}
	got := c.FirstPages(t.Context(), []search.Request{
		request(condition.Term{Field: "name", Value: "a"}, p+"-*"),
		request(condition.Term{Field: "name", Value: "b"}, p+"-*"),
		request(nonsense, p+"-*"),
		request(condition.Term{Field: "name", Value: "a"}, p+"-none"),
		request(condition.Const(true)),
	})
	for i, want := range []struct {
		hits  int
		total int64
		fails bool
	}{{38, 38, false}, {100, 112, false}, {0, 0, true}, {0, 0, true}, {0, 0, false}} {
		g := got[i]
		if len(g.Events) != want.hits || g.Result.Total != want.total || (g.Err != nil) != want.fails {
			t.Errorf("request %d: %d hits of %d, error %v; want %+v", i, len(g.Events), g.Result.Total, g.Err, want)
		}
	}
	if first := got[0].Events[0].ID; first != "0" {
		t.Errorf("the first hit is %s, not the oldest", first)
	}
}
