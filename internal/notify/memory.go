package notify

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory is a [Store] that lasts as long as the process.
type Memory struct {
	mu      sync.Mutex
	entries map[string]kept
}

// kept is an entry as stored.
type kept struct {
	data    []byte
	version int
	Entry
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{entries: map[string]kept{}} }

var _ Store = (*Memory)(nil)

// compare orders entries by At, then id.
func compare(a, b *Entry) int {
	return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID))
}

// put stores an entry in a new version; the lock is held.
func (m *Memory) put(e *Entry) error {
	data, err := EncodeEntry(e)
	if err != nil {
		return err
	}
	k := kept{data: data, version: m.entries[e.ID].version + 1}
	if k.Entry, err = k.read(); err != nil {
		return err
	}
	m.entries[e.ID] = k
	e.Version = k.version
	return nil
}

// read returns a copy of the entry that shares nothing.
func (k kept) read() (Entry, error) { return DecodeEntry(k.data, k.version) }

// Create implements [Store].
func (m *Memory) Create(ctx context.Context, entries []*Entry) ([]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	made := make([]bool, len(entries))
	for i, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, exists := m.entries[e.ID]; exists {
			continue
		}
		if err := m.put(e); err != nil {
			return nil, err
		}
		made[i] = true
	}
	return made, nil
}

// Get implements [Store].
func (m *Memory) Get(ctx context.Context, ids []string) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Entry
	for _, id := range ids {
		k, ok := m.entries[id]
		if !ok {
			continue
		}
		e, err := k.read()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, ctx.Err()
}

// Update implements [Store].
func (m *Memory) Update(ctx context.Context, entries []*Entry) ([]error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := make([]error, len(entries))
	for i, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if k, ok := m.entries[e.ID]; !ok || e.Version != k.version {
			errs[i] = ErrChanged
			continue
		}
		errs[i] = m.put(e)
	}
	return errs, nil
}

// Find implements [Store].
func (m *Memory) Find(ctx context.Context, q Query) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []kept
	for _, k := range m.entries {
		if q.matches(&k.Entry) {
			found = append(found, k)
		}
	}
	slices.SortFunc(found, func(a, b kept) int { return compare(&a.Entry, &b.Entry) })
	var out []Entry
	for _, k := range found[:min(len(found), q.Size())] {
		e, err := k.read()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, ctx.Err()
}

// Members implements [Store].
func (m *Memory) Members(ctx context.Context, digest string, limit int) (Members, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []kept
	for _, k := range m.entries {
		if k.Digest == digest && k.Status == Member {
			found = append(found, k)
		}
	}
	slices.SortFunc(found, func(a, b kept) int { return compare(&b.Entry, &a.Entry) })
	out := Members{Count: len(found)}
	for _, k := range found[:min(len(found), limit)] {
		e, err := k.read()
		if err != nil {
			return out, err
		}
		out.Some = append(out.Some, e)
	}
	if len(found) > 0 {
		out.Newest = found[0].At
	}
	return out, ctx.Err()
}

// Forget implements [Store].
func (m *Memory) Forget(ctx context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id, k := range m.entries {
		if (k.Status == Delivered || k.Status == Member) && k.At.Before(before) {
			delete(m.entries, id)
			n++
		}
	}
	return n, ctx.Err()
}

// Stats implements [Store].
func (m *Memory) Stats(ctx context.Context) ([]Stat, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var count Counter
	for _, k := range m.entries {
		count.Add(k.Route, k.Status, k.Created)
	}
	return count.Stats(), ctx.Err()
}

// Counter counts entries for [Store.Stats]. The zero value is empty.
type Counter struct{ by map[[2]string]*Stat }

// Add counts an entry.
func (c *Counter) Add(route string, status Status, created time.Time) {
	if status == Leased {
		return
	}
	if c.by == nil {
		c.by = map[[2]string]*Stat{}
	}
	key := [2]string{route, string(status)}
	s := c.by[key]
	if s == nil {
		s = &Stat{Route: route, Status: status, Oldest: created}
		c.by[key] = s
	}
	if s.Count++; created.Before(s.Oldest) {
		s.Oldest = created
	}
}

// Stats returns the numbers, in order of route and status.
func (c *Counter) Stats() []Stat {
	out := make([]Stat, 0, len(c.by))
	for _, s := range c.by {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Stat) int {
		return cmp.Or(strings.Compare(a.Route, b.Route), strings.Compare(string(a.Status), string(b.Status)))
	})
	return out
}
