package store

import (
	"bytes"
	"context"

	bolt "go.etcd.io/bbolt"
)

var (
	// stateBucket holds the states of the service, under one key. It is created with the first.
	stateBucket = []byte("states.v1")
	stateKey    = []byte("states")
)

// States keeps the states of the service in the database.
type States struct{ db *DB }

// States returns the store of the states of the service.
func (db *DB) States() States { return States{db} }

// Update replaces the document by what change makes of it. The first document is nil. Of a change that returns nil, nothing is written.
func (s States) Update(ctx context.Context, change func(old []byte) ([]byte, error)) error {
	var old []byte
	err := s.db.bolt.View(func(tx *bolt.Tx) error {
		if b := tx.Bucket(stateBucket); b != nil {
			old = bytes.Clone(b.Get(stateKey))
		}
		return ctx.Err()
	})
	if err != nil {
		return s.error(ctx, "read the states of the service", err)
	}
	// This runner is the only one that writes the store, and it writes one document after another.
	data, err := change(old)
	if err != nil || data == nil {
		return err
	}
	err = s.db.bolt.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(stateBucket)
		if err != nil {
			return err //nolint:wrapcheck // wrapped below
		}
		return b.Put(stateKey, data) //nolint:wrapcheck // wrapped below
	})
	return s.error(ctx, "write the states of the service", err)
}

func (s States) error(ctx context.Context, op string, err error) error {
	return (&Ledger{s.db}).error(ctx, op, err)
}
