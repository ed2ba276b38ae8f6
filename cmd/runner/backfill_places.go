package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/query"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search"
	"tocsin/internal/search/tables"
)

// backfillAlerts stores the alerts of a backfill and looks them up.
type backfillAlerts interface {
	alertStore
	alert.Lookup
}

// backfillPlaces holds the stores that a backfill reads and writes.
type backfillPlaces struct {
	backend *backend
	events  search.Events
	alerts  backfillAlerts
	risk    *pipeline.Risk
	tables  tables.Store
	ledger  ledger.Store
	// target is the namespace of the alerts.
	target string
	// settings returns digests of the settings that decide what rules find.
	settings func(context.Context, []query.Plan) (map[string]string, error)
	ready    func(context.Context) error
	// calm blocks until a round may start; nil: a round may always start.
	calm func(context.Context) error
	// settle makes written alerts visible to searches.
	settle func(context.Context) error
	// notices tells people of the alerts; nil: nobody is told.
	notices *notifier
}

// backfillPlaces returns the stores of b. The ledger is always the ledger of --namespace; alerts and risk events
// are in namespace if it is not empty. It also changes what b.install and b.installRisk create.
func (a *app) backfillPlaces(b *backend, namespace string) (*backfillPlaces, error) {
	p := &backfillPlaces{
		backend: b, events: b.events, target: a.global.Namespace, settings: a.global.jobSettings, ready: b.ready, calm: b.calm, risk: b.riskPlace(), tables: b.tables,
		settle: func(context.Context) error { return nil },
	}
	if namespace != "" {
		p.target = namespace
	}
	switch alerts := b.alerts.(type) {
	case *elastic.Alerts:
		return p, a.backfillElastic(p, alerts, b, namespace)
	case *store.DB:
		p.alerts, p.ledger = alerts, alerts.Ledger()
		if namespace != "" {
			return p, a.backfillStore(p, b, namespace)
		}
	case *store.Memory:
		p.alerts, p.ledger = alerts, ledger.NewMemory()
		if namespace != "" {
			return nil, usagef("--alerts-namespace needs --elasticsearch or --store")
		}
	default:
		return nil, fmt.Errorf("backfill: %T cannot be asked for alerts", alerts) //nolint:err113 // a fault of our own
	}
	return p, nil
}

func (a *app) backfillElastic(p *backfillPlaces, alerts *elastic.Alerts, b *backend, namespace string) error {
	client, ok := b.events.(*elastic.Client)
	if !ok {
		return fmt.Errorf("backfill: %T has no ledger", b.events) //nolint:err113 // a fault of our own
	}
	if namespace != "" {
		var err error
		if alerts, err = elastic.NewAlerts(client, namespace); err != nil {
			return usagef("--alerts-namespace: %w", err)
		}
		risk, err := elastic.NewRisk(client, namespace)
		if err != nil {
			return usagef("--alerts-namespace: %w", err)
		}
		b.risk, b.installRisk = risk, riskInstaller(risk)
		p.risk = b.riskPlace()
		if p.tables, err = elastic.NewTables(client, namespace); err != nil {
			return usagef("--alerts-namespace: %w", err)
		}
	}
	slots, err := elastic.NewLedger(client, a.global.Namespace)
	if err != nil {
		return usageError{err}
	}
	p.alerts, p.ledger = alerts, slots
	b.install = func(ctx context.Context) error {
		if err := errors.Join(alerts.Install(ctx), slots.Install(ctx)); err != nil {
			return fmt.Errorf("install the indices of alerts and ledger: %w", connection(err))
		}
		return a.meetKibana(ctx, b, alerts)
	}
	b.misfits = func(ctx context.Context) ([]elastic.Misfit, error) { return elastic.Misfits(ctx, alerts, slots) }
	p.settle = func(ctx context.Context) error { return connection(alerts.Settle(ctx)) }
	return nil
}

// backfillStore keeps the alerts in a separate store, in a directory below --store.
func (a *app) backfillStore(p *backfillPlaces, b *backend, namespace string) error {
	if strings.HasPrefix(namespace, ".") || strings.ContainsAny(namespace, `/\`) || namespace != filepath.Base(namespace) {
		return usagef("--alerts-namespace %q cannot name a directory", namespace)
	}
	db, err := store.Open(filepath.Join(a.global.Store, namespace))
	if err != nil {
		return usageError{err}
	}
	b.closers = append(b.closers, db.Close)
	p.alerts, p.tables = db, db.Tables()
	risk, err := store.OpenRisk(filepath.Join(a.global.Store, namespace))
	if err != nil {
		return usageError{err}
	}
	b.closers = append(b.closers, risk.Close)
	b.risk, b.riskEvents = risk, &store.Kept{Records: risk, Index: elastic.RiskAlias(namespace)}
	p.risk = b.riskPlace()
	return nil
}
