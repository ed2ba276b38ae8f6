// Package storetest tests the contract of [notify.Store], for all implementations.
//
// It is for tests only, and stores nothing itself.
package storetest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/notify"
)

var begin = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// Run tests an empty store. Steps is the number of operations of the comparison with [notify.Memory].
func Run(t *testing.T, store notify.Store, steps int) {
	t.Helper()
	t.Run("written", func(t *testing.T) { written(t, store) })
	t.Run("changed", func(t *testing.T) { changed(t, store) })
	t.Run("pages", func(t *testing.T) { pages(t, store) })
	t.Run("as in memory", func(t *testing.T) { asInMemory(t, store, steps) })
}

// sameButVersion compares entries.
var sameButVersion = []gocmp.Option{cmpopts.IgnoreFields(notify.Entry{}, "Version"), cmpopts.EquateEmpty()}

func do[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func written(t *testing.T, store notify.Store) {
	t.Helper()
	told := 3
	e := &notify.Entry{
		ID: "w", Route: "r", Status: notify.Pending, At: begin, Created: begin, Group: "g", Attempts: 2, Error: "ü: \x00?",
		Calm: time.Minute, Until: begin.Add(time.Hour), Told: &told, Owner: "o",
		Notice: notify.Notice{
			Key: "k", Kind: notify.KindAlert, Subject: "s", RuleID: "id", RuleName: "name", Severity: "high", RiskScore: 73.5, Tags: []string{"a", "ü"},
			At: begin, Title: strings.Repeat("long ", 9000), Text: "a\nb", Fields: map[string]string{"x": "<&>"},
			Alert: json.RawMessage(`{"a.b":{"c":[1,{"a":"<"}]},"a":{"b":"x"},"n":12345678901234567890}`),
		},
	}
	if made := do[[]bool](t)(store.Create(t.Context(), []*notify.Entry{e})); !made[0] || e.Version == nil {
		t.Error("not created")
	}
	got := do[[]notify.Entry](t)(store.Get(t.Context(), []string{"w", "none"}))
	if diff := gocmp.Diff([]notify.Entry{*e}, got, sameButVersion...); diff != "" {
		t.Error(diff)
	}
	found := do[[]notify.Entry](t)(store.Find(t.Context(), notify.Query{Route: "r"}))
	if diff := gocmp.Diff([]notify.Entry{*e}, found, sameButVersion...); diff != "" {
		t.Error(diff)
	}
	e.Status = notify.Dead
	if errs := do[[]error](t)(store.Update(t.Context(), []*notify.Entry{e})); errs[0] != nil {
		t.Error("the version of a created entry:", errs[0])
	}
	e.Status = notify.Delivered
	if errs := do[[]error](t)(store.Update(t.Context(), []*notify.Entry{e})); errs[0] != nil {
		t.Error("the version of a written entry:", errs[0])
	}
	if found := do[[]notify.Entry](t)(store.Find(t.Context(), notify.Query{Route: "r", Statuses: []notify.Status{notify.Pending, notify.Dead}})); len(found) > 0 {
		t.Error("found under a status that it had:", found)
	}
	if n := do[int](t)(store.Forget(t.Context(), begin.Add(time.Second))); n != 1 {
		t.Error("forgotten:", n)
	}
	if errs := do[[]error](t)(store.Update(t.Context(), []*notify.Entry{e})); !errors.Is(errs[0], notify.ErrChanged) {
		t.Error("written although it is gone:", errs[0])
	}
}

// changed: of two writers that read the same version, the first one wins, and what exists is not created.
func changed(t *testing.T, store notify.Store) {
	t.Helper()
	e := func(id string) *notify.Entry {
		return &notify.Entry{ID: id, Route: "c", Status: notify.Pending, At: begin, Created: begin}
	}
	do[[]bool](t)(store.Create(t.Context(), []*notify.Entry{e("c1")}))
	made := do[[]bool](t)(store.Create(t.Context(), []*notify.Entry{e("c0"), e("c1"), e("c2")}))
	if !slices.Equal(made, []bool{true, false, true}) {
		t.Error(made)
	}
	read := func() *notify.Entry { return &do[[]notify.Entry](t)(store.Get(t.Context(), []string{"c1"}))[0] }
	first, second := read(), read()
	first.Attempts, second.Attempts = 1, 2
	do[[]error](t)(store.Update(t.Context(), []*notify.Entry{first}))
	other := do[[]notify.Entry](t)(store.Get(t.Context(), []string{"c2"}))[0]
	errs := do[[]error](t)(store.Update(t.Context(), []*notify.Entry{second, &other}))
	if !errors.Is(errs[0], notify.ErrChanged) || errs[1] != nil {
		t.Error(errs)
	}
	if got := read().Attempts; got != 1 {
		t.Error("the second has won:", got)
	}
	for _, id := range []string{"c0", "c1", "c2"} {
		one := do[[]notify.Entry](t)(store.Get(t.Context(), []string{id}))[0]
		one.Status, one.At = notify.Delivered, begin.Add(-time.Hour)
		do[[]error](t)(store.Update(t.Context(), []*notify.Entry{&one}))
	}
	if n := do[int](t)(store.Forget(t.Context(), begin)); n != 3 {
		t.Error("forgotten:", n)
	}
}

// pages: a listing continues after its last entry, over more than one request holds.
func pages(t *testing.T, store notify.Store) {
	t.Helper()
	var all []*notify.Entry
	for i := range 1200 {
		all = append(all, &notify.Entry{ID: fmt.Sprintf("p%04d", i), Route: "p", Status: notify.Member, Digest: "d", At: begin.Add(time.Duration(i/7) * time.Millisecond), Created: begin})
	}
	do[[]bool](t)(store.Create(t.Context(), all))
	q := notify.Query{Route: "p", Limit: 500}
	var got []string
	for {
		page := do[[]notify.Entry](t)(store.Find(t.Context(), q))
		for _, e := range page {
			got = append(got, e.ID)
		}
		if len(page) < q.Limit {
			break
		}
		q.After = &page[len(page)-1]
	}
	if len(got) != len(all) || !slices.IsSorted(got) {
		t.Error(len(got), "entries")
	}
	m := do[notify.Members](t)(store.Members(t.Context(), "d", 2))
	if m.Count != len(all) || !m.Newest.Equal(all[1199].At) || len(m.Some) != 2 || m.Some[0].ID != "p1199" || m.Some[1].ID != "p1198" {
		t.Error(m.Count, m.Newest, len(m.Some))
	}
	if n := do[int](t)(store.Forget(t.Context(), begin.Add(time.Hour))); n != len(all) {
		t.Error("forgotten:", n)
	}
}

// asInMemory compares the store with one in memory over generated operations.
func asInMemory(t *testing.T, store notify.Store, steps int) {
	t.Helper()
	rapid.Check(t, func(r *rapid.T) {
		memory := notify.NewMemory()
		run := rapid.StringMatching(`[a-z]{8}`).Draw(r, "run")
		var ids []string
		for range rapid.IntRange(1, steps).Draw(r, "steps") {
			if rapid.Bool().Draw(r, "create") || len(ids) == 0 {
				n := rapid.IntRange(1, 4).Draw(r, "n")
				var a, b []*notify.Entry
				for range n {
					e := entryOf(r, run)
					c := e
					a, b, ids = append(a, &e), append(b, &c), append(ids, e.ID)
				}
				same[[]bool](r, "created")(store.Create(t.Context(), a))(memory.Create(t.Context(), b))
				continue
			}
			id := rapid.SampledFrom(ids).Draw(r, "changed")
			next := entryOf(r, run)
			write := func(s notify.Store) ([]error, error) {
				have, err := s.Get(t.Context(), []string{id})
				if err != nil {
					return nil, err //nolint:wrapcheck // a test
				}
				next.ID, next.Version = id, have[0].Version
				return s.Update(t.Context(), []*notify.Entry{&next}) //nolint:wrapcheck // a test
			}
			same[[]error](r, "updated")(write(store))(write(memory))
		}
		q := notify.Query{
			Route: run + rapid.SampledFrom([]string{"r0", "r1"}).Draw(r, "route"), Limit: rapid.IntRange(1, 9).Draw(r, "limit"),
			Statuses: rapid.SliceOfNDistinct(rapid.SampledFrom(notify.Statuses), 0, 3, rapid.ID).Draw(r, "statuses"),
		}
		if rapid.Bool().Draw(r, "bounded") {
			q.From, q.Before = begin.Add(time.Second), begin.Add(4*time.Second)
		}
		if rapid.Bool().Draw(r, "grouped") {
			q.Group = run + "g1"
		}
		entries(r, "found")(store.Find(t.Context(), q))(memory.Find(t.Context(), q))
		a, err := store.Members(t.Context(), run+"d1", 2)
		b, _ := memory.Members(t.Context(), run+"d1", 2)
		if err != nil || a.Count != b.Count || !a.Newest.Equal(b.Newest) {
			r.Fatal("members:", a, b, err)
		}
		entries(r, "members")(a.Some, nil)(b.Some, nil)
		of := func(s notify.Store) []notify.Stat {
			stats, err := s.Stats(t.Context())
			if err != nil {
				r.Fatal(err)
			}
			return slices.DeleteFunc(stats, func(x notify.Stat) bool { return !strings.HasPrefix(x.Route, run) })
		}
		byName := cmpopts.SortSlices(func(a, b notify.Stat) bool {
			return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(a.Status, b.Status)) < 0
		})
		if diff := gocmp.Diff(of(memory), of(store), byName, cmpopts.EquateEmpty()); diff != "" {
			r.Fatal(diff)
		}
	})
}

