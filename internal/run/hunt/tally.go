package hunt

import (
	"maps"
	"slices"
	"time"

	"tocsin/internal/scheduler/window"
)

// steps are the lengths of the buckets of a [Tally], each a multiple of the one before; the last is doubled further.
var steps = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 7 * day, 28 * day, 364 * day,
}

const day = 24 * time.Hour

// mostBuckets bounds the buckets of a tally: some 50 KiB.
const mostBuckets = 2048

// step returns the length number n.
func step(n int) time.Duration {
	if n < len(steps) {
		return steps[n]
	}
	return steps[len(steps)-1] << (n - len(steps) + 1)
}

// StepFor returns the shortest length of buckets of which at most n cover a range.
func StepFor(w window.Window, n int) time.Duration {
	for i := 0; ; i++ {
		d := step(i)
		if bucketOf(w.To.Add(-1), d)-bucketOf(w.From, d) < int64(max(n, 2)) {
			return d
		}
	}
}

// bucketOf returns the number of the bucket of a time, of buckets of a length since the beginning of 1970.
func bucketOf(at time.Time, length time.Duration) int64 {
	seconds, size := at.Unix(), int64(length/time.Second)
	n := seconds / size
	if seconds%size < 0 {
		n--
	}
	return n
}

// Tally counts hits over time. Its memory is bounded: its buckets grow with the range of the hits, and what it holds does not
// depend on their order. The zero value is empty.
type Tally struct {
	// Hits is the number of all, Untimed that of the hits without a time.
	Hits, Untimed int64
	// First and Last are the times of the first and the last hit that has one, zero if none has.
	First, Last time.Time

	level   int
	buckets map[int64]int64
}

// Add counts a hit; the zero time is no time.
func (t *Tally) Add(at time.Time) {
	t.Hits++
	if at.IsZero() {
		t.Untimed++
		return
	}
	t.extend(at, at)
	if t.buckets == nil {
		t.buckets = map[int64]int64{}
	}
	t.buckets[bucketOf(at, step(t.level))]++
	t.fit()
}

func (t *Tally) extend(first, last time.Time) {
	if t.First.IsZero() || first.Before(t.First) {
		t.First = first
	}
	if t.Last.IsZero() || last.After(t.Last) {
		t.Last = last
	}
}

// Merge adds the hits of another tally, which is not used any more.
func (t *Tally) Merge(o *Tally) {
	t.Hits += o.Hits
	t.Untimed += o.Untimed
	if o.buckets == nil {
		return
	}
	t.extend(o.First, o.Last)
	if t.buckets == nil {
		t.buckets, t.level = map[int64]int64{}, o.level
	}
	level := max(t.level, o.level)
	t.coarsen(level)
	o.coarsen(level)
	for n, hits := range o.buckets {
		t.buckets[n] += hits
	}
	t.fit()
}

// fit makes the buckets longer until there are few enough.
func (t *Tally) fit() {
	for len(t.buckets) > mostBuckets {
		t.coarsen(t.level + 1)
	}
}

func (t *Tally) coarsen(level int) {
	if level == t.level {
		return
	}
	out := make(map[int64]int64, len(t.buckets))
	old, length := step(t.level), step(level)
	for n, hits := range t.buckets {
		out[bucketOf(startOf(n, old), length)] += hits
	}
	t.buckets, t.level = out, level
}

func startOf(bucket int64, length time.Duration) time.Time {
	return time.Unix(bucket*int64(length/time.Second), 0).UTC()
}

// Bucket is the number of hits of a stretch of time.
type Bucket struct {
	Start time.Time
	Hits  int64
}

// Histogram returns the counts of buckets of a length of [StepFor] that cover a range, at most 2,048 of them. Hits beyond its
// ends count in the first and the last.
func (t *Tally) Histogram(w window.Window, length time.Duration) []int64 {
	first := bucketOf(w.From, length)
	out := make([]int64, bucketOf(w.To.Add(-1), length)-first+1)
	for n, hits := range t.buckets {
		i := bucketOf(startOf(n, step(t.level)), length) - first
		out[min(max(i, 0), int64(len(out)-1))] += hits
	}
	return out
}

// stretches returns the stretches of time that have hits, in order; each is a bucket.
func (t *Tally) stretches() []window.Window {
	length := step(t.level)
	out := make([]window.Window, 0, len(t.buckets))
	for _, n := range slices.Sorted(maps.Keys(t.buckets)) {
		start := startOf(n, length)
		out = append(out, window.Window{From: start, To: start.Add(length)})
	}
	return out
}
