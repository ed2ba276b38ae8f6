package batch_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag/failure"
	"tocsin/internal/diag/invariants"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

// counted are fields that count how often process.name was asked for.
type counted struct {
	mapping.Fields
	asked int
}

func (c *counted) Field(name string) (mapping.Field, bool) {
	if name == "process.name" {
		c.asked++
	}
	return c.Fields.Field(name)
}

// TestCheck: Check returns the same as the request's own check, whatever was checked and scanned before; and
// a scan of any part of the requests answers like searches.
func TestCheck(t *testing.T) {
	var lines []string
	for n := range 300 {
		lines = append(lines, line(n, "logs-a", fmt.Sprintf("p%d", n%9), n))
	}
	events := open(t, lines...)
	// In the index short, names that are longer than one character are not indexed: it has none then.
	short := mapping.Table{"@timestamp": {Name: "@timestamp", Type: mapping.Date}, "process.name": {Name: "process.name", Type: mapping.Keyword, IgnoreAbove: 1}}
	mappings := []mapping.Fields{events.Fields(), short, brokenFields{events.Fields()}}
	rapid.Check(t, func(rt *rapid.T) {
		var sets batch.Sets
		request := rapid.Custom(func(t *rapid.T) search.Request {
			from := rapid.IntRange(0, 200).Draw(t, "from")
			// The requests of a round are prepared on one snapshot, so those with equal patterns have equal mappings.
			kind := rapid.IntRange(0, len(mappings)-1).Draw(t, "mapping")
			pattern := []string{"logs-*", "logs-a", "l*"}[kind]
			r := search.Request{Patterns: []string{pattern}, Time: within(from, from+rapid.IntRange(1, 100).Draw(t, "length")), FieldTypes: mappings[kind]}
			name := fmt.Sprintf("p%d", rapid.IntRange(0, 9).Draw(t, "name"))
			r.Where = rapid.SampledFrom([]condition.Expr{
				term(name),
				condition.And{term(name), condition.Match{Value: "one"}},
				condition.Exists{Field: "process.name"},
				condition.Or{term(name), term("p1")},
			}).Draw(t, "where")
			r.Descending = rapid.Bool().Draw(t, "descending")
			return r
		})
		for round := range rapid.IntRange(1, 4).Draw(rt, "rounds") {
			requests := rapid.SliceOfN(request, 1, 12).Draw(rt, "requests")
			for i, err := range sets.Check(requests) {
				want := requests[i].InMemory()
				if (err == nil) != (want == nil) || errors.Is(err, failure.ErrCrash) != errors.Is(want, failure.ErrCrash) {
					rt.Fatalf("round %d: %s: %v, want %v", round, requests[i].Where, err, want)
				}
			}
			var part []search.Request
			for _, r := range requests {
				if rapid.Bool().Draw(rt, "scanned") {
					part = append(part, r)
				}
			}
			answers, _, err := batch.Scan(rt.Context(), events, part, batch.ScanOptions{Sets: &sets})
			if err != nil {
				rt.Fatal(err)
			}
			for _, r := range part {
				if able := r.InMemory() == nil; able != answers.Knows(r) {
					rt.Fatalf("round %d: %s is known: %t, want %t", round, r.Where, !able, able)
				}
				if !answers.Knows(r) {
					continue
				}
				if diff := cmp.Diff(found(rt, events, r), found(rt, answers, r)); diff != "" {
					rt.Fatalf("round %d, %s (-search +scan):\n%s", round, r.Where, diff)
				}
			}
			for _, r := range requests {
				if !answered(part, r) && answers.Knows(r) {
					rt.Fatalf("round %d: %s was not asked for", round, r.Where)
				}
			}
		}
	})
}

// answered reports whether a request, or an equivalent one, is part of a scan.
func answered(part []search.Request, r search.Request) bool {
	for _, p := range part {
		if p.Patterns[0] == r.Patterns[0] && p.Time == r.Time && p.Descending == r.Descending && cmp.Equal(p.Key(), r.Key()) {
			return true
		}
	}
	return false
}

// TestCompiledOnce: checked conditions are not compiled again by the scan, nor in the next round.
func TestCompiledOnce(t *testing.T) {
	if invariants.Enabled {
		t.Skip("every answer is compared with that of a condition compiled by itself")
	}
	var lines []string
	for n := range 300 {
		lines = append(lines, line(n, "logs-a", fmt.Sprintf("p%d", n%9), n))
	}
	events := open(t, lines...)
	fields := &counted{Fields: events.Fields()}
	ask := func(from int) (out []search.Request) {
		for n := range 9 {
			out = append(out, search.Request{Patterns: []string{"logs-*"}, Where: term(fmt.Sprintf("p%d", n)), Time: within(from, from+100), FieldTypes: fields})
		}
		return append(out, search.Request{Patterns: []string{"logs-*"}, Where: condition.And{term("p1"), condition.Match{Value: "one"}}, Time: within(from, from+100), FieldTypes: fields})
	}
	var sets batch.Sets
	compiled := 0
	for round, n := range []int{9, 5, 9, 10} {
		requests := ask(50 * round)
		if errs := sets.Check(requests); errs[9] == nil {
			t.Fatal("all fields can be matched")
		}
		if round == 0 {
			compiled = fields.asked
		}
		answers, stats, err := batch.Scan(t.Context(), events, requests[:n], batch.ScanOptions{Sets: &sets})
		if err != nil || stats.Answered != min(n, 9) || answers.Why(requests[0]) != "" {
			t.Fatalf("round %d: %+v, %v", round, stats, err)
		}
		if compiled == 0 || fields.asked != compiled {
			t.Errorf("round %d: the mapping was asked %d times, %d of them to compile the conditions", round, fields.asked, compiled)
		}
	}
}
