package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag"
	"tocsin/internal/ledger"
	"tocsin/internal/ledger/lease"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/settle"
	"tocsin/internal/search"
	"tocsin/internal/search/tables"
)

// alertStore keeps alerts, on a cluster or in a directory.
type alertStore interface {
	alert.Indexer
	alert.Reader
	alert.Instances
}

// backend is where events come from and where alerts go.
type backend struct {
	events search.Events
	alerts alertStore
	ledger ledger.Store
	// series tells what the indices of events belong to; preview does so and writes nothing. nil: each index is a
	// series of its own.
	series, previewSeries pipeline.Series
	// leases is where runners meet; nil where there can be one only.
	leases lease.Store
	// risk keeps risk events; riskEvents searches them where they are not among events.
	risk       alertStore
	riskEvents search.Events
	// tables are those that searches write for others.
	tables tables.Store
	// name says where the events are, without secrets.
	name string
	// ready checks that it answers.
	ready func(context.Context) error
	// install makes what alerts need where it is absent, installRisk what risk events need.
	install, installRisk func(context.Context) error
	// installLedger makes what the account of slots needs, also for several runners.
	installLedger func(context.Context) error
	// misfits are the indices and templates that differ from what the installers create; nil if there are none.
	misfits func(context.Context) ([]elastic.Misfit, error)
	// calm waits until background work may continue; nil: it always may.
	calm func(context.Context) error
	// load returns the state of the limits of searches; nil if there are no limits.
	load func() metrics.Searches
	// serverTime is the cluster's time; nil where there is none but ours.
	serverTime func(context.Context) (time.Time, error)
	// refreshes tells how the indices behind patterns become visible; nil where events are at once.
	refreshes func(ctx context.Context, patterns []string) (settle.Refresh, error)
	// visibleAtOnce makes alerts appear in listings as soon as they are written, which a service
	// cannot afford and somebody who waits for one run expects.
	visibleAtOnce func()
	// incomplete is what is wrong with the event files, if anything: all that could be read was.
	incomplete error
	// closers are closed last to first.
	closers []func() error
}

// fence is the fencing number of who records slots beside the runners.
func (b *backend) fence(ctx context.Context) (int64, error) {
	if b.leases == nil {
		return 0, nil
	}
	state, err := b.leases.Load(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the leases: %w", err)
	}
	return state.Epoch, nil
}

func (b *backend) close() error {
	var errs []error
	for _, c := range slices.Backward(b.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// open connects what the flags name: Elasticsearch, or event files and an embedded store.
func (a *app) open(ctx context.Context) (*backend, error) {
	switch g := a.global; {
	case len(g.Elasticsearch) > 0:
		return a.openElastic(ctx)
	case len(g.Events) > 0:
		return a.openEmbedded(ctx)
	}
	return nil, usagef("where are the events? Give --elasticsearch URL, or --events FILE with or without --store DIR")
}

// openAlerts opens the place of the alerts; event files play no part.
func (a *app) openAlerts(ctx context.Context) (*backend, error) {
	switch g := a.global; {
	case len(g.Elasticsearch) > 0:
		return a.openElastic(ctx)
	case g.Store != "":
		b := newEmbedded()
		return b, a.openStore(b)
	}
	return nil, usagef("where are the alerts? Give --elasticsearch URL or --store DIR")
}

// openAlertsToRead is openAlerts for commands that only read: a store on a disk that cannot be written will
// do, and where there is none nothing is made.
func (a *app) openAlertsToRead(ctx context.Context) (*backend, error) {
	if len(a.global.Elasticsearch) > 0 || a.global.Store == "" {
		return a.openAlerts(ctx)
	}
	b := newEmbedded()
	return b, a.openStoreToRead(b)
}

// show renders diagnostics for a person.
func (a *app) show(l diag.List) error { return render(a.err, l) }

func render(w io.Writer, l diag.List) error {
	return diag.Render(w, l) //nolint:wrapcheck // it says what it was doing
}

// riskPlace is where a pipeline finds and writes risk events.
func (b *backend) riskPlace() *pipeline.Risk {
	return &pipeline.Risk{Indexer: b.risk, Instances: b.risk, Events: b.riskEvents}
}
