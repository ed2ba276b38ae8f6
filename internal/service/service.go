package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/catchup"
	"tocsin/internal/lag"
	"tocsin/internal/pipeline"
	"tocsin/internal/scheduler"
	"tocsin/internal/search"
)

// Rounds run jobs together: a [pipeline.Round].
type Rounds interface {
	// Run runs a job with others that come at the same time.
	Run(ctx context.Context, job pipeline.Job) pipeline.Execution
	// RunAll runs jobs as one round.
	RunAll(ctx context.Context, jobs []pipeline.Job, done func(pipeline.Execution)) []pipeline.Execution
}

// Owner says which rules are ours among several runners: a lease.Member.
type Owner interface {
	Owns(ruleID string) bool
	// Fence is the fencing number for what is written.
	Fence() int64
}

// Alone owns everything.
type Alone struct{}

// Owns implements [Owner].
func (Alone) Owns(string) bool { return true }

// Fence implements [Owner].
func (Alone) Fence() int64 { return 0 }

// Options are the settings of a service. Live, Behind and Recorder are required.
type Options struct {
	// Live runs slots as they come due, Behind those that are caught up with. Both record with Recorder.
	Live, Behind Rounds
	// Recorder is that of the rounds. The service has its ledger and its clock.
	Recorder *Recorder
	// Again looks for events that came late, and records nothing; nil: nobody does. Late is told of what
	// it did. Events is where their lag is measured; nil: it is not.
	Again  Rounds
	Late   func(pipeline.Execution)
	Events search.Events
	// LateAfter is how long after a slot its late events are looked for; 0: as measured.
	LateAfter time.Duration
	// Owner is nil where there is one runner.
	Owner Owner
	// Now is the time that every clock which matters has passed; nil means time.Now.
	Now func() time.Time
	// Settle is how long after its slot a rule over these indices waits until what was there at the slot is
	// visible; nil: not at all. It is asked often and must not block.
	Settle func(patterns []string) time.Duration
	Log    *slog.Logger
	// RuleTimeout is the limit for one execution, 0 for none; Grace what runs get after the end.
	RuleTimeout, Grace time.Duration
	// Hooks are told of the live schedule.
	Hooks scheduler.Hooks
	// Executed is told of every execution.
	Executed func(pipeline.Execution)
	// Calm returns when work that can wait may go on; nil: always.
	Calm func(ctx context.Context) error
	// Observe is told how the rules stand, now and then.
	Observe func(Standing)
	// Retention is how long the ledger is kept; 0 means [DefaultRetention].
	Retention time.Duration
	// CatchUp bounds what is caught up with.
	CatchUp catchup.Options
	// Every is how often the ledger is asked what is owed; 0 means [DefaultEvery].
	Every time.Duration
	// RoundSize is the greatest number of tasks that are caught up with together; 0 means
	// [DefaultRoundSize].
	RoundSize int
}

// The defaults.
const (
	DefaultRetention = 90 * 24 * time.Hour
	DefaultEvery     = 5 * time.Minute
	DefaultRoundSize = 64
)

// Standing is how the rules of this runner stand.
type Standing struct {
	// Open is the number of open slots of every rule that has one.
	Open map[string]int
	// Behind is the time since the slot that was covered last, of the rule for which it is longest.
	Behind time.Duration
	// GivenUp is how many slots were given up since the last time.
	GivenUp int
}

