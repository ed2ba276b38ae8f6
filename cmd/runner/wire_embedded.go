package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/match/mapping"
	"tocsin/internal/notify"
	"tocsin/internal/run/health"
	"tocsin/internal/search/tables"
)

func newEmbedded() *backend {
	return &backend{
		name:    "event files",
		states:  &health.Memory{},
		ready:   func(context.Context) error { return nil },
		install: func(context.Context) error { return nil }, installRisk: func(context.Context) error { return nil },
		visibleAtOnce: func() {},
		installLedger: func(context.Context) error { return nil },
		outbox:        notify.NewMemory(),
		installOutbox: func(context.Context) error { return nil },
	}
}

func (a *app) openEmbedded(ctx context.Context) (*backend, error) {
	b := newEmbedded()
	if err := a.openStore(b); err != nil {
		return nil, err
	}
	if err := a.openEvents(ctx, b); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// openStore opens the embedded store in the directory --store, or in memory without it.
func (a *app) openStore(b *backend) error {
	if a.global.Store == "" {
		b.alerts, b.risk, b.ledger, b.tables = store.NewMemory(), store.NewMemory(), ledger.NewMemory(), tables.NewMemory()
		b.riskEvents = &store.Kept{Records: b.risk, Index: elastic.RiskAlias(a.global.Namespace)}
		return nil
	}
	db, err := store.Open(a.global.Store)
	if err != nil {
		return usageError{err} // exit code 3 is for Elasticsearch only
	}
	b.alerts, b.ledger, b.tables, b.states = db, db.Ledger(), db.Tables(), db.States()
	b.alerts, b.ledger, b.tables, b.outbox = db, db.Ledger(), db.Tables(), db.Outbox()
	b.closers = append(b.closers, db.Close)
	risk, err := store.OpenRisk(a.global.Store)
	if err != nil {
		return errors.Join(usageError{err}, b.close())
	}
	b.risk = risk
	b.closers = append(b.closers, risk.Close)
	b.riskEvents = &store.Kept{Records: risk, Index: elastic.RiskAlias(a.global.Namespace)}
	b.prune = func(ctx context.Context, before time.Time) (int, error) {
		alerts, err := db.Prune(ctx, before)
		if err != nil {
			return alerts, err //nolint:wrapcheck // it names the store
		}
		scores, err := risk.Prune(ctx, before)
		return alerts + scores, err //nolint:wrapcheck // it names the store
	}
	return nil
}

// openStoreToRead opens the embedded store in the directory --store for reading. A missing store is empty, and a
// message says so.
func (a *app) openStoreToRead(b *backend) error {
	b.alerts, b.risk, b.ledger, b.tables = store.NewMemory(), store.NewMemory(), ledger.NewMemory(), tables.NewMemory()
	switch db, err := store.OpenToRead(a.global.Store); {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := fmt.Fprintf(a.err, "there is no store in %s\n", a.global.Store); err != nil {
			return wrapWrite(err)
		}
	case err != nil:
		return usageError{err}
	default:
		b.alerts, b.ledger, b.tables, b.outbox = db, db.Ledger(), db.Tables(), db.Outbox()
		b.closers = append(b.closers, db.Close)
	}
	switch risk, err := store.OpenRiskToRead(a.global.Store); {
	case errors.Is(err, fs.ErrNotExist): // older stores have no risk events
	case err != nil:
		return errors.Join(usageError{err}, b.close())
	default:
		b.risk = risk
		b.closers = append(b.closers, risk.Close)
	}
	b.riskEvents = &store.Kept{Records: b.risk, Index: elastic.RiskAlias(a.global.Namespace)}
	return nil
}

func (a *app) openEvents(ctx context.Context, b *backend) error {
	mappings, err := a.readMapping()
	if err != nil {
		return err
	}
	var files []string
	for _, name := range matching(a.global.Events) {
		if err := canRead(name); err != nil {
			b.incomplete = errors.Join(b.incomplete, usagef("events: %w", err))
			continue
		}
		files = append(files, name)
	}
	if len(files) == 0 && b.incomplete != nil {
		return b.incomplete
	}
	events, diags, err := store.OpenEvents(ctx, store.EventsOptions{Files: files, Mapping: mappings, Stdin: a.in, Watch: a.bars.reading})
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	b.events, b.series, b.previewSeries = events, events, events
	b.closers = append(b.closers, events.Close)
	if b.incomplete == nil && diags.HasErrors() {
		b.incomplete = errFailed // the diagnostics say why
	}
	return a.show(diags)
}

// canRead returns an error if a file named by the user cannot be read. It does not check the
// content. Pipes and devices are not opened, because they can be read only once.
func canRead(name string) error {
	if name == "-" {
		return nil
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
	case info.IsDir():
		err = errors.New("is a directory")
	case info.Mode().IsRegular():
		var f *os.File
		if f, err = os.Open(name); err == nil { //nolint:gosec // the user names the file
			return f.Close() //nolint:wrapcheck // nothing was written
		}
	}
	if where, ok := errors.AsType[*fs.PathError](err); ok {
		err = where.Err
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// readMapping reads --mapping; nil without it.
func (a *app) readMapping() (*mapping.Indices, error) {
	name := a.global.Mapping
	if name == "" {
		return nil, nil //nolint:nilnil // there is no mapping
	}
	if err := canRead(name); err != nil {
		return nil, usagef("mapping: %w", err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, usagef("mapping: %w", err)
	}
	indices, err := mapping.ParseIndices(data)
	if err != nil {
		return nil, usagef("mapping: %s: %w", name, err)
	}
	return indices, nil
}

// readable returns the paths that can be read, and a usage error about the others.
func readable(what string, paths []string) (good []string, complaint error) {
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil && info.IsDir() {
			good = append(good, p)
			continue
		}
		if err := canRead(p); err != nil {
			complaint = errors.Join(complaint, usagef("%s: %w", what, err))
			continue
		}
		good = append(good, p)
	}
	return good, complaint
}
