package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/ledger/lease"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
	"tocsin/internal/scheduler"
)

// errStopping is the readiness error of a service that is stopping.
var errStopping = errors.New("the service is stopping")

// noAddress is the value of --listen that turns the server off.
const noAddress = "none"

// serve runs the rules on their schedule, and catches up with missed slots, until the context ends. Executions
// in flight may finish within --grace; after that they are cancelled, and catch-up runs their slots
// later.
func (r *runner) serve(ctx context.Context, rules planned, waited *starting) error {
	group, running := errgroup.WithContext(ctx)
	// The lease and the server outlive the signal, so that rules keep their runner while they finish, and
	// metrics can still be read.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var s *service.Service
	again := &reloading{runner: r}
	again.parts = []part{{"the routes of notifications", r.notices.reload}, {"the sources of enrichment", r.enrich.reload}}
	again.setBroken(rules)
	r.tellStart()
	// The address is bound before the lease is taken: a runner that cannot start must not own rules.
	waited.close()
	web, err := r.bind(ctx, again)
	if err != nil {
		return err
	}
	r.health = r.newWatching()
	member, err := r.join(ctx, func() { s.Changed() })
	if err == nil {
		s, err = r.service(ctx, member)
	}
	if err != nil {
		web.Close()
		return err
	}
	again.service = s
	waited.over(ctx, r)
	group.Go(func() error { waited.tellOver(running); return nil })
	r.metrics.Share(r.shareOf(member))
	r.health.begin(s, member)
	r.health.reloaded(again.lines())
	group.Go(func() error { r.health.keep(serving); return nil })
	group.Go(func() error { r.health.listen(running); return nil })
	// Notifications are delivered until the last rule has finished.
	group.Go(func() error { r.notices.begin(serving, r.clock.Passed, r.cmd.Lease, r.metrics).wait(); return nil })
	if web != nil {
		told := r.status(running, serving, again, member)
		off, renew, err := r.cmd.open(web, told, r.global.Namespace, func(asked context.Context) (string, error) {
			made, err := again.reload(asked)
			return made.String(), err
		})
		if err != nil {
			web.Close()
			return err
		}
		again.parts = append(again.parts, part{"the users and tokens of the status page", renew})
		if off != "" {
			r.global.log.Warn("not all is served", "reason", off)
		}
		r.global.log.Info("listening", "address", web.Address())
		group.Go(func() error { return web.Serve(serving) })
		group.Go(func() error { told.wait(); return nil })
		group.Go(func() error { told.warm(running); return nil })
	}
	group.Go(func() error { again.keep(running); return nil })
	r.global.log.Info("running", "rules", len(r.rules), "events", r.backend.name)
	tellSupervisor(serving, r.global.log, "READY=1")
	r.tellSettling()
	group.Go(func() error {
		r.settled.keep(serving, func() [][]string { return patternsOf(r.ruleList(), (*service.Rule).Patterns) }, r.tellSettling)
		return nil
	})
	if member != nil {
		group.Go(func() error { member.Run(serving); return nil })
	}
	group.Go(func() error { r.keepPruning(running); return nil })
	group.Go(func() error {
		<-running.Done()
		r.global.log.Info("stopping", "grace", r.cmd.Grace)
		// The schedule may have ended already, and serving with it.
		tellSupervisor(context.WithoutCancel(serving), r.global.log, "STOPPING=1")
		return nil
	})
	group.Go(func() error {
		defer stop()
		return r.schedule(running, s)
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	r.global.log.Info("stopped")
	return nil
}

// behindConcurrency is the concurrency of catch-up rounds. It is small because live rounds come first.
const behindConcurrency = 2

// service returns the service that runs the rules.
func (r *runner) service(ctx context.Context, member *lease.Member) (*service.Service, error) {
	recorder := &service.Recorder{Ledger: r.ledger, Now: r.clock.Passed, Log: r.global.log, Rules: byID(r.rules), Events: r.backend.events}
	behind := r.newRound(min(behindConcurrency, r.cmd.Concurrency))
	r.rounds.Recorder, behind.Recorder = recorder, recorder
	o := service.Options{
		Live: r.rounds, Behind: behind, Again: r.newRound(min(behindConcurrency, r.cmd.Concurrency)), Recorder: recorder, Now: r.clock.Passed, Settle: r.settled.Of, Spread: r.cmd.Spread, Log: r.global.log, RuleTimeout: r.cmd.RuleTimeout, Grace: r.cmd.Grace,
		Hooks: r.metrics.Hooks(r.global.log), Executed: func(x pipeline.Execution) { r.log(ctx, x); r.latest.add(x, r.clock.Passed()) },
		Calm: r.backend.calm, Observe: r.standing, Retention: r.cmd.Retention,
	}
	if member != nil {
		o.Owner = member
	}
	o.LateAfter, o.Late, o.Events = r.cmd.LateAfter, r.metrics.Late, r.backend.events
	s, err := service.New(r.rules, o)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	return s, nil
}

// tellSettling sets the metrics of how long slots wait to settle.
func (r *runner) tellSettling() {
	rules := r.ruleList()
	waits := make(map[string]time.Duration, len(rules))
	for _, one := range rules {
		waits[one.ID()] = r.settled.Of(one.Patterns())
	}
	r.metrics.Settling(waits, r.clock.Ahead())
}

// standing sets the metrics of open slots and of the search limits.
func (r *runner) standing(s service.Standing) {
	r.metrics.Standing(s)
	r.health.standing(s)
	if r.backend.load != nil {
		r.metrics.Searches(r.backend.load())
	}
}

// join makes this runner a member of the runners that share the rules; nil with an embedded store, which has one runner.
func (r *runner) join(ctx context.Context, changed func()) (*lease.Member, error) {
	if r.backend.leases == nil {
		return nil, nil //nolint:nilnil // there is no membership
	}
	joined := false
	m := lease.New(r.backend.leases, lease.Options{
		ID: r.id, Host: r.host, Version: version(), Period: r.cmd.Lease, Now: r.clock.Local,
		Changed: func() {
			if joined {
				changed()
			}
		},
		Gone: func(runner string) {
			r.global.log.Warn("a runner left, its rules are taken over", "runner", runner)
		},
		Came: func(runner string) {
			r.global.log.Info("a runner joined, rules are redistributed", "runner", runner)
		},
		Renewed: func() {
			r.health.lease(nil)
			r.global.log.Info("lease renewed, Elasticsearch answers again")
		},
		Rules: func() string { return digestOf(r.ruleList()) },
		Differs: func(runner string) {
			r.global.log.Warn("another runner runs other rules than this one: a rule runs as it is at its owner", "runner", runner)
		},
		Skew: func(runner string, by time.Duration) {
			r.metrics.Skew(by)
			r.global.log.Warn("the clock of another runner differs from this runner's", "runner", runner, "by", by.Round(time.Second))
		},
		Failed: func(err error) {
			r.health.lease(err)
			r.global.log.Warn("the lease could not be renewed", "error", err)
		},
	})
	if err := m.Join(ctx); err != nil {
		return nil, fmt.Errorf("join the runners: %w", err)
	}
	joined = true
	r.global.log.Info("joined", "runners", len(m.Runners()), "fence", m.Fence())
	return m, nil
}

// schedule runs the service, and logs when executions were cut off at the end.
func (r *runner) schedule(ctx context.Context, s *service.Service) error {
	err := s.Run(ctx)
	if errors.Is(err, scheduler.ErrCutOff) {
		r.global.log.Warn("rules were cut off at the end of the grace period", "error", err)
		return nil
	}
	return err //nolint:wrapcheck // it names the scheduler
}
