package health_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/run/health"
)

// traffic is a source of events with the rhythm of a week.
type traffic struct {
	name string
	// rate returns the events of a minute.
	rate func(at time.Time) float64
	// late is the average time until an event is visible.
	late time.Duration
	// within is how soon a silence that begins in a busy hour has to be found; 0: it need not be.
	within time.Duration
}

func office(day, night, weekend float64) func(time.Time) float64 {
	return func(at time.Time) float64 {
		switch hour := float64(at.Hour()) + float64(at.Minute())/60; {
		case at.Weekday() == time.Saturday || at.Weekday() == time.Sunday:
			return weekend
		case hour < 7 || hour > 19:
			return night
		default:
			return night + (day-night)*math.Sin((hour-7)/12*math.Pi)
		}
	}
}

var sources = []traffic{
	{"steady", func(time.Time) float64 { return 200 }, 5 * time.Second, 10 * time.Minute},
	{"office with nights", office(300, 2, 1), 10 * time.Second, 15 * time.Minute},
	{"office without nights", office(100, 0, 0), 10 * time.Second, 20 * time.Minute},
	{"slow", func(time.Time) float64 { return 0.5 }, 5 * time.Second, 3 * time.Hour},
	{"rare", func(time.Time) float64 { return 0.01 }, 5 * time.Second, 0},
	{"a batch each night", func(at time.Time) float64 {
		if at.Hour() == 3 && at.Minute() < 10 {
			return 1000
		}
		return 0
	}, 30 * time.Second, 0},
	{"late", office(100, 20, 10), 4 * time.Minute, time.Hour},
}

// event is an event with the time when it becomes visible.
type event struct{ at, seen time.Time }

// generate returns the events of a source from a time until another, with jitter of whole minutes as agents that send in batches make it.
func (s traffic) generate(r *rand.Rand, from, to time.Time) []event {
	var out []event
	for m := from; m.Before(to); m = m.Add(time.Minute) {
		shifted := m.Add(-time.Duration(r.Float64() * float64(10*time.Minute))) // nobody comes to work at the same minute
		mean := s.rate(shifted)
		n := int(mean + math.Sqrt(mean)*r.NormFloat64() + r.Float64())
		for range min(max(n, 0), 20) { // more in a minute make no difference
			at := m.Add(time.Duration(r.Float64() * float64(time.Minute)))
			out = append(out, event{at, at.Add(time.Duration(r.ExpFloat64() * float64(s.late)))})
		}
	}
	slices.SortFunc(out, func(a, b event) int { return a.at.Compare(b.at) })
	return out
}

// counter counts what is visible at a time.
type counter struct {
	events []event
	now    time.Time
	failed error
}

func (c *counter) Counts(_ context.Context, _ string, from, to time.Time, step time.Duration) ([]int64, time.Time, error) {
	if c.failed != nil {
		return nil, time.Time{}, c.failed
	}
	counts, last := make([]int64, int(to.Sub(from)/step)+1), time.Time{}
	i, _ := slices.BinarySearchFunc(c.events, from, func(e event, t time.Time) int { return e.at.Compare(t) })
	for ; i < len(c.events) && !c.events[i].at.After(to); i++ {
		if e := c.events[i]; !e.seen.After(c.now) {
			counts[int(e.at.Sub(from)/step)]++
			last = e.at
		}
	}
	return counts, last, nil
}

// TestRhythm: in the normal traffic of five weeks, from the first day on, no source is told to be silent; and when it falls silent in a
// busy hour, it is found soon, and it recovers.
func TestRhythm(t *testing.T) {
	for i, s := range sources {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(i), 1))
			end := start.Add(5 * 7 * 24 * time.Hour) // a Monday
			stop := end.Add(4 * time.Hour)           // at noon
			events := s.generate(r, start, stop)
			c, out := &counter{}, &outbox{}
			b := newBoard(&health.Memory{}, out, "me", false)
			watch := &health.Silence{Board: b, Events: c, Lag: func(string) time.Duration { return 5 * s.late }}
			check := func(now time.Time) bool {
				c.now = now
				if err := watch.Check(t.Context(), []string{"logs-*"}, now); err != nil {
					t.Fatal(err)
				}
				if err := b.Sync(t.Context(), now); err != nil {
					t.Fatal(err)
				}
				return len(b.States()) > 0
			}
			c.events = events
			for now := start.Add(time.Hour); now.Before(stop); now = now.Add(7 * time.Minute) {
				if check(now) {
					t.Fatalf("at %s: %+v", now, b.States())
				}
			}
			if s.within == 0 {
				return
			}
			now := stop
			for ; !check(now); now = now.Add(time.Minute) {
				if now.Sub(stop) > s.within+5*s.late {
					t.Fatalf("not found after %s", now.Sub(stop))
				}
			}
			t.Logf("found after %s: %s", now.Sub(stop), b.States()[0].Text)
			c.events = append(c.events, event{now, now})
			if check(now.Add(time.Minute)) {
				t.Error("it did not recover")
			}
			if len(out.told) != 2 {
				t.Errorf("told %v", out.told)
			}
		})
	}
}

// TestSilentAfter: a fixed age holds for every source that had an event, also over a restart and while events cannot be counted.
func TestSilentAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, store, out := &counter{}, &health.Memory{}, &outbox{}
		after := time.Duration(rapid.IntRange(1, 100).Draw(t, "after")) * time.Minute
		now, last, told, silent := start, time.Time{}, 0, false
		fresh := func() (*health.Board, *health.Silence) {
			b := newBoard(store, out, "me", false)
			_ = b.Sync(t.Context(), now)
			return b, &health.Silence{Board: b, Events: c, After: after}
		}
		b, watch := fresh()
		for range rapid.IntRange(1, 50).Draw(t, "turns") {
			now = now.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "minutes")) * time.Minute)
			if rapid.Bool().Draw(t, "event") {
				last = now.Add(-time.Duration(rapid.IntRange(0, 50).Draw(t, "age")) * time.Second)
				c.events = append(c.events, event{last, last})
			}
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				b, watch = fresh()
			}
			c.failed, c.now = nil, now
			if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
				c.failed = errors.New("no")
			}
			for range 9 { // what comes back within an hour ends later
				_ = watch.Check(t.Context(), []string{"a"}, now)
				if err := b.Sync(t.Context(), now); err != nil {
					t.Fatal(err)
				}
			}
			if is := !last.IsZero() && now.Sub(last) > after; c.failed == nil && is != silent {
				silent = is
				told++
			}
			if len(out.told) != told || len(b.States()) > 0 != silent {
				t.Fatalf("told %v, %d expected; states %v, silent %t", out.told, told, b.States(), silent)
			}
		}
	})
}

func TestSources(t *testing.T) {
	got := health.Sources([][]string{{"b,-c", "a"}, {"a", " -d"}})
	if !slices.Equal(got, []string{"a", "b"}) {
		t.Error(got)
	}
}
