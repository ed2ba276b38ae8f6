package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"tocsin/internal/lag"
	"tocsin/internal/ledger"
	"tocsin/internal/pipeline"
	"tocsin/internal/query"
	"tocsin/internal/search"
	"tocsin/internal/window"
)

const (
	// leastLate and mostLate bound the wait for late events where it is measured.
	leastLate, mostLate = 10 * time.Minute, 24 * time.Hour
	// sampleEvery is how often lags are measured, mostSampled of how many different patterns.
	sampleEvery = 10 * time.Minute
	mostSampled = 50
	// leastTurn and mostTurn bound the time between two looks.
	leastTurn, mostTurn = 2 * time.Second, 5 * time.Minute
	// unseen is how long an event that was ingested may not be found yet: an index refreshes.
	unseen = time.Minute
	// mostPieces is how many slots one look goes over.
	mostPieces = 120
	// pagesOf is of how many rules pages are in memory.
	pagesOf = 20
)

// again is the second look for events that came late: a slot's own run, and those of the slots
// after it whose windows overlap, have not seen what was ingested later. Some time after a slot, the
// part of its window that no later slot reads is searched once more, for events that were ingested
// since its run. What it finds has its own identity, as ever.
type again struct {
	*Service
	sampled time.Time
	// reread is the slot up to which each of our rules has been looked at.
	reread map[string]time.Time
}

// lookAgain looks for late events until the context ends.
func (s *Service) lookAgain(ctx context.Context) {
	a := again{Service: s, reread: map[string]time.Time{}}
	for ctx.Err() == nil {
		timer := time.NewTimer(a.every())
		select {
		case <-ctx.Done():
		case <-timer.C:
			if err := a.turn(ctx); err != nil && ctx.Err() == nil {
				s.opts.Log.Warn("late events could not be looked for", "error", err)
			}
		}
		timer.Stop()
	}
}

func (a *again) every() time.Duration {
	if a.opts.LateAfter == 0 {
		return leastLate / 4
	}
	return min(max(a.opts.LateAfter/4, leastTurn), mostTurn)
}

// after is how long after a slot its late events are looked for: when 99 of 100 events have come.
func (a *again) after(r *Rule) time.Duration {
	if a.opts.LateAfter > 0 {
		return a.opts.LateAfter
	}
	measured, _ := a.meter.Of(r.Plan.Rule().Index)
	return min(max(measured.P99, leastLate), mostLate)
}

func (a *again) turn(ctx context.Context) error {
	now := a.opts.Now()
	var rules []*Rule
	for _, r := range a.rules {
		if r.merging.Late && a.opts.Owner.Owns(r.ID()) {
			rules = append(rules, r)
		} else {
			delete(a.reread, r.ID())
		}
	}
	a.sample(ctx, rules, now)
	progress := map[string]ledger.Progress{}
	for chunk := range slices.Chunk(rules, pagesOf) {
		jobs, err := a.jobs(ctx, chunk, now)
		if err != nil {
			return err
		}
		if err := a.look(ctx, jobs); err != nil {
			return err
		}
		for _, r := range chunk {
			p := ledger.Progress{Reread: a.reread[r.ID()]}
			if l, known := a.meter.Of(r.Plan.Rule().Index); known {
				p.Lag = ledger.Lag(l)
			}
			progress[r.ID()] = p
		}
	}
	return a.opts.Recorder.Ledger.Advance(ctx, progress) //nolint:wrapcheck // it names the ledger
}

// sample measures the lags of what the rules read.
func (a *again) sample(ctx context.Context, rules []*Rule, now time.Time) {
	if a.opts.Events == nil || now.Sub(a.sampled).Abs() < sampleEvery {
		return
	}
	a.sampled = now
	seen := map[string]bool{}
	for _, r := range rules {
		patterns := r.Plan.Rule().Index
		key := strings.Join(patterns, ",")
		if seen[key] || len(seen) == mostSampled {
			continue
		}
		seen[key] = true
		if err := lag.Sample(search.Background(ctx), &a.meter, a.opts.Events, patterns, now); err != nil && ctx.Err() == nil {
			a.opts.Log.Debug("the lag of events is not known", "error", err)
		}
	}
}

// jobs are the looks that are due.
func (a *again) jobs(ctx context.Context, rules []*Rule, now time.Time) ([]pipeline.Job, error) {
	if err := a.recall(ctx, rules, now); err != nil {
		return nil, err
	}
	from := now
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.ID()
		if at := a.reread[r.ID()]; at.Before(from) {
			from = at
		}
	}
	found, err := a.opts.Recorder.Ledger.Store.Pages(ctx, ids, from, now)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the ledger
	}
	pages := map[string]*ledger.Page{}
	for i := range found {
		pages[found[i].ID()] = &found[i]
	}
	var jobs []pipeline.Job
	for _, r := range rules {
		jobs = append(jobs, a.jobsOf(r, pages, now)...)
	}
	return jobs, nil
}

