package store_test

import (
	"testing"
	"time"

	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/ledger/storetest"
)

func TestLedger(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Run(t, db.Ledger())
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = store.Open(dir); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	heads, err := db.Ledger().Heads(t.Context(), nil)
	if err != nil || len(heads) != 3 {
		t.Error("after a restart:", heads, err)
	}
	day := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	pages, err := db.Ledger().Pages(t.Context(), []string{"p"}, day, day)
	if err != nil || len(pages) != 1 || pages[0].Entries[1].Status != ledger.Failed {
		t.Error("after a restart:", pages, err)
	}
}
