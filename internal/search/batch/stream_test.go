package batch_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

// TestStreamFindsWhatSearchesFind draws events and requests, equal ones among them, and compares the times of the hits
// of each with those that its own search finds.
func TestStreamFindsWhatSearchesFind(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var lines []string
		for n := range rapid.IntRange(1, 60).Draw(rt, "events") {
			name := rapid.SampledFrom([]string{"sh", "ls", "id"}).Draw(rt, "name")
			if rapid.IntRange(0, 9).Draw(rt, "untimed") == 0 {
				lines = append(lines, fmt.Sprintf(`{"_index":"logs-a","_id":"%d","_source":{"process":{"name":%q}}}`, n, name))
				continue
			}
			lines = append(lines, line(n, rapid.SampledFrom([]string{"logs-a", "logs-b"}).Draw(rt, "index"), name, rapid.IntRange(0, 100).Draw(rt, "second")))
		}
		events := open(t, lines...)
		requests := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) search.Request {
			r := search.Request{
				Patterns: []string{rapid.SampledFrom([]string{"logs-a", "logs-*", "other"}).Draw(rt, "pattern")},
				Where:    term(rapid.SampledFrom([]string{"sh", "ls"}).Draw(rt, "wanted")), FieldTypes: events.Fields(),
			}
			if from := rapid.IntRange(-1, 50).Draw(rt, "from"); from >= 0 {
				r.Time = within(from, rapid.IntRange(from, 101).Draw(rt, "to"))
			} else {
				r.OrderBy = search.DefaultTimestamp // all time
			}
			return r
		}), 1, 6).Draw(rt, "requests")
		requests = append(requests, requests[0])
		got := make([][]time.Time, len(requests))
		var mu sync.Mutex
		why, _, err := batch.Stream(t.Context(), events, requests, rapid.IntRange(1, 4).Draw(rt, "parts"), func(_, i int, at time.Time) {
			mu.Lock()
			defer mu.Unlock()
			got[i] = append(got[i], at)
		})
		if err != nil {
			rt.Fatal(err)
		}
		for i, r := range requests {
			if why[i] != nil {
				rt.Fatalf("request %d: %v", i, why[i])
			}
			var want []time.Time
			_, err := events.Search(t.Context(), r, func(page []event.Event) (bool, error) {
				for _, e := range page {
					doc, err := e.Document()
					if err != nil {
						return false, err //nolint:wrapcheck // a test
					}
					at, _ := time.Parse(time.RFC3339, event.First(doc.Source, search.DefaultTimestamp))
					want = append(want, at.UTC())
				}
				return true, nil
			})
			if err != nil {
				rt.Fatal(err)
			}
			slices.SortFunc(want, time.Time.Compare)
			slices.SortFunc(got[i], time.Time.Compare)
			if d := cmp.Diff(want, got[i]); d != "" {
				rt.Errorf("request %d (-search +stream):\n%s", i, d)
			}
		}
	})
}

// TestStreamSaysWhyNot: what memory cannot decide is left to a search, and the rest is answered.
func TestStreamSaysWhyNot(t *testing.T) {
	events := open(t, line(1, "logs-a", "sh", 1))
	analysed := condition.Term{Field: "message", Value: "one"}
	got := map[int]int{}
	why, stats, err := batch.Stream(t.Context(), events, []search.Request{
		{Patterns: []string{"logs-*"}, Where: analysed, Time: within(0, 10), FieldTypes: events.Fields()},
		{Patterns: []string{"logs-*"}, Where: term("sh"), Time: within(0, 10), FieldTypes: events.Fields()},
		{Patterns: []string{"logs-*"}, Where: condition.Const(true), Time: within(0, 10), OrderBy: "message", FieldTypes: events.Fields()},
	}, 1, func(_, i int, _ time.Time) { got[i]++ })
	if err != nil {
		t.Fatal(err)
	}
	if why[0] == nil || why[1] != nil || why[2] == nil {
		t.Errorf("why: %v", why)
	}
	if d := cmp.Diff(map[int]int{1: 1}, got); d != "" || stats.Answered != 1 {
		t.Errorf("hits (-want +got):\n%s%+v", d, stats)
	}
}

// TestStreamCrash: a condition that crashes is left out, and the others lose nothing.
func TestStreamCrash(t *testing.T) {
	events := open(t, line(1, "logs-a", "sh", 1), line(2, "logs-a", "ls", 2))
	got := map[int]int{}
	why, _, err := batch.Stream(t.Context(), events, []search.Request{
		{Patterns: []string{"logs-*"}, Where: crashOn("first", "sh"), Time: within(0, 10), FieldTypes: events.Fields()},
		{Patterns: []string{"logs-*"}, Where: condition.Const(true), Time: within(0, 10), FieldTypes: events.Fields()},
	}, 1, func(_, i int, _ time.Time) { got[i]++ })
	if err != nil || why[0] == nil || why[1] != nil || got[1] != 2 {
		t.Errorf("why %v, got %v, %v", why, got, err)
	}
}
