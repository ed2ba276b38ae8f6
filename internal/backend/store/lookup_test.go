package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
)

// TestExisting: it returns exactly the ids that have an alert.
func TestExisting(t *testing.T) {
	db, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for name, s := range map[string]interface {
		alert.Indexer
		alert.Lookup
	}{"memory": store.NewMemory(), "disk": db} {
		t.Run(name, func(t *testing.T) {
			docs := []alert.Document{{ID: "a", Source: map[string]any{"x": 1}}, {ID: "b", Source: map[string]any{"x": 2}}}
			if _, err := s.Create(t.Context(), docs); err != nil {
				t.Fatal(err)
			}
			got, err := s.Existing(t.Context(), []string{"b", "c", "a", "b"})
			if diff := cmp.Diff(map[string]*alert.Source{"a": nil, "b": nil}, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
			if got, err := s.Existing(t.Context(), nil); err != nil || len(got) > 0 {
				t.Error(got, err)
			}
		})
	}
}
