package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"tocsin/internal/ledger"
)

// The buckets of the ledger. Both map the name of a rule (and day) to a document, which begins with
// its version.
var (
	headBucket = []byte("ledger.v1.heads")
	pageBucket = []byte("ledger.v1.pages")
)

var _ ledger.Store = (*Ledger)(nil)

// Ledger is the ledger in a local database. It is safe for concurrent use.
type Ledger struct{ db *DB }

// Ledger returns the database's ledger.
func (db *DB) Ledger() *Ledger { return &Ledger{db} }

// versioned is a stored document: its version and the caller's data.
type versioned struct {
	version uint64
	data    []byte
}

func unwrap(kept []byte) (versioned, bool) {
	if len(kept) < 8 {
		return versioned{}, false
	}
	return versioned{binary.BigEndian.Uint64(kept), bytes.Clone(kept[8:])}, true
}

func (v versioned) wrap() []byte {
	return append(binary.BigEndian.AppendUint64(nil, v.version), v.data...)
}

// keptHead is a head as stored.
type keptHead struct {
	RuleID   string    `json:"rule_id"`
	Since    time.Time `json:"since"`
	Closed   time.Time `json:"closed"`
	Schedule string    `json:"schedule"`
	Note     string    `json:"note,omitempty"`

	Reread time.Time  `json:"reread"`
	Lag    ledger.Lag `json:"lag"`

	Reopened int64            `json:"reopened,omitempty"`
	Patterns []ledger.Pattern `json:"patterns,omitempty"`
	Past     []ledger.Past    `json:"past,omitempty"`
}

// pageName returns a key that sorts the pages of a rule by day.
func pageName(rule string, day time.Time) []byte {
	return append(append([]byte(rule), 0), day.UTC().Format(time.DateOnly)...)
}

// Heads implements [ledger.Store].
func (l *Ledger) Heads(ctx context.Context, ids []string) ([]ledger.Head, error) {
	var heads []ledger.Head
	take := func(_, kept []byte) error {
		v, ok := unwrap(kept)
		if !ok {
			return nil
		}
		var h keptHead
		if err := json.Unmarshal(v.data, &h); err != nil {
			return fmt.Errorf("head: %w", err)
		}
		heads = append(heads, ledger.Head{
			RuleID: h.RuleID, Since: h.Since.UTC(), Closed: h.Closed.UTC(), Schedule: h.Schedule, Note: h.Note,
			Reread: h.Reread.UTC(), Lag: h.Lag, Version: v.version,
			Reopened: h.Reopened, Patterns: h.Patterns, Past: h.Past,
		})
		return nil
	}
	err := l.db.bolt.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(headBucket)
		if ids == nil {
			return b.ForEach(take)
		}
		for _, id := range ids {
			if err := take(nil, b.Get([]byte(id))); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	return heads, l.error(ctx, "read the ledger", err)
}

// Pages implements [ledger.Store].
func (l *Ledger) Pages(ctx context.Context, ids []string, from, to time.Time) ([]ledger.Page, error) {
	var pages []ledger.Page
	err := l.db.bolt.View(func(tx *bolt.Tx) error {
		cursor := tx.Bucket(pageBucket).Cursor()
		for _, id := range ids {
			last := pageName(id, ledger.Day(to))
			for k, kept := cursor.Seek(pageName(id, ledger.Day(from))); k != nil && bytes.Compare(k, last) <= 0; k, kept = cursor.Next() {
				p, err := readPage(id, k, kept)
				if err != nil {
					return err
				}
				pages = append(pages, p)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		return nil
	})
	return pages, l.error(ctx, "read the ledger", err)
}

func readPage(id string, name, kept []byte) (ledger.Page, error) {
	v, _ := unwrap(kept)
	day, err := time.Parse(time.DateOnly, string(name[len(id)+1:]))
	p := ledger.Page{RuleID: id, Day: day, Version: v.version}
	if err == nil {
		err = ledger.Decode(&p, v.data)
	}
	return p, err
}

// SaveHeads implements [ledger.Store].
func (l *Ledger) SaveHeads(ctx context.Context, heads []*ledger.Head) ([]error, error) {
	return save(ctx, l, headBucket, heads, func(h *ledger.Head) ([]byte, *any, []byte, error) {
		data, err := json.Marshal(keptHead{h.RuleID, h.Since, h.Closed, h.Schedule, h.Note, h.Reread, h.Lag, h.Reopened, h.Patterns, h.Past})
		return []byte(h.RuleID), &h.Version, data, err
	})
}

// SavePages implements [ledger.Store].
func (l *Ledger) SavePages(ctx context.Context, pages []*ledger.Page) ([]error, error) {
	return save(ctx, l, pageBucket, pages, func(p *ledger.Page) ([]byte, *any, []byte, error) {
		data, err := ledger.Encode(*p)
		return pageName(p.RuleID, p.Day), &p.Version, data, err
	})
}

// save writes documents in one transaction, each over the version that was read.
func save[T any](
	ctx context.Context, l *Ledger, bucket []byte, docs []T, encode func(T) (name []byte, version *any, data []byte, err error),
) ([]error, error) {
	errs := make([]error, len(docs))
	versions := make([]any, len(docs))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err := l.db.bolt.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucket)
		for i, doc := range docs {
			name, version, data, err := encode(doc)
			if err != nil {
				errs[i] = err
				continue
			}
			have, there := unwrap(b.Get(name))
			read, known := (*version).(uint64)
			if there != known || there && have.version != read {
				errs[i] = ledger.ErrChanged
				continue
			}
			next := versioned{have.version + 1, data}
			if err := b.Put(name, next.wrap()); err != nil { // this one cannot be stored, others can
				errs[i] = err
				continue
			}
			versions[i] = next.version
		}
		return nil
	})
	if err != nil {
		return nil, l.error(ctx, "write the ledger", err)
	}
	for i, doc := range docs {
		if errs[i] == nil {
			_, version, _, _ := encode(doc)
			*version = versions[i]
		}
	}
	return errs, nil
}

// Forget implements [ledger.Store].
func (l *Ledger) Forget(ctx context.Context, before time.Time) (int, error) {
	n := 0
	limit := ledger.Day(before).Format(time.DateOnly)
	err := l.db.bolt.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(pageBucket)
		var old [][]byte // a cursor that deletes may skip entries
		err := b.ForEach(func(k, _ []byte) error {
			if string(k[bytes.LastIndexByte(k, 0)+1:]) < limit && !bytes.HasPrefix(k, []byte(ledger.BackfillPrefix)) {
				old = append(old, bytes.Clone(k))
			}
			return ctx.Err()
		})
		for _, k := range old {
			err = errors.Join(err, b.Delete(k))
		}
		n = len(old)
		return err
	})
	return n, l.error(ctx, "forget old pages of the ledger", err)
}

func (l *Ledger) error(ctx context.Context, op string, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, ledger.ErrLayout) {
		return err
	}
	return databaseError(op+" in "+l.db.path, err)
}
