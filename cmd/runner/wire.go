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
	"tocsin/internal/notify"
	"tocsin/internal/query"
	"tocsin/internal/run/health"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/settle"
	"tocsin/internal/search"
	"tocsin/internal/search/tables"
)

// alertStore stores alerts in Elasticsearch or in the embedded store.
type alertStore interface {
	alert.Indexer
	alert.Browser
	alert.Instances
}

// backend holds the stores of events, alerts and ledger: Elasticsearch, or event files and an embedded store.
type backend struct {
	events search.Events
	alerts alertStore
	ledger ledger.Store
	// series decides which series an index belongs to; previewSeries does so without writing. nil: each index is a
	// series of its own.
	series, previewSeries pipeline.Series
	// leases stores the leases of runners; nil with an embedded store, which has one runner.
	leases lease.Store
	// states stores the states of the service.
	states health.Store
	// counts counts the events of an index pattern by time; nil: sources of events are not watched.
	counts health.Counter
	// writable returns why alerts cannot be written, storable why notifications cannot; nil: it is not known.
	writable, storable func(context.Context) error
	// risk stores risk events. riskEvents searches them if they are not in events.
	risk       alertStore
	riskEvents search.Events
	// tables stores the lookup tables that searches in SPL write.
	tables tables.Store
	// outbox stores notifications; installOutbox creates its index if it is missing.
	outbox        notify.Store
	installOutbox func(context.Context) error
	// name describes the source of the events in logs, without secrets.
	name string
	// cluster returns what the cluster said of itself last; nil if there is none.
	cluster func() metrics.Cluster
	// ready returns an error if the backend does not answer.
	ready func(context.Context) error
	// install creates missing indices and templates of alerts, installRisk the missing ones of risk events.
	install, installRisk func(context.Context) error
	// installLedger creates missing indices of the ledger and the leases.
	installLedger func(context.Context) error
	// installTables creates the missing index of lookup tables; nil if there is none.
	installTables func(context.Context) error
	// misfits returns the indices and templates that differ from what install creates; nil if there are no indices.
	misfits func(context.Context) ([]elastic.Misfit, error)
	// lacking returns the privileges that the service needs for plans and does not have; nil if there are none.
	lacking func(ctx context.Context, plans []query.Plan) ([]elastic.Lack, error)
	// kibana is how alerts are made for the index of a Kibana, after install; nil: they are not.
	kibana *alert.Kibana
	// calm blocks until catch-up and backfill may search; nil: they always may.
	calm func(context.Context) error
	// load returns the state of the search limits; nil if there are no limits.
	load func() metrics.Searches
	// serverTime returns the cluster's time; nil if there is no cluster.
	serverTime func(context.Context) (time.Time, error)
	// refreshes returns the refresh settings of the indices of patterns; nil if events are visible at once.
	refreshes func(ctx context.Context, patterns []string) (settle.Refresh, error)
	// visibleAtOnce makes alerts visible to searches as soon as they are written. A service does not use
	// it, because refreshing after each write is expensive.
	visibleAtOnce func()
	// incomplete is the error of event files that could not be read; the others were.
	incomplete error
	// prune deletes alerts and risk events older than a time from the embedded store; nil without one.
	prune func(ctx context.Context, before time.Time) (int, error)
	// closers are called last to first.
	closers []func() error
}

// fence returns the fencing number for commands that record slots besides the runners.
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

// open opens Elasticsearch, or event files and an embedded store, as the flags say.
func (a *app) open(ctx context.Context) (*backend, error) {
	switch g := a.global; {
	case a.kibanaWithoutCluster():
		return nil, usageError{errKibanaStore}
	case len(g.Elasticsearch) > 0 && a.typed["mapping"]:
		return nil, usagef("--mapping is for --events: Elasticsearch has the mappings of its indices")
	case len(g.Elasticsearch) > 0:
		return a.openElastic(ctx)
	case len(g.Events) > 0:
		return a.openEmbedded(ctx)
	}
	return nil, usagef("the source of events is missing: give --elasticsearch URL, or --events FILE with or without --store DIR")
}

// openAlerts opens the store of alerts, without event files.
func (a *app) openAlerts(ctx context.Context) (*backend, error) {
	switch g := a.global; {
	case a.kibanaWithoutCluster():
		return nil, usageError{errKibanaStore}
	case len(g.Elasticsearch) > 0:
		return a.openElastic(ctx)
	case g.Store != "":
		b := newEmbedded()
		return b, a.openStore(b)
	}
	return nil, usagef("the store of alerts is missing: give --elasticsearch URL or --store DIR")
}

// openAlertsToRead is openAlerts for commands that only read. The store may be on a read-only disk, and a missing
// store is not created.
func (a *app) openAlertsToRead(ctx context.Context) (*backend, error) {
	if len(a.global.Elasticsearch) > 0 || a.global.Store == "" {
		return a.openAlerts(ctx)
	}
	if a.kibanaWithoutCluster() {
		return nil, usageError{errKibanaStore}
	}
	b := newEmbedded()
	return b, a.openStoreToRead(b)
}

// show writes diagnostics to standard error.
func (a *app) show(l diag.List) error { return render(painted(a.err), l) }

func render(w io.Writer, l diag.List) error {
	return diag.Render(w, l) //nolint:wrapcheck // it says what it was doing
}

// riskPlace returns the store of risk events for a pipeline.
func (b *backend) riskPlace() *pipeline.Risk {
	return &pipeline.Risk{Indexer: b.risk, Instances: b.risk, Events: b.riskEvents}
}
