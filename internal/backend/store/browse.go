package store

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"

	"tocsin/internal/alert"
)

// GetAll returns the alerts with these ids.
func (db *DB) GetAll(ctx context.Context, ids []string) (map[string]alert.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	err := db.bolt.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(alertBucket)
		for _, id := range ids {
			if text := b.Get([]byte(id)); text != nil {
				texts[id] = bytes.Clone(text)
			}
		}
		return nil
	})
	if err != nil {
		return nil, databaseError("read alerts from "+db.path, err)
	}
	return documents(texts)
}

// GetAll returns the alerts with these ids.
func (m *Memory) GetAll(ctx context.Context, ids []string) (map[string]alert.Document, error) {
	m.mu.RLock()
	texts := map[string][]byte{}
	for _, id := range ids {
		if r, found := m.byID[id]; found {
			texts[id] = r.source
		}
	}
	m.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return documents(texts)
}

func documents(texts map[string][]byte) (map[string]alert.Document, error) {
	found := make(map[string]alert.Document, len(texts))
	for id, text := range texts {
		doc, err := document(id, text)
		if err != nil {
			return nil, err
		}
		doc.Revision = revision(text)
		found[id] = doc
	}
	return found, nil
}

// Prefixed returns the ids that begin with a prefix.
func (db *DB) Prefixed(ctx context.Context, prefix string, limit int) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var ids []string
	err := db.bolt.View(func(tx *bolt.Tx) error {
		cursor := tx.Bucket(alertBucket).Cursor()
		for id, _ := cursor.Seek([]byte(prefix)); bytes.HasPrefix(id, []byte(prefix)) && id != nil && len(ids) < limit; id, _ = cursor.Next() {
			ids = append(ids, string(id))
		}
		return nil
	})
	if err != nil {
		return nil, databaseError("find alerts in "+db.path, err)
	}
	return ids, nil
}

// Prefixed returns the ids that begin with a prefix.
func (m *Memory) Prefixed(ctx context.Context, prefix string, limit int) ([]string, error) {
	m.mu.RLock()
	ids := slices.Sorted(maps.Keys(m.byID))
	m.mu.RUnlock()
	ids = slices.DeleteFunc(ids, func(id string) bool { return !strings.HasPrefix(id, prefix) })
	return ids[:min(limit, len(ids))], ctx.Err()
}

// CountByRule counts the alerts of each rule.
func (db *DB) CountByRule(ctx context.Context, f alert.Filter) ([]alert.RuleCount, error) {
	return alert.CountByRule(ctx, db, f)
}

// CountByRule counts the alerts of each rule.
func (m *Memory) CountByRule(ctx context.Context, f alert.Filter) ([]alert.RuleCount, error) {
	return alert.CountByRule(ctx, m, f)
}
