package backfill

import (
	"time"

	"tocsin/internal/ledger/catchup"
	"tocsin/internal/run/pipeline"
)

// estimate says how long the rest of a run will take. Slots are no measure of it: one rule's slot costs a thousand times
// another's, slots that share a run cost less than each on its own, and there are more events by day than by night. So the open
// slots of each rule are weighed with what its slots have taken on average, and the time that a stretch took for such a weight is
// kept for each hour of the day, recent days counting most.
type estimate struct {
	rules map[string]*load
	hours [24]rate
	// recent is the rate of the latest stretches, for hours that no stretch has been in.
	recent rate
	// tasks is what a task of any rule takes: the cost of a rule that has not run yet.
	tasks mean

	// since is when the time that no stretch has counted began, ran are the slots that were run in it. last is when the last round
	// ended.
	since, last time.Time
	ran         map[string]*perHour
}

// perHour are numbers of slots by the hour of their day, UTC.
type perHour [24]int64

// load is what a rule has taken, and what is left of it: before is of earlier runs of the job.
type load struct {
	left         perHour
	took, before mean
}

// mean is a sum of seconds over so many.
type mean struct{ sum, n float64 }

func (m mean) add(seconds, n float64) mean { return mean{m.sum + seconds, m.n + n} }

// rate is the time that some weight took.
type rate struct{ seconds, weight float64 }

const (
	// fadeDay is what the same hour of a day before counts, fadeStretch what an earlier stretch does.
	fadeDay, fadeStretch = 0.5, 0.8
	// leastCost keeps rules that take no measurable time from weighing nothing.
	leastCost = 1e-6
)

func newEstimate(now time.Time) *estimate {
	return &estimate{rules: map[string]*load{}, since: now, last: now, ran: map[string]*perHour{}}
}

// of returns the load of a rule.
func (e *estimate) of(rule string) *load {
	if e.rules[rule] == nil {
		e.rules[rule] = &load{}
	}
	return e.rules[rule]
}

// open counts a slot that is still to be run.
func (e *estimate) open(rule string, slot time.Time) { e.of(rule).left[slot.UTC().Hour()]++ }

// before counts a slot that an earlier run has covered, and what it took: the last slot of a run has the time of all.
func (e *estimate) before(rule string, took time.Duration) {
	one := e.of(rule)
	one.before = one.before.add(took.Seconds(), 1)
}

// round shares the time of a round among its tasks, as their runs took. So a rule that runs alone bears what any round takes.
func (e *estimate) round(now time.Time, tasks []catchup.Task, executions []pipeline.Execution) {
	took := func(i int) float64 { return max(leastCost, executions[i].Took.Seconds()) }
	sum := 0.0
	for i := range tasks {
		sum += took(i)
	}
	whole := max(0, now.Sub(e.last).Seconds())
	e.last = now
	for i, t := range tasks {
		one, share := e.of(t.RuleID), whole*took(i)/sum
		one.took.sum += share
		e.tasks = e.tasks.add(share, 1)
	}
}

// ended takes slots from those that are left, whatever became of them.
func (e *estimate) ended(rule string, slots []time.Time) {
	if e.ran[rule] == nil {
		e.ran[rule] = &perHour{}
	}
	one := e.of(rule)
	for _, slot := range slots {
		h := slot.UTC().Hour()
		one.left[h]--
		one.took.n++
		e.ran[rule][h]++
	}
}

// dropped takes all slots of a rule that is not run any more from those that are left.
func (e *estimate) dropped(rule string) { e.of(rule).left = perHour{} }

// cost returns what a slot of a rule takes on average, as far as that is known. A rule that has never run is taken to be like the
// others.
func (e *estimate) cost(one *load) float64 {
	for _, m := range []mean{one.took, one.before, e.tasks} {
		if m.n > 0 {
			return max(leastCost, m.sum/m.n)
		}
	}
	return leastCost
}

// weights returns the weight of what was run since the last stretch, by hour.
func (e *estimate) weights() (by [24]float64, all float64) {
	for rule, n := range e.ran {
		cost := e.cost(e.rules[rule])
		for h := range n {
			by[h] += float64(n[h]) * cost
		}
	}
	for _, w := range by {
		all += w
	}
	return by, all
}

// stretched ends a stretch. The time of one without a slot to run counts for the next one.
func (e *estimate) stretched(now time.Time) {
	by, all := e.weights()
	if all == 0 {
		return
	}
	seconds := max(0, now.Sub(e.since).Seconds())
	for h, weight := range by {
		if weight > 0 {
			e.hours[h] = e.hours[h].fade(fadeDay).add(seconds*weight/all, weight)
		}
	}
	e.recent = e.recent.fade(fadeStretch).add(seconds, all)
	e.since = now
	clear(e.ran)
}

func (r rate) fade(by float64) rate             { return rate{r.seconds * by, r.weight * by} }
func (r rate) add(seconds, weight float64) rate { return rate{r.seconds + seconds, r.weight + weight} }

// remaining returns how long the rest takes; negative while nothing was run.
func (e *estimate) remaining(now time.Time) time.Duration {
	recent := e.recent
	if recent.weight == 0 { // the first stretch is not over
		_, all := e.weights()
		recent = recent.add(max(0, now.Sub(e.since).Seconds()), all)
	}
	if recent.weight == 0 {
		return -1
	}
	seconds := 0.0
	for _, one := range e.rules {
		cost := e.cost(one)
		for h, n := range one.left {
			if n <= 0 {
				continue
			}
			r := e.hours[h]
			if r.weight == 0 {
				r = recent
			}
			seconds += float64(n) * cost * r.seconds / r.weight
		}
	}
	return time.Duration(seconds * float64(time.Second))
}
