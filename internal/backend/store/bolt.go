package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"tocsin/internal/alert"
	"tocsin/internal/diag/failure"
)

// databaseFile is the file name of the database in its directory, riskFile of the risk events'
// database.
const (
	databaseFile = "tocsin.db"
	riskFile     = "tocsin-risk.db"
)

// lockTimeout is how long to wait for another process.
const lockTimeout = time.Second

// The buckets. Their names end with a number, so that a later layout can exist beside an older one.
var (
	// alertBucket maps an alert's id to its source.
	alertBucket = []byte("alerts.v1")
	// orderBucket maps an alert's order to its rule; see orderOf.
	orderBucket = []byte("alerts.v2.order")
	// instanceBucket holds keys of an alert's instance and order; see placeOf. Alerts that are
	// their own instance, such as all alerts of older versions, are found by their id.
	instanceBucket = []byte("alerts.v2.instance")
)

// DB is a local database of alerts: [alert.Indexer], [alert.Reader] and [alert.Instances]. It is
// safe for concurrent use within one process; only one process can have it open.
//
// An alert is returned as the JSON that was written: numbers are json.Number with their original
// text, so that large integers survive, and Index is empty. A call of Create is one transaction: it
// is on disk when the call returns.
type DB struct {
	bolt *database
	path string
}

var (
	_ alert.Indexer   = (*DB)(nil)
	_ alert.Reader    = (*DB)(nil)
	_ alert.Instances = (*DB)(nil)
	_ alert.Browser   = (*DB)(nil)
)

// Open opens the database in a directory; both are created when missing. If another process has it
// open, the failure is of kind Unavailable, after a second. A directory that cannot be written and
// a file that is not a database are of kind Refused.
func Open(dir string) (*DB, error) { return open(dir, databaseFile) }

// OpenRisk is [Open] for the risk events of a directory, which have their own database.
func OpenRisk(dir string) (*DB, error) { return open(dir, riskFile) }

// OpenToRead is [Open] for reading only, which also works on a read-only disk. Nothing is created:
// a missing database is [fs.ErrNotExist].
func OpenToRead(dir string) (*DB, error) { return openToRead(dir, databaseFile) }

// OpenRiskToRead is [OpenToRead] for the risk events.
func OpenRiskToRead(dir string) (*DB, error) { return openToRead(dir, riskFile) }

// buckets are all buckets of a database.
var buckets = [][]byte{alertBucket, orderBucket, instanceBucket, headBucket, pageBucket}

func open(dir, name string) (*DB, error) {
	path := filepath.Join(dir, name)
	op := "open store " + path
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, openError(op, err)
	}
	b, err := openDatabase(path, false)
	if err != nil {
		return nil, openError(op, err)
	}
	err = b.Update(func(tx *bolt.Tx) error {
		older := tx.Bucket(alertBucket) != nil && tx.Bucket(orderBucket) == nil
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		if older {
			return reindex(tx)
		}
		return nil
	})
	if err != nil {
		return nil, openError(op, errors.Join(err, b.Close()))
	}
	return &DB{bolt: b, path: path}, nil
}

func openToRead(dir, name string) (*DB, error) {
	path := filepath.Join(dir, name)
	op := "open store " + path
	b, err := openDatabase(path, true)
	if err != nil {
		return nil, openError(op, err)
	}
	err = b.View(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if tx.Bucket(name) == nil {
				return fmt.Errorf("%w (it has no %s)", errForeign, name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, openError(op, errors.Join(err, b.Close()))
	}
	return &DB{bolt: b, path: path}, nil
}

// openError rephrases an error of the library, and says what to do.
func openError(op string, err error) error {
	e := &failure.Error{Kind: failure.Unavailable, Op: op, Err: err}
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		e.Reason, e.Err = "another process has it open", nil
	case errors.Is(err, syscall.ENOSPC): // may be available later
	case errors.Is(err, errDamaged), errors.Is(err, errForeign), errors.As(err, new(*fs.PathError)):
		e.Kind = failure.Refused
	}
	return e
}

// Close closes the database and releases its lock.
func (db *DB) Close() error {
	if err := db.bolt.Close(); err != nil {
		return databaseError("close store "+db.path, err)
	}
	return nil
}

// Create writes the alerts that are new in one transaction. An alert that cannot be encoded is
// Failed and does not affect the others.
func (db *DB) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	records, written := newRecords(docs)
	return db.change(ctx, "write alerts to ", written, func(tx *bolt.Tx, i int) (alert.Outcome, error) {
		met := tx.Bucket(alertBucket).Get([]byte(records[i].id))
		if met == nil {
			return alert.Created, put(tx, records[i])
		}
		return duplicate(&written[i], met), nil
	})
}

