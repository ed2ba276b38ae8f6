package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
)

// TestPrune: exactly the alerts all of whose times are old are gone, from listings, by id and by instance; and they can be
// made again, once.
func TestPrune(t *testing.T) {
	base := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		db, err := store.Open(filepath.Join(t.TempDir(), "s"))
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		hours := rapid.IntRange(-5, 5)
		before := base.Add(time.Duration(hours.Draw(rt, "before")) * time.Hour)
		var docs []alert.Document
		var kept, gone []string
		for i := range rapid.IntRange(0, 30).Draw(rt, "alerts") {
			doc := alert.Document{ID: fmt.Sprint("a", i), Source: map[string]any{"kibana.alert.rule.rule_id": "r"}}
			last := time.Time{}
			for j, field := range []string{"@timestamp", "kibana.alert.original_time", "kibana.alert.last_detected", "kibana.alert.suppression.end"} {
				if j > 0 && rapid.Bool().Draw(rt, field+" is missing") {
					continue
				}
				at := base.Add(time.Duration(hours.Draw(rt, field)) * time.Hour)
				doc.Source[field] = at.Format(time.RFC3339Nano)
				if at.After(last) {
					last = at
				}
			}
			if rapid.Bool().Draw(rt, "instance") {
				doc.Source["kibana.alert.instance.id"] = "i"
			}
			timeless := rapid.IntRange(0, 9).Draw(rt, "timeless") == 0
			if timeless {
				delete(doc.Source, "@timestamp")
			}
			docs = append(docs, doc)
			if timeless || !last.Before(before) {
				kept = append(kept, doc.ID)
			} else {
				gone = append(gone, doc.ID)
			}
		}
		create := func() (created int) {
			written, err := db.Create(t.Context(), docs)
			if err != nil {
				rt.Fatal(err)
			}
			for _, w := range written {
				if w.Outcome == alert.Created {
					created++
				}
			}
			return created
		}
		create()
		n, err := db.Prune(t.Context(), before)
		if err != nil || n != len(gone) {
			rt.Fatalf("%d were deleted, want %d: %v", n, len(gone), err)
		}
		var listed, found []string
		see := func(into *[]string) func(alert.Document) (bool, error) {
			return func(d alert.Document) (bool, error) { *into = append(*into, d.ID); return true, nil }
		}
		if err := db.List(t.Context(), alert.Filter{}, see(&listed)); err != nil {
			rt.Fatal(err)
		}
		if err := db.Find(t.Context(), alert.InstanceQuery{Instances: []string{"i"}}, see(&found)); err != nil {
			rt.Fatal(err)
		}
		slices.Sort(listed)
		slices.Sort(kept)
		if diff := gocmp.Diff(kept, listed); diff != "" {
			rt.Errorf("kept (-want +got):\n%s", diff)
		}
		for _, id := range found {
			if !slices.Contains(kept, id) {
				rt.Errorf("%s is found by its instance, and is gone", id)
			}
		}
		if n := create(); n != len(gone) {
			rt.Errorf("%d alerts were made again, want %d", n, len(gone))
		}
		if n := create(); n != 0 {
			rt.Errorf("%d alerts were made twice", n)
		}
	})
}

// TestPruneBoundsFile: as long as old alerts are deleted, the file stops growing.
func TestPruneBoundsFile(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, dir)
	base := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	var sizes []int64
	for day := range 30 {
		at := base.Add(time.Duration(day) * 24 * time.Hour)
		docs := make([]alert.Document, 600)
		for i := range docs {
			docs[i] = alert.Document{ID: fmt.Sprintf("%x-%d", i*7919%600, day), Source: map[string]any{"@timestamp": at.Format(time.RFC3339), "text": fmt.Sprintf("%0200d", i)}}
		}
		if _, err := db.Create(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Prune(t.Context(), at.Add(-3*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, "tocsin.db"))
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size())
	}
	if early, late := sizes[9], sizes[29]; late > early+early/4 {
		t.Errorf("the file grows from %d to %d bytes in 20 days: %v", early, late, sizes)
	}
}
