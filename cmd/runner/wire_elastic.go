package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/alert/series"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/settle"
)

// closeTimeout is the timeout of closing the connection to a cluster.
const closeTimeout = 5 * time.Second

func (a *app) openElastic(ctx context.Context) (*backend, error) {
	if len(a.global.Events) > 0 || a.global.Store != "" { // a configuration file or the environment can set both
		return nil, usagef("--elasticsearch excludes --store and --events: events and alerts must be in the same place")
	}
	client, err := a.client()
	if err != nil {
		return nil, err
	}
	bye := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		return client.Close(ctx) //nolint:wrapcheck // it says what it was doing
	}
	info, err := client.Ping(ctx)
	if err != nil {
		return nil, errors.Join(a.notConnected(ctx, err), bye())
	}
	a.global.log.Debug("connected", "cluster", info.Name, "version", info.Version)
	var latest atomic.Pointer[elastic.Info]
	latest.Store(&info)
	alerts, err := a.alertIndex(client)
	if err != nil {
		return nil, errors.Join(usageError{err}, bye())
	}
	book, err := elastic.NewLedger(client, a.global.Namespace)
	if err != nil {
		return nil, errors.Join(usageError{err}, bye())
	}
	leases, err := elastic.NewLeases(client, a.global.Namespace)
	if err != nil {
		return nil, errors.Join(usageError{err}, bye())
	}
	risk, err := elastic.NewRisk(client, a.global.Namespace)
	if err != nil {
		return nil, errors.Join(usageError{err}, bye())
	}
	kept, err := elastic.NewTables(client, a.global.Namespace)
	if err != nil {
		return nil, errors.Join(usageError{err}, bye())
	}
	outbox, err := elastic.NewOutbox(client, a.global.Namespace)
	if err != nil {
		return nil, errors.Join(usageError{err}, bye())
	}
	var scores, notifies atomic.Bool // whether any rule makes risk events, and whether anybody is notified
	b := &backend{
		events: client, series: series.NewRegistry(client, book), previewSeries: series.NewRegistry(client, &series.Memory{Base: book}),
		counts: client, states: leases.States(), writable: alerts.Writable, storable: outbox.Writable,
		alerts: alerts, ledger: book, leases: leases, risk: risk, tables: kept, name: "Elasticsearch",
		serverTime: client.Time, calm: client.Calm,
		refreshes: func(ctx context.Context, patterns []string) (settle.Refresh, error) {
			r, err := client.Refreshes(ctx, patterns)
			return settle.Refresh{Longest: r.Longest, Never: r.Never, Unread: r.Remote}, err //nolint:wrapcheck // it names the indices
		},
		load: func() metrics.Searches {
			l := client.Load()
			return metrics.Searches{Limit: l.Limit, Running: l.Running, Waiting: l.Waiting, Rejected: l.Rejected, Slow: l.Slow}
		},
		ready: func(ctx context.Context) error {
			now, err := client.Ping(ctx)
			if err == nil {
				latest.Store(&now)
			}
			return a.notConnected(ctx, err)
		},
		lacking: func(ctx context.Context, plans []query.Plan) ([]elastic.Lack, error) {
			lacks, _, err := client.Lacking(ctx, a.global.useOf(plans).Role())
			return lacks, err //nolint:wrapcheck // it says what it was doing
		},
		cluster: func() metrics.Cluster {
			i := latest.Load()
			return metrics.Cluster{Name: i.Name, UUID: i.UUID, Version: i.Version}
		},
		installLedger: func(ctx context.Context) error {
			if err := errors.Join(book.Install(ctx), leases.Install(ctx)); err != nil {
				return unable("install the ledger", err)
			}
			return nil
		},
		misfits: func(ctx context.Context) ([]elastic.Misfit, error) {
			places := []elastic.Place{alerts, book, leases}
			if scores.Load() {
				places = append(places, risk)
			}
			if notifies.Load() {
				places = append(places, outbox)
			}
			return elastic.Misfits(ctx, places...)
		},
		outbox: outbox,
		installOutbox: func(ctx context.Context) error {
			notifies.Store(true)
			if err := outbox.Install(ctx); err != nil {
				return unable("install the index of notifications", err)
			}
			return nil
		},
		installRisk: func(ctx context.Context) error {
			scores.Store(true)
			return riskInstaller(risk)(ctx)
		},
		installTables: func(ctx context.Context) error {
			if err := kept.Install(ctx); err != nil {
				return unable("install the index of lookup tables", err)
			}
			return nil
		},
		visibleAtOnce: func() { alerts.Refresh, risk.Refresh = elastic.RefreshNow, elastic.RefreshNow },
		closers:       []func() error{bye},
	}
	b.install = func(ctx context.Context) error {
		if err := alerts.Install(ctx); err != nil {
			return unable("install the alerts index", err)
		}
		return a.meetKibana(ctx, b, alerts)
	}
	return b, nil
}

// unable returns the error of an installation. What only a person can change is a mistake in the configuration: a restart would not help.
func unable(op string, err error) error {
	if errors.Is(err, elastic.ErrForeign) || errors.Is(err, elastic.ErrUnfit) {
		return usagef("%s: %w", op, err)
	}
	return fmt.Errorf("%s: %w", op, connection(err))
}

func riskInstaller(risk *elastic.Alerts) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := risk.Install(ctx); err != nil {
			return unable("install the risk index", err)
		}
		return nil
	}
}

func (a *app) client() (*elastic.Client, error) {
	cfg, err := a.global.connectionConfig()
	if err != nil {
		return nil, err
	}
	client, err := elastic.New(cfg)
	if given := a.credentials(); err != nil && errors.Is(err, elastic.ErrCredentials) && given != "" {
		return nil, usagef("%w (given: %s)", err, given)
	}
	if err != nil {
		return nil, usageError{err}
	}
	return client, nil
}

// connectionError says in plain words why there is no connection. Its cause is the original error, which
// decides the exit code.
type connectionError struct {
	text  string
	cause error
}

func (e *connectionError) Error() string { return e.text }
func (e *connectionError) Unwrap() error { return e.cause }

// connection returns an error of the client with advice for the user.
func connection(err error) error {
	e, typed := errors.AsType[*failure.Error](err)
	if !typed {
		return err
	}
	plain := plainly(e)
	switch e.Kind {
	case failure.Unavailable:
		return &connectionError{fmt.Sprintf("elasticsearch cannot be reached: %v (check --elasticsearch)", plain), err}
	case failure.Refused:
		advice := "check --elasticsearch"
		switch e.Status {
		case http.StatusUnauthorized:
			advice = "check user name and password, or the API key"
		case http.StatusForbidden:
			advice = "runner doctor names every missing privilege and every block"
		}
		return &connectionError{fmt.Sprintf("elasticsearch refused: %v (%s)", plain, advice), err}
	case failure.Internal, failure.Rejected, failure.Partial:
	}
	return err
}
