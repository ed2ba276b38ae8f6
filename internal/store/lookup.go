package store

import (
	"context"

	bolt "go.etcd.io/bbolt"

	"tocsin/internal/alert"
)

var (
	_ alert.Lookup = (*DB)(nil)
	_ alert.Lookup = (*Memory)(nil)
)

// Existing tells of which ids there is an alert.
func (db *DB) Existing(ctx context.Context, ids []string) (map[string]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := map[string]bool{}
	err := db.bolt.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(alertBucket)
		for _, id := range ids {
			if b.Get([]byte(id)) != nil {
				found[id] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, databaseError("look alerts up in "+db.path, err)
	}
	return found, nil
}

// Existing tells of which ids there is an alert.
func (m *Memory) Existing(ctx context.Context, ids []string) (map[string]bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	found := map[string]bool{}
	for _, id := range ids {
		if _, there := m.byID[id]; there {
			found[id] = true
		}
	}
	return found, ctx.Err()
}
