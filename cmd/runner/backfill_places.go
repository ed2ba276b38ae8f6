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
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search"
	"tocsin/internal/search/tables"
)

// backfillAlerts keeps the alerts of a backfill.
type backfillAlerts interface {
	alertStore
	alert.Lookup
}

// backfillPlaces is where a backfill reads and writes.
type backfillPlaces struct {
	backend *backend
	events  search.Events
	alerts  backfillAlerts
	risk    *pipeline.Risk
	tables  tables.Store
	ledger  ledger.Store
	// target names the place of the alerts.
	target string
	ready  func(context.Context) error
	// calm returns when a round may begin; nil: always.
	calm func(context.Context) error
	// settle makes what was written be found.
	settle func(context.Context) error
}

// backfillPlaces finds them where events and alerts are. The ledger is that of --namespace, whatever
// name space alerts and risk events have. What is installed for the backend is what these places need.
func (a *app) backfillPlaces(b *backend, namespace string) (*backfillPlaces, error) {
	p := &backfillPlaces{
		backend: b, events: b.events, target: a.global.Namespace, ready: b.ready, calm: b.calm, risk: b.riskPlace(), tables: b.tables,
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
			return nil, usagef("--alerts-namespace goes with --elasticsearch or --store")
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
		return nil
	}
	b.misfits = func(ctx context.Context) ([]elastic.Misfit, error) { return elastic.Misfits(ctx, alerts, slots) }
	p.settle = func(ctx context.Context) error { return connection(alerts.Settle(ctx)) }
	return nil
}

// backfillStore keeps the alerts in a store of their own, in a directory below.
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
