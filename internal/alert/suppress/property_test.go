package suppress_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert/suppress"
)

func drawHits(t *rapid.T) []suppress.Hit[string] {
	hits := make([]suppress.Hit[string], rapid.IntRange(1, 60).Draw(t, "hits"))
	for i := range hits {
		group := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "group")
		hits[i] = hit(group, strconv.Itoa(i), rapid.IntRange(0, 100).Draw(t, "second"))
	}
	slices.SortStableFunc(hits, func(x, y suppress.Hit[string]) int { return x.At.Compare(y.At) })
	return hits
}

// in returns the hits in a window of seconds.
func in(hits []suppress.Hit[string], from, to int) []suppress.Hit[string] {
	return slices.DeleteFunc(slices.Clone(hits), func(h suppress.Hit[string]) bool {
		return h.At.Before(at(from)) || !h.At.Before(at(to))
	})
}

// windows visits windows that cover 0 to 101: each starts within the covered part, and any may be
// repeated.
func windows(t *rapid.T, visit func(from, to int)) {
	for covered := 0; covered <= 100; {
		from := rapid.IntRange(0, covered).Draw(t, "from")
		to := rapid.IntRange(from, min(101, covered+30)).Draw(t, "to")
		visit(from, to)
		covered = max(covered, to)
	}
}

// Windows in order, with any overlap and repetition, and runs that die during a write, leave the
// same result as one pass.
func TestWindowsAreOnePass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hits := drawHits(t)
		duration := time.Duration(rapid.IntRange(1, 40).Draw(t, "duration")) * time.Second
		once := stored{}
		once.run(duration, 1000, hits...)
		many := stored{}
		windows(t, func(from, to int) {
			if rapid.Bool().Draw(t, "dies") {
				f := suppress.New[string](duration)
				for _, h := range in(hits, from, to) {
					if !f.Knows(h.Group) {
						f.AddStored(h.Group, many[h.Group]...)
					}
					f.Add(h, true)
				}
				changes := f.Changes()
				for _, c := range changes[:rapid.IntRange(0, len(changes)).Draw(t, "written")] {
					many.apply(c)
				}
			}
			many.run(duration, 1000, in(hits, from, to)...)
		})
		for _, group := range []string{"a", "b", "c"} {
			if diff := cmp.Diff(once.text(group), many.text(group)); diff != "" {
				t.Fatal(group, diff)
			}
		}
	})
}

// Whatever the windows, their order and late events, every event is counted once, and running all
// again changes nothing.
func TestEveryHitIsCountedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hits := drawHits(t)
		duration := time.Duration(rapid.IntRange(0, 40).Draw(t, "duration")) * time.Second
		s := stored{}
		for range rapid.IntRange(0, 6).Draw(t, "runs") {
			from := rapid.IntRange(0, 100).Draw(t, "from")
			part := in(hits, from, rapid.IntRange(from, 101).Draw(t, "to"))
			part = slices.DeleteFunc(part, func(suppress.Hit[string]) bool { return rapid.IntRange(0, 3).Draw(t, "late") == 0 })
			if len(part) > 0 {
				part = rapid.Permutation(part).Draw(t, "order")
			}
			s.run(duration, rapid.IntRange(0, 20).Draw(t, "room"), part...)
		}
		s.run(duration, 1000, hits...)
		counted := 0
		var before []string
		for _, group := range []string{"a", "b", "c"} {
			for _, a := range s[group] {
				counted += 1 + a.Count
				if duration > 0 && a.End-a.Start >= duration.Milliseconds() {
					t.Fatalf("%s takes hits of %d ms", a.ID, a.End-a.Start)
				}
			}
			before = append(before, s.text(group))
		}
		if counted != len(hits) {
			t.Fatalf("%d of %d hits are counted", counted, len(hits))
		}
		s.run(duration, 1000, hits...)
		if diff := cmp.Diff(before, []string{s.text("a"), s.text("b"), s.text("c")}); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A run that dies during a write, and is repeated, leaves the same result as one that did not.
func TestRunThatDies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hits := drawHits(t)
		duration := time.Duration(rapid.SampledFrom([]int{0, 0, 10}).Draw(t, "duration")) * time.Second
		whole, died := stored{}, stored{}
		whole.run(duration, 1000, hits...)
		f := suppress.New[string](duration)
		for _, h := range hits {
			f.Add(h, true)
		}
		for _, c := range f.Changes()[:rapid.IntRange(0, len(f.Changes())).Draw(t, "written")] {
			died.apply(c)
		}
		died.run(duration, 1000, hits...)
		for _, group := range []string{"a", "b", "c"} {
			if diff := cmp.Diff(whole.text(group), died.text(group)); diff != "" {
				t.Fatal(group, diff)
			}
		}
	})
}
