package store_test

import (
	"testing"

	"tocsin/internal/backend/store"
	"tocsin/internal/notify"
	"tocsin/internal/notify/storetest"
)

func TestOutbox(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if stats, err := db.Outbox().Stats(t.Context()); err != nil || len(stats) > 0 {
		t.Error("before the first:", stats, err)
	}
	storetest.Run(t, db.Outbox(), 20)
	e := &notify.Entry{ID: "last", Route: "last", Status: notify.Dead}
	if _, err := db.Outbox().Create(t.Context(), []*notify.Entry{e}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	read, err := store.OpenToRead(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = read.Close() }()
	if found, err := read.Outbox().Find(t.Context(), notify.Query{Route: "last"}); err != nil || len(found) != 1 {
		t.Error("after a restart:", found, err)
	}
}
