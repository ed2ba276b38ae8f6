package batch_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

// crashOn is a condition that panics over events of one process.
func crashOn(name, on string) condition.Expr {
	return condition.And{term(on), condition.Residual{
		Text: "crash " + name, Fields: []string{"process.name"}, Required: []string{"process.name"},
		Holds: func([]*mapping.Value) bool { panic("a fault in " + name) },
	}}
}

// brokenFields are fields of which one cannot be asked for.
type brokenFields struct{ mapping.Fields }

func (b brokenFields) Field(name string) (mapping.Field, bool) {
	if name == "process.name" {
		panic("a fault in the mapping")
	}
	return b.Fields.Field(name)
}

// TestScanPinsCrashes: whichever conditions crash, compiled or matched, their requests fail with
// the crash, and all others are answered as without them.
func TestScanPinsCrashes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var lines []string
		for n := range rapid.IntRange(1, 30).Draw(rt, "events") {
			lines = append(lines, line(n, "logs-a", rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name"), n))
		}
		events := open(rt, lines...)
		base := search.Request{Patterns: []string{"logs-*"}, Time: within(0, 100), FieldTypes: events.Fields()}
		var requests []search.Request
		crash := map[int]bool{}
		for n := range rapid.IntRange(1, 60).Draw(rt, "requests") {
			r := base
			on := rapid.SampledFrom([]string{"a", "b", "c", "x"}).Draw(rt, "on")
			switch rapid.IntRange(0, 9).Draw(rt, "kind") {
			case 0:
				r.Where = crashOn(strconv.Itoa(n), on)
				crash[n] = strings.Contains(strings.Join(lines, ""), fmt.Sprintf(`"name":%q`, on))
			case 1:
				r.Where, r.FieldTypes = condition.And{term(on), condition.Not{X: term(strconv.Itoa(n))}}, brokenFields{events.Fields()}
				crash[n] = true
			default:
				r.Where = condition.Or{term(on), term(strconv.Itoa(n))}
			}
			requests = append(requests, r)
		}
		answers, _, err := batch.Scan(rt.Context(), events, requests, batch.ScanOptions{Slices: 2})
		if err != nil {
			rt.Fatal(err)
		}
		for n, r := range requests {
			_, err := answers.Search(rt.Context(), r, nothing)
			switch {
			case crash[n] && !errors.Is(err, failure.ErrCrash):
				rt.Errorf("%s: %v", r.Asked(), err)
			case !crash[n] && err != nil:
				rt.Errorf("%s: %v", r.Asked(), err)
			case !crash[n] && !answers.Knows(r):
				rt.Errorf("%s: not answered: %s", r.Asked(), answers.Why(r))
			case !crash[n]:
				if diff := cmp.Diff(found(rt, events, r), found(rt, answers, r)); diff != "" {
					rt.Errorf("%s (-search +scan):\n%s", r.Asked(), diff)
				}
			}
		}
	})
}

func nothing([]event.Event) (bool, error) { return true, nil }
