package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/pipeline"
	"tocsin/internal/query"
	"tocsin/internal/scheduler"
	"tocsin/internal/server"
)

// errStopping is why a service that was told to stop is not ready.
var errStopping = errors.New("the service is stopping")

// noAddress is the --listen of those who want no server.
const noAddress = "none"

// serve runs the rules on their schedule until the context ends. What runs then may finish within
// --grace; what does not is cut off, which leaves its window as if it had not been run.
func (r *runner) serve(ctx context.Context, plans []query.Plan) error {
	jobs, err := r.jobs(plans, func(x pipeline.Execution) { r.log(ctx, x) })
	if err != nil {
		return err
	}
	now := time.Now()
	for i := range jobs {
		if current := jobs[i].Slots.Prev(now); !current.IsZero() {
			jobs[i].After = current.Add(-time.Nanosecond) // the slot that is current now is run too
		}
	}
	s := scheduler.New(jobs, scheduler.Options{
		Concurrency: len(jobs), Grace: r.cmd.Grace, Hooks: withoutCurrent(r.metrics.Hooks(r.global.log)),
	})
	group, running := errgroup.WithContext(ctx)
	// The server outlives the signal, so that one can watch the rules finish.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if err := r.listen(ctx, serving, group); err != nil {
		return err
	}
	r.global.log.Info("running", "rules", len(jobs), "events", r.backend.name)
	group.Go(func() error {
		<-running.Done()
		r.global.log.Info("stopping", "grace", r.cmd.Grace.String())
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

// withoutCurrent keeps the slot that is current when the service starts, and is run although it is
// past, out of the slots that hooks are told were missed.
func withoutCurrent(h scheduler.Hooks) scheduler.Hooks {
	begun := map[string]bool{}
	started, missed := h.Started, h.Missed
	h.Started = func(id string, slot time.Time, late time.Duration) {
		begun[id] = true
		started(id, slot, late)
	}
	h.Missed = func(id string, n int) {
		if !begun[id] {
			n--
		}
		if n > 0 {
			missed(id, n)
		}
	}
	return h
}

// listen starts the server of metrics and health, unless it is not wanted.
func (r *runner) listen(ctx, serving context.Context, group *errgroup.Group) error {
	if r.cmd.Listen == "" || r.cmd.Listen == noAddress {
		return nil
	}
	ready := func(asked context.Context) error {
		if ctx.Err() != nil {
			return errStopping
		}
		return r.backend.ready(asked)
	}
	web, err := server.Listen(ctx, r.cmd.Listen, r.metrics.Handler(), ready)
	if err != nil {
		return usagef("%w (choose another address with --listen)", err)
	}
	r.global.log.Info("listening", "address", web.Address())
	group.Go(func() error { return web.Serve(serving) })
	return nil
}

// schedule runs the scheduler and says how it was stopped.
func (r *runner) schedule(ctx context.Context, s *scheduler.Scheduler) error {
	err := s.Run(ctx)
	if errors.Is(err, scheduler.ErrCutOff) {
		r.global.log.Warn("rules were cut off at the end of the grace period", "error", err)
		return nil
	}
	return err //nolint:wrapcheck // it names the scheduler
}
