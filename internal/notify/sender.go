package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Sender delivers the entries of a store. Of all senders of a store one works at a time: the one that has the lease. It is the only one
// that changes entries of routes; the others wait to take over.
type Sender struct {
	Store Store
	// Routes returns the current routes; after a change, the sender begins anew with them.
	Routes func() *Routes
	// ID is the sender's, different for every process.
	ID string
	// Now is a clock that senders agree on, within a small part of Lease.
	Now func() time.Time
	Log *slog.Logger
	// Poll is how often a sender looks for entries; 0: a second.
	Poll time.Duration
	// Lease is how long the others wait for a sender that is silent; 0: 15 s.
	Lease time.Duration
	// Retention is how long told entries are remembered, so that their notices are not told again; 0: 90 days.
	Retention time.Duration
	// Observe receives the numbers of entries, every now and then, of the sender that works; may be nil.
	Observe func([]Stat)
	// Stored receives whether the store answers, of the lease (route "") and of each route: nil if it does; may be nil.
	Stored func(route string, err error)
	// Sent receives the outcome of every attempt; may be nil.
	Sent func(route string, o Outcome)
}

// Outcome is the outcome of an attempt to deliver.
type Outcome string

// The outcomes. Retried attempts have failed and are repeated; Lost ones have failed for good, and their entries are dead.
const (
	Accepted Outcome = "delivered"
	Retried  Outcome = "failed"
	Lost     Outcome = "dead"
)

// leaseID is the id of the entry that is the lease.
const leaseID = "sender"

// DefaultRetention is how long told entries are remembered.
const DefaultRetention = 90 * 24 * time.Hour

func (s *Sender) poll() time.Duration  { return orElse(s.Poll, time.Second) }
func (s *Sender) lease() time.Duration { return orElse(s.Lease, 15*time.Second) }

func orElse(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// Run delivers until the context ends; messages in flight are still delivered, within the timeouts of their routes, and recorded.
func (s *Sender) Run(ctx context.Context) {
	told := false
	for ctx.Err() == nil {
		held, err := s.take(ctx)
		if ctx.Err() == nil {
			s.stored("", err)
		}
		if err != nil && ctx.Err() == nil && !told {
			s.Log.Warn("notifications wait: their store does not answer", "error", err)
		}
		told = err != nil
		if held != nil && len(s.Routes().All()) > 0 {
			s.work(ctx, held)
		}
		wait(ctx, s.poll())
	}
}

// stored passes on whether the store answers.
func (s *Sender) stored(route string, err error) {
	if s.Stored != nil {
		s.Stored(route, err)
	}
}

// wait waits, or until the context ends.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// take takes the lease if nobody has it; nil if somebody does.
func (s *Sender) take(ctx context.Context) (*Entry, error) {
	if len(s.Routes().All()) == 0 {
		return nil, nil //nolint:nilnil // there is nothing to take
	}
	ctx, cancel := context.WithTimeout(ctx, s.lease())
	defer cancel()
	now := milliseconds(s.Now())
	have, err := s.Store.Get(ctx, []string{leaseID})
	if err != nil {
		return nil, fmt.Errorf("read the lease of notifications: %w", err)
	}
	if len(have) == 0 {
		e := &Entry{ID: leaseID, Status: Leased, Created: now, At: milliseconds(now.Add(s.lease())), Owner: s.ID}
		made, err := s.Store.Create(ctx, []*Entry{e})
		if err != nil || !made[0] {
			return nil, err //nolint:wrapcheck // the store names it
		}
		return e, nil
	}
	e := &have[0]
	// A lease that ends later than any that this sender would give is of a clock that was wrong.
	if e.Owner != s.ID && e.At.After(now) && !e.At.After(now.Add(10*s.lease())) {
		return nil, nil //nolint:nilnil // somebody else has it
	}
	if err := s.renew(ctx, e); err != nil {
		return nil, err
	}
	return e, nil
}

// renew writes the lease; [ErrChanged] if somebody else has it now.
func (s *Sender) renew(ctx context.Context, e *Entry) error {
	e.Owner, e.At = s.ID, milliseconds(s.Now().Add(s.lease()))
	errs, err := s.Store.Update(ctx, []*Entry{e})
	if err == nil {
		err = errs[0]
	}
	if err != nil {
		return fmt.Errorf("renew the lease of notifications: %w", err)
	}
	return nil
}

// work delivers while the lease is held and the routes stay the same.
func (s *Sender) work(ctx context.Context, held *Entry) {
	holding, lost := context.WithCancel(ctx)
	defer lost()
	routes := s.Routes()
	var group sync.WaitGroup
	group.Go(func() {
		defer lost()
		s.hold(holding, held, routes)
	})
	for i := range routes.All() {
		w := &worker{Sender: s, route: &routes.list[i], folds: &Outbox{Store: s.Store, Now: s.Now}}
		group.Go(func() { w.run(holding) })
	}
	group.Go(func() { s.housekeep(holding, routes) })
	group.Wait()
	if s.Observe != nil {
		s.Observe(nil)
	}
	if ctx.Err() != nil { // give it to the others at once
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.lease())
		defer cancel()
		held.At = milliseconds(s.Now())
		held.Owner = ""
		if _, err := s.Store.Update(ending, []*Entry{held}); err != nil {
			s.Log.Debug("the lease of notifications was not given back", "error", err)
		}
	}
}

