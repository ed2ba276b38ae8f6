package service

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/ledger/catchup"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/lag"
)

// Rounds runs jobs together: a [pipeline.Round].
type Rounds interface {
	// Run runs a job together with others that come at the same time.
	Run(ctx context.Context, job pipeline.Job) pipeline.Execution
	// RunAll runs jobs as one round.
	RunAll(ctx context.Context, jobs []pipeline.Job, done func(pipeline.Execution)) []pipeline.Execution
}

// Owner decides which rules this runner owns among several runners: a lease.Member.
type Owner interface {
	Owns(ruleID string) bool
	// Fence returns the fencing number for what is written.
	Fence() int64
}

// Alone owns every rule.
type Alone struct{}

// Owns implements [Owner].
func (Alone) Owns(string) bool { return true }

// Fence implements [Owner].
func (Alone) Fence() int64 { return 0 }

// Options are the settings of a service. Live, Behind and Recorder are required.
type Options struct {
	// Live runs slots as they come due, Behind runs slots of the catch-up. Both record with
	// Recorder.
	Live, Behind Rounds
	// Recorder is the recorder of both rounds. The service uses its ledger and its clock.
	Recorder *Recorder
	// Again runs searches for late events, and does not record their slots; nil: late events are
	// not searched for. Late is called with each of its executions. Events is where the lag is
	// measured; nil: it is not measured.
	Again  Rounds
	Late   func(pipeline.Execution)
	Events search.Events
	// LateAfter is how long after a slot its late events are searched for; 0: as measured.
	LateAfter time.Duration
	// Owner is nil if there is only one runner.
	Owner Owner
	// Now returns the time that every relevant clock has passed; nil means time.Now.
	Now func() time.Time
	// Settle returns how long after its slot a rule with these index patterns waits until earlier
	// events are visible; nil: no wait. It is called often and must not block.
	Settle func(patterns []string) time.Duration
	// Spread is the average distance in time of the live runs of rules that cannot share the read of the new events;
	// 0: all begin when their slot has settled.
	Spread time.Duration
	Log    *slog.Logger
	// RuleTimeout limits one execution, 0 for no limit; Grace is how long runs may continue after
	// the end.
	RuleTimeout, Grace time.Duration
	// Hooks observe the live schedule.
	Hooks scheduler.Hooks
	// Executed is called with every execution.
	Executed func(pipeline.Execution)
	// Calm returns when low-priority work may continue; nil: always.
	Calm func(ctx context.Context) error
	// Observe is called with the standing of the rules, now and then, also while the catch-up waits; never twice at the same time.
	Observe func(Standing)
	// Retention is how long the ledger is kept; 0 means [DefaultRetention].
	Retention time.Duration
	// CatchUp bounds the catch-up.
	CatchUp catchup.Options
	// Every is how often the backlog is read from the ledger; 0 means [DefaultEvery].
	Every time.Duration
	// RoundSize is the maximum number of tasks in a round of the catch-up; 0 means
	// [DefaultRoundSize].
	RoundSize int
}

// The defaults.
const (
	DefaultRetention = 90 * 24 * time.Hour
	DefaultEvery     = 5 * time.Minute
	DefaultRoundSize = 64
)

// Standing summarizes the rules of this runner.
type Standing struct {
	// Open is the number of open slots of every rule that has one.
	Open map[string]int
	// Oldest is the oldest open slot of each of these rules.
	Oldest map[string]time.Time
	// Behind is the time since the latest covered slot of the rule that is furthest behind.
	Behind time.Duration
	// GivenUp is how many slots were given up since the last call.
	GivenUp int
}

// Service runs rules. Its methods are safe for concurrent use, except Run.
type Service struct {
	opts     Options
	current  atomic.Pointer[generation]
	priority *priorityGate
	wake     chan struct{}
	hooks    *sharedHooks
	// stale requests a read of the ledger; loaded means that it was read.
	stale, loaded atomic.Bool
	// truncated: the ledger owes more slots than the backlog holds.
	truncated bool
	begun     time.Time
	meter     lag.Meter

	mu sync.Mutex
	// inFlight holds the running live slot of each rule.
	inFlight map[string]time.Time
	// busy holds the ordered rules whose slots are being caught up with.
	busy map[string]bool
	// covered is the latest slot of each rule that is known to be covered.
	covered map[string]time.Time
	// earlier are the rules that had another schedule before.
	earlier map[string]earlier
}

