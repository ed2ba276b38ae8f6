package backfill_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/ledger"
	"tocsin/internal/run/backfill"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search/batch"
)

// burden is a job that is made up: what its rules take, and how that changes with the time of the events.
type burden struct {
	// each is what a slot of a rule takes, fixed what its run takes, in seconds.
	each, fixed map[string]float64
	// night is the part of a day's events that a night has, growth how many times more events there are at the end than at the
	// beginning, noise by how much a run differs from that.
	night, growth, noise float64
	// read is what a round takes whatever its rules are; parallel is how many rules run at a time.
	read     float64
	parallel int
	random   *rand.Rand
}

func (b *burden) at(t, from, to time.Time) float64 {
	hours := t.Sub(t.Truncate(24 * time.Hour)).Hours()
	day := b.night + (1-b.night)*(1-math.Cos(hours/24*2*math.Pi))/2
	return day * (1 + (b.growth-1)*t.Sub(from).Seconds()/to.Sub(from).Seconds())
}

// timed runs jobs on a clock of its own.
type timed struct {
	*burden
	now, from, to time.Time
}

func (t *timed) ReadAhead(context.Context, []pipeline.Job) *batch.Ahead { return nil }

func (t *timed) RunAll(_ context.Context, jobs []pipeline.Job, _ func(pipeline.Execution)) []pipeline.Execution {
	out := make([]pipeline.Execution, len(jobs))
	sum, most := 0.0, 0.0
	for i, j := range jobs {
		id := j.Plan.Rule().ID
		n := float64(max(1, len(j.Covers)))
		took := (t.fixed[id] + n*t.each[id]*t.at(j.Slot, t.from, t.to)) * (1 + t.noise*(2*t.random.Float64()-1))
		sum, most = sum+took, max(most, took)
		out[i] = succeeded()
		out[i].RuleID, out[i].Slot, out[i].Covers, out[i].Attempts = id, j.Slot, j.Covers, j.Attempts
		out[i].Took = time.Duration(took * float64(time.Second))
	}
	// Runs that are side by side take as long as the longest, and no less than all of them on so many workers.
	t.now = t.now.Add(time.Duration((t.read + max(most, sum/float64(t.parallel))) * float64(time.Second)))
	return out
}

// told is what a run said at a time.
type told struct {
	at        time.Time
	remaining time.Duration
	naive     float64 // seconds, as the slots so far tell
}

// saying runs the rest of a job, or its beginning if rounds is not 0, and returns what it said.
func saying(t require, w *timed, l ledger.Store, rules []backfill.Rule, job backfill.Job, stretch time.Duration, rounds int64) (begun time.Time, all []told) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun = w.now
	before := int64(0) // what the naive estimate knows of earlier runs: nothing that it has not met
	r := &backfill.Runner{
		Jobs: backfill.Jobs{Store: l}, Rounds: w,
		Options: backfill.Options{Stretch: stretch, Now: func() time.Time { return w.now }, Report: func(p backfill.Progress) {
			if p.Rounds == rounds && rounds > 0 {
				cancel()
			}
			done := p.Covered + p.Passed
			all = append(all, told{w.now, p.RemainingAt(w.now), w.now.Sub(begun).Seconds() / float64(done) * float64(p.Slots-before-done)})
		}},
	}
	result, err := r.Run(ctx, job, rules)
	if rounds == 0 && (err != nil || result.Left() != 0) || err != nil && !backfill.Interrupted(err) {
		t.Fatal(err, result.Progress)
	}
	return begun, all
}

// errorsAt returns how far the estimates at these parts of the time were off, in parts of the whole time.
func errorsAt(begun time.Time, all []told, parts []float64) (own, naive []float64) {
	end := all[len(all)-1].at
	whole := end.Sub(begun).Seconds()
	for _, part := range parts {
		for _, one := range all {
			if one.at.Sub(begun).Seconds() >= part*whole {
				left := end.Sub(one.at).Seconds()
				own = append(own, math.Abs(one.remaining.Seconds()-left)/whole)
				naive = append(naive, math.Abs(one.naive-left)/whole)
				break
			}
		}
	}
	return own, naive
}

