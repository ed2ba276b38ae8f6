package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag"
	"tocsin/internal/notify"
	"tocsin/internal/notify/routes"
	"tocsin/internal/run/pipeline"
)

// notifier tells people of alerts and states. A nil notifier tells nobody.
type notifier struct {
	*app
	store notify.Store
	// outbox has the routes.
	outbox *notify.Outbox
	// alone: no other process uses the store.
	alone bool

	mu sync.Mutex
	// asked: notifications were read for delivery, or could not be. unstored says why the store does not answer when notifications are read for delivery, by route.
	asked    bool
	unstored map[string]error
}

// notifier returns the notifier of the routes in --notify, and installs its index; nil without the flag.
func (a *app) notifier(ctx context.Context, b *backend) (*notifier, error) {
	if a.global.Notify == "" {
		return nil, nil //nolint:nilnil // nobody is told
	}
	list, err := a.usableRoutes()
	if err != nil {
		return nil, err
	}
	if err := b.installOutbox(ctx); err != nil {
		return nil, err
	}
	n := &notifier{app: a, store: b.outbox}
	_, shared := b.outbox.(*elastic.Outbox)
	n.alone = !shared
	n.outbox = &notify.Outbox{Store: b.outbox, Namespace: a.global.Namespace, Now: time.Now}
	return n, n.outbox.Use(ctx, list) //nolint:wrapcheck // it says what it was doing
}

// usableRoutes reads the routes for a start, and shows what is wrong with them. Those with errors are refused.
func (a *app) usableRoutes() (*notify.Routes, error) {
	list, diags, err := a.global.readRoutes()
	if err := errors.Join(err, a.show(diags)); err != nil {
		return nil, err
	}
	if diags.HasErrors() {
		return nil, usagef("the routes in %s cannot be used", a.global.Notify)
	}
	return list, nil
}

// readRoutes reads the file of --notify.
func (g *globals) readRoutes() (*notify.Routes, diag.List, error) {
	text, err := os.ReadFile(g.Notify)
	if err != nil {
		return nil, nil, usagef("--notify: %w", err)
	}
	list, diags := routes.Read(diag.NewText(g.Notify, string(text)), os.LookupEnv)
	return list, diags, nil
}

// reload reads the routes again. If they have errors, or their store does not answer, they stay as they are.
func (n *notifier) reload(ctx context.Context) error {
	if n == nil {
		return nil
	}
	list, diags, err := n.global.readRoutes()
	if err != nil {
		return err
	}
	if diags.HasErrors() {
		return fmt.Errorf("%s: %w", n.global.Notify, diags.Err())
	}
	return n.outbox.Use(ctx, list) //nolint:wrapcheck // it says what it was doing
}

// telling returns how a pipeline tells of its alerts; digest is the group of all of them, if not empty.
func (n *notifier) telling(maxAge time.Duration, digest string) pipeline.Telling {
	if n == nil {
		return pipeline.Telling{}
	}
	return pipeline.Telling{Outbox: n.outbox, MaxAge: maxAge, Digest: digest, Since: n.outbox.Since}
}

// release lets the digests of a group be sent.
func (n *notifier) release(ctx context.Context, group string) error {
	if n == nil {
		return nil
	}
	return n.outbox.Release(ctx, group) //nolint:wrapcheck // it says what it was doing
}

// delivery is a running sender; a nil one delivers nothing.
type delivery struct {
	*notifier
	stop func()
	done chan struct{}
}

// begin begins to deliver, until the context ends or the delivery is drained. A sender that is silent for the period of its lease is
// replaced by another runner's; 0 is the default. m may be nil.
func (n *notifier) begin(ctx context.Context, now func() time.Time, period time.Duration, m *metrics.Metrics) *delivery {
	if n == nil {
		return nil
	}
	s := &notify.Sender{Store: n.store, Routes: n.outbox.Routes, ID: uuid.NewString(), Now: now, Log: n.global.log, Lease: period}
	if n.alone {
		s.ID = "alone" // a process that was killed has left its lease
	}
	if m != nil {
		s.Observe, s.Sent = m.Notifications, m.Notified
	}
	s.Stored = n.answered
	running, stop := context.WithCancel(ctx)
	d := &delivery{notifier: n, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(d.done)
		s.Run(running)
	}()
	return d
}

// answered notes whether the store answers to the sender.
func (n *notifier) answered(route string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = n.asked || route != "" || err != nil
	switch {
	case err == nil:
		delete(n.unstored, route)
	case n.unstored == nil:
		n.unstored = map[string]error{route: err}
	default:
		n.unstored[route] = err
	}
}

// heard reports whether notifications were read for delivery, or could not be.
func (n *notifier) heard() bool {
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

// stuck returns why stored notifications are not delivered: their store does not answer. Other failures are the routes'.
func (n *notifier) stuck() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, route := range slices.Sorted(maps.Keys(n.unstored)) {
		return fmt.Errorf("notifications wait: %w", n.unstored[route])
	}
	return nil
}

// wait waits until the delivery has ended.
func (d *delivery) wait() {
	if d != nil {
		<-d.done
		d.stop()
	}
}

// drain waits until nothing is due, or for the grace period, and ends the delivery. What is left stays for the next run.
func (d *delivery) drain(ctx context.Context, grace time.Duration) error {
	if d == nil {
		return nil
	}
	defer d.wait()
	defer d.stop()
	if d.alone { // nobody adds to digests until the next run
		if err := d.release(ctx, pipeline.LateGroup); err != nil {
			return err
		}
	}
	waiting, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	left := []notify.Status{notify.Pending, notify.Collecting}
	for _, route := range d.outbox.Routes().Names() { // what waits for others is not sent here
		for {
			due, err := d.store.Find(waiting, notify.Query{Route: route, Statuses: left, Before: time.Now().Add(time.Second), Limit: 1})
			if waiting.Err() != nil {
				d.global.log.Warn("notifications are left for the next run", "route", route, "grace", grace)
				return nil
			}
			if err != nil {
				return fmt.Errorf("look for notifications: %w", err)
			}
			if len(due) == 0 {
				break
			}
			pause(waiting, drainPoll)
		}
	}
	return nil
}

const (
	// drainGrace is how long a command without --grace waits for notifications.
	drainGrace = 20 * time.Second
	// defaultNotifyAge is the default of --notify-max-age.
	defaultNotifyAge = time.Hour
)

// drainPoll is how often a delivery is asked whether it has finished.
const drainPoll = 100 * time.Millisecond

// pause waits, or until the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// tests sends a message to each route, at the same time, and returns the errors in their order.
func tests(ctx context.Context, list []notify.Route, namespace string) []error {
	errs := make([]error, len(list))
	var sending sync.WaitGroup
	now := time.Now().UTC()
	for i := range list {
		sending.Go(func() {
			errs[i] = list[i].Test(ctx, notify.Notice{
				Key: "test/" + uuid.NewString(), Kind: notify.KindTest, Namespace: namespace, At: now, Title: "Test of Tocsin's notifications",
				Text: "This message was sent by runner notify test. The route " + list[i].Name + " works.",
			})
		})
	}
	sending.Wait()
	return errs
}