// New returns a service of the given rules.
func New(rules []*Rule, o Options) (*Service, error) {
	if o.Owner == nil {
		o.Owner = Alone{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Executed == nil {
		o.Executed = func(pipeline.Execution) {}
	}
	if o.Late == nil {
		o.Late = func(pipeline.Execution) {}
	}
	if o.Observe == nil {
		o.Observe = func(Standing) {}
	}
	o.Retention, o.Every = cmp.Or(o.Retention, DefaultRetention), cmp.Or(o.Every, DefaultEvery)
	o.RoundSize = cmp.Or(o.RoundSize, DefaultRoundSize)
	s := &Service{
		opts: o, priority: newPriorityGate(), wake: make(chan struct{}, 1), hooks: &sharedHooks{to: o.Hooks},
		inFlight: map[string]time.Time{}, busy: map[string]bool{}, covered: map[string]time.Time{}, earlier: map[string]earlier{},
	}
	g, err := s.newGeneration(rules)
	if err != nil {
		return nil, err
	}
	s.current.Store(g)
	return s, nil
}

// Lags returns the lag of each data set.
func (s *Service) Lags() map[string]lag.Lag { return s.meter.Sets() }

// Lag returns the time in which 99 % of the events of patterns arrive; 0 if it was not measured.
func (s *Service) Lag(patterns []string) time.Duration {
	measured, _ := s.meter.Of(patterns)
	return measured.P99
}

// Changed tells the service that the ownership of rules may have changed: the backlog is read
// again.
func (s *Service) Changed() {
	s.stale.Store(true)
	s.wakeUp()
}

// wakeUp wakes the catch-up.
func (s *Service) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run runs the rules until the context ends; running slots may finish within the grace period. The
// error is the error of [scheduler.Scheduler.Run].
func (s *Service) Run(ctx context.Context) error {
	s.begun = s.opts.Now()
	s.current.Load().begun = s.begun
	s.stale.Store(true)
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := s.schedule(running)
		if err == nil && ctx.Err() == nil {
			return errors.New("service: the schedule ended")
		}
		return err
	})
	group.Go(func() error { s.catchUp(running); return nil })
	if s.opts.Again != nil {
		group.Go(func() error { s.searchLate(running); return nil })
	}
	return group.Wait() //nolint:wrapcheck // the error names the scheduler
}

// live runs a slot that has come due, unless another runner owns it or it has to wait for earlier
// slots.
func (s *Service) live(ctx context.Context, r *Rule, slot time.Time) {
	if !s.opts.Owner.Owns(r.ID()) {
		return
	}
	if !s.start(r, slot) {
		s.opts.Recorder.backlog.addMissed(r.ID(), slot)
		s.wakeUp()
		return
	}
	defer s.finish(r)
	x := s.opts.Live.Run(ctx, s.job(r, slot))
	s.executed(x)
}

// settle returns how long after its slots a rule waits.
func (s *Service) settle(r *Rule) time.Duration {
	if s.opts.Settle == nil {
		return 0
	}
	return max(0, s.opts.Settle(r.Patterns()))
}

// delay returns how long after its slots a rule runs live.
func (s *Service) delay(r *Rule) time.Duration {
	settle := s.settle(r)
	return settle + s.current.Load().spread.wait(r.ID(), settle)
}

// settled reports whether a slot has settled. The service runs no other slots.
func (s *Service) settled(r *Rule, slot time.Time) bool {
	return !slot.Add(s.settle(r)).After(s.opts.Now())
}

// start registers a slot for a live run. It reports false, and leaves the slot to the catch-up,
// when a later slot is due already: stale slots must not delay recent ones, and can be merged
// there. The same applies when an ordered rule has older open slots.
func (s *Service) start(r *Rule, slot time.Time) bool {
	if next := r.Slots.Next(slot); !next.IsZero() && s.settled(r, next) {
		return false
	}
	owed := s.opts.Recorder.backlog.count(r.ID()) > 0
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, running := s.inFlight[r.ID()]; running { // as the rule was before it was replaced
		return false
	}
	if r.merging.Ordered && (owed || s.busy[r.ID()] || !s.loaded.Load()) {
		return false
	}
	s.inFlight[r.ID()] = slot
	s.priority.enter()
	return true
}

func (s *Service) finish(r *Rule) {
	s.mu.Lock()
	delete(s.inFlight, r.ID())
	s.mu.Unlock()
	s.priority.leave()
	if s.opts.Recorder.backlog.count(r.ID()) > 0 {
		s.wakeUp()
	}
}

func (s *Service) job(r *Rule, slot time.Time) pipeline.Job {
	return pipeline.Job{Plan: r.Plan, Slot: slot, Window: s.window(r, slot), Fence: s.opts.Owner.Fence()}
}

// window returns the window of a rule's slot.
func (s *Service) window(r *Rule, slot time.Time) window.Window {
	s.mu.Lock()
	e := s.earlier[r.ID()]
	s.mu.Unlock()
	return r.windowAfter(slot, e)
}

// executed passes an execution to the hook.
func (s *Service) executed(x pipeline.Execution) {
	if x.Status == pipeline.Succeeded {
		s.mu.Lock()
		if x.Slot.After(s.covered[x.RuleID]) {
			s.covered[x.RuleID] = x.Slot
		}
		s.mu.Unlock()
	}
	s.opts.Executed(x)
}
