package query_test

import (
	"testing"
	"time"

	"tocsin/internal/condition"
	"tocsin/internal/event"
	"tocsin/internal/eventgen"
)

// BenchmarkSet compares, in one run and in turns, what an event costs: decoded by encoding/json into
// maps, read by a view of the fields that the rules look at, and matched with all rules besides; the
// same with ten times the rules. The targets are in the names of the metrics: match/view at most 1,
// maps/(view+match) at least 3, tenfold at most 3.
func BenchmarkSet(b *testing.B) {
	rules := eventRules(b)
	events := make([][]byte, 2000)
	size := 0
	for i := range events {
		events[i] = eventgen.Event(1, i)
		size += len(events[i])
	}
	one, ten := newSetRun(b, members(rules, 1)), newSetRun(b, members(rules, 10))
	var maps, view, both, viewTen, bothTen time.Duration
	rounds := 0
	timed := func(total *time.Duration, each func(source []byte)) {
		start := time.Now()
		for _, source := range events {
			each(source)
		}
		*total += time.Since(start)
	}
	for b.Loop() {
		rounds++
		timed(&maps, func(source []byte) {
			if _, err := (&event.Event{Source: source}).Document(); err != nil {
				b.Fatal(err)
			}
		})
		timed(&view, one.read)
		timed(&both, one.match)
		timed(&viewTen, ten.read)
		timed(&bothTen, ten.match)
	}
	perEvent := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(rounds*len(events)) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(size)/float64(len(events)), "bytes/event")
	b.ReportMetric(float64(len(rules)), "rules")
	b.ReportMetric(perEvent(maps), "ns-maps")
	b.ReportMetric(perEvent(view), "ns-view")
	b.ReportMetric(perEvent(both-view), "ns-match")
	b.ReportMetric(perEvent(bothTen-viewTen), "ns-match10")
	b.ReportMetric(float64(both-view)/float64(view), "match/view(<=1)")
	b.ReportMetric(float64(maps)/float64(both), "maps/all(>=3)")
	b.ReportMetric(float64(bothTen)/float64(both), "all-tenfold(<=3)")
	b.ReportMetric(float64(bothTen-viewTen)/float64(both-view), "match-tenfold(<=3)")
	b.ReportMetric(float64(one.found)/float64(rounds*len(events)), "found/event")
}

// setRun is a set with what it takes to match it.
type setRun struct {
	tb       testing.TB
	set      *condition.Set
	matching *condition.Matching
	view     *event.View
	found    int
}

func newSetRun(tb testing.TB, members []condition.Member) *setRun {
	tb.Helper()
	set, errs := condition.NewSet(members)
	for i, err := range errs {
		if err != nil {
			tb.Fatalf("%s: %v", members[i].Expr, err)
		}
	}
	return &setRun{tb: tb, set: set, matching: set.NewMatching(), view: event.NewSelection(set.Fields(), set.Objects()).NewView()}
}

func (r *setRun) read(source []byte) {
	if err := r.view.Read(source); err != nil {
		r.tb.Fatal(err)
	}
}

func (r *setRun) match(source []byte) {
	r.read(source)
	r.found += len(r.matching.Match(r.view, nil))
}
