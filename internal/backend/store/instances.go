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

// replacements encodes alerts that replace others.
func replacements(docs []alert.Document) ([]record, []alert.Written) {
	records, written := newRecords(docs)
	for i, doc := range docs {
		if written[i].Err == nil && doc.Revision == "" {
			written[i].Err = fmt.Errorf("alert %s: %w", doc.ID, errors.New("it was not read for an update"))
		}
	}
	return records, written
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

// Replace changes alerts in one transaction.
func (db *DB) Replace(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	records, written := replacements(docs)
	return db.change(ctx, "replace alerts in ", records, written, func(tx *bolt.Tx, i int) (alert.Outcome, error) {
		return replace(tx, records[i], docs[i].Revision)
	})
}

func replace(tx *bolt.Tx, r record, read string) (alert.Outcome, error) {
	have := bytes.Clone(tx.Bucket(alertBucket).Get([]byte(r.id)))
	if have == nil || revision(have) != read {
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

// Replace changes alerts as [DB.Replace] does.
func (m *Memory) Replace(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	records, written := replacements(docs)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range records {
		if written[i].Err != nil {
			continue
		}
		old, found := m.byID[r.id]
		if !found || revision(old.source) != docs[i].Revision {
			written[i].Outcome = alert.Stale
			continue
		}
		m.remove(old)
		m.put(r)
		written[i].Outcome = alert.Replaced
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
