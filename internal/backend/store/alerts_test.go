package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
)

// alerts is the common interface of both stores.
type alerts interface {
	alert.Indexer
	alert.Reader
	alert.Instances
}

// stores returns an empty store of every kind.
func stores(t *testing.T) map[string]alerts {
	t.Helper()
	return map[string]alerts{"memory": store.NewMemory(), "database": mustOpen(t, t.TempDir())}
}

func mustOpen(t *testing.T, dir string) *store.DB {
	t.Helper()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func doc(id string, at any, rule string) alert.Document {
	source := map[string]any{"kibana.alert.rule.rule_id": rule}
	if at != nil {
		source["@timestamp"] = at
	}
	return alert.Document{ID: id, Source: source}
}

func mustCreate(t fataler, s alert.Indexer, docs ...alert.Document) []alert.Written {
	t.Helper()
	written, err := s.Create(t.Context(), docs)
	if err != nil {
		t.Fatal(err)
	}
	return written
}

// outcomes formats the outcomes of alerts, in order.
func outcomes(written []alert.Written) string {
	names := map[alert.Outcome]string{
		alert.Failed: "failed", alert.Created: "created", alert.Duplicate: "duplicate", alert.Replaced: "replaced", alert.Stale: "stale",
	}
	var out []string
	for _, w := range written {
		out = append(out, w.ID+"="+names[w.Outcome])
	}
	return strings.Join(out, " ")
}

func listed(t fataler, s alert.Reader, f alert.Filter) string {
	t.Helper()
	var out []string
	err := s.List(t.Context(), f, func(d alert.Document) (bool, error) {
		out = append(out, d.ID)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func TestCreate(t *testing.T) {
	tests := []struct {
		name  string
		calls [][]alert.Document
		want  string
		kept  string
	}{
		{"nothing", [][]alert.Document{nil}, "", ""},
		{"new", [][]alert.Document{{doc("b", 2, "r"), doc("a", 1, "r")}}, "b=created a=created", "a b"},
		{"again", [][]alert.Document{{doc("a", 1, "r")}, {doc("a", 2, "other"), doc("b", 2, "r")}}, "a=created a=duplicate b=created", "a b"},
		{"twice in one call", [][]alert.Document{{doc("a", 1, "r"), doc("a", 1, "r")}}, "a=created a=duplicate", "a"},
		{"one that is no JSON", [][]alert.Document{{doc("a", 1, "r"), doc("b", math.NaN(), "r"), doc("c", 3, "r")}}, "a=created b=failed c=created", "a c"},
		{"without an id", [][]alert.Document{{doc("", 1, "r"), doc("a", 1, "r")}}, "=failed a=created", "a"},
		{"id too long", [][]alert.Document{{doc(strings.Repeat("x", 513), 1, "r")}}, strings.Repeat("x", 513) + "=failed", ""},
		{"without a source", [][]alert.Document{{{ID: "a"}}}, "a=created", "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, s := range stores(t) {
				t.Run(name, func(t *testing.T) {
					var written []alert.Written
					for _, docs := range tt.calls {
						written = append(written, mustCreate(t, s, docs...)...)
					}
					if d := cmp.Diff(tt.want, outcomes(written)); d != "" {
						t.Error(d)
					}
					for _, w := range written {
						if (w.Err != nil) != (w.Outcome == alert.Failed) {
							t.Errorf("%s: outcome %d, error %v", w.ID, w.Outcome, w.Err)
						}
					}
					if d := cmp.Diff(tt.kept, listed(t, s, alert.Filter{})); d != "" {
						t.Error(d)
					}
				})
			}
		})
	}
}

// Stored documents come back equal, as decoded from JSON.
func TestDocumentsComeBack(t *testing.T) {
	in := alert.Document{ID: "a/<1>", Source: map[string]any{
		"@timestamp": time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), "big": int64(math.MaxInt64), "bigger": json.Number("123456789012345678901234567890"),
		"float": 1.5, "text": "<é&\n>", "list": []string{"a"}, "null": nil, "object": map[string]any{"a.b": true},
	}}
	want := alert.Document{ID: "a/<1>", Source: map[string]any{
		"@timestamp": "2026-01-02T03:04:05.000000006Z", "big": json.Number("9223372036854775807"), "bigger": json.Number("123456789012345678901234567890"),
		"float": json.Number("1.5"), "text": "<é&\n>", "list": []any{"a"}, "null": nil, "object": map[string]any{"a.b": true},
	}}
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			mustCreate(t, s, in)
			in.Source["later"] = "changes nothing"
			defer delete(in.Source, "later")
			got, err := s.Get(t.Context(), in.ID)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			err = s.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
				if d := cmp.Diff(want, d); d != "" {
					t.Error(d)
				}
				return true, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestGetUnknown(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			mustCreate(t, s, doc("a", 1, "r"))
			for _, id := range []string{"b", "", strings.Repeat("x", 100_000)} {
				if _, err := s.Get(t.Context(), id); !errors.Is(err, alert.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
}

func TestList(t *testing.T) {
	docs := []alert.Document{
		doc("none", nil, "r"), doc("later", "2026-01-02T00:00:00Z", "r"), doc("b", "2026-01-01T00:00:00Z", "r"), doc("a", "2026-01-01T01:00:00+01:00", "s"),
		doc("past", "1066-10-14T00:00:00Z", "s"), doc("far", "2999-01-01T00:00:00Z", "s"), doc("epoch", -1, "s"), doc("bad", "yesterday", "s"),
		doc("nanos", "2026-01-01T00:00:00.000000001Z", "r"), doc("time", time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC), "r"),
	}
	tests := []struct {
		name string
		f    alert.Filter
		want string
	}{
		{"all", alert.Filter{}, "past epoch a b nanos time later far bad none"},
		{"limit", alert.Filter{Limit: 3}, "past epoch a"},
		{"limit beyond", alert.Filter{Limit: 99}, "past epoch a b nanos time later far bad none"},
		{"rule", alert.Filter{RuleID: "r"}, "b nanos time later none"},
		{"rule and limit", alert.Filter{RuleID: "r", Limit: 2}, "b nanos"},
		{"other rule", alert.Filter{RuleID: "t"}, ""},
		{"newest", alert.Filter{Newest: true}, "none bad far later time nanos b a epoch past"},
		{"newest, limit", alert.Filter{Newest: true, Limit: 4}, "none bad far later"},
		{"since", alert.Filter{Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, "a b nanos time later far"},
		{"since, to the millisecond", alert.Filter{Since: time.Date(2026, 1, 1, 0, 0, 0, 999_999, time.UTC)}, "a b nanos time later far"},
		{"since, between", alert.Filter{Since: time.Date(2026, 1, 1, 0, 0, 1, 1_000_000, time.UTC)}, "later far"},
		{"since, newest", alert.Filter{Newest: true, Since: time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC)}, "far later time"},
		{"since, newest, rule", alert.Filter{Newest: true, RuleID: "r", Since: time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC)}, "later time"},
		{"since the future", alert.Filter{Newest: true, Since: time.Date(3026, 1, 1, 0, 0, 0, 0, time.UTC)}, ""},
	}
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			mustCreate(t, s, docs...)
			for _, tt := range tests {
				if d := cmp.Diff(tt.want, listed(t, s, tt.f)); d != "" {
					t.Errorf("%s: %s", tt.name, d)
				}
			}
		})
	}
}

