package service

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/ledger/catchup"
	"tocsin/internal/scheduler"
	"tocsin/internal/scheduler/window"
)

// generation is the rules of a service until they are replaced. It does not change.
type generation struct {
	rules  []*Rule
	byID   map[string]*Rule
	plans  map[string]catchup.Rule
	spread spread
	// begun is when its schedule began: earlier slots are left to the catch-up.
	begun time.Time
	// replaced is closed when other rules have taken its place.
	replaced chan struct{}
}

func (s *Service) newGeneration(rules []*Rule) (*generation, error) {
	g := &generation{
		rules: rules, byID: make(map[string]*Rule, len(rules)), plans: make(map[string]catchup.Rule, len(rules)),
		spread: newSpread(rules, s.opts.Spread), replaced: make(chan struct{}),
	}
	for _, r := range rules {
		if g.byID[r.ID()] != nil {
			return nil, fmt.Errorf("service: two rules have the id %q", r.ID())
		}
		plan := r.CatchUp()
		plan.Window = func(slot time.Time) window.Window { return s.window(r, slot) }
		g.byID[r.ID()], g.plans[r.ID()] = r, plan
	}
	return g, nil
}

// Replace replaces the rules of a running service. Runs in flight end as they began; every slot that begins later, also an open one,
// runs with the new rules. What came due meanwhile is left to the catch-up, as after a restart. After an error nothing has
// changed. It must not be called at the same time as itself.
func (s *Service) Replace(rules []*Rule) error {
	next, err := s.newGeneration(rules)
	if err != nil {
		return err
	}
	old := s.current.Load()
	s.opts.Recorder.replace(next.byID)
	next.begun = s.opts.Now()
	s.current.Store(next)
	close(old.replaced)
	s.opts.Recorder.backlog.retain(func(id string) bool { return next.byID[id] != nil })
	s.Changed()
	return nil
}

// schedule runs the live slots of one generation after the other. Runs of a generation that was replaced end beside the next.
func (s *Service) schedule(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	for running.Err() == nil {
		g := s.current.Load()
		live := s.scheduler(g)
		group.Go(func() error { return live.Run(running) }) //nolint:wrapcheck // the error names the scheduler
		select {
		case <-running.Done():
		case <-g.replaced:
		}
	}
	return group.Wait() //nolint:wrapcheck // the error names the scheduler
}

// scheduler returns the schedule of a generation.
func (s *Service) scheduler(g *generation) *scheduler.Scheduler {
	if n := len(g.spread.alone); n > 0 {
		s.opts.Log.Info("rules that need a search of their own are spread", "rules", n, "sharing", len(g.rules)-n, "over", g.spread.longest())
	}
	jobs := make([]scheduler.Job, len(g.rules))
	for i, r := range g.rules {
		jobs[i] = scheduler.Job{
			ID: r.ID(), Slots: r.Slots, After: g.begun, Delay: func() time.Duration { return s.delay(r) }, Timeout: s.opts.RuleTimeout,
			Run: func(ctx context.Context, slot time.Time) { s.live(ctx, r, slot) },
		}
	}
	return scheduler.New(jobs, scheduler.Options{
		Concurrency: max(1, len(jobs)), Grace: s.opts.Grace, Now: s.opts.Now, Hooks: s.hooks.of(), Until: g.replaced,
	})
}

// sharedHooks pass the events of several schedules on, one at a time.
type sharedHooks struct {
	to scheduler.Hooks

	mu sync.Mutex
	// running is the number of runs of all schedules.
	running int
}

// alone calls a hook while no other is called. A nil hook is not called.
func (h *sharedHooks) alone(isNil bool, call func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !isNil {
		call()
	}
}

// of returns the hooks of one more schedule.
func (h *sharedHooks) of() scheduler.Hooks {
	mine := 0
	return scheduler.Hooks{
		Started: func(id string, slot time.Time, late time.Duration) {
			h.alone(h.to.Started == nil, func() { h.to.Started(id, slot, late) })
		},
		Ended: func(id string, slot time.Time, took time.Duration, err error) {
			h.alone(h.to.Ended == nil, func() { h.to.Ended(id, slot, took, err) })
		},
		Missed:    func(id string, n int) { h.alone(h.to.Missed == nil, func() { h.to.Missed(id, n) }) },
		Exhausted: func(id string) { h.alone(h.to.Exhausted == nil, func() { h.to.Exhausted(id) }) },
		Running: func(n int) {
			h.alone(h.to.Running == nil, func() {
				h.running += n - mine
				mine = n
				h.to.Running(h.running)
			})
		},
	}
}
