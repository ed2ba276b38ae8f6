package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"tocsin/internal/alert"
)

// Memory keeps alerts for as long as the process lives, with the order and documents of [DB]. It is
// safe for concurrent use.
type Memory struct {
	mu    sync.RWMutex
	byID  map[string]record
	order []record
	// instances maps instances to the ids of alerts, except alerts that are their own instance.
	instances map[string][]string
}

var (
	_ alert.Indexer   = (*Memory)(nil)
	_ alert.Reader    = (*Memory)(nil)
	_ alert.Instances = (*Memory)(nil)
	_ alert.Browser   = (*Memory)(nil)
)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{byID: map[string]record{}, instances: map[string][]string{}}
}

// Create stores the alerts that are new.
func (m *Memory) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	records, written := newRecords(docs)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, r := range records {
		if written[i].Err == nil {
			written[i].Outcome = m.insert(r, &written[i])
		}
	}
	return written, nil
}

func (m *Memory) insert(r record, w *alert.Written) alert.Outcome {
	if met, found := m.byID[r.id]; found {
		return duplicate(w, met.source)
	}
	m.put(r)
	return alert.Created
}

// put stores an alert and its index entries.
func (m *Memory) put(r record) {
	m.byID[r.id] = r
	at, _ := m.place(r.order)
	m.order = slices.Insert(m.order, at, r)
	if r.instance != "" {
		m.instances[r.instance] = append(m.instances[r.instance], r.id)
	}
}

func (m *Memory) place(order []byte) (int, bool) {
	return slices.BinarySearchFunc(m.order, order, func(r record, order []byte) int {
		return bytes.Compare(r.order, order)
	})
}

// Get returns one alert.
func (m *Memory) Get(ctx context.Context, id string) (alert.Document, error) {
	if err := ctx.Err(); err != nil {
		return alert.Document{}, err
	}
	m.mu.RLock()
	r, found := m.byID[id]
	m.mu.RUnlock()
	if !found {
		return alert.Document{}, fmt.Errorf("alert %s: %w", id, alert.ErrNotFound)
	}
	return document(id, r.source)
}

// List visits alerts in the order of [DB.List].
func (m *Memory) List(ctx context.Context, f alert.Filter, visit func(alert.Document) (bool, error)) error {
	return list(f, func(s stretch, after []byte, n int) ([]entry, error) {
		return m.next(s, after, n), ctx.Err()
	}, visit)
}

func (m *Memory) next(s stretch, after []byte, n int) []entry {
	m.mu.RLock()
	defer m.mu.RUnlock()
	at, step := m.begin(s, after)
	var out []entry
	for ; at >= 0 && at < len(m.order) && len(out) < n && s.has(m.order[at].order); at += step {
		if r := m.order[at]; s.rule == "" || s.rule == r.rule {
			out = append(out, entry{r.id, r.order, r.source})
		}
	}
	return out
}

// begin returns the position of the first alert of a stretch after an order, and the step to the next one.
func (m *Memory) begin(s stretch, after []byte) (at, step int) {
	switch {
	case s.newest && after == nil && s.below == nil:
		return len(m.order) - 1, -1
	case s.newest && after == nil:
		at, _ = m.place(s.below)
		return at - 1, -1
	case s.newest:
		at, _ = m.place(after)
		return at - 1, -1
	case after == nil:
		at, _ = m.place(s.from)
		return at, 1
	}
	at, found := m.place(after)
	if found {
		at++
	}
	return at, 1
}
