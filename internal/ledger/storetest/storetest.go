// Package storetest tests the contract of [ledger.Store], for all implementations.
//
// It is for tests only, and stores nothing itself.
package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/ledger"
)

var day = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)

// Run tests an empty store.
func Run(t *testing.T, store ledger.Store) {
	t.Helper()
	t.Run("heads", func(t *testing.T) { heads(t, store) })
	t.Run("pages", func(t *testing.T) { pages(t, store) })
	t.Run("changed", func(t *testing.T) { changed(t, store) })
	t.Run("many", func(t *testing.T) { many(t, store) })
	t.Run("forget", func(t *testing.T) { forget(t, store) })
}

func heads(t *testing.T, store ledger.Store) {
	t.Helper()
	long := strings.Repeat("x", 700)
	want := []ledger.Head{
		{RuleID: "a", Since: day.Add(time.Hour), Schedule: "5m", Note: strings.Repeat(`{"n":"ü"}`, 5000)},
		{
			RuleID: "b/ü:*", Since: day, Closed: day.Add(48*time.Hour + 123*time.Millisecond), Reread: day.Add(time.Hour),
			Lag:  ledger.Lag{P50: time.Second, P99: 1500 * time.Millisecond},
			Past: []ledger.Past{{Schedule: "5m0s", Until: day.Add(time.Hour)}, {Schedule: "0 9 * * 1 in Europe/Berlin +12s", Until: day.Add(90 * time.Minute)}},
		},
		{RuleID: long, Since: day},
	}
	var to []*ledger.Head
	for _, h := range want {
		to = append(to, &h)
	}
	saved(t)(store.SaveHeads(t.Context(), to))
	for _, ids := range [][]string{{"a", "b/ü:*", long, "none"}} {
		got, err := store.Heads(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, func(a, b ledger.Head) int { return strings.Compare(a.RuleID, b.RuleID) })
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(ledger.Head{}, "Version")); diff != "" {
			t.Error(diff)
		}
	}
	if got, err := store.Heads(t.Context(), []string{}); err != nil || len(got) > 0 {
		t.Error("heads of no rule:", got, err)
	}
	to[0].Schedule = "1h" // the version belongs to the written head
	saved(t)(store.SaveHeads(t.Context(), to[:1]))
}

func page(id string, days int, statuses ...ledger.Status) *ledger.Page {
	p := &ledger.Page{RuleID: id, Day: day.AddDate(0, 0, days)}
	for i, s := range statuses {
		p.Entries = append(p.Entries, ledger.Entry{Slot: p.Day.Add(time.Duration(i) * time.Minute), Status: s, Hits: 3, Error: "e"})
	}
	return p
}

func pages(t *testing.T, store ledger.Store) {
	t.Helper()
	want := []*ledger.Page{page("p", 0, ledger.Covered, ledger.Failed), page("p", 1, ledger.Queued), page("q", 1, ledger.Covered)}
	all := append(slices.Clone(want), page("p", 2, ledger.Covered), page("r", 1, ledger.Covered))
	saved(t)(store.SavePages(t.Context(), all))
	got, err := store.Pages(t.Context(), []string{"p", "q", "none"}, day, day.AddDate(0, 0, 1).Add(5*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b ledger.Page) int { return strings.Compare(a.ID(), b.ID()) })
	for i := range want {
		if i >= len(got) || !cmp.Equal(*want[i], got[i], cmpopts.IgnoreFields(ledger.Page{}, "Version")) {
			t.Fatalf("page %d: got %+v", i, got)
		}
	}
	if len(got) != len(want) {
		t.Error(len(got), "pages")
	}
}

// changed: of two writers that read the same version, the first one wins.
func changed(t *testing.T, store ledger.Store) {
	t.Helper()
	saved(t)(store.SavePages(t.Context(), []*ledger.Page{page("c", 0, ledger.Running)}))
	read := func() *ledger.Page {
		got, err := store.Pages(t.Context(), []string{"c"}, day, day)
		if err != nil || len(got) != 1 {
			t.Fatal(got, err)
		}
		return &got[0]
	}
	first, second := read(), read()
	first.Entries[0].Status, second.Entries[0].Status = ledger.Covered, ledger.Failed
	saved(t)(store.SavePages(t.Context(), []*ledger.Page{first}))
	errs, err := store.SavePages(t.Context(), []*ledger.Page{second, page("c", 1, ledger.Covered)})
	if err != nil || len(errs) != 2 || !errors.Is(errs[0], ledger.ErrChanged) || errs[1] != nil {
		t.Error("over what has changed:", errs, err)
	}
	if got := read(); got.Entries[0].Status != ledger.Covered {
		t.Error("the second has won")
	}
	errs, err = store.SavePages(t.Context(), []*ledger.Page{page("c", 0, ledger.Failed)})
	if err != nil || !errors.Is(errs[0], ledger.ErrChanged) {
		t.Error("created twice:", errs, err)
	}
	first.Entries[0].Hits = 9
	saved(t)(store.SavePages(t.Context(), []*ledger.Page{first}))
}

// many: more than fit one request.
func many(t *testing.T, store ledger.Store) {
	t.Helper()
	var all []*ledger.Page
	var ids []string
	for i := range 1100 {
		id := fmt.Sprintf("many-%d", i)
		all, ids = append(all, page(id, 0, ledger.Covered)), append(ids, id)
	}
	saved(t)(store.SavePages(t.Context(), all))
	got, err := store.Pages(t.Context(), ids, day, day)
	if err != nil || len(got) != len(all) {
		t.Error(len(got), err)
	}
}

func forget(t *testing.T, store ledger.Store) {
	t.Helper()
	saved(t)(store.SavePages(t.Context(), []*ledger.Page{page("f", -3, ledger.Covered), page("f", -2, ledger.Covered), page("f", -1, ledger.Covered), page(ledger.BackfillPrefix+"j/f", -3, ledger.Covered)}))
	if refresher, ok := store.(interface{ Refresh(t *testing.T) }); ok {
		refresher.Refresh(t)
	}
	if n, err := store.Forget(t.Context(), day.AddDate(0, 0, -1).Add(time.Hour)); err != nil || n != 2 {
		t.Error(n, err)
	}
	got, err := store.Pages(t.Context(), []string{"f"}, day.AddDate(0, 0, -9), day)
	if err != nil || len(got) != 1 || !got[0].Day.Equal(day.AddDate(0, 0, -1)) {
		t.Error(got, err)
	}
	if got, err = store.Pages(t.Context(), []string{ledger.BackfillPrefix + "j/f"}, day.AddDate(0, 0, -9), day); err != nil || len(got) != 1 {
		t.Error("pages of a backfill are of old days:", got, err)
	}
}

// saved fails the test unless everything was written.
func saved(t *testing.T) func([]error, error) {
	t.Helper()
	return func(errs []error, err error) {
		t.Helper()
		if err := errors.Join(append(errs, err)...); err != nil {
			t.Fatal(err)
		}
	}
}
