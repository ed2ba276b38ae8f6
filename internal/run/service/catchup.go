package service

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/ledger/catchup"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search"
)

const (
	// pollInterval is how often slots in backoff are rechecked.
	pollInterval = time.Second
	// minPause and maxPause bound the pause after the events or the ledger were unavailable.
	minPause, maxPause = time.Second, 15 * time.Second
	// maxWait is how long live rules may delay a round of the catch-up.
	maxWait = 20 * time.Second
	// resurvey is when the ledger is read once more after a change of runners: a slot that came due
	// during the change may have had no owner.
	resurvey = 10 * time.Second
	// justDue is the age below which a settled slot is left to the live schedule, which is about to
	// start it.
	justDue = 3 * time.Second
	// closeEvery is how often the heads are advanced.
	closeEvery     = time.Hour
	retentionEvery = 24 * time.Hour
	// observeEvery is how often the standing is reported, whatever the catch-up waits for.
	observeEvery = 5 * time.Second
	// knownSlots bounds the open slots in memory, over all rules.
	knownSlots = 100_000
	minKnown   = 50
)

// Drained is the minimum limit of new alerts for a run that continues with hits which an earlier
// run left.
const Drained = 10_000

// catchUpLoop is the state of the catch-up loop.
type catchUpLoop struct {
	*Service
	pause                    time.Duration
	surveyed, closed, forgot time.Time
	again                    time.Time
	// owned is guarded by mu.
	owned map[string]bool
	size  int
	// givenUp is how many slots were given up since the last report; observing serializes reports.
	givenUp   atomic.Int64
	observing sync.Mutex
}

// catchUp runs the backlog until the context ends.
func (s *Service) catchUp(ctx context.Context) {
	k := &catchUpLoop{Service: s, size: s.opts.RoundSize, owned: map[string]bool{}}
	var standing sync.WaitGroup
	standing.Go(func() { k.stand(ctx) })
	defer standing.Wait()
	for ctx.Err() == nil {
		k.wait(ctx, k.turn(ctx))
	}
}

// stand reports the standing of the rules also while the loop waits for a busy cluster or for a long round, until the context ends.
func (k *catchUpLoop) stand(ctx context.Context) {
	ticker := time.NewTicker(observeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if k.loaded.Load() {
				k.observe()
			}
		}
	}
}

// turn does what is due, at most one round, and returns how long nothing more is due.
func (k *catchUpLoop) turn(ctx context.Context) time.Duration {
	now := k.opts.Now()
	if k.due(now) {
		if err := k.survey(ctx, now); err != nil {
			if ctx.Err() == nil {
				k.opts.Log.Warn("ledger could not be read: open slots are unknown", "error", err)
			}
			k.stale.Store(true)
			return k.longer()
		}
	}
	rules := k.current.Load()
	owed := slices.DeleteFunc(k.opts.Recorder.backlog.list(func(id string) bool { return k.mayRun(rules.byID[id]) }), func(o ledger.Owed) bool { return !k.settled(rules.byID[o.RuleID], o.Entry.Slot) })
	tasks := catchup.Plan(owed, k.plans(rules, owed), k.opts.Now(), k.opts.CatchUp)
	if len(tasks) == 0 {
		k.observe()
		k.pause = 0
		return pollInterval
	}
	return k.round(ctx, rules, tasks)
}

// plans returns what the plan needs to know of the rules with open slots.
func (k *catchUpLoop) plans(rules *generation, owed []ledger.Owed) map[string]catchup.Rule {
	out := map[string]catchup.Rule{}
	for _, o := range owed {
		if _, done := out[o.RuleID]; done {
			continue
		}
		if r, known := rules.plans[o.RuleID]; known {
			r.Succeeded = k.opts.Recorder.backlog.lastSuccess(o.RuleID)
			out[o.RuleID] = r
		}
	}
	return out
}

// wait pauses. News end the pause early, unless something is unavailable.
func (k *catchUpLoop) wait(ctx context.Context, d time.Duration) {
	if d == 0 {
		return
	}
	wake := k.wake
	if k.pause > 0 {
		wake = nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
	}
}

// longer returns the next, longer pause after repeated failures.
func (k *catchUpLoop) longer() time.Duration {
	k.pause = min(max(2*k.pause, minPause), maxPause)
	return k.pause
}

