package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

const (
	// followed is the number of alerts that --follow lists at the start.
	followed = 10
	// overlap is how far each look reaches back: alerts are found after their @timestamp, as they are written, become
	// visible, and come from several runners.
	overlap = 10 * time.Minute
	// maxSeen is the number of alerts that are remembered as written out; of more, the oldest are forgotten.
	maxSeen = 200_000
)

// follower writes new alerts as they appear.
type follower struct {
	a      *app
	flags  *alertsListCmd
	table  *alertTable
	writer *alertWriter
	// latest is the latest @timestamp of an alert that was met, not later than now; seen are the alerts of the
	// overlap before it, with their @timestamp.
	latest time.Time
	seen   map[string]time.Time
	// reach is the overlap; less of it while more alerts are written than are remembered.
	reach time.Duration
	begun bool
}

func newFollower(a *app, flags *alertsListCmd) *follower {
	return &follower{a: a, flags: flags, writer: newAlertWriter(a), seen: map[string]time.Time{}, reach: overlap}
}

// follow lists the latest alerts, then new ones, until the command is interrupted.
func (c *alertsListCmd) follow(ctx context.Context, a *app) error {
	f := newFollower(a, c)
	// An embedded store is open for one process: it is opened for each look, so that runs can write between them.
	open := a.openAlertsToRead
	if len(a.global.Elasticsearch) > 0 {
		b, err := open(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = b.close() }()
		open = func(context.Context) (*backend, error) { return b, nil }
	}
	quiet := *a
	quiet.err = io.Discard
	waiting := false
	for {
		err := f.look(ctx, open)
		switch {
		case ctx.Err() != nil:
			return nil // interrupted: the usual end
		case failure.KindOf(err) == failure.Unavailable:
			if !waiting {
				a.global.log.Warn("alerts cannot be read now, and are tried again", "error", err)
			}
			waiting = true
		case err != nil:
			return err
		default:
			waiting = false
		}
		if len(a.global.Elasticsearch) == 0 {
			open = quiet.openAlertsToRead // what is to be said about the store was said once
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.Refresh):
		}
	}
}

// look writes the alerts that were not met yet.
func (f *follower) look(ctx context.Context, open func(context.Context) (*backend, error)) error {
	b, err := open(ctx)
	if err != nil {
		return err
	}
	if len(f.a.global.Elasticsearch) == 0 {
		defer func() { _ = b.close() }()
	}
	filter, err := f.flags.filter(ctx, f.a, b, false)
	if err != nil {
		return err
	}
	if f.table == nil {
		f.table = newAlertTable(f.a, b)
		f.table.waits = true
	}
	f.table.kept = b.alerts
	if f.begun {
		err = f.more(ctx, b, filter)
	} else {
		err = f.begin(ctx, b, filter)
	}
	if err != nil {
		return err
	}
	if err := f.table.flush(ctx); err != nil {
		return err
	}
	for _, id := range f.table.waiting { // until their sequence is there
		delete(f.seen, id)
	}
	f.table.waiting = nil
	f.forget()
	return nil
}

// begin writes the latest alerts. All others that are there are met, and not written.
func (f *follower) begin(ctx context.Context, b *backend, filter alert.Filter) error {
	most := f.flags.Limit
	if most == 0 {
		most = followed
	}
	filter.Newest = true
	var latest []alert.Document
	var groups recent // a sequence is one line of the table
	units := 0
	err := b.alerts.List(ctx, filter, func(d alert.Document) (bool, error) {
		at := f.meet(d)
		if g := event.First(d.Source, groupID); g == "" || f.a.global.Format != "text" || groups.add(g) {
			units++
		}
		if units <= most {
			latest = append(latest, d)
		}
		return units < most || !at.Before(f.latest.Add(-f.reach)), nil
	})
	if err != nil {
		return fmt.Errorf("list alerts: %w", err)
	}
	f.begun = true
	for _, d := range slices.Backward(latest) {
		if err := f.write(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// more writes the alerts that were not met.
func (f *follower) more(ctx context.Context, b *backend, filter alert.Filter) error {
	if from := f.latest.Add(-f.reach); !f.latest.IsZero() && from.After(filter.Since) {
		filter.Since = from
	}
	err := b.alerts.List(ctx, filter, func(d alert.Document) (bool, error) {
		if _, met := f.seen[d.ID]; met {
			return true, nil
		}
		f.meet(d)
		return true, f.write(ctx, d)
	})
	if err != nil {
		return fmt.Errorf("list alerts: %w", err)
	}
	return nil
}

// meet remembers an alert, and returns its @timestamp. A time to come does not count: a runner's clock may be fast.
func (f *follower) meet(d alert.Document) time.Time {
	now := time.Now()
	at, _, err := mapping.ParseDate(event.First(d.Source, "@timestamp"), "")
	if err != nil {
		at = now
	}
	f.seen[d.ID] = at
	if at.After(now) {
		at = now
	}
	if at.After(f.latest) {
		f.latest = at
	}
	return at
}

func (f *follower) write(ctx context.Context, d alert.Document) error {
	if f.a.global.Format == "text" {
		return f.table.add(ctx, d)
	}
	return f.writer.write(d)
}

// forget forgets the alerts that no later look finds again.
func (f *follower) forget() {
	for f.reach = overlap; ; f.reach /= 2 {
		from := f.latest.Add(-f.reach)
		for id, at := range f.seen {
			if at.Before(from) {
				delete(f.seen, id)
			}
		}
		if len(f.seen) <= maxSeen || f.reach < time.Second {
			return
		}
	}
}
