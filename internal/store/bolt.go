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
	"tocsin/internal/failure"
)

// databaseFile is the name of the database in its directory, riskFile that of the risk events'.
const (
	databaseFile = "tocsin.db"
	riskFile     = "tocsin-risk.db"
)

// lockTimeout is how long another process is waited for.
const lockTimeout = time.Second

// The buckets. A number ends their name, so that a later layout can stand beside an older one.
var (
	// alertBucket has an alert's source under its id.
	alertBucket = []byte("alerts.v1")
	// orderBucket has an alert's rule under its order; see orderOf.
	orderBucket = []byte("alerts.v1.order")
	// instanceBucket has nothing under an alert's instance and order; see placeOf. Alerts that are
	// their own instance, as all are that older versions wrote, are found by their id.
	instanceBucket = []byte("alerts.v1.instance")
)

// DB is a local database of alerts: [alert.Indexer], [alert.Reader] and [alert.Instances]. It is safe for concurrent
// use within one process; only one process can have it open.
//
// An alert comes back as the JSON it was written as: numbers are json.Number with the text they
// were given, so that large integers survive, and Index is empty. A call of Create is one
// transaction: it is on disk when the call returns.
type DB struct {
	bolt *database
	path string
}

var (
	_ alert.Indexer   = (*DB)(nil)
	_ alert.Reader    = (*DB)(nil)
	_ alert.Instances = (*DB)(nil)
)

// Open opens the database in a directory; both are created when missing. When another process has
// it open, the failure is of kind Unavailable, after a second; a directory that cannot be written
// and a file that is no database are of kind Refused.
func Open(dir string) (*DB, error) { return open(dir, databaseFile) }

// OpenRisk is [Open] for the risk events of a directory, which are in a database of their own.
func OpenRisk(dir string) (*DB, error) { return open(dir, riskFile) }

// OpenToRead is [Open] for somebody who only reads, which a disk that cannot be written allows. Nothing is
// created: a database that is not there is [fs.ErrNotExist].
func OpenToRead(dir string) (*DB, error) { return openToRead(dir, databaseFile) }

// OpenRiskToRead is [OpenToRead] for the risk events.
func OpenRiskToRead(dir string) (*DB, error) { return openToRead(dir, riskFile) }

// buckets are all that a database has.
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
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
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
				return bolterrors.ErrInvalid
			}
		}
		return nil
	})
	if err != nil {
		return nil, openError(op, errors.Join(err, b.Close()))
	}
	return &DB{bolt: b, path: path}, nil
}

// openError says in plain words what the library means, and who has to do something.
func openError(op string, err error) error {
	e := &failure.Error{Kind: failure.Unavailable, Op: op, Err: err}
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		e.Reason, e.Err = "another process has it open", nil
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch),
		errors.Is(err, bolterrors.ErrChecksum):
		e.Kind, e.Reason = failure.Refused, "the file is not a database of Tocsin"
	case errors.Is(err, syscall.ENOSPC): // may be had later
	case errors.Is(err, errDamaged), errors.As(err, new(*fs.PathError)):
		e.Kind = failure.Refused
	}
	return e
}

// Close closes the database and gives up its lock.
func (db *DB) Close() error {
	if err := db.bolt.Close(); err != nil {
		return databaseError("close store "+db.path, err)
	}
	return nil
}

// Create writes the alerts that are new in one transaction. An alert that cannot be encoded is
// Failed and leaves the others alone.
func (db *DB) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	records, written := newRecords(docs)
	return db.change(ctx, "write alerts to ", records, written, func(tx *bolt.Tx, i int) (alert.Outcome, error) {
		met := tx.Bucket(alertBucket).Get([]byte(records[i].id))
		if met == nil {
			return alert.Created, put(tx, records[i])
		}
		return duplicate(&written[i], met), nil
	})
}

// change does something for each record that has not failed, in one transaction.
func (db *DB) change(
	ctx context.Context, op string, records []record, written []alert.Written, do func(tx *bolt.Tx, i int) (alert.Outcome, error),
) ([]alert.Written, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return written, nil
	}
	err := db.bolt.Update(func(tx *bolt.Tx) error {
		for i := range records {
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

// newRecords encodes alerts; written has those that failed.
func newRecords(docs []alert.Document) ([]record, []alert.Written) {
	records, written := make([]record, len(docs)), make([]alert.Written, len(docs))
	for i, doc := range docs {
		written[i].ID = doc.ID
		records[i], written[i].Err = newRecord(doc)
	}
	return records, written
}

// duplicate notes that an alert is there, and what it was made of.
func duplicate(w *alert.Written, met []byte) alert.Outcome {
	if w.Met, w.Err = alert.ReadSource(met); w.Err != nil {
		w.Err = fmt.Errorf("alert %s is there and cannot be read: %w", w.ID, w.Err)
		return alert.Failed
	}
	return alert.Duplicate
}

// put writes an alert and the ways to it.
func put(tx *bolt.Tx, r record) error {
	if err := tx.Bucket(alertBucket).Put([]byte(r.id), r.source); err != nil {
		return err
	}
	if err := tx.Bucket(orderBucket).Put(r.order, []byte(r.rule)); err != nil || r.instance == "" {
		return err
	}
	return tx.Bucket(instanceBucket).Put(placeOf(r), nil)
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

// List hands out alerts in order of their @timestamp and id; those without a time come last. It
// holds a few hundred at a time and no lock while visit runs: visit may call Create.
func (db *DB) List(ctx context.Context, f alert.Filter, visit func(alert.Document) (bool, error)) error {
	return list(f, func(after []byte, n int) ([]entry, error) {
		var entries []entry
		err := db.bolt.View(func(tx *bolt.Tx) error {
			entries = next(ctx, tx, f.RuleID, after, n)
			return ctx.Err()
		})
		if err != nil && ctx.Err() == nil {
			err = databaseError("list alerts of "+db.path, err)
		}
		return entries, err
	}, visit)
}

// next reads up to n alerts behind an order. What it returns outlives the transaction.
func next(ctx context.Context, tx *bolt.Tx, rule string, after []byte, n int) []entry {
	var out []entry
	alerts, cursor := tx.Bucket(alertBucket), tx.Bucket(orderBucket).Cursor()
	k, v := cursor.Seek(after)
	if after != nil && bytes.Equal(k, after) {
		k, v = cursor.Next()
	}
	for ; k != nil && len(out) < n && ctx.Err() == nil; k, v = cursor.Next() {
		if rule != "" && rule != string(v) {
			continue
		}
		id := idOf(k)
		out = append(out, entry{string(id), bytes.Clone(k), bytes.Clone(alerts.Get(id))})
	}
	return out
}