// mayRun reports whether a rule's open slots may be run now: this runner has and owns the rule, and a rule
// with ordered slots is not running live.
func (k *catchUpLoop) mayRun(r *Rule) bool {
	if r == nil || !k.opts.Owner.Owns(r.ID()) {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	_, running := k.inFlight[r.ID()]
	return !r.merging.Ordered || !running
}

func (k *catchUpLoop) due(now time.Time) bool {
	switch {
	case k.stale.Swap(false):
		k.again = now.Add(resurvey)
		return true
	case !k.again.IsZero() && now.After(k.again):
		k.again = time.Time{}
		return true
	case k.truncated && len(k.opts.Recorder.backlog.counts()) == 0:
		return true
	}
	// A clock that was set back must not prevent a read of the ledger.
	return now.Sub(k.surveyed).Abs() > k.opts.Every
}

// survey reads the open slots of this runner's rules from the ledger.
func (k *catchUpLoop) survey(ctx context.Context, now time.Time) error {
	var grids []ledger.Grid
	owned := map[string]bool{}
	rules := k.current.Load()
	for _, r := range rules.rules {
		if k.opts.Owner.Owns(r.ID()) {
			owned[r.ID()] = true
			grids = append(grids, r.Grid())
		}
	}
	k.opts.Recorder.backlog.begin()
	book := *k.opts.Recorder.Ledger
	book.Limit = max(minKnown, knownSlots/max(1, len(grids)))
	if !k.loaded.Load() {
		now = rules.begun // later slots belong to the scheduler
	}
	n, err := book.GiveUp(ctx, grids, now, now.Add(-k.opts.Retention), k.opts.Owner.Fence())
	if k.givenUp.Add(int64(n)); n > 0 {
		k.opts.Log.Warn("slots given up: too old to catch up with", "slots", n)
	}
	if err != nil {
		return err //nolint:wrapcheck // the error names the ledger
	}
	surveys, err := book.Survey(ctx, grids, now)
	if err != nil {
		return err //nolint:wrapcheck // the error names the ledger
	}
	k.truncated = false
	for i := range surveys {
		k.truncated = k.truncated || surveys[i].Open > len(surveys[i].Owed)
		k.leaveLive(rules, &surveys[i], now)
	}
	k.opts.Recorder.backlog.replace(surveys)
	k.surveyed = now
	k.mu.Lock()
	k.owned = owned
	k.mu.Unlock()
	k.noteCovered(surveys)
	if !k.loaded.Swap(true) {
		k.opts.Log.Info("the ledger was read", "rules", len(grids), "open_slots", total(k.opts.Recorder.backlog.counts()))
	}
	return k.tidy(ctx, surveys, now)
}

func total(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// leaveLive removes the slots that the live schedule runs: slots whose run is not due yet or has just become
// due, unless it has failed by now: the schedule does not run it again.
func (k *catchUpLoop) leaveLive(rules *generation, s *ledger.Survey, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	running, r := k.inFlight[s.RuleID], rules.byID[s.RuleID]
	s.Owed = slices.DeleteFunc(s.Owed, func(o ledger.Owed) bool {
		slot := o.Entry.Slot
		wait := k.delay(r)
		if k.owned[s.RuleID] {
			wait += justDue
		}
		return slot.Equal(running) || o.Entry.Ended.IsZero() && slot.After(rules.begun) && now.Sub(slot) < wait
	})
}

func (k *catchUpLoop) noteCovered(surveys []ledger.Survey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range surveys {
		k.earlier[s.RuleID] = earlier{s.Slots, s.Past}
		if s.Slots == nil {
			delete(k.earlier, s.RuleID)
		}
		if s.Covered.After(k.covered[s.RuleID]) {
			k.covered[s.RuleID] = s.Covered
		}
	}
}

// tidy advances the heads and removes old pages, now and then. Neither is urgent: a failure is
// retried later.
func (k *catchUpLoop) tidy(ctx context.Context, surveys []ledger.Survey, now time.Time) error {
	if now.Sub(k.closed).Abs() > closeEvery {
		closed := make(map[string]ledger.Closing, len(surveys))
		for _, s := range surveys {
			if !s.Closed.IsZero() {
				closed[s.RuleID] = ledger.Closing{To: s.Closed, Reopened: s.Reopened}
			}
		}
		if err := k.opts.Recorder.Ledger.Close(ctx, closed); err != nil {
			return err //nolint:wrapcheck // the error names the ledger
		}
		k.closed = now
		if err := k.giveUpRemoved(ctx, now); err != nil {
			return err
		}
	}
	if now.Sub(k.forgot).Abs() > retentionEvery && k.opts.Owner.Owns(retentionKey) {
		n, err := k.opts.Recorder.Ledger.Store.Forget(ctx, now.Add(-k.opts.Retention))
		if err != nil {
			return err //nolint:wrapcheck // the error names the ledger
		}
		k.forgot = now
		if n > 0 {
			k.opts.Log.Info("old pages of the ledger were removed", "pages", n)
		}
	}
	return nil
}

// giveUpRemoved gives old slots up of rules that are not among the rules any more. One runner does it for all.
func (k *catchUpLoop) giveUpRemoved(ctx context.Context, now time.Time) error {
	if !k.opts.Owner.Owns(retentionKey) {
		return nil
	}
	rules := k.current.Load().byID
	n, err := k.opts.Recorder.Ledger.GiveUpRemoved(ctx, func(id string) bool { return rules[id] != nil }, now, now.Add(-k.opts.Retention), k.opts.Owner.Fence())
	if k.givenUp.Add(int64(n)); n > 0 {
		k.opts.Log.Warn("slots of removed rules given up: too old to catch up with", "slots", n)
	}
	return err //nolint:wrapcheck // the error names the ledger
}

// retentionKey is the lease key of the runner that removes old pages.
const retentionKey = "ledger retention"

// round runs tasks with lower priority than live slots, as many as can share reads.
func (k *catchUpLoop) round(ctx context.Context, rules *generation, tasks []catchup.Task) time.Duration {
	k.priority.wait(ctx, maxWait)
	if k.opts.Calm != nil {
		if err := k.opts.Calm(ctx); err != nil {
			if ctx.Err() == nil {
				k.opts.Log.Warn("catch-up paused", "error", err)
			}
			return k.longer()
		}
	}
	if ctx.Err() != nil {
		return 0
	}
	var jobs []pipeline.Job
	for _, t := range together(tasks, k.size) {
		if job, ok := k.take(rules.byID[t.RuleID], t); ok {
			jobs = append(jobs, job)
		}
	}
	if len(jobs) == 0 {
		return pollInterval
	}
	defer k.release(jobs)
	limited, cancel := ctx, context.CancelFunc(func() {})
	if k.opts.RuleTimeout > 0 {
		limited, cancel = context.WithTimeout(ctx, k.opts.RuleTimeout)
	}
	defer cancel()
	return k.judge(limited, k.opts.Behind.RunAll(search.Background(limited), jobs, k.executed))
}

// judge returns the pause after a round. If every execution failed, a shared resource such as the
// ledger may be unavailable, and an immediate retry is pointless. If time ran out, the next round
// is smaller.
func (k *catchUpLoop) judge(ctx context.Context, executions []pipeline.Execution) time.Duration {
	progress := slices.ContainsFunc(executions, func(x pipeline.Execution) bool {
		return x.Status == pipeline.Succeeded || x.Err == nil && x.Left > 0
	})
	k.size = min(2*k.size, k.opts.RoundSize)
	if ctx.Err() != nil {
		k.size = max(1, k.size/4)
	}
	k.observe()
	if !progress {
		return k.longer()
	}
	k.pause = 0
	return 0
}

// together returns the first tasks whose windows are close in time, so that one read serves them.
func together(tasks []catchup.Task, most int) []catchup.Task {
	first := tasks[0].Window
	out := tasks[:1]
	for _, t := range tasks[1:] {
		if len(out) == most {
			break
		}
		if t.Window.From.Before(first.To) && first.From.Before(t.Window.To) {
			out = append(slices.Clip(out), t)
		}
	}
	return out
}

// mayTake reports whether slots of a rule may be run now, and marks a rule whose slots are ordered.
func (k *catchUpLoop) mayTake(r *Rule) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, running := k.inFlight[r.ID()]; r.merging.Ordered && (running || k.busy[r.ID()]) {
		return false
	}
	if r.merging.Ordered {
		k.busy[r.ID()] = true
	}
	return true
}

// take makes the job of a task.
func (k *catchUpLoop) take(r *Rule, t catchup.Task) (pipeline.Job, bool) {
	if !k.mayTake(r) {
		return pipeline.Job{}, false
	}
	job := k.job(r, t.Slot())
	job.Window, job.Attempts = t.Window, int(t.Attempts)
	if len(t.Slots) > 1 {
		job.Covers = t.Slots
	}
	if t.Drains {
		job.MaxAlerts = max(Drained, r.Plan.Rule().MaxSignals)
	}
	return job, true
}

func (k *catchUpLoop) release(jobs []pipeline.Job) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, j := range jobs {
		delete(k.busy, j.Plan.Rule().ID)
	}
}

// observe reports the standing of the rules.
func (k *catchUpLoop) observe() {
	k.observing.Lock()
	defer k.observing.Unlock()
	now := k.opts.Now()
	s := Standing{Open: k.opts.Recorder.backlog.counts(), Oldest: k.opts.Recorder.backlog.oldest(), GivenUp: int(k.givenUp.Swap(0))}
	k.mu.Lock()
	for id := range k.owned {
		if at, known := k.covered[id]; known {
			s.Behind = max(s.Behind, now.Sub(at))
		}
	}
	k.mu.Unlock()
	k.opts.Observe(s)
}