// recall learns from the ledger up to where rules were looked at that are new here. Of a rule that
// never was, only what is not too late for it yet is.
func (a *again) recall(ctx context.Context, rules []*Rule, now time.Time) error {
	var fresh []string
	for _, r := range rules {
		if _, known := a.reread[r.ID()]; !known {
			fresh = append(fresh, r.ID())
			a.reread[r.ID()] = a.begun.Add(-a.after(r))
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	heads, err := a.opts.Recorder.Ledger.Store.Heads(ctx, fresh)
	if err != nil {
		for _, id := range fresh {
			delete(a.reread, id)
		}
		return err //nolint:wrapcheck // it names the ledger
	}
	for _, h := range heads {
		if !h.Reread.IsZero() {
			a.reread[h.RuleID] = h.Reread
		}
		if oldest := now.Add(-mostLate - ledger.DefaultMaxAge); a.reread[h.RuleID].Before(oldest) {
			a.reread[h.RuleID] = oldest
		}
	}
	return nil
}

// jobsOf are the looks at the slots of one rule that have become old enough: one for each stretch of slots
// that may be run together, in their order. A slot that is open is left out: it will be run later than
// this.
func (a *again) jobsOf(r *Rule, pages map[string]*ledger.Page, now time.Time) []pipeline.Job {
	until := now.Add(-a.after(r) - a.settle(r))
	var jobs []pipeline.Job
	var first, last time.Time
	pieces := 0
	for slot := r.Slots.Next(a.reread[r.ID()]); !slot.IsZero() && !slot.After(until) && pieces < mostPieces; slot = r.Slots.Next(slot) {
		last = slot
		piece, ok := a.piece(r, slot, pages)
		if !ok {
			continue
		}
		pieces++
		if jobs == nil || !r.together(first, slot) {
			first = slot
			jobs = append(jobs, pipeline.Job{})
		}
		late := slices.Concat(jobs[len(jobs)-1].Late, []query.Late{piece})
		job := a.job(r, slot)
		job.Window = window.Window{From: late[0].Window.From, To: piece.Window.To}
		job.Late, job.Most = late, max(Drained, r.Plan.Rule().MaxSignals)
		jobs[len(jobs)-1] = job
	}
	if jobs == nil && !last.IsZero() {
		a.reread[r.ID()] = last
	}
	return jobs
}

// piece is what of a slot's window is looked at again: what no later slot reads, if the next one asks for
// the same, else all of it. False: nothing is.
func (a *again) piece(r *Rule, slot time.Time, pages map[string]*ledger.Page) (query.Late, bool) {
	p := pages[ledger.Page{RuleID: r.ID(), Day: ledger.Day(slot)}.ID()]
	if p == nil {
		return query.Late{}, false
	}
	e, _ := p.Find(slot)
	only, next := r.Window(slot), r.Slots.Next(slot)
	if from := r.Window(next).From; r.together(slot, next) && from.Before(only.To) {
		only.To = from
	}
	if e.Status != ledger.Covered || e.Ended.IsZero() || only.Empty() {
		return query.Late{}, false
	}
	return query.Late{Window: only, Since: e.Ended.Add(-e.Took - unseen)}, true
}

// look runs jobs, behind the live ones. A rule is looked at again from the first of its jobs that fails.
func (a *again) look(ctx context.Context, jobs []pipeline.Job) error {
	failed := map[string]bool{}
	for chunk := range slices.Chunk(jobs, a.opts.RoundSize) {
		a.priority.wait(ctx, mostWait)
		if a.opts.Calm != nil {
			if err := a.opts.Calm(ctx); err != nil {
				return err
			}
		}
		limited, cancel := ctx, context.CancelFunc(func() {})
		if a.opts.RuleTimeout > 0 {
			limited, cancel = context.WithTimeout(ctx, a.opts.RuleTimeout)
		}
		for i, x := range a.opts.Again.RunAll(search.Background(limited), chunk, nil) {
			if x.Created > 0 {
				a.opts.Log.Info("events came late", "rule_id", x.RuleID, "created", x.Created, "window", x.Window.String())
			}
			a.opts.Late(x)
			if failed[x.RuleID] = failed[x.RuleID] || x.Status != pipeline.Succeeded; !failed[x.RuleID] {
				a.reread[x.RuleID] = chunk[i].Slot
			}
		}
		cancel()
	}
	return nil
}
