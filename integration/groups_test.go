//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/tally"
)

// groupMapping has the types that groups support; some of the values are not indexed.
func groupMapping() object {
	return object{"dynamic": false, "properties": object{
		"@timestamp": object{"type": "date"},
		"ingested":   object{"type": "date_nanos"},
		"k":          object{"type": "keyword", "ignore_above": 6, "fields": object{"low": object{"type": "keyword", "normalizer": "lowercase"}}},
		"t":          object{"type": "text", "fields": object{"keyword": object{"type": "keyword", "ignore_above": 8}}},
		"null":       object{"type": "keyword", "null_value": "none"},
		"ip":         object{"type": "ip"},
		"b":          object{"type": "boolean"},
		"l":          object{"type": "long"},
		"s":          object{"type": "short"},
		"d":          object{"type": "double"},
		"f":          object{"type": "float"},
		"h":          object{"type": "half_float"},
		"date":       object{"type": "date"},
		"day":        object{"type": "date", "format": "yyyy/MM/dd||epoch_second"},
		"nanos":      object{"type": "date_nanos"},
		"v":          object{"type": "version"},
		"flat":       object{"type": "flattened"},
		"alias":      object{"type": "alias", "path": "k"},
	}}
}

// groupValues are few, so that groups have several events.
var groupValues = map[string][]any{
	"k": {"a", "A", "b", "toolong", "ä", "", "z z", nil}, "t": {"Some text", "x", "quite a long text", "x"},
	"null": {"a", nil, "none"}, "ip": {"10.0.0.1", "::ffff:10.0.0.1", "10.0.0.20", "fe80::1", "2001:0db8:0:0:1::1"},
	"b": {true, false, "true", ""}, "l": {1, 2, 10, -1, 9007199254740993, "2", 2.7}, "s": {1, "1", 300},
	"d": {0.1, 1, -0.5, 1e300, 123456789.123, "1"}, "f": {0.1, 3, 16777217, 1e10}, "h": {0.1, 2049, 1},
	"date":  {"2026-01-01", "2026-01-01T00:00:00.123Z", 1767225600123, "2026-01-01T01:00:00+01:00", "2025-12-31T23:59:59.9995Z"},
	"day":   {"2026/01/01", "1767225600", "2026/01/02"},
	"nanos": {"2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123Z", "2026-01-01T00:00:00.124Z"},
	"v":     {"1.2.3", "1.10", "1.2.3-rc1", "1.2.3"}, "flat": {object{"a": "x"}, object{"a": []string{"x", "y"}, "b": "z"}, object{"b": "x"}},
}

// groupEvents generates events with missing, single and multiple values.
func groupEvents(r *rand.Rand, index string, from time.Time, n int) []doc {
	var docs []doc
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range groupValues {
			if !yield(name) {
				return
			}
		}
	})
	for i := range n {
		at := from.Add(time.Duration(i) * 1234567 * time.Microsecond)
		source := object{"@timestamp": at.Format(time.RFC3339Nano)}
		if r.IntN(3) > 0 {
			source["ingested"] = at.Add(time.Duration(r.IntN(1e9)) * 3).Format(time.RFC3339Nano)
		}
		for _, name := range names {
			pool := groupValues[name]
			switch r.IntN(4) {
			case 0:
			case 1:
				source[name] = []any{pool[r.IntN(len(pool))], pool[r.IntN(len(pool))]}
			default:
				source[name] = pool[r.IntN(len(pool))]
			}
		}
		docs = append(docs, doc{index, fmt.Sprintf("e%04d", i), source})
	}
	return docs
}

func groupClient(t *testing.T, n *Node) *elastic.Client {
	t.Helper()
	client, err := elastic.New(elastic.Config{URLs: []string{n.URL}, Password: n.Password, RequestTimeout: time.Minute})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	return client
}

// groupNames are the group-by fields.
var groupNames = []string{"k", "k.low", "t.keyword", "null", "ip", "b", "l", "s", "d", "f", "h", "date", "day", "nanos", "v", "flat", "flat.a", "alias"}

// TestGroupsAgree: counting in memory, over the results of a search and over files, gives the same result as the
// aggregation.
func TestGroupsAgree(t *testing.T) {
	n := newNode(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var docs []doc
	for _, name := range []string{"one", "two"} {
		index := n.Name(name)
		n.CreateIndex(t, index, groupMapping())
		docs = append(docs, groupEvents(r, index, from, 250)...)
	}
	put(t, n, docs)
	client := groupClient(t, n)
	pattern := n.Name("*")
	target, err := client.Resolve(t.Context(), []string{pattern}, append(slices.Clone(groupNames), "@timestamp", "ingested", "t"))
	must(t, err)
	file := dump(t, n, pattern)
	table, err := mapping.ParseIndices([]byte(n.Must(t, "GET", "/"+pattern+"/_mapping", nil).String()))
	must(t, err)
	files, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{file}, Mapping: table})
	must(t, err)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	defer func() { _ = files.Close() }()

	groups := 0
	for i := range 40 {
		request := anyGroupRequest(r, target.Fields, pattern, from)
		request.PageSize = []int{10, 33, 0}[i%3]
		fromIndex := groupsOf(t, request, client.Groups)
		groups += len(fromIndex)
		compareGroups(t, request, fromIndex, client, files)
	}
	if groups < 200 {
		t.Errorf("only %d groups were compared", groups)
	}
}

