package notify_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/notify"
)

// interrupted is a store that calls something before each of its requests; what it returns is the outcome of the request.
type interrupted struct {
	notify.Store
	before func() error
}

func (s interrupted) Create(ctx context.Context, entries []*notify.Entry) ([]bool, error) {
	if err := s.before(); err != nil {
		return nil, err
	}
	return s.Store.Create(ctx, entries) //nolint:wrapcheck // a test's
}

func (s interrupted) Get(ctx context.Context, ids []string) ([]notify.Entry, error) {
	if err := s.before(); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, ids) //nolint:wrapcheck // a test's
}

// TestUse: whenever alerts are met again while the routes change, and whatever of the change fails, a route is told of those that were
// written since it began and of no others; the routes are those of the last change that succeeded.
func TestUse(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		now := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
		memory, written := notify.NewMemory(), map[string]time.Time{}
		out := &notify.Outbox{Store: memory, Now: func() time.Time { return now }}
		began, used := map[string]time.Time{}, []string(nil)
		meet := func() {
			var notices []notify.Notice
			for key, at := range written {
				notices = append(notices, notify.Notice{Key: key, Kind: notify.KindAlert, Written: at})
			}
			if err := out.Add(t.Context(), notices); err != nil {
				r.Fatal(err)
			}
			if names := out.Routes().Names(); !slices.Equal(names, used) {
				r.Fatal("routes", names, "expected", used)
			}
		}
		for range rapid.IntRange(1, 8).Draw(r, "changes") {
			now = now.Add(time.Minute)
			written[strconv.Itoa(len(written))] = now
			now = now.Add(time.Minute)
			names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID).Draw(r, "routes")
			var list []notify.Route
			for _, name := range names {
				list = append(list, notify.Route{Name: name, Channel: newReceiver()})
			}
			fails, requests := rapid.IntRange(0, 4).Draw(r, "fails"), 0
			out.Store = interrupted{memory, func() error {
				requests++
				use := out.Store
				out.Store = memory
				meet()
				out.Store = use
				if requests == fails {
					return errors.New("no answer")
				}
				return nil
			}}
			err := out.Use(t.Context(), notify.NewRoutes(list...))
			out.Store = memory
			if failed := fails > 0 && requests == fails; failed != (err != nil) {
				r.Fatal(err)
			}
			for _, name := range names { // of a change that fails, the beginning may be noted
				if _, ok := began[name]; !ok && (err == nil || fails > 1) {
					began[name] = now
				}
			}
			if err == nil {
				used = slices.Clone(names)
			}
			meet()
		}
		found, err := memory.Find(t.Context(), notify.Query{Statuses: []notify.Status{notify.Pending}})
		if err != nil {
			r.Fatal(err)
		}
		for _, e := range found {
			if at := written[e.Notice.Key]; at.Before(began[e.Route]) || began[e.Route].IsZero() {
				r.Error("alert", e.Notice.Key, "of", at, "was told to route", e.Route, "of", began[e.Route])
			}
		}
		for _, name := range used {
			for key, at := range written {
				told := slices.ContainsFunc(found, func(e notify.Entry) bool { return e.Route == name && e.Notice.Key == key })
				if !at.Before(began[name]) != told {
					r.Error("alert", key, "of", at, "at route", name, "of", began[name], "told:", told)
				}
			}
		}
	})
}
