package plans_test

import (
	"encoding/json"
	"testing"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/testkit/eventgen"
)

// BenchmarkSet compares, in one run and in turns, what an event costs: decoded by encoding/json into
// maps, read by a view of the fields that the rules look at, and matched with all rules besides; the
// same with ten times the rules. The targets are in the names of the metrics. Of every few events the
// best time of all rounds counts, as others use the machine too: -benchtime 30x gives it rounds.
func BenchmarkSet(b *testing.B) {
	rules := eventRules(b)
	events := make([][]byte, 2000)
	size := 0
	for i := range events {
		events[i] = eventgen.Event(1, i)
		size += len(events[i])
	}
	one, ten := newSetRun(b, members(rules, 1)), newSetRun(b, members(rules, 10))
	contestants := []*contestant{
		{each: func(source []byte) {
			var object map[string]any
			if err := json.Unmarshal(source, &object); err != nil {
				b.Fatal(err)
			}
		}},
		{each: one.read},
		{each: one.match},
		{each: ten.read},
		{each: ten.match},
	}
	for b.Loop() {
		compete(contestants, events)
	}
	perEvent := func(i int) float64 { return float64(contestants[i].total().Nanoseconds()) / float64(len(events)) }
	maps, view, both, viewTen, bothTen := perEvent(0), perEvent(1), perEvent(2), perEvent(3), perEvent(4)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(size)/float64(len(events)), "bytes/event")
	b.ReportMetric(float64(len(rules)), "rules")
	b.ReportMetric(maps, "ns-maps")
	b.ReportMetric(view, "ns-view")
	b.ReportMetric(both-view, "ns-match")
	b.ReportMetric(bothTen-viewTen, "ns-match10")
	b.ReportMetric((both-view)/view, "match/view(<=1)")
	b.ReportMetric(maps/both, "maps/all(>=3)")
	b.ReportMetric(bothTen/both, "all-tenfold(<=3)")
	b.ReportMetric((bothTen-viewTen)/(both-view), "match-tenfold(<=3)")
}

// contestant is one way to treat events, with its best time for each few of them.
type contestant struct {
	each func(source []byte)
	best []time.Duration
}

// compete lets all treat the same few events by turns.
func compete(contestants []*contestant, events [][]byte) {
	const few = 500
	for i := 0; i < len(events); i += few {
		for _, c := range contestants {
			start := time.Now()
			for _, source := range events[i:min(i+few, len(events))] {
				c.each(source)
			}
			took := time.Since(start)
			if len(c.best) <= i/few {
				c.best = append(c.best, took)
			}
			c.best[i/few] = min(c.best[i/few], took)
		}
	}
}

func (c *contestant) total() time.Duration {
	var sum time.Duration
	for _, d := range c.best {
		sum += d
	}
	return sum
}

// setRun is a set with what it takes to match it.
type setRun struct {
	tb       testing.TB
	set      *condition.Set
	matching *condition.Matching
	view     *event.View
	found    int // So that no call is left out.
}

func newSetRun(tb testing.TB, members []condition.Member) *setRun {
	tb.Helper()
	set, errs := condition.NewSet(members)
	for i, err := range errs {
		if err != nil {
			tb.Fatalf("%s: %v", members[i].Expr, err)
		}
	}
	view := event.NewSelection(set.Fields(), set.Objects()).NewView()
	n := 0
	set = set.Tuned(func() condition.Columns {
		if n++; n > 300 {
			return nil
		}
		if err := view.Read(eventgen.Event(2, n)); err != nil { // Other events than those that are matched.
			tb.Fatal(err)
		}
		return view
	})
	return &setRun{tb: tb, set: set, matching: set.NewMatching(), view: view}
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