// anyGroupRequest generates a request with some fields.
func anyGroupRequest(r *rand.Rand, fields mapping.Fields, pattern string, from time.Time) search.GroupRequest {
	request := search.GroupRequest{Request: search.Request{
		Patterns: []string{pattern}, Where: condition.Const(true), FieldTypes: fields,
		Time: search.TimeRange{Field: "@timestamp", Window: window.Window{From: from, To: from.Add(5 * time.Minute)}},
	}}
	switch r.IntN(3) {
	case 0:
		request.Time.Field, request.Time.Fallback = "ingested", "@timestamp"
	case 1:
		request.Time.Field = "ingested"
	}
	if r.IntN(2) == 0 {
		request.Where = condition.Exists{Field: "k"}
	}
	pick := func() mapping.Field {
		f, _ := fields.Field(groupNames[r.IntN(len(groupNames))])
		return f
	}
	for range r.IntN(4) {
		request.By = append(request.By, pick())
	}
	for range r.IntN(3) {
		request.Distinct = append(request.Distinct, pick())
	}
	request.MinCount = int64(r.IntN(3))
	return request
}

type grouping = func(t *testing.T, r search.GroupRequest) []search.Group

// groupsOf reads all groups.
func groupsOf(t *testing.T, r search.GroupRequest, count func(ctx context.Context, r search.GroupRequest, visit search.GroupVisit) (search.Result, error)) []search.Group {
	t.Helper()
	var all []search.Group
	_, err := count(t.Context(), r, func(page []search.Group) (bool, error) {
		if r.PageSize > 0 && r.Only == nil && len(page) > r.PageSize {
			t.Errorf("a page of %d groups, more than %d", len(page), r.PageSize)
		}
		all = append(all, page...)
		return true, nil
	})
	must(t, err)
	return all
}

// compareGroups counts the same groups in memory, and again group by group, with some time ranges excluded.
func compareGroups(t *testing.T, r search.GroupRequest, want []search.Group, client *elastic.Client, files *store.Events) {
	t.Helper()
	inMemory := func(events search.Events, fields ...string) grouping {
		return func(t *testing.T, r search.GroupRequest) []search.Group {
			t.Helper()
			r.Fields = fields
			return groupsOf(t, r, func(ctx context.Context, r search.GroupRequest, visit search.GroupVisit) (search.Result, error) {
				return tally.Groups(ctx, events, r, tally.Options{}, visit)
			})
		}
	}
	searched := inMemory(client, append(slices.Clone(groupNames), "@timestamp", "ingested")...)
	read := inMemory(files)
	keyed := slices.ContainsFunc(r.By, func(f mapping.Field) bool { return f.Keyed })
	if !keyed { // Elasticsearch counts the keys of the object, not the events.
		equalGroups(t, r, "in memory, searched", want, searched(t, r))
		equalGroups(t, r, "in memory, from files", want, read(t, r))
	}
	chosen := r
	chosen.Samples = 2
	chosen.Only = []search.Selection{}
	if len(want) > 0 { // one group, counted in two ways
		chosen.Only = append(chosen.Only, search.Selection{Key: want[len(want)-1].Key})
	}
	for i, g := range want[:min(len(want), 12)] {
		s := search.Selection{Key: g.Key}
		if i%2 == 0 {
			first := r.Time.Window.From.Add(30 * time.Second)
			s.Except = []window.Window{{From: first, To: first.Add(time.Minute)}, {From: first.Add(2 * time.Minute), To: first.Add(3 * time.Minute)}}
		}
		chosen.Only = append(chosen.Only, s)
	}
	check := func(what string, r search.GroupRequest) {
		t.Helper()
		want := groupsOf(t, r, client.Groups)
		equalGroups(t, r, what+", in memory, searched", want, searched(t, r))
		equalGroups(t, r, what+", in memory, from files", want, read(t, r))
	}
	check("chosen", chosen)
	chosen.Samples, chosen.Distinct, chosen.NoTimes = 0, nil, true
	for i := range chosen.Only {
		chosen.Only[i].Except = nil
	}
	if chosen.Listed() == keyed && len(r.By) > 0 {
		t.Errorf("listed: %t, keyed: %t", chosen.Listed(), keyed)
	}
	check("listed", chosen)
	if chosen.Only = chosen.Only[:0]; len(want) > 3 { // a range from the middle
		for _, g := range want[len(want)/3 : len(want)-len(want)/3] {
			chosen.Only = append(chosen.Only, search.Selection{Key: g.Key})
		}
		check("a stretch of the list", chosen)
	}
}

func equalGroups(t *testing.T, r search.GroupRequest, what string, want, got []search.Group) {
	t.Helper()
	ids := cmp.Transformer("id", func(e event.Event) string { return e.Index + "/" + e.ID })
	if diff := cmp.Diff(want, got, ids, cmpopts.EquateEmpty()); diff != "" {
		body, _ := json.Marshal(r.Body())
		t.Errorf("%s (-Elasticsearch +got):\n%s\n%s", what, diff, body)
	}
}