// hold renews the lease until it is lost, the routes change or the context ends.
func (s *Sender) hold(ctx context.Context, held *Entry, routes *Routes) {
	renewed := time.Now()
	for {
		wait(ctx, min(s.lease()/3, s.poll()))
		if ctx.Err() != nil || s.Routes() != routes {
			return
		}
		if time.Since(renewed) < s.lease()/3 {
			continue
		}
		at := time.Now()
		asking, cancel := context.WithTimeout(ctx, s.lease()/3)
		err := s.renew(asking, held)
		cancel()
		switch {
		case err == nil:
			renewed = at
		case errors.Is(err, ErrChanged), time.Since(renewed) > s.lease()*2/3:
			s.Log.Warn("the lease of notifications is lost: who has it next delivers them", "error", err)
			return
		}
	}
}

// housekeeping is how often numbers are told and old entries forgotten.
const housekeeping = 10 * time.Second

// housekeep tells the numbers of entries, gives up entries whose route is gone, and forgets what was told long ago.
func (s *Sender) housekeep(ctx context.Context, routes *Routes) {
	for round := 0; ctx.Err() == nil; round++ {
		if err := s.keep(ctx, routes, round); err != nil && ctx.Err() == nil {
			s.Log.Warn("the outbox of notifications could not be looked after", "error", err)
		}
		wait(ctx, housekeeping)
	}
}

func (s *Sender) keep(ctx context.Context, routes *Routes, round int) error {
	if s.Observe != nil {
		stats, err := s.Store.Stats(ctx)
		if err != nil {
			return err //nolint:wrapcheck // the store names it
		}
		s.Observe(stats)
	}
	if round%360 != 0 {
		return nil
	}
	if _, err := s.Store.Forget(ctx, milliseconds(s.Now().Add(-orElse(s.Retention, DefaultRetention)))); err != nil {
		return err //nolint:wrapcheck // the store names it
	}
	return s.orphans(ctx, routes)
}

// orphanAge is how long an entry waits for its route to come back.
const orphanAge = 24 * time.Hour

// orphans gives up entries of routes that no longer exist.
func (s *Sender) orphans(ctx context.Context, routes *Routes) error {
	now := milliseconds(s.Now())
	for {
		found, err := s.Store.Find(ctx, Query{Unrouted: routes.Names(), Statuses: open, Before: now.Add(-orphanAge), Limit: chunk})
		if err != nil || len(found) == 0 {
			return err //nolint:wrapcheck // the store names it
		}
		var gone []*Entry
		for i := range found {
			e := &found[i]
			e.Status, e.At, e.Error = Dead, now, "the route no longer exists"
			gone = append(gone, e)
		}
		if _, err := s.Store.Update(ctx, gone); err != nil {
			return err //nolint:wrapcheck // the store names it
		}
		s.Log.Warn("notifications were given up: their routes no longer exist", "number", len(gone))
	}
}
