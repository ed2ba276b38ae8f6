package store

import (
	"bytes"
	"context"

	bolt "go.etcd.io/bbolt"

	"tocsin/internal/search/tables"
)

// tableBucket maps a name to a table. It is created with the first table.
var tableBucket = []byte("tables.v1")

// Tables keeps tables in the database.
type Tables struct{ db *DB }

var _ tables.Store = Tables{}

// Tables returns the database's tables.
func (db *DB) Tables() Tables { return Tables{db} }

// Read implements [tables.Store].
func (t Tables) Read(ctx context.Context, name string) (tables.Table, bool, error) {
	var data []byte
	err := t.db.bolt.View(func(tx *bolt.Tx) error {
		if b := tx.Bucket(tableBucket); b != nil {
			data = bytes.Clone(b.Get([]byte(name)))
		}
		return ctx.Err()
	})
	if err != nil || data == nil {
		return tables.Table{}, false, t.error(ctx, "read the table "+name, err)
	}
	table, err := tables.Decode(name, data)
	return table, err == nil, t.error(ctx, "read the table "+name, err)
}

// Write implements [tables.Store].
func (t Tables) Write(ctx context.Context, name string, change tables.Change) error {
	var refused error
	err := t.db.bolt.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(tableBucket)
		if err != nil {
			return err //nolint:wrapcheck // wrapped below
		}
		var old tables.Table
		data := b.Get([]byte(name))
		if data != nil {
			if old, err = tables.Decode(name, data); err != nil {
				return err //nolint:wrapcheck // the error names the table
			}
		}
		changed, err := change(old, data != nil)
		if err == nil {
			data, err = tables.Encode(name, changed)
		}
		if refused = err; err != nil {
			return err
		}
		return b.Put([]byte(name), data) //nolint:wrapcheck // wrapped below
	})
	if refused != nil {
		return refused
	}
	return t.error(ctx, "write the table "+name, err)
}

func (t Tables) error(ctx context.Context, op string, err error) error {
	return (&Ledger{t.db}).error(ctx, op, err)
}