// Service runs rules. Its methods but Run are safe for concurrent use.
type Service struct {
	opts     Options
	rules    []*Rule
	byID     map[string]*Rule
	plans    map[string]catchup.Rule
	priority *priorityGate
	wake     chan struct{}
	// stale asks for the ledger to be read; loaded tells that it was.
	stale, loaded atomic.Bool
	// truncated: the ledger owes more slots than the backlog holds.
	truncated bool
	begun     time.Time
	meter     lag.Meter

	mu sync.Mutex
	// inFlight is the live slot that is running, by rule.
	inFlight map[string]time.Time
	// busy is the ordered rule slots that are being caught up with.
	busy map[string]bool
	// covered is the latest slot of each rule that is known to be covered.
	covered map[string]time.Time
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
		opts: o, rules: rules, byID: map[string]*Rule{}, plans: map[string]catchup.Rule{}, priority: newPriorityGate(),
		wake: make(chan struct{}, 1), inFlight: map[string]time.Time{}, busy: map[string]bool{}, covered: map[string]time.Time{},
	}
	for _, r := range rules {
		if s.byID[r.ID()] != nil {
			return nil, fmt.Errorf("service: two rules have the id %q", r.ID())
		}
		s.byID[r.ID()], s.plans[r.ID()] = r, r.CatchUp()
	}
	return s, nil
}

// Lags returns how long the events of each data set take to come.
func (s *Service) Lags() map[string]lag.Lag { return s.meter.Sets() }

// Changed says that rules may have come to be ours, or have gone: what is owed is looked up anew.
func (s *Service) Changed() {
	s.stale.Store(true)
	s.wakeUp()
}

// prod wakes the catch-up.
func (s *Service) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run runs the rules until the context ends; what runs then may finish within the grace. The error
// is that of [scheduler.Scheduler.Run].
func (s *Service) Run(ctx context.Context) error {
	s.begun = s.opts.Now()
	s.stale.Store(true)
	jobs := make([]scheduler.Job, len(s.rules))
	for i, r := range s.rules {
		jobs[i] = scheduler.Job{
			ID: r.ID(), Slots: r.Slots, After: s.begun, Delay: func() time.Duration { return s.settle(r) }, Timeout: s.opts.RuleTimeout,
			Run: func(ctx context.Context, slot time.Time) { s.live(ctx, r, slot) },
		}
	}
	live := scheduler.New(jobs, scheduler.Options{
		Concurrency: max(1, len(jobs)), Grace: s.opts.Grace, Now: s.opts.Now, Hooks: s.opts.Hooks,
	})
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := live.Run(running)
		if err == nil && ctx.Err() == nil {
			return errors.New("service: the schedule ended")
		}
		return err //nolint:wrapcheck // it names the scheduler
	})
	group.Go(func() error { s.keepUp(running); return nil })
	if s.opts.Again != nil {
		group.Go(func() error { s.lookAgain(running); return nil })
	}
	return group.Wait() //nolint:wrapcheck // it names the scheduler
}

// live runs a slot that has come due, unless it is not ours, or has to wait for others.
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
	s.told(x)
}

// settle is how long after its slots a rule waits.
func (s *Service) settle(r *Rule) time.Duration {
	if s.opts.Settle == nil {
		return 0
	}
	return max(0, s.opts.Settle(r.Patterns()))
}

// settled reports whether a slot may be run. Nothing here runs one that may not.
func (s *Service) settled(r *Rule, slot time.Time) bool {
	return !slot.Add(s.settle(r)).After(s.opts.Now())
}

// start takes a slot in for a live run. It is left to the catch-up when a later one is due already:
// stale slots must not hold up fresh ones, and can be merged there. So it is when an ordered rule
// has older slots open.
func (s *Service) start(r *Rule, slot time.Time) bool {
	if next := r.Slots.Next(slot); !next.IsZero() && s.settled(r, next) {
		return false
	}
	owed := s.opts.Recorder.backlog.count(r.ID()) > 0
	s.mu.Lock()
	defer s.mu.Unlock()
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
	return pipeline.Job{Plan: r.Plan, Slot: slot, Window: r.Window(slot), Fence: s.opts.Owner.Fence()}
}

// told passes an execution on.
func (s *Service) told(x pipeline.Execution) {
	if x.Status == pipeline.Succeeded {
		s.mu.Lock()
		if x.Slot.After(s.covered[x.RuleID]) {
			s.covered[x.RuleID] = x.Slot
		}
		s.mu.Unlock()
	}
	s.opts.Executed(x)
}
