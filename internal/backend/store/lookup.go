package store

import (
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"tocsin/internal/alert"
)

var (
	_ alert.Lookup = (*DB)(nil)
	_ alert.Lookup = (*Memory)(nil)
)

// Existing returns the ids for which there is an alert.
func (db *DB) Existing(ctx context.Context, ids []string) (map[string]*alert.Source, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := map[string]*alert.Source{}
	err := db.bolt.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(alertBucket)
		for _, id := range ids {
			text := b.Get([]byte(id))
			if text == nil {
				continue
			}
			of, err := alert.ReadSource(text)
			if err != nil {
				return fmt.Errorf("alert %s: %w", id, err)
			}
			found[id] = of
		}
		return nil
	})
	if err != nil {
		return nil, databaseError("look alerts up in "+db.path, err)
	}
	return found, nil
}

// Existing returns the ids for which there is an alert.
func (m *Memory) Existing(ctx context.Context, ids []string) (map[string]*alert.Source, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	found := map[string]*alert.Source{}
	for _, id := range ids {
		r, there := m.byID[id]
		if !there {
			continue
		}
		of, err := alert.ReadSource(r.source)
		if err != nil {
			return nil, fmt.Errorf("alert %s: %w", id, err)
		}
		found[id] = of
	}
	return found, ctx.Err()
}
