package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/query"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/lag"
)

const (
	// minLate and maxLate bound the wait for late events where it is measured.
	minLate, maxLate = 10 * time.Minute, 24 * time.Hour
	// sampleEvery is how often lags are measured, maxSampled for how many different patterns.
	sampleEvery = 10 * time.Minute
	maxSampled  = 50
	// minTurn and maxTurn bound the time between two searches for late events.
	minTurn, maxTurn = 2 * time.Second, 5 * time.Minute
	// refreshSlack is how long an ingested event may stay invisible: until the index refreshes.
	refreshSlack = time.Minute
	// maxPieces is the maximum number of slots that one search for late events goes over.
	maxPieces = 120
	// pageRules is the number of rules whose pages are in memory at a time.
	pageRules = 20
)

// lateSearch is the second search for late events. An event that was ingested after a slot's run was not
// seen by that run, nor by runs of later slots whose windows overlap. Some time after a slot, the
// part of its window that no later slot reads is searched once more, for events that were ingested
// since its run. Alerts of late events have the same identity as others.
type lateSearch struct {
	*Service
	sampled time.Time
	// reread is, for each rule of this runner, the slot up to which late events were searched for.
	reread map[string]time.Time
}

// searchLate searches for late events until the context ends.
func (s *Service) searchLate(ctx context.Context) {
	a := lateSearch{Service: s, reread: map[string]time.Time{}}
	for ctx.Err() == nil {
		timer := time.NewTimer(a.every())
		select {
		case <-ctx.Done():
		case <-timer.C:
			if err := a.turn(ctx); err != nil && ctx.Err() == nil {
				s.opts.Log.Warn("late events could not be searched for", "error", err)
			}
		}
		timer.Stop()
	}
}

func (a *lateSearch) every() time.Duration {
	if a.opts.LateAfter == 0 {
		return minLate / 4
	}
	return min(max(a.opts.LateAfter/4, minTurn), maxTurn)
}

// after returns how long after a slot its late events are searched for: when 99 of 100 events have
// arrived.
func (a *lateSearch) after(r *Rule) time.Duration {
	if a.opts.LateAfter > 0 {
		return a.opts.LateAfter
	}
	measured, _ := a.meter.Of(r.Plan.Rule().Index)
	return min(max(measured.P99, minLate), maxLate)
}

func (a *lateSearch) turn(ctx context.Context) error {
	now := a.opts.Now()
	var rules []*Rule
	for _, r := range a.current.Load().rules {
		if r.merging.Late && a.opts.Owner.Owns(r.ID()) {
			rules = append(rules, r)
		} else {
			delete(a.reread, r.ID())
		}
	}
	a.sample(ctx, rules, now)
	progress := map[string]ledger.Progress{}
	for chunk := range slices.Chunk(rules, pageRules) {
		jobs, err := a.jobs(ctx, chunk, now)
		if err != nil {
			return err
		}
		if err := a.run(ctx, jobs); err != nil {
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
	return a.opts.Recorder.Ledger.Advance(ctx, progress) //nolint:wrapcheck // the error names the ledger
}

// sample measures the lag of the rules' events.
func (a *lateSearch) sample(ctx context.Context, rules []*Rule, now time.Time) {
	if a.opts.Events == nil || now.Sub(a.sampled).Abs() < sampleEvery {
		return
	}
	a.sampled = now
	seen := map[string]bool{}
	for _, r := range rules {
		patterns := r.Plan.Rule().Index
		key := strings.Join(patterns, ",")
		if seen[key] || len(seen) == maxSampled {
			continue
		}
		seen[key] = true
		if err := lag.Sample(search.Background(ctx), &a.meter, a.opts.Events, patterns, now); err != nil && ctx.Err() == nil {
			a.opts.Log.Debug("lag of events could not be measured", "error", err)
		}
	}
}

// jobs returns the searches for late events that are due.
func (a *lateSearch) jobs(ctx context.Context, rules []*Rule, now time.Time) ([]pipeline.Job, error) {
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
		return nil, err //nolint:wrapcheck // the error names the ledger
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

// recall reads from the ledger how far rules that are new to this runner were searched. For a rule
// that never was, it starts with the slots whose late events are still due.
func (a *lateSearch) recall(ctx context.Context, rules []*Rule, now time.Time) error {
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
		return err //nolint:wrapcheck // the error names the ledger
	}
	for _, h := range heads {
		if !h.Reread.IsZero() {
			a.reread[h.RuleID] = h.Reread
		}
		if oldest := now.Add(-maxLate - ledger.DefaultMaxAge); a.reread[h.RuleID].Before(oldest) {
			a.reread[h.RuleID] = oldest
		}
	}
	return nil
}

// jobsOf returns the due searches for one rule: one for each run of consecutive slots that may
// share a run, in their order. An open slot is left out: it will run later than this search.
func (a *lateSearch) jobsOf(r *Rule, pages map[string]*ledger.Page, now time.Time) []pipeline.Job {
	until := now.Add(-a.after(r) - a.settle(r))
	var jobs []pipeline.Job
	var first, last time.Time
	pieces := 0
	for slot := r.Slots.Next(a.reread[r.ID()]); !slot.IsZero() && !slot.After(until) && pieces < maxPieces; slot = r.Slots.Next(slot) {
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
		job.Late, job.MaxAlerts = late, max(Drained, r.Plan.Rule().MaxSignals)
		jobs[len(jobs)-1] = job
	}
	if jobs == nil && !last.IsZero() {
		a.reread[r.ID()] = last
	}
	return jobs
}

// piece returns the part of a slot's window that is searched again. If the next slot asks for the
// same, it is the part that no later slot reads, else all of the window. False: nothing is
// searched.
func (a *lateSearch) piece(r *Rule, slot time.Time, pages map[string]*ledger.Page) (query.Late, bool) {
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
	return query.Late{Window: only, Since: e.Ended.Add(-e.Took - refreshSlack)}, true
}

// run runs jobs with lower priority than live ones. If a job of a rule fails, the rule is searched
// again from that job on.
func (a *lateSearch) run(ctx context.Context, jobs []pipeline.Job) error {
	failed := map[string]bool{}
	for chunk := range slices.Chunk(jobs, a.opts.RoundSize) {
		a.priority.wait(ctx, maxWait)
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
				a.opts.Log.Info("late events found", "rule_id", x.RuleID, "created", x.Created, "window", x.Window.String())
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
