package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/diag/failure"
	"tocsin/internal/ledger"
)

// sound returns the bytes of a valid database with some hundred alerts and pages of the ledger.
func sound(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var docs []alert.Document
	for i := range 400 {
		docs = append(docs, doc(fmt.Sprintf("a%03d", i), i, "r"))
	}
	mustCreate(t, db, docs...)
	if err := errors.Join(useLedger(t, db, "r", "s")...); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "tocsin.db"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// useLedger begins rules and records slots of them; it returns the errors.
func useLedger(t interface{ Context() context.Context }, db *store.DB, ids ...string) []error {
	l := db.Ledger()
	var heads []*ledger.Head
	var pages []*ledger.Page
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for _, id := range ids {
		heads = append(heads, &ledger.Head{RuleID: id, Since: at, Closed: at, Schedule: "5m"})
		pages = append(pages, &ledger.Page{RuleID: id, Day: ledger.Day(at), Entries: []ledger.Entry{{Slot: at, Status: ledger.Covered, Ended: at}}})
	}
	_, headErr := l.SaveHeads(t.Context(), heads)
	_, pageErr := l.SavePages(t.Context(), pages)
	_, readErr := l.Heads(t.Context(), nil)
	_, err := l.Pages(t.Context(), ids, at.Add(-24*time.Hour), at.Add(24*time.Hour))
	return []error{headErr, pageErr, readErr, err}
}

// TestDamage damages a database at any place, and uses every method: the result is an error that
// reports the damage or no harm, and no crash.
func TestDamage(t *testing.T) {
	whole := sound(t)
	page := os.Getpagesize()
	parent, runs := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		data := append([]byte(nil), whole...)
		for range rapid.IntRange(1, 3).Draw(t, "times") {
			at := rapid.IntRange(rapid.SampledFrom([]int{0, 2 * page}).Draw(t, "from"), len(data)-1).Draw(t, "at")
			if rapid.Bool().Draw(t, "header") {
				at = at / page * page
			}
			n := min(rapid.SampledFrom([]int{1, 8, 16, 64, page}).Draw(t, "bytes"), len(data)-at)
			fill := rapid.SampledFrom([]string{"zero", "ff", "random", "page"}).Draw(t, "fill")
			for i := range n {
				switch fill {
				case "zero":
					data[at+i] = 0
				case "ff":
					data[at+i] = 0xff
				case "random":
					data[at+i] = rapid.Byte().Draw(t, "byte")
				case "page": // content of another place
					data[at+i] = whole[(at+i+7*page)%len(whole)]
				}
			}
		}
		if rapid.Bool().Draw(t, "cut") {
			data = data[:rapid.IntRange(rapid.SampledFrom([]int{0, 2 * page}).Draw(t, "shortest"), len(data)).Draw(t, "length")]
		}
		runs++
		dir := filepath.Join(parent, strconv.Itoa(runs))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := os.WriteFile(filepath.Join(dir, "tocsin.db"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, open := range []func(string) (*store.DB, error){store.OpenToRead, store.Open} {
			db, err := open(dir)
			if err != nil {
				if failure.KindOf(err) != failure.Refused || !strings.HasPrefix(err.Error(), "open store "+dir) || !strings.Contains(err.Error(), "backup") {
					t.Errorf("opened: %v", err)
				}
				continue
			}
			visit := func(alert.Document) (bool, error) { return true, nil }
			listErr := db.List(t.Context(), alert.Filter{}, visit)
			_, getErr := db.Get(t.Context(), "a007")
			findErr := db.Find(t.Context(), alert.InstanceQuery{Instances: []string{"a009"}}, visit)
			_, createErr := db.Create(t.Context(), []alert.Document{doc("new", 1, "r"), doc("a005", 5, "r")})
			ledgerErrs := useLedger(t, db, "r", "u")
			_, forgetErr := db.Ledger().Forget(t.Context(), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC))
			for _, err := range append(ledgerErrs, listErr, getErr, findErr, createErr, forgetErr) {
				if err != nil && strings.Contains(err.Error(), "is damaged") && (failure.KindOf(err) != failure.Refused || !strings.Contains(err.Error(), "backup")) {
					t.Errorf("no way out: %v", err)
				}
			}
			if err := db.Close(); err != nil {
				t.Errorf("closed: %v", err)
			}
		}
	})
}

// TestUnreadableAlert damages the text of alerts: the others are listed, and the final error names
// the unreadable ones.
func TestUnreadableAlert(t *testing.T) {
	whole := string(sound(t))
	parent, runs := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(whole)
		bad := map[string]bool{}
		for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, 399), 0, 5, rapid.ID[int]).Draw(t, "alerts") {
			id := fmt.Sprintf("a%03d", i)
			d := doc(id, i, "r")
			at := strings.Index(whole, id+`{"`)
			if at < 0 {
				t.Skip("the text of", d.ID, "stands elsewhere")
			}
			text[at+len(id)] = 'x'
			bad[id] = true
		}
		runs++
		dir := filepath.Join(parent, strconv.Itoa(runs))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := os.WriteFile(filepath.Join(dir, "tocsin.db"), text, 0o400); err != nil {
			t.Fatal(err)
		}
		db, err := store.OpenToRead(dir)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		limit := rapid.SampledFrom([]int{0, 1, 300, 399}).Draw(t, "limit")
		err = db.List(t.Context(), alert.Filter{Limit: limit}, func(d alert.Document) (bool, error) {
			if bad[d.ID] {
				t.Errorf("%s was listed", d.ID)
			}
			n++
			return true, nil
		})
		want := 400 - len(bad)
		if limit > 0 {
			want = min(want, limit)
		}
		if n != want || limit == 0 && (err != nil) != (len(bad) > 0) {
			t.Errorf("%d alerts of %d, %v", n, want, err)
		}
		if err != nil && !strings.Contains(err.Error(), "skipped") {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestOpenToRead: it creates and changes nothing.
func TestOpenToRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := store.OpenToRead(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a folder was made:", err)
	}
	data := sound(t)
	dir = t.TempDir()
	path := filepath.Join(dir, "tocsin.db")
	if err := os.WriteFile(path, data, 0o400); err != nil {
		t.Fatal(err)
	}
	a, err := store.OpenToRead(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := store.OpenToRead(dir) // several readers can have it open
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Create(t.Context(), []alert.Document{doc("new", 1, "r")}); err == nil {
		t.Error("it was written to")
	}
	if err := errors.Join(a.Close(), b.Close()); err != nil {
		t.Error(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(data) {
		t.Error("it was changed:", err)
	}
}
