package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"tocsin/internal/alert"
)

// placeOf returns the key of an alert among the alerts of its instance: a hash of the instance,
// then the order.
func placeOf(r record) []byte {
	instance := sha256.Sum256([]byte(r.instance))
	return append(instance[:], r.order...)
}

// revision returns a hash of the alert's content: equal contents have equal revisions.
func revision(source []byte) string {
	sum := sha256.Sum256(source)
	return hex.EncodeToString(sum[:])
}

// find runs a query over any store that returns the records of one instance. One instance is held
// at a time, and the store is not locked while visit runs.
func find(
	ctx context.Context, q alert.InstanceQuery, of func(instance string) ([]record, error), visit func(alert.Document) (bool, error),
) error {
	since, bounded := q.Limit()
	for _, instance := range slices.Compact(slices.Sorted(slices.Values(q.Instances))) {
		if err := ctx.Err(); err != nil {
			return err
		}
		records, err := of(instance)
		if err != nil {
			return err
		}
		slices.SortFunc(records, func(a, b record) int { return bytes.Compare(a.order, b.order) })
		if q.Newest {
			slices.Reverse(records)
		}
		for _, r := range records {
			if q.RuleID != "" && q.RuleID != r.rule {
				continue
			}
			doc, err := document(r.id, r.source)
			if err != nil {
				return err
			}
			if _, last := alert.Span(doc.Source); bounded && last.Before(since) {
				continue
			}
			doc.Revision = revision(r.source)
			if more, err := visit(doc); err != nil || !more {
				return err
			}
		}
	}
	return nil
}

// toUpdate returns the outcomes of an update before it is tried: alerts that were not read cannot be changed.
func toUpdate(docs []alert.Document) []alert.Written {
	written := make([]alert.Written, len(docs))
	for i, doc := range docs {
		written[i].ID = doc.ID
		if doc.Revision == "" {
			written[i].Err = fmt.Errorf("alert %s: %w", doc.ID, errors.New("it was not read for an update"))
		}
	}
	return written
}

// updated returns a stored alert with the fields of an update; false if it has another revision.
func updated(have []byte, doc alert.Document) (record, bool, error) {
	if have == nil || revision(have) != doc.Revision {
		return record{}, false, nil
	}
	now, err := document(doc.ID, have)
	if err != nil {
		return record{}, false, err
	}
	now.Set = doc.Set
	r, err := newRecord(alert.Document{ID: doc.ID, Source: now.Changed()})
	return r, err == nil, err
}

// Find visits alerts by instance, one instance after the other.
func (db *DB) Find(ctx context.Context, q alert.InstanceQuery, visit func(alert.Document) (bool, error)) error {
	return find(ctx, q, func(instance string) ([]record, error) {
		var records []record
		err := db.bolt.View(func(tx *bolt.Tx) error {
			var err error
			records, err = instanceOf(tx, instance)
			return err
		})
		if err != nil {
			err = databaseError("find alerts in "+db.path, err)
		}
		return records, err
	}, visit)
}

// instanceOf reads the alerts of one instance. The result remains valid after the transaction.
func instanceOf(tx *bolt.Tx, instance string) ([]record, error) {
	var out []record
	alerts := tx.Bucket(alertBucket)
	add := func(id []byte) error {
		source := bytes.Clone(alerts.Get(id))
		if source == nil {
			return nil
		}
		r, err := keptRecord(string(id), source)
		out = append(out, r)
		return err
	}
	if len(instance) <= maxID && instance != "" {
		if err := add([]byte(instance)); err != nil {
			return nil, err
		}
		// An alert with this id may have another instance.
		out = slices.DeleteFunc(out, func(r record) bool { return r.instance != "" })
	}
	prefix := sha256.Sum256([]byte(instance))
	cursor := tx.Bucket(instanceBucket).Cursor()
	for k, _ := cursor.Seek(prefix[:]); bytes.HasPrefix(k, prefix[:]); k, _ = cursor.Next() {
		if err := add(idOf(k[len(prefix):])); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// keptRecord returns the record of a stored alert.
func keptRecord(id string, text []byte) (record, error) {
	source, err := decode(text)
	if err != nil {
		return record{}, fmt.Errorf("read alert %s: %w", id, err)
	}
	return newKept(id, source, text), nil
}

// Update changes alerts in one transaction.
func (db *DB) Update(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	written := toUpdate(docs)
	return db.change(ctx, "update alerts in ", written, func(tx *bolt.Tx, i int) (alert.Outcome, error) {
		return update(tx, docs[i])
	})
}

func update(tx *bolt.Tx, doc alert.Document) (alert.Outcome, error) {
	have := bytes.Clone(tx.Bucket(alertBucket).Get([]byte(doc.ID)))
	r, same, err := updated(have, doc)
	if err != nil {
		return alert.Failed, err
	}
	if !same {
		return alert.Stale, nil
	}
	old, err := keptRecord(r.id, have)
	if err != nil {
		return alert.Failed, err
	}
	if err := tx.Bucket(orderBucket).Delete(old.order); err != nil {
		return alert.Failed, err
	}
	if old.instance != "" {
		if err := tx.Bucket(instanceBucket).Delete(placeOf(old)); err != nil {
			return alert.Failed, err
		}
	}
	return alert.Replaced, put(tx, r)
}

// Find visits alerts as [DB.Find] does.
func (m *Memory) Find(ctx context.Context, q alert.InstanceQuery, visit func(alert.Document) (bool, error)) error {
	return find(ctx, q, func(instance string) ([]record, error) {
		m.mu.RLock()
		defer m.mu.RUnlock()
		var out []record
		if r, found := m.byID[instance]; found && r.instance == "" {
			out = append(out, r)
		}
		for _, id := range m.instances[instance] {
			out = append(out, m.byID[id])
		}
		return out, nil
	}, visit)
}

// Update changes alerts as [DB.Update] does.
func (m *Memory) Update(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	written := toUpdate(docs)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, doc := range docs {
		if written[i].Err != nil {
			continue
		}
		old := m.byID[doc.ID]
		r, same, err := updated(old.source, doc)
		switch {
		case err != nil:
			written[i].Err = err
		case !same:
			written[i].Outcome = alert.Stale
		default:
			m.remove(old)
			m.put(r)
			written[i].Outcome = alert.Replaced
		}
	}
	return written, nil
}

// remove removes an alert and its index entries.
func (m *Memory) remove(r record) {
	delete(m.byID, r.id)
	if at, found := m.place(r.order); found {
		m.order = slices.Delete(m.order, at, at+1)
	}
	m.instances[r.instance] = slices.DeleteFunc(m.instances[r.instance], func(id string) bool { return id == r.id })
}
