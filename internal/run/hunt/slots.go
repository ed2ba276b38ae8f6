package hunt

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"tocsin/internal/query"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

const (
	// mostPerSlot is the largest number of alerts of one slot that are counted.
	mostPerSlot = 10_000
	// mostCandidates is the number of candidates, and mostJobs that of slots, from which slots are run without waiting for
	// more: they are read together, and kept in memory meanwhile.
	mostCandidates = 100_000
	mostJobs       = 20_000
	// minAhead is the number of slots of a rule that pays for reading ahead.
	minAhead = 2
)

// slotJob is a slot of a rule.
type slotJob struct {
	*target

	slot   time.Time
	window window.Window
	// candidates is how many candidates lie in the window.
	candidates int64
}

// runSlots runs the slots that can have hits, in the order of time, those together that fit in memory.
func (h *hunt) runSlots(ctx context.Context) {
	record := newRecord(h.targets, h.report.Range)
	round := &pipeline.Round{
		Pipeline: &pipeline.Pipeline{
			Events: h.events, Alerts: record, Instances: record, Risk: record.risk(h.Risk), Series: h.Series, Tables: h.Tables,
		},
		Planner: h.Planner, Concurrency: h.Concurrency,
	}
	var jobs []slotJob
	probes := make(map[*target][]window.Window, len(h.targets))
	var mu sync.Mutex
	pipeline.Each(max(h.Concurrency, 1), h.targets, func(t *target) {
		if t.bySlot && !t.done && t.unread && ctx.Err() == nil {
			found := h.probe(ctx, t, h.report.Range)
			mu.Lock()
			defer mu.Unlock()
			probes[t] = found
		}
	})
	for _, t := range h.targets {
		if !t.bySlot || t.done || t.idle() {
			continue
		}
		more, err := h.slotsOf(t, probes[t])
		if err != nil {
			t.fail(err)
			continue
		}
		jobs = append(jobs, more...)
	}
	slices.SortStableFunc(jobs, func(a, b slotJob) int { return a.slot.Compare(b.slot) })
	advance := func(int) {}
	if h.Progress != nil {
		advance = h.Progress(len(jobs))
	}
	for len(jobs) > 0 && ctx.Err() == nil {
		n, candidates := 0, int64(0)
		for n < len(jobs) && n < mostJobs && (n == 0 || candidates < mostCandidates) {
			candidates += jobs[n].candidates
			n++
		}
		h.runTogether(ctx, round, jobs[:n])
		advance(n)
		jobs = jobs[n:]
	}
	record.settle()
}

// parts is into how many parts a stretch of time with candidates is divided, and shortest the length of one that is not.
const (
	parts    = 4
	shortest = time.Hour
)

// probe asks an index where a rule can have hits that the shared read has not answered: it counts the candidates of ever
// shorter stretches. What cannot be counted may have some.
func (h *hunt) probe(ctx context.Context, t *target, w window.Window) []window.Window {
	counter, ok := search.As[search.Counter](h.events)
	if !ok || w.Empty() {
		return []window.Window{w}
	}
	n := int64(0)
	for _, r := range t.reads {
		request := r.Request
		request.Time.Window = w
		found, err := counter.Count(search.Background(ctx), request)
		if err != nil {
			return []window.Window{w}
		}
		n += found
	}
	length := w.To.Sub(w.From)
	switch {
	case n == 0:
		return []window.Window{}
	case length <= shortest:
		return []window.Window{w}
	}
	var out []window.Window
	for from, part := w.From, (length+parts-1)/parts; from.Before(w.To); from = from.Add(part) {
		out = append(out, h.probe(ctx, t, window.Window{From: from, To: earliest(from.Add(part), w.To)})...)
	}
	return out
}

// slotsOf returns the slots of a rule whose windows lie in the range at least in part, and have candidates: in the stretches
// of time where they are known to be, if found is not nil.
func (h *hunt) slotsOf(t *target, found []window.Window) ([]slotJob, error) {
	slots, err := t.Rule.Slots()
	if err != nil {
		return nil, fmt.Errorf("rule %s: %w", t.Rule.ID, err)
	}
	w := h.report.Range
	where := []window.Window{w}
	counts := func(window.Window) int64 { return 0 }
	active := t.candidates
	if active == nil {
		active = h.seen
	}
	if found != nil {
		where = found
	} else if active != nil {
		where = active.stretches()
		counts = active.within
	}
	var out []slotJob
	for _, s := range where {
		s.From, s.To = latest(s.From, w.From), earliest(s.To, w.To)
		if s.Empty() {
			continue
		}
		// A window may end before or after its slot.
		ahead := max(0, t.Rule.Window(s.From).To.Sub(s.From))
		for slot := slots.Next(s.From.Add(-ahead - 1)); !slot.IsZero(); slot = slots.Next(slot) {
			own := t.Rule.Window(slot)
			if !own.From.Before(s.To) {
				break
			}
			if own.To.After(s.From) && (len(out) == 0 || slot.After(out[len(out)-1].slot)) {
				out = append(out, slotJob{t, slot, own, counts(own)})
			}
		}
	}
	return out, nil
}

// within returns at most how many hits lie in a window.
func (t *Tally) within(w window.Window) int64 {
	length := step(t.level)
	first, last := bucketOf(w.From, length), bucketOf(w.To.Add(-1), length)
	sum := int64(0)
	if last-first > int64(len(t.buckets)) {
		for n, hits := range t.buckets {
			if n >= first && n <= last {
				sum += hits
			}
		}
		return sum
	}
	for n := first; n <= last; n++ {
		sum += t.buckets[n]
	}
	return sum
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// runTogether runs slots that are read together.
func (h *hunt) runTogether(ctx context.Context, round *pipeline.Round, slots []slotJob) {
	ahead := h.readAhead(ctx, round, slots)
	jobs := make([]pipeline.Job, len(slots))
	for i, s := range slots {
		jobs[i] = pipeline.Job{Plan: s.plan, Slot: s.slot, Window: s.window, MaxAlerts: mostPerSlot, Manual: true, Ahead: ahead}
	}
	for i, x := range round.RunAll(search.Background(ctx), jobs, nil) {
		t := slots[i].target
		t.remark(x.Diagnostics)
		for _, text := range x.Warnings {
			t.warn(text)
		}
		t.More = t.More || x.Left > 0
		if x.Err != nil {
			t.fail(x.Err)
		}
		if x.Failed > 0 && x.Err == nil {
			t.fail(fmt.Errorf("rule %s: %s", t.Rule.ID, x.Problem())) //nolint:err113 // for people
		}
	}
}

// readAhead reads at once what slots of a rule search for, if that is the same in each of them.
func (h *hunt) readAhead(ctx context.Context, round *pipeline.Round, slots []slotJob) *batch.Ahead {
	of := map[*target][]slotJob{}
	for _, s := range slots {
		of[s.target] = append(of[s.target], s)
	}
	var jobs []pipeline.Job
	for _, t := range h.targets { // in their order
		own := of[t]
		if len(own) < minAhead {
			continue
		}
		first, last := own[0], own[len(own)-1]
		if !query.CatchUp(t.plan).Alike(first.slot, last.slot) {
			continue
		}
		jobs = append(jobs, pipeline.Job{Plan: t.plan, Slot: last.slot, Window: window.Window{From: first.window.From, To: last.window.To}})
	}
	if len(jobs) == 0 {
		return nil
	}
	return round.ReadAhead(ctx, jobs)
}
