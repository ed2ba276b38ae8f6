package hunt_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/run/hunt"
	"tocsin/internal/scheduler/window"
)

// TestTally: whatever the order of the hits and however they are divided among tallies, a histogram has the counts of each
// hit's bucket.
func TestTally(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		reach := rapid.SampledFrom([]time.Duration{time.Minute, 48 * time.Hour, 400 * 24 * time.Hour, 60 * 365 * 24 * time.Hour}).Draw(rt, "reach")
		begin := time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(rt, "begin"), 0).UTC()
		times := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) time.Time {
			return begin.Add(time.Duration(rapid.Int64Range(0, int64(reach)).Draw(rt, "after")))
		}), 1, 200).Draw(rt, "times")
		if rapid.Bool().Draw(rt, "dense") { // more hits than buckets
			for i := range 5000 {
				times = append(times, begin.Add(reach*time.Duration(i)/5000))
			}
		}
		all := window.Window{From: times[0], To: times[0]}
		tallies := make([]hunt.Tally, rapid.IntRange(1, 3).Draw(rt, "tallies"))
		for i, at := range times {
			tallies[i%len(tallies)].Add(at)
			if at.Before(all.From) {
				all.From = at
			}
			if at.After(all.To) {
				all.To = at
			}
		}
		tallies[0].Add(time.Time{})
		last := all.To
		all.To = all.To.Add(1)
		sum := &tallies[len(tallies)-1]
		for i := range tallies[:len(tallies)-1] {
			sum.Merge(&tallies[i])
		}
		if sum.Hits != int64(len(times)+1) || sum.Untimed != 1 || !sum.First.Equal(all.From) || !sum.Last.Equal(last) {
			rt.Fatalf("%+v of %d hits in %s", sum, len(times), all)
		}
		length := hunt.StepFor(all, rapid.IntRange(2, 200).Draw(rt, "bars"))
		got := sum.Histogram(all, length)
		want := make([]int64, len(got))
		start := floor(all.From, length)
		for _, at := range times {
			want[at.Sub(start)/length]++
		}
		if d := cmp.Diff(want, got); d != "" {
			rt.Errorf("histogram of %s by %s (-want +got):\n%s", all, length, d)
		}
	})
}

// floor returns the last multiple of a length since 1970 that is not after a time.
func floor(at time.Time, length time.Duration) time.Time {
	left := time.Duration(at.Unix()%int64(length/time.Second))*time.Second + time.Duration(at.Nanosecond())
	if left < 0 {
		left += length
	}
	return at.Add(-left)
}