// A store whose alerts had another order lists them in this one when it is opened to write.
func TestListOlderStore(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	mustCreate(t, db, doc("b", 2, "r"), doc("a", 1, "r"))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	dropOrder(t, dir)
	if _, err := store.OpenToRead(dir); err == nil {
		t.Error("a store that cannot be listed is opened to read")
	}
	if db, err = store.Open(dir); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if got := listed(t, db, alert.Filter{Newest: true}); got != "b a" {
		t.Errorf("listed %q", got)
	}
}

// dropOrder removes the order of the alerts, as if the store were older.
func dropOrder(t *testing.T, dir string) {
	t.Helper()
	b, err := bolt.Open(filepath.Join(dir, "tocsin.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Update(func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte("alerts.v2.order")) })
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
}

// More alerts than are read at once.
func TestListLong(t *testing.T) {
	var docs []alert.Document
	for i := range 1000 {
		docs = append(docs, doc(fmt.Sprintf("%04d", 999-i), 999-i, strconv.Itoa(i%2)))
	}
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			mustCreate(t, s, docs...)
			for _, tt := range []struct {
				f    alert.Filter
				want int
			}{{alert.Filter{}, 1000}, {alert.Filter{RuleID: "1"}, 500}, {alert.Filter{RuleID: "1", Limit: 300}, 300}, {alert.Filter{Limit: 256}, 256}} {
				got := strings.Fields(listed(t, s, tt.f))
				if len(got) != tt.want || !slices.IsSorted(got) {
					t.Errorf("%+v: %d alerts", tt.f, len(got))
				}
			}
		})
	}
}