func timedRule(id, kind, interval string) string {
	var text string
	switch kind {
	case "ordered":
		text = ruleText(id, "threshold", `process.name: *`, "[rule.threshold]\nfield = \"host.id\"\nvalue = 3\n")
	case "apart":
		text = ruleText(id, "query", `process.name: ls and @timestamp >= now-40m`, "")
	default:
		text = ruleText(id, "query", `process.name: curl`, "")
	}
	return strings.Replace(text, `interval = "30m"`, fmt.Sprintf("interval = %q", interval), 1)
}

// TestEstimate: over jobs of many shapes, what a run says of the rest comes close to what the rest takes, and closer than what the
// number of slots tells.
func TestEstimate(t *testing.T) {
	parts := []float64{0.25, 0.5, 0.75}
	// By how much of its whole time the estimate of a job may be off, and those of all on average. In a quarter of the shortest jobs,
	// less than a day has been seen.
	mostOff, averageOff := []float64{1, 0.4, 0.2}, []float64{0.12, 0.06, 0.03}
	sums, naives := make([]float64, len(parts)), make([]float64, len(parts))
	jobs := 0.0
	limitChecks(t, 40)
	rapid.Check(t, func(rt *rapid.T) {
		b := &burden{each: map[string]float64{}, fixed: map[string]float64{}}
		var texts []string
		for i := range rapid.IntRange(1, 8).Draw(rt, "rules") {
			id := fmt.Sprintf("r%d", i)
			texts = append(texts, timedRule(id, rapid.SampledFrom([]string{"merged", "apart", "ordered"}).Draw(rt, "kind"),
				rapid.SampledFrom([]string{"10m", "30m", "1h", "6h"}).Draw(rt, "interval")))
			b.each[id] = math.Pow(10, rapid.Float64Range(-3, 1).Draw(rt, "cost"))
			b.fixed[id] = b.each[id] * rapid.Float64Range(0, 5).Draw(rt, "fixed")
		}
		b.night = rapid.Float64Range(0.1, 1).Draw(rt, "night")
		b.growth = rapid.Float64Range(0.7, 1.5).Draw(rt, "growth")
		b.noise = rapid.Float64Range(0, 0.5).Draw(rt, "noise")
		b.read = rapid.Float64Range(0, 5).Draw(rt, "read")
		b.parallel = rapid.IntRange(1, 8).Draw(rt, "parallel")
		b.random = rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1)) //nolint:gosec // the same every time
		days := rapid.IntRange(3, 12).Draw(rt, "days")
		stretch := rapid.SampledFrom([]time.Duration{2 * time.Hour, 6 * time.Hour, 24 * time.Hour}).Draw(rt, "stretch")
		interrupted := int64(rapid.SampledFrom([]int{0, 0, 7, 40}).Draw(rt, "interrupted after rounds"))

		rules := load(t, false, texts...)
		job := backfill.NewJob(rules, hour(0), hour(float64(24*days)), "x", nil)
		w := &timed{burden: b, now: hour(10000), from: job.From, to: job.To}
		l := ledger.NewMemory()
		if interrupted > 0 {
			saying(rt, w, l, rules, job, stretch, interrupted)
			w.now = w.now.Add(time.Hour)
		}
		begun, all := saying(rt, w, l, rules, job, stretch, 0)
		if len(all) < 12 || all[len(all)-1].at.Equal(begun) {
			return // it was nearly done before
		}
		own, naive := errorsAt(begun, all, parts)
		if last := all[len(all)-1]; last.remaining != 0 {
			rt.Errorf("%s are left at the end", last.remaining)
		}
		jobs++
		for i := range own {
			sums[i] += own[i]
			naives[i] += naive[i]
			if own[i] > mostOff[i] {
				rt.Errorf("after %g of the time the estimate is off by %g of it", parts[i], own[i])
			}
		}
	})
	if jobs == 0 {
		t.Fatal("no job was long enough")
	}
	for i, part := range parts {
		own, naive := sums[i]/jobs, naives[i]/jobs
		t.Logf("after %g of the time: off by %.3f of it on average of %g jobs, by slots %.3f", part, own, jobs, naive)
		if own > averageOff[i] || own > naive { // few jobs say little about by how much it is better
			t.Errorf("after %g of the time the estimates are off by %.3f of it on average, by slots %.3f", part, own, naive)
		}
	}
}

// limitChecks makes rapid check n cases, unless a number was given.
func limitChecks(t *testing.T, n int) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() != checks.DefValue {
		return
	}
	if err := checks.Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = checks.Value.Set(checks.DefValue) })
}
