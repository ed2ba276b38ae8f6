package main

import (
	"context"
	"errors"
	"io"
	"slices"

	"tocsin/internal/alert"
	"tocsin/internal/diag"
	"tocsin/internal/pipeline"
	"tocsin/internal/search"
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
	// risk keeps risk events; riskEvents searches them where they are not among events.
	risk       alertStore
	riskEvents search.Events
	// name says where the events are, without secrets.
	name string
	// ready checks that it answers.
	ready func(context.Context) error
	// install makes what alerts need where it is absent, installRisk what risk events need.
	install, installRisk func(context.Context) error
	// visibleAtOnce makes alerts appear in listings as soon as they are written, which a service
	// cannot afford and somebody who waits for one run expects.
	visibleAtOnce func()
	// incomplete is what is wrong with the event files, if anything: all that could be read was.
	incomplete error
	// closers are closed last to first.
	closers []func() error
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

// show renders diagnostics for a person.
func (a *app) show(l diag.List) error { return render(a.err, l) }

func render(w io.Writer, l diag.List) error {
	return diag.Render(w, l) //nolint:wrapcheck // it says what it was doing
}

// riskPlace is where a pipeline finds and writes risk events.
func (b *backend) riskPlace() *pipeline.Risk {
	return &pipeline.Risk{Indexer: b.risk, Instances: b.risk, Events: b.riskEvents}
}