// change applies a func to each alert that has not failed, in one transaction.
func (db *DB) change(
	ctx context.Context, op string, written []alert.Written, do func(tx *bolt.Tx, i int) (alert.Outcome, error),
) ([]alert.Written, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(written) == 0 {
		return written, nil
	}
	err := db.bolt.Update(func(tx *bolt.Tx) error {
		for i := range written {
			if written[i].Err != nil {
				continue
			}
			outcome, err := do(tx, i)
			if err != nil {
				return err
			}
			written[i].Outcome = outcome
		}
		return nil
	})
	if err != nil {
		return nil, databaseError(op+db.path, err)
	}
	return written, nil
}

// newRecords encodes alerts; written says which failed.
func newRecords(docs []alert.Document) ([]record, []alert.Written) {
	records, written := make([]record, len(docs)), make([]alert.Written, len(docs))
	for i, doc := range docs {
		written[i].ID = doc.ID
		records[i], written[i].Err = newRecord(doc)
	}
	return records, written
}

// duplicate records that an alert exists, and its source.
func duplicate(w *alert.Written, met []byte) alert.Outcome {
	if w.Met, w.Err = alert.ReadSource(met); w.Err != nil {
		w.Err = fmt.Errorf("alert %s exists but cannot be read: %w", w.ID, w.Err)
		return alert.Failed
	}
	return alert.Duplicate
}

// put writes an alert and its index entries.
func put(tx *bolt.Tx, r record) error {
	if err := tx.Bucket(alertBucket).Put([]byte(r.id), r.source); err != nil {
		return err
	}
	return enter(tx, r)
}

// enter writes the index entries of an alert.
func enter(tx *bolt.Tx, r record) error {
	if err := tx.Bucket(orderBucket).Put(r.order, []byte(r.rule)); err != nil || r.instance == "" {
		return err
	}
	return tx.Bucket(instanceBucket).Put(placeOf(r), nil)
}

// reindex writes the index entries of all alerts of a store with another order.
func reindex(tx *bolt.Tx) error {
	return tx.Bucket(alertBucket).ForEach(func(id, text []byte) error {
		source, err := decode(text)
		if err != nil {
			source = nil // listings report it
		}
		return enter(tx, newKept(string(id), source, nil))
	})
}

// Get returns one alert.
func (db *DB) Get(ctx context.Context, id string) (alert.Document, error) {
	if err := ctx.Err(); err != nil {
		return alert.Document{}, err
	}
	var source []byte
	err := db.bolt.View(func(tx *bolt.Tx) error {
		source = bytes.Clone(tx.Bucket(alertBucket).Get([]byte(id)))
		return nil
	})
	switch {
	case err != nil:
		return alert.Document{}, databaseError("read alert from "+db.path, err)
	case source == nil:
		return alert.Document{}, fmt.Errorf("alert %s: %w", id, alert.ErrNotFound)
	}
	return document(id, source)
}

// List visits alerts in the order of [alert.Reader]; alerts without a time come last, or first with Newest. It holds
// a few hundred at a time and no lock while visit runs: visit may call Create.
func (db *DB) List(ctx context.Context, f alert.Filter, visit func(alert.Document) (bool, error)) error {
	return list(f, func(s stretch, after []byte, n int) ([]entry, error) {
		var entries []entry
		err := db.bolt.View(func(tx *bolt.Tx) error {
			entries = next(ctx, tx, s, after, n)
			return ctx.Err()
		})
		if err != nil && ctx.Err() == nil {
			err = databaseError("list alerts of "+db.path, err)
		}
		return entries, err
	}, visit)
}

// next reads up to n alerts of a stretch after an order. The result remains valid after the transaction.
func next(ctx context.Context, tx *bolt.Tx, s stretch, after []byte, n int) []entry {
	var out []entry
	alerts, cursor := tx.Bucket(alertBucket), tx.Bucket(orderBucket).Cursor()
	k, v := begin(cursor, s, after)
	step := cursor.Next
	if s.newest {
		step = cursor.Prev
	}
	for ; k != nil && len(out) < n && ctx.Err() == nil && s.has(k); k, v = step() {
		if s.rule != "" && s.rule != string(v) {
			continue
		}
		id := idOf(k)
		out = append(out, entry{string(id), bytes.Clone(k), bytes.Clone(alerts.Get(id))})
	}
	return out
}

// begin moves a cursor to the first alert of a stretch after an order.
func begin(cursor *bolt.Cursor, s stretch, after []byte) (k, v []byte) {
	if !s.newest {
		if after == nil {
			return cursor.Seek(s.from)
		}
		if k, v = cursor.Seek(after); bytes.Equal(k, after) {
			return cursor.Next()
		}
		return k, v
	}
	if after == nil {
		after = s.below
	}
	if after == nil {
		return cursor.Last()
	}
	if k, _ = cursor.Seek(after); k == nil {
		return cursor.Last()
	}
	return cursor.Prev()
}
