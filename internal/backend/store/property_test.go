package store_test

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/condition"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// generated is an event with known fields, so that the test can evaluate a search over it.
type generated struct {
	id, index string
	// at and ingested are milliseconds, 0 for none; sequence is -1 for none.
	at, ingested, sequence int64
	name                   string
}

func (g generated) line(t fataler, form int) string {
	t.Helper()
	source := map[string]any{"process": map[string]any{"name": g.name}}
	if g.at != 0 {
		source["@timestamp"] = time.UnixMilli(g.at).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if g.ingested != 0 {
		source["event.ingested"] = g.ingested
	}
	if g.sequence >= 0 {
		source["event"] = map[string]any{"sequence": g.sequence}
	}
	wrapped := map[string]any{"_id": g.id, "_index": g.index, "_source": source}
	if form == 1 {
		source["_id"], source["_index"] = g.id, g.index
		wrapped = source
	}
	text, err := json.Marshal(wrapped)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func drawEvents(t *rapid.T) []generated {
	events := make([]generated, rapid.IntRange(0, 40).Draw(t, "events"))
	time := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(1, 9))
	for i := range events {
		events[i] = generated{
			id: strconv.Itoa(i), index: rapid.SampledFrom([]string{"logs-a", "logs-b", "metrics"}).Draw(t, "index"),
			at: time.Draw(t, "at"), ingested: time.Draw(t, "ingested"), sequence: rapid.Int64Range(-1, 3).Draw(t, "sequence"),
			name: rapid.SampledFrom([]string{"sh", "cmd", "x"}).Draw(t, "name"),
		}
	}
	return events
}

// drawRequest returns a request and an equivalent test of an event.
func drawRequest(t *rapid.T) (search.Request, func(generated) bool) {
	from, to := rapid.Int64Range(1, 9).Draw(t, "from"), rapid.Int64Range(1, 9).Draw(t, "to")
	name := rapid.SampledFrom([]string{"sh", "cmd"}).Draw(t, "name")
	r := search.Request{
		Patterns: []string{"logs-*"}, Where: condition.Term{Field: "process.name", Value: name}, PageSize: rapid.IntRange(1, 7).Draw(t, "page"),
		Time:       search.TimeRange{Field: "@timestamp", Window: window.Window{From: time.UnixMilli(from), To: time.UnixMilli(to)}},
		Tiebreaker: "event.sequence", Descending: rapid.Bool().Draw(t, "descending"),
	}
	if rapid.Bool().Draw(t, "unbounded") {
		r.Time.Window, from, to = window.Window{}, 0, 10
	}
	if rapid.Bool().Draw(t, "fallback") {
		r.Time.Fallback = "event.ingested"
	}
	return r, func(g generated) bool {
		at := g.time(r)
		inTime := at >= from && at < to && (at != 0 || from == 0)
		return inTime && g.name == name && strings.HasPrefix(g.index, "logs-")
	}
}

// time returns the time that a request's range is compared with.
func (g generated) time(r search.Request) int64 {
	if g.at == 0 && r.Time.Fallback != "" {
		return g.ingested
	}
	return g.at
}

// compare orders events as a request does; a missing value comes last.
func (g generated) compare(o generated, r search.Request) int {
	direct := func(a, b, missing int64) int {
		switch {
		case a == b:
			return 0
		case a == missing:
			return 1
		case b == missing:
			return -1
		case r.Descending:
			return cmp.Compare(b, a)
		}
		return cmp.Compare(a, b)
	}
	fallback := 0
	if r.Time.Fallback != "" {
		fallback = direct(g.ingested, o.ingested, 0)
	}
	return cmp.Or(direct(g.at, o.at, 0), fallback, direct(g.sequence, o.sequence, -1))
}

// A search equals a filter and a sort over all events.
func TestSearchIsFilterAndSort(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		files := []string{filepath.Join(dir, "a.ndjson"), filepath.Join(dir, "b.ndjson.gz")}
		cut := rapid.IntRange(0, len(events)).Draw(t, "cut")
		contents := []string{writeLines(t, events[:cut]), gzipped(t, writeLines(t, events[cut:]))}
		for i, path := range files {
			if err := os.WriteFile(path, []byte(contents[i]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		e, remarks, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: files})
		if err != nil || len(remarks) > 0 {
			t.Fatal(err, remarks)
		}
		defer func() { _ = e.Close() }()
		r, match := drawRequest(t)
		want := slices.DeleteFunc(slices.Clone(events), func(g generated) bool { return !match(g) })
		slices.SortStableFunc(want, func(a, b generated) int { return a.compare(b, r) })
		var wanted []string
		for _, g := range want {
			wanted = append(wanted, g.id)
		}
		if d := gocmp.Diff(strings.Join(wanted, " "), ids(searchAll(t, e, r))); d != "" {
			t.Fatal(d)
		}
	})
}

func writeLines(t *rapid.T, events []generated) string {
	var b strings.Builder
	for _, g := range events {
		b.WriteString(g.line(t, rapid.IntRange(0, 1).Draw(t, "form")) + "\n")
	}
	return b.String()
}
