package store_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/search/tables"
)

func TestTables(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, found, err := db.Tables().Read(t.Context(), "t"); found || err != nil {
		t.Errorf("before anything was written: %v, %v", found, err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := db.Tables().Write(t.Context(), "t", func(old tables.Table, _ bool) (tables.Table, error) {
				return tables.Table{Columns: []string{"n"}, Rows: append(old.Rows, []string{fmt.Sprintf("%02d", i)})}, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	stop := errors.New("stop")
	if err := db.Tables().Write(t.Context(), "t", func(tables.Table, bool) (tables.Table, error) { return tables.Table{}, stop }); !errors.Is(err, stop) {
		t.Errorf("a change that fails: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = store.OpenToRead(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	table, found, err := db.Tables().Read(t.Context(), "t")
	if err != nil || !found || len(table.Rows) != 20 {
		t.Fatalf("%v, %v, %d rows", err, found, len(table.Rows))
	}
	slices.SortFunc(table.Rows, slices.Compare)
	if diff := cmp.Diff([]string{"00"}, table.Rows[0]); diff != "" {
		t.Error(diff)
	}
}
