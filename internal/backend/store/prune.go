package store

import (
	"bytes"
	"context"
	"time"

	bolt "go.etcd.io/bbolt"

	"tocsin/internal/alert"
	"tocsin/internal/search"
)

// pruneBatch is the number of alerts that one transaction looks at: other writers wait for it.
const pruneBatch = 500

// lastingFields are the times of an alert, besides its own, until which it is in use.
var lastingFields = []string{originalTimeField, "kibana.alert.last_detected", "kibana.alert.suppression.end"}

// Prune deletes the alerts all of whose times are before a time, and returns their number. An alert without a time of its
// own, or one that cannot be read, stays. The file does not shrink: new alerts use the room.
func (db *DB) Prune(ctx context.Context, before time.Time) (int, error) {
	below := appendTime(nil, before.UTC().Format(time.RFC3339Nano))
	n := 0
	for after := []byte(nil); ; {
		looked := 0
		err := db.bolt.Update(func(tx *bolt.Tx) error {
			cursor := tx.Bucket(orderBucket).Cursor()
			var gone []record
			for k, _ := cursor.Seek(after); k != nil && bytes.Compare(k, below) < 0 && looked < pruneBatch; k, _ = cursor.Next() {
				if bytes.Equal(k, after) {
					continue
				}
				looked++
				if r, over := expired(tx, k, before); over {
					gone = append(gone, r)
				}
				after = bytes.Clone(k)
			}
			n += len(gone)
			return forget(tx, gone)
		})
		if err != nil {
			return 0, databaseError("delete old alerts of "+db.path, err)
		}
		if looked < pruneBatch {
			return n, nil
		}
		if err := ctx.Err(); err != nil {
			return n, err
		}
	}
}

// expired returns the alert with an order, and whether all of its times are before a time.
func expired(tx *bolt.Tx, order []byte, before time.Time) (record, bool) {
	id := string(idOf(order))
	source, err := decode(tx.Bucket(alertBucket).Get([]byte(id)))
	if err != nil || alert.TimeOf(source, search.DefaultTimestamp).IsZero() {
		return record{}, false
	}
	for _, field := range lastingFields {
		if !alert.TimeOf(source, field).Before(before) {
			return record{}, false
		}
	}
	r := newKept(id, source, nil)
	r.order = bytes.Clone(order)
	return r, true
}

// forget deletes alerts and their index entries.
func forget(tx *bolt.Tx, gone []record) error {
	for _, r := range gone {
		if err := tx.Bucket(alertBucket).Delete([]byte(r.id)); err != nil {
			return err
		}
		if err := tx.Bucket(orderBucket).Delete(r.order); err != nil {
			return err
		}
		if r.instance == "" {
			continue
		}
		if err := tx.Bucket(instanceBucket).Delete(placeOf(r)); err != nil {
			return err
		}
	}
	return nil
}