func TestListVisit(t *testing.T) {
	stop := errors.New("stop")
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			mustCreate(t, s, doc("a", 1, "r"), doc("b", 2, "r"))
			for _, want := range []error{nil, stop} {
				calls := 0
				err := s.List(t.Context(), alert.Filter{}, func(alert.Document) (bool, error) {
					calls++
					mustCreate(t, s, doc("c", 3, "r")) // the store is not locked
					return false, want
				})
				if calls != 1 || !errors.Is(err, want) {
					t.Errorf("%d calls, %v", calls, err)
				}
			}
		})
	}
}

func TestAlertsCancelled(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			mustCreate(t, s, doc("a", 1, "r"))
			for _, err := range cancelledCalls(t, s) {
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}
			if got := listed(t, s, alert.Filter{}); got != "a" {
				t.Errorf("kept %s", got)
			}
		})
	}
}

// cancelledCalls makes every call with a context that has ended.
func cancelledCalls(t *testing.T, s alerts) []error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, createErr := s.Create(ctx, []alert.Document{doc("b", 1, "r")})
	_, getErr := s.Get(ctx, "a")
	listErr := s.List(ctx, alert.Filter{}, func(alert.Document) (bool, error) { return true, nil })
	return []error{createErr, getErr, listErr}
}

// However many writers create the same alerts at once, each is created once.
func TestConcurrentCreate(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			const writers, each = 8, 50
			created := make([]int, writers)
			var running sync.WaitGroup
			for w := range writers {
				running.Go(func() {
					for i := range each {
						written, err := s.Create(t.Context(), []alert.Document{doc(strconv.Itoa(i), i, "r"), doc(fmt.Sprint(w, "-", i), i, "r")})
						if err != nil {
							t.Error(err)
							return
						}
						for _, one := range written {
							if one.Outcome == alert.Created {
								created[w]++
							}
						}
						_ = listed(t, s, alert.Filter{Limit: 3})
					}
				})
			}
			running.Wait()
			total := 0
			for _, n := range created {
				total += n
			}
			if kept := len(strings.Fields(listed(t, s, alert.Filter{}))); total != each*(writers+1) || kept != total {
				t.Errorf("%d created, %d kept, want %d", total, kept, each*(writers+1))
			}
		})
	}
}

// Both stores give the same answers to any calls.
func TestStoresAgree(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		db, err := store.Open(fmt.Sprintf("%s/%d", dir, n))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		memory := store.NewMemory()
		for range rapid.IntRange(1, 4).Draw(t, "calls") {
			docs := rapid.SliceOfN(rapid.Custom(drawAlert), 0, 12).Draw(t, "docs")
			if d := cmp.Diff(outcomes(mustCreate(t, memory, docs...)), outcomes(mustCreate(t, db, docs...))); d != "" {
				t.Fatal(d)
			}
		}
		f := alert.Filter{RuleID: rapid.SampledFrom([]string{"", "r", "s"}).Draw(t, "rule"), Limit: rapid.IntRange(0, 5).Draw(t, "limit")}
		if d := cmp.Diff(listed(t, memory, f), listed(t, db, f)); d != "" {
			t.Fatal(d)
		}
	})
}

func drawAlert(t *rapid.T) alert.Document {
	at := rapid.SampledFrom([]any{nil, 1, 2, "2026-01-01T00:00:00Z", "x", math.Inf(1)}).Draw(t, "at")
	return doc(rapid.StringMatching(`[a-f]{0,2}`).Draw(t, "id"), at, rapid.SampledFrom([]string{"r", "s"}).Draw(t, "rule"))
}