func entryOf(r *rapid.T, run string) notify.Entry {
	at := func(name string) time.Time {
		return begin.Add(time.Duration(rapid.IntRange(0, 5000).Draw(r, name)) * time.Millisecond)
	}
	e := notify.Entry{
		ID: run + rapid.StringMatching(`[0-9]`).Draw(r, "id"), Route: run + rapid.SampledFrom([]string{"r0", "r1"}).Draw(r, "route"),
		Status: rapid.SampledFrom(notify.Statuses).Draw(r, "status"), At: at("at"), Created: at("created"),
		Group: run + rapid.SampledFrom([]string{"g0", "g1"}).Draw(r, "group"),
	}
	if e.Status == notify.Member {
		e.Digest = run + rapid.SampledFrom([]string{"d0", "d1"}).Draw(r, "digest")
	}
	return e
}

func same[T any](r *rapid.T, what string) func(T, error) func(T, error) {
	return func(a T, errA error) func(T, error) {
		return func(b T, errB error) {
			r.Helper()
			if diff := gocmp.Diff(b, a, cmpopts.EquateErrors()); diff != "" || errA != nil || errB != nil {
				r.Fatal(what, errA, errB, diff)
			}
		}
	}
}

func entries(r *rapid.T, what string) func([]notify.Entry, error) func([]notify.Entry, error) {
	return func(a []notify.Entry, errA error) func([]notify.Entry, error) {
		return func(b []notify.Entry, errB error) {
			r.Helper()
			if diff := gocmp.Diff(b, a, sameButVersion...); diff != "" || errA != nil || errB != nil {
				r.Fatal(what, errA, errB, diff)
			}
		}
	}
}
