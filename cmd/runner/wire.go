package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"tocsin/internal/alert"
	"tocsin/internal/diag"
	"tocsin/internal/elastic"
	"tocsin/internal/mapping"
	"tocsin/internal/search"
	"tocsin/internal/store"
)

// alertStore keeps alerts, on a cluster or in a directory.
type alertStore interface {
	alert.Indexer
	alert.Reader
}

// backend is where events come from and where alerts go.
type backend struct {
	events search.Events
	alerts alertStore
	// name says where that is, without secrets.
	name string
	// ready checks that it answers.
	ready func(context.Context) error
	// badInput tells that some of the event files could not be read in full; missing, that a file
	// that was named is not there.
	badInput, missing bool
	closers           []io.Closer
}

func (b *backend) close() error {
	var errs []error
	for _, c := range b.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// open connects what the flags name: Elasticsearch, or event files and an embedded store.
func (a *app) open(ctx context.Context) (*backend, error) {
	g := a.global
	switch embedded := g.Store != "" || len(g.Events) > 0; {
	case len(g.Elasticsearch) > 0 && embedded:
		return nil, usagef("--elasticsearch cannot go with --store or --events: events and alerts are in one place")
	case len(g.Elasticsearch) > 0:
		return a.openElastic(ctx)
	case embedded:
		return a.openEmbedded(ctx)
	}
	return nil, usagef("where are the events? Give --elasticsearch URL, or --events FILE with or without --store DIR")
}

func (a *app) openElastic(ctx context.Context) (*backend, error) {
	client, err := a.client()
	if err != nil {
		return nil, err
	}
	info, err := client.Ping(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	a.global.log.Debug("connected", "cluster", info.Name, "version", info.Version)
	alerts, err := elastic.NewAlerts(client, a.global.Namespace)
	if err != nil {
		return nil, usageError{err}
	}
	return &backend{
		events: client, alerts: alerts, name: "Elasticsearch",
		ready: func(ctx context.Context) error {
			_, err := client.Ping(ctx)
			return err //nolint:wrapcheck // it names what it asked
		},
	}, nil
}

func (a *app) client() (*elastic.Client, error) {
	g := a.global
	password, err := secret(g.PasswordFile, environmentPrefix+"_PASSWORD")
	if err != nil {
		return nil, err
	}
	key, err := secret(g.APIKeyFile, environmentPrefix+"_API_KEY")
	if err != nil {
		return nil, err
	}
	client, err := elastic.New(elastic.Config{
		URLs: g.Elasticsearch, Username: g.Username, Password: password, APIKey: key, CAFile: g.CAFile,
		RequestTimeout: g.Timeout, UserAgent: "tocsin/" + version(), Logger: g.log,
	})
	if err != nil {
		return nil, usageError{err}
	}
	return client, nil
}

// install makes template and alias of the alerts where they are absent.
func (b *backend) install(ctx context.Context) error {
	installer, ok := b.alerts.(interface{ Install(context.Context) error })
	if !ok {
		return nil
	}
	if err := installer.Install(ctx); err != nil {
		return fmt.Errorf("install the alerts index: %w", err)
	}
	return nil
}

// visibleAtOnce makes alerts appear in listings as soon as they are written, which a service cannot
// afford and somebody who waits for one run expects.
func (b *backend) visibleAtOnce() {
	if alerts, ok := b.alerts.(*elastic.Alerts); ok {
		alerts.Refresh = elastic.RefreshNow
	}
}

func (a *app) openEmbedded(ctx context.Context) (*backend, error) {
	b := &backend{name: "event files", ready: func(context.Context) error { return nil }}
	if err := a.openStore(b); err != nil {
		return nil, err
	}
	fields, err := a.readMapping()
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	events, diags, err := store.OpenEvents(ctx, store.EventsOptions{Files: a.global.Events, Mapping: fields, Stdin: a.in})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open events: %w", err), b.close())
	}
	b.events = events
	b.closers = append(b.closers, events)
	b.badInput = diags.HasErrors()
	for _, f := range a.global.Events {
		if _, err := os.Stat(f); f != "-" && errors.Is(err, os.ErrNotExist) {
			b.missing = true
		}
	}
	return b, a.show(diags)
}

// openStore opens the directory of the alerts, or memory when none is named.
func (a *app) openStore(b *backend) error {
	if a.global.Store == "" {
		b.alerts = store.NewMemory()
		return nil
	}
	db, err := store.Open(a.global.Store)
	if err != nil {
		return usageError{err} // exit code 3 speaks of Elasticsearch only
	}
	b.alerts = db
	b.closers = append(b.closers, db)
	return nil
}

// readMapping reads --mapping; nil without it.
func (a *app) readMapping() (mapping.Fields, error) {
	if a.global.Mapping == "" {
		return nil, nil //nolint:nilnil // no mapping is what the caller expects
	}
	data, err := os.ReadFile(a.global.Mapping)
	if err != nil {
		return nil, usagef("read mapping: %w", err)
	}
	table, err := mapping.Parse(data)
	if err != nil {
		return nil, usagef("%s: %w", a.global.Mapping, err)
	}
	return table, nil
}

// show renders diagnostics for a person.
func (a *app) show(l diag.List) error {
	if err := diag.Render(a.err, l); err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	return nil
}
