package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"tocsin/internal/notify"
)

// The buckets of notifications; they are created with the first. All keys that begin with a time sort by it.
var (
	// outboxBucket maps an id to an entry, which begins with its version.
	outboxBucket = []byte("outbox.v1")
	// outboxTimes maps status, time and id to what listings select by; see outboxFacts.
	outboxTimes = []byte("outbox.v1.times")
	// outboxMembers has keys of digest, time and id.
	outboxMembers = []byte("outbox.v1.members")
)

// Outbox stores notifications in a local database. It is safe for concurrent use.
type Outbox struct{ db *DB }

var _ notify.Store = Outbox{}

// Outbox returns the database's notifications.
func (db *DB) Outbox() Outbox { return Outbox{db} }

// outboxFacts are what listings select by.
type outboxFacts struct {
	Route, Group string
	Created      time.Time
}

// timeKey returns a key of a name, a time and an id.
func timeKey(name string, at time.Time, id string) []byte {
	key := append([]byte(name), 0)
	key = binary.BigEndian.AppendUint64(key, uint64(at.UnixMilli())^1<<63)
	return append(key, id...)
}

// ofTimeKey returns the time and the id of a key with a name.
func ofTimeKey(name string, key []byte) (time.Time, string) {
	rest := key[len(name)+1:]
	return time.UnixMilli(int64(binary.BigEndian.Uint64(rest) ^ 1<<63)).UTC(), string(rest[8:])
}

// outboxBuckets are the buckets in a transaction; all are nil if they do not exist.
type outboxBuckets struct{ entries, times, members *bolt.Bucket }

func outboxOf(tx *bolt.Tx) outboxBuckets {
	return outboxBuckets{tx.Bucket(outboxBucket), tx.Bucket(outboxTimes), tx.Bucket(outboxMembers)}
}

func makeOutbox(tx *bolt.Tx) (outboxBuckets, error) {
	for _, name := range [][]byte{outboxBucket, outboxTimes, outboxMembers} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return outboxBuckets{}, err //nolint:wrapcheck // the caller wraps it
		}
	}
	return outboxOf(tx), nil
}

// read returns an entry; false if it does not exist.
func (b outboxBuckets) read(id string) (notify.Entry, bool, error) {
	if b.entries == nil {
		return notify.Entry{}, false, nil
	}
	v, ok := unwrap(b.entries.Get([]byte(id)))
	if !ok {
		return notify.Entry{}, false, nil
	}
	e, err := notify.DecodeEntry(v.data, v.version)
	return e, err == nil, err //nolint:wrapcheck // it says what it was doing
}

// unlist removes an entry from the listings.
func (b outboxBuckets) unlist(e *notify.Entry) error {
	if err := b.times.Delete(timeKey(string(e.Status), e.At, e.ID)); err != nil {
		return err //nolint:wrapcheck // the caller wraps it
	}
	if e.Digest == "" {
		return nil
	}
	return b.members.Delete(timeKey(e.Digest, e.At, e.ID)) //nolint:wrapcheck // the caller wraps it
}

// put stores an entry in a version.
func (b outboxBuckets) put(e *notify.Entry, version uint64) error {
	data, err := notify.EncodeEntry(e)
	if err != nil {
		return err //nolint:wrapcheck // it names the entry
	}
	facts, err := encode(outboxFacts{e.Route, e.Group, e.Created})
	if err != nil {
		return err
	}
	if err := b.entries.Put([]byte(e.ID), versioned{version, data}.wrap()); err != nil {
		return err //nolint:wrapcheck // the caller wraps it
	}
	if e.Digest != "" && e.Status == notify.Member {
		if err := b.members.Put(timeKey(e.Digest, e.At, e.ID), []byte{}); err != nil {
			return err //nolint:wrapcheck // the caller wraps it
		}
	}
	return b.times.Put(timeKey(string(e.Status), e.At, e.ID), facts) //nolint:wrapcheck // the caller wraps it
}

// Create implements [notify.Store], in one transaction.
func (o Outbox) Create(ctx context.Context, entries []*notify.Entry) ([]bool, error) {
	if err := ctx.Err(); err != nil || len(entries) == 0 {
		return nil, err
	}
	made := make([]bool, len(entries))
	err := o.db.bolt.Update(func(tx *bolt.Tx) error {
		b, err := makeOutbox(tx)
		if err != nil {
			return err
		}
		for i, e := range entries {
			if b.entries.Get([]byte(e.ID)) != nil {
				continue
			}
			if err := b.put(e, 1); err != nil {
				return err
			}
			made[i] = true
		}
		return nil
	})
	if err != nil {
		return nil, o.error(ctx, "write notifications", err)
	}
	for i, e := range entries {
		if made[i] {
			e.Version = uint64(1)
		}
	}
	return made, nil
}

