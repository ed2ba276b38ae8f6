package health

import (
	"fmt"
	"time"
)

// Step is the width of the counts of a [Rhythm].
const Step = 5 * time.Minute

const (
	week = 7 * 24 * time.Hour
	// Memory of rhythm: how many weeks are looked at, and how far around the same time of the week.
	weeks, around = 4, 2 * time.Hour
	// A silence is allowed to be so many times as long as the longest one at this time of the week, and a little longer.
	tolerance = 3
	slack     = 2 * Step
	// A source that never paused for longer than steadyPause within at least steadyFor is steady: it is judged by all of its
	// past until there are weeks to compare. steadySlack is the little longer then.
	steadyPause, steadyFor, steadySlack = time.Hour, 24 * time.Hour, 30 * time.Minute
	// busy is the number of events that always came in the time of a silence; then no slack is needed.
	busy = 50
)

// RhythmFor is how much of the past a [Rhythm] uses.
const RhythmFor = weeks*week + 2*around

// Rhythm is how many events a source had when. The zero value knows nothing.
type Rhythm struct {
	counts   map[int64]int64 // by number of the step since 1970
	from, to time.Time
	last     time.Time
}

func stepOf(t time.Time) int64 { return t.Unix() / int64(Step/time.Second) }

// Add adds the counts of consecutive steps, the first beginning at from, which is a multiple of [Step]; they replace what was known of
// these steps, as late events change counts. last is the time of the last event among them, zero if there was none.
func (r *Rhythm) Add(from time.Time, counts []int64, last time.Time) {
	if r.counts == nil {
		r.counts = map[int64]int64{}
	}
	first := stepOf(from)
	for i, n := range counts {
		if n == 0 {
			delete(r.counts, first+int64(i))
		} else {
			r.counts[first+int64(i)] = n
		}
	}
	if r.from.IsZero() || from.Before(r.from) {
		r.from = from
	}
	if to := from.Add(time.Duration(len(counts)) * Step); to.After(r.to) {
		r.to = to
	}
	if last.After(r.last) {
		r.last = last
	}
	oldest := stepOf(r.to.Add(-RhythmFor))
	if stepOf(r.from) < oldest {
		for s := stepOf(r.from); s < oldest; s++ {
			delete(r.counts, s)
		}
		r.from = time.Unix(oldest*int64(Step/time.Second), 0).UTC()
	}
}

// Last returns the time of the last event, zero if there was none.
func (r *Rhythm) Last() time.Time { return r.last }

// begin returns the time of the first known event; false if there is none.
func (r *Rhythm) begin() (time.Time, bool) {
	for s := stepOf(r.from); s < stepOf(r.to); s++ {
		if r.counts[s] > 0 {
			return time.Unix(s*int64(Step/time.Second), 0).UTC(), true
		}
	}
	return time.Time{}, false
}

// Silent says why a source is silent at a time; "" if it is not, or if too little is known of it. Events take up to lag until they are
// visible.
func (r *Rhythm) Silent(now time.Time, lag time.Duration) string {
	begin, known := r.begin()
	until := now.Add(-lag)
	pause := until.Sub(r.last)
	if !known || pause <= Step {
		return ""
	}
	longest, least, compared := time.Duration(0), int64(-1), 0
	for n := 1; n <= weeks; n++ {
		shift := -time.Duration(n) * week
		from, to := r.last.Add(shift-around), until.Add(shift+around)
		if from.Before(begin) {
			break
		}
		compared++
		longest = max(longest, r.longest(from, to, begin))
		if sum := r.sum(r.last.Add(shift), until.Add(shift)); least < 0 || sum < least {
			least = sum
		}
	}
	allowed := tolerance*longest + slack
	switch {
	case compared == 0:
		if longest = r.longest(begin, r.last, begin); longest > steadyPause || r.last.Sub(begin) < steadyFor {
			return ""
		}
		allowed = tolerance*longest + steadySlack
	case longest == 0 && least >= busy:
		allowed = Step
	}
	if pause <= allowed {
		return ""
	}
	usual := "there was no pause"
	if longest > 0 {
		usual = "the longest pause was " + longest.String()
	}
	when := fmt.Sprintf("at this time of the week, in %d weeks", compared)
	if compared == 0 {
		when = "before"
	}
	return fmt.Sprintf("no event since %s; %s, %s", r.last.UTC().Format(time.RFC3339), when, usual)
}

// longest returns the longest pause that touches a time range, however long it is outside of it: whole steps without an event.
func (r *Rhythm) longest(from, to, begin time.Time) time.Duration {
	most, run := int64(0), int64(0)
	first, end := stepOf(from), stepOf(to)
	for first > stepOf(begin) && r.counts[first] == 0 {
		first--
	}
	last := stepOf(r.last)
	for s := first; s < last && (s <= end || run > 0); s++ {
		if r.counts[s] > 0 {
			run = 0
			continue
		}
		run++
		most = max(most, run)
	}
	return time.Duration(most) * Step
}

func (r *Rhythm) sum(from, to time.Time) int64 {
	n := int64(0)
	for s := stepOf(from) + 1; s < stepOf(to); s++ {
		n += r.counts[s]
	}
	if stepOf(from)+1 >= stepOf(to) { // shorter than two steps: the part of the step that it would have
		n = min(r.counts[stepOf(from)], r.counts[stepOf(to)])
	}
	return n
}
