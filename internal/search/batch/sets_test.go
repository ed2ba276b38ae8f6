package batch_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

// TestSetsFollowWhatIsAskedFor: compiled conditions are reused from one scan to the next only for the same
// conditions and mapping, whatever came between.
func TestSetsFollowWhatIsAskedFor(t *testing.T) {
	var lines []string
	for n := range 1000 {
		lines = append(lines, line(n, "logs-a", fmt.Sprintf("p%d", n%50), n))
	}
	events := open(t, lines...)
	other := mapping.Table{"@timestamp": {Name: "@timestamp", Type: mapping.Date}, "process.name": {Name: "process.name", Type: mapping.Keyword, IgnoreAbove: 2}}
	ask := func(names []string, fields mapping.Fields, from, to int) []search.Request {
		var out []search.Request
		for _, name := range names {
			out = append(out, search.Request{Patterns: []string{"logs-*"}, Where: term(name), Time: within(from, to), FieldTypes: fields})
		}
		return append(out, search.Request{Patterns: []string{"logs-*"}, Where: condition.Match{Value: "one"}, Time: within(from, to), FieldTypes: events.Fields()})
	}
	var many []string
	for n := range 50 {
		many = append(many, fmt.Sprintf("p%d", n))
	}
	var sets batch.Sets
	for i, requests := range [][]search.Request{
		ask(many, events.Fields(), 0, 300),
		ask(many, events.Fields(), 300, 700),
		ask(many[:3], events.Fields(), 300, 700),
		ask(many, other, 300, 700), // in which p10 and longer ones are not indexed
		ask(many, events.Fields(), 0, 1000),
	} {
		answers, stats, err := batch.Scan(t.Context(), events, requests, batch.ScanOptions{Sets: &sets})
		if err != nil || stats.Answered != len(requests)-1 {
			t.Fatalf("scan %d: %+v, %v", i, stats, err)
		}
		for _, r := range requests[:len(requests)-1] {
			if diff := cmp.Diff(found(t, events, r), found(t, answers, r)); diff != "" {
				t.Errorf("scan %d, %s (-search +scan):\n%s", i, r.Where, diff)
			}
		}
	}
}

// TestScanOfSparseHits: hits that are few in each part of a file are found as usual, by many
// conditions that are arranged meanwhile, some of which crash.
func TestScanOfSparseHits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		every := rapid.IntRange(1, 8).Draw(rt, "every")
		var lines []string
		want := map[int][]string{}
		for n := range rapid.IntRange(1, 900).Draw(rt, "events") {
			second := 5000
			if n%every == 0 {
				second = n
				want[n%45] = append(want[n%45], fmt.Sprintf("logs-a/%d", n))
			}
			lines = append(lines, line(n, "logs-a", fmt.Sprintf("p%d", n%45), second))
		}
		events := open(rt, lines...)
		base := search.Request{Patterns: []string{"logs-*"}, Time: within(0, 1000), FieldTypes: events.Fields()}
		crashes := rapid.IntRange(0, 60).Draw(rt, "crashes")
		var requests []search.Request
		for n := range 40 {
			r := base
			if r.Where = term(fmt.Sprintf("p%d", n)); n == crashes {
				r.Where = crashOn("p", fmt.Sprintf("p%d", n))
			}
			requests = append(requests, r)
		}
		answers, stats, err := batch.Scan(rt.Context(), events, requests, batch.ScanOptions{Slices: 2})
		if inTime := int64((len(lines) + every - 1) / every); err != nil || stats.Events != inTime {
			rt.Fatalf("%d events of %d, %v", stats.Events, inTime, err)
		}
		for n, r := range requests {
			if n == crashes {
				continue
			}
			if diff := cmp.Diff(want[n], found(rt, answers, r), cmpopts.EquateEmpty()); diff != "" || !answers.Knows(r) {
				rt.Fatalf("%s (-want +scan):\n%s", r.Asked(), diff)
			}
		}
	})
}