// Update implements [notify.Store], in one transaction.
func (o Outbox) Update(ctx context.Context, entries []*notify.Entry) ([]error, error) {
	if err := ctx.Err(); err != nil || len(entries) == 0 {
		return nil, err
	}
	errs, versions := make([]error, len(entries)), make([]uint64, len(entries))
	err := o.db.bolt.Update(func(tx *bolt.Tx) error {
		b, err := makeOutbox(tx)
		if err != nil {
			return err
		}
		for i, e := range entries {
			old, ok, err := b.read(e.ID)
			if err != nil {
				return err
			}
			version, known := old.Version.(uint64)
			if !ok || !known || e.Version != version {
				errs[i] = notify.ErrChanged
				continue
			}
			if err := b.unlist(&old); err != nil {
				return err
			}
			versions[i] = version + 1
			if err := b.put(e, versions[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, o.error(ctx, "write notifications", err)
	}
	for i, e := range entries {
		if errs[i] == nil {
			e.Version = versions[i]
		}
	}
	return errs, nil
}

// Get implements [notify.Store].
func (o Outbox) Get(ctx context.Context, ids []string) ([]notify.Entry, error) {
	var out []notify.Entry
	err := o.db.bolt.View(func(tx *bolt.Tx) error {
		b := outboxOf(tx)
		for _, id := range ids {
			e, ok, err := b.read(id)
			if err != nil {
				return err
			}
			if ok {
				out = append(out, e)
			}
		}
		return ctx.Err()
	})
	return out, o.error(ctx, "read notifications", err)
}

// found is a place in a listing.
type found struct {
	at time.Time
	id string
}

func byTime(a, b found) int { return cmp.Or(a.at.Compare(b.at), strings.Compare(a.id, b.id)) }

// Find implements [notify.Store].
func (o Outbox) Find(ctx context.Context, q notify.Query) ([]notify.Entry, error) {
	statuses := q.Statuses
	if len(statuses) == 0 {
		statuses = notify.Statuses
	}
	var out []notify.Entry
	err := o.db.bolt.View(func(tx *bolt.Tx) error {
		b := outboxOf(tx)
		if b.times == nil {
			return nil
		}
		var all []found
		for _, status := range statuses {
			some, err := b.find(ctx, string(status), q)
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
		slices.SortFunc(all, byTime)
		for _, f := range all[:min(len(all), q.Size())] {
			e, ok, err := b.read(f.id)
			if err != nil {
				return err
			}
			if ok {
				out = append(out, e)
			}
		}
		return ctx.Err()
	})
	return out, o.error(ctx, "find notifications", err)
}

// find returns the first places of entries of one status.
func (b outboxBuckets) find(ctx context.Context, status string, q notify.Query) ([]found, error) {
	from := timeKey(status, time.UnixMilli(-1<<62), "")
	if !q.From.IsZero() {
		from = timeKey(status, q.From, "")
	}
	if q.After != nil {
		if after := timeKey(status, q.After.At, q.After.ID+"\x00"); bytes.Compare(after, from) > 0 {
			from = after
		}
	}
	var out []found
	cursor, prefix := b.times.Cursor(), append([]byte(status), 0)
	for k, v := cursor.Seek(from); k != nil && bytes.HasPrefix(k, prefix) && len(out) < q.Size() && ctx.Err() == nil; k, v = cursor.Next() {
		at, id := ofTimeKey(status, k)
		if !q.Before.IsZero() && !at.Before(q.Before) {
			break
		}
		var facts outboxFacts
		if err := json.Unmarshal(v, &facts); err != nil {
			return nil, fmt.Errorf("notification %s: %w", id, err)
		}
		if q.Route != "" && q.Route != facts.Route || q.Group != "" && q.Group != facts.Group || slices.Contains(q.Unrouted, facts.Route) {
			continue
		}
		out = append(out, found{at, id})
	}
	return out, ctx.Err()
}

// Members implements [notify.Store].
func (o Outbox) Members(ctx context.Context, digest string, limit int) (notify.Members, error) {
	var m notify.Members
	err := o.db.bolt.View(func(tx *bolt.Tx) error {
		b := outboxOf(tx)
		if b.members == nil {
			return nil
		}
		cursor, prefix := b.members.Cursor(), append([]byte(digest), 0)
		var last []string
		for k, _ := cursor.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, _ = cursor.Next() {
			at, id := ofTimeKey(digest, k)
			m.Count++
			m.Newest = at
			if last = append(last, id); len(last) > limit {
				last = last[1:]
			}
		}
		for _, id := range slices.Backward(last) {
			e, ok, err := b.read(id)
			if err != nil {
				return err
			}
			if ok {
				m.Some = append(m.Some, e)
			}
		}
		return ctx.Err()
	})
	return m, o.error(ctx, "count the members of a digest", err)
}

// Forget implements [notify.Store].
func (o Outbox) Forget(ctx context.Context, before time.Time) (int, error) {
	n := 0
	for {
		old, err := o.Find(ctx, notify.Query{Statuses: []notify.Status{notify.Delivered, notify.Member}, Before: before, Limit: 500})
		if err != nil || len(old) == 0 {
			return n, err
		}
		err = o.db.bolt.Update(func(tx *bolt.Tx) error {
			b := outboxOf(tx)
			for i := range old {
				if err := b.unlist(&old[i]); err != nil {
					return err
				}
				if err := b.entries.Delete([]byte(old[i].ID)); err != nil {
					return err //nolint:wrapcheck // wrapped below
				}
			}
			return nil
		})
		if err != nil {
			return n, o.error(ctx, "forget old notifications", err)
		}
		n += len(old)
	}
}

// Stats implements [notify.Store].
func (o Outbox) Stats(ctx context.Context) ([]notify.Stat, error) {
	var count notify.Counter
	err := o.db.bolt.View(func(tx *bolt.Tx) error {
		b := outboxOf(tx)
		if b.times == nil {
			return nil
		}
		for _, status := range notify.Statuses {
			cursor, prefix := b.times.Cursor(), append([]byte(status), 0)
			for k, v := cursor.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix) && ctx.Err() == nil; k, v = cursor.Next() {
				var facts outboxFacts
				if err := json.Unmarshal(v, &facts); err != nil {
					return fmt.Errorf("count notifications: %w", err)
				}
				count.Add(facts.Route, status, facts.Created)
			}
		}
		return ctx.Err()
	})
	return count.Stats(), o.error(ctx, "count notifications", err)
}

func (o Outbox) error(ctx context.Context, op string, err error) error {
	return (&Ledger{o.db}).error(ctx, op, err)
}
