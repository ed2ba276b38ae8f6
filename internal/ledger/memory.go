package ledger

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory is a store that lasts as long as the process. It is safe for concurrent use.
type Memory struct {
	mu    sync.Mutex
	heads map[string]kept[Head]
	pages map[string]kept[Page]
}

// kept is a stored value with a version number that grows with every change.
type kept[T any] struct {
	value   T
	version int
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{heads: map[string]kept[Head]{}, pages: map[string]kept[Page]{}}
}

// Heads implements [Store].
func (m *Memory) Heads(ctx context.Context, ids []string) ([]Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Head
	for id, k := range m.heads {
		if ids == nil || slices.Contains(ids, id) {
			k.value.Version = k.version
			out = append(out, k.value)
		}
	}
	return out, ctx.Err()
}

// Pages implements [Store].
func (m *Memory) Pages(ctx context.Context, ids []string, from, to time.Time) ([]Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Page
	for _, k := range m.pages {
		if p := k.value; slices.Contains(ids, p.RuleID) && !p.Day.Before(Day(from)) && !p.Day.After(Day(to)) {
			p.Entries, p.Version = slices.Clone(p.Entries), k.version
			out = append(out, p)
		}
	}
	return out, ctx.Err()
}

// SaveHeads implements [Store].
func (m *Memory) SaveHeads(ctx context.Context, heads []*Head) ([]error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := make([]error, len(heads))
	for i, h := range heads {
		h.Version, errs[i] = save(m.heads, h.RuleID, *h, h.Version)
	}
	return errs, ctx.Err()
}

// SavePages implements [Store].
func (m *Memory) SavePages(ctx context.Context, pages []*Page) ([]error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := make([]error, len(pages))
	for i, p := range pages {
		copied := *p
		copied.Entries = slices.Clone(p.Entries)
		p.Version, errs[i] = save(m.pages, p.ID(), copied, p.Version)
	}
	return errs, ctx.Err()
}

// save writes over the version that was read and returns the new one.
func save[T any](all map[string]kept[T], id string, value T, read any) (any, error) {
	have, there := all[id]
	version, known := read.(int)
	if there != known || there && have.version != version {
		return read, ErrChanged
	}
	all[id] = kept[T]{value, have.version + 1}
	return have.version + 1, nil
}

// Forget implements [Store].
func (m *Memory) Forget(ctx context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id, k := range m.pages {
		if k.value.Day.Before(Day(before)) && !strings.HasPrefix(id, BackfillPrefix) {
			delete(m.pages, id)
			n++
		}
	}
	return n, ctx.Err()
}
