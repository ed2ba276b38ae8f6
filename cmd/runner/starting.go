package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/cmd/runner/internal/logs"
	"tocsin/cmd/runner/internal/metrics"
	"tocsin/cmd/runner/internal/server"
	"tocsin/cmd/runner/internal/tracing"
	"tocsin/internal/notify"
	"tocsin/internal/run/health"
)

// starting is the start of a service that Elasticsearch does not let start: it does not answer, refuses, or its indices cannot be written.
// What a running service would say of that, it says: in the log, at /readyz, as a metric, to whoever is notified. Without
// --state-dir, its state is known to this process only, and its notices have keys of their own.
type starting struct {
	*app
	cmd    *runCmd
	traces *tracing.Tracing

	// until is when it is given up; zero before the first failure. started: the service has started, and nothing is waited for any more.
	until   time.Time
	started bool
	host    string

	metrics *metrics.Metrics
	board   *health.Board
	told    *stateNotices
	// why is the last failure.
	why atomic.Pointer[connectionError]
	// stop ends the server; nil if there is none.
	stop func()
}

// retryEvery is how often a start is tried again.
const retryEvery = 5 * time.Second

// again reports whether the service is started once more after it has ended with an error, and waits until then. failed is why it cannot
// be waited.
func (w *starting) again(ctx context.Context, err error) (more bool, failed error) {
	if err == nil || w.started || w.cmd.StartWithin == 0 || ctx.Err() != nil || exitCode(err, len(w.global.Elasticsearch) > 0) != exitRefused {
		return false, nil //nolint:nilerr // it is the caller's
	}
	if w.until.IsZero() {
		w.until = time.Now().Add(w.cmd.StartWithin)
		if err := w.begin(ctx); err != nil {
			return false, err
		}
		w.global.log.Warn("the service cannot start, and waits", "error", err, "until", w.until.UTC().Format(time.RFC3339))
	}
	left := time.Until(w.until)
	if left <= 0 {
		return false, nil
	}
	why := logs.Blank(err.Error())
	w.why.Store(&connectionError{why, err})
	if failed := w.serve(ctx); failed != nil {
		return false, failed
	}
	// One attempt takes no longer, whatever the nodes do.
	tellSupervisor(ctx, w.global.log, "EXTEND_TIMEOUT_USEC=300000000\nSTATUS=waits for Elasticsearch")
	if err := w.find(ctx, health.Finding{Kind: health.NotStarted, Subject: w.host, Text: why}); err != nil && ctx.Err() == nil {
		w.global.log.Debug("that the service waits could not be told", "error", err)
	}
	pause(ctx, min(left, retryEvery))
	return ctx.Err() == nil, nil
}

// waits reports whether the service has failed to start, and has not started since.
func (w *starting) waits() bool { return !w.until.IsZero() && !w.started }

// begin makes what a waiting service says something with.
func (w *starting) begin(ctx context.Context) error {
	w.host, _ = os.Hostname()
	w.metrics = metrics.New()
	w.metrics.Now = time.Now
	w.metrics.Runner(metrics.Runner{ID: w.id, Host: w.host, Version: version()})
	w.told = &stateNotices{rule: func(string) (string, []string) { return "", nil }, first: func() bool { return true }, process: "/" + w.id, sent: map[[2]string]bool{}}
	store := w.cmd.kept(w.global.Namespace, "start")
	if store == nil {
		store = &health.Memory{}
	} else {
		w.told.process = "" // the numbers of the states go on
	}
	if w.global.Notify != "" {
		list, err := w.usableRoutes()
		if err != nil {
			return err
		}
		// The outbox of the store cannot be had yet; this one tells nothing, and knows the routes.
		out := &notify.Outbox{Store: notify.NewMemory(), Namespace: w.global.Namespace, Now: time.Now}
		if err := out.Use(ctx, list); err != nil {
			return err //nolint:wrapcheck // it says what it was doing
		}
		w.told.notifier = &notifier{app: w.app, outbox: out}
	}
	w.board = health.New(health.Options{Store: store, Runner: "start", Tell: w.tell, Changed: func(c health.Change) { logChange(w.global.log, c) }})
	return nil
}

// errUntold is the error about a change that was not delivered to all that want it; the routes have logged why.
var errUntold = errors.New("not all were told")

// tell delivers changes: without a store while the service waits, and through the outbox once it has started.
func (w *starting) tell(ctx context.Context, changes []health.Change) error {
	if w.told.notifier == nil {
		return nil
	}
	if w.started {
		return w.told.tell(ctx, changes)
	}
	for _, c := range changes {
		if !w.told.urgent(ctx, c) {
			return errUntold
		}
	}
	return nil
}

// find notes what keeps the service from starting, if anything. After an error, not everybody was told yet.
func (w *starting) find(ctx context.Context, found ...health.Finding) error {
	now := time.Now()
	w.board.Observe(w.board.Runner(), []health.Kind{health.NotStarted}, found, now)
	limited, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	defer func() { countStates(w.metrics, w.board) }()
	return w.board.Sync(limited, now) //nolint:wrapcheck // it says what it was doing
}

// serve answers requests until close is called. It does nothing if it does already.
func (w *starting) serve(ctx context.Context) error {
	if w.stop != nil {
		return nil
	}
	web, err := w.cmd.listen(ctx, server.Answers{
		Metrics: w.metrics.Handler(), Note: func() string { return logs.Blank(noteOfStates(w.board)) },
		Ready: func(context.Context) error { return w.why.Load() },
	})
	if web == nil || err != nil {
		return err
	}
	web.Handle("/", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "The service has not started yet. /readyz says what it waits for.", http.StatusServiceUnavailable)
	}))
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() {
		if err := web.Serve(serving); err != nil {
			w.global.log.Warn("the address is not served while the service waits", "error", err)
		}
	})
	w.stop = func() { cancel(); running.Wait() }
	w.global.log.Info("listening", "address", web.Address())
	return nil
}

// close ends the server.
func (w *starting) close() {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// over notes that the service has started. From now on, r tells what is told.
func (w *starting) over(ctx context.Context, r *runner) {
	w.started = true
	if w.board == nil && w.cmd.StateDir != "" { // a process before this one may have waited
		if err := w.begin(ctx); err != nil {
			r.global.log.Warn("it is not known whether the service waited before", "error", err)
		}
	}
	if w.board == nil {
		return
	}
	w.told.notifier = r.notices
	tellSupervisor(ctx, r.global.log, "STATUS=")
}

// tellOver tells that the service has started, if it was told that it had not, until the context ends.
func (w *starting) tellOver(ctx context.Context) {
	if w.board == nil {
		return
	}
	for w.find(ctx) != nil && ctx.Err() == nil {
		pause(ctx, retryEvery)
	}
}
