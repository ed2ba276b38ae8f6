package elastic

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/internal/search"
)

// Snapshot returns the client as of one moment. Resolved patterns and fields are cached across moments as
// long as the cluster state shows no change of their indices, aliases or mappings. For remote clusters, or
// without the privilege to read the state, they are resolved once for each moment. If reading the state
// fails, they are resolved again too, and searches report the problem.
func (c *Client) Snapshot(ctx context.Context) (search.Events, error) {
	if err := c.known.refresh(ctx, c); err != nil {
		c.log.DebugContext(ctx, "the cluster state could not be read", "error", err)
		return &moment{Client: c, stale: true}, nil
	}
	return &moment{Client: c, indices: c.known.now()}, nil
}

// moment is a client whose Resolve and Locate use the cache.
type moment struct {
	*Client

	// indices are the indices of the moment, nil if unknown. stale: the cache may be out of date.
	indices map[string]indexState
	stale   bool

	mu sync.Mutex
	on basis
	// lists are the resolved lists of patterns, with the closed indices of each.
	lists map[string]listing
	// own caches patterns that must not be cached across moments.
	own map[string]*cachedPatterns
}

// listing is a list of patterns, with the closed indices that it matches.
type listing struct{ patterns, closed []string }

// of returns the cache entry of patterns.
func (m *moment) of(patterns []string) *cachedPatterns {
	if !m.stale {
		if k := m.known.of(patterns); k != nil {
			return k
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	id := strings.Join(patterns, ",")
	if m.own == nil {
		m.own = map[string]*cachedPatterns{}
	}
	if m.own[id] == nil {
		m.own[id] = &cachedPatterns{}
	}
	return m.own[id]
}

// rest records an answer of the moment, with its basis.
func (m *moment) rest(patterns []string, target search.Target, on basis) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.on.rights = append(m.on.rights, on.rights...)
	m.on.remotes = append(m.on.remotes, on.remotes...)
	if m.lists == nil {
		m.lists = map[string]listing{}
	}
	m.lists[strings.Join(patterns, ",")] = listing{patterns, target.Closed}
}

// Resolve asks the cluster unless the patterns and fields are cached.
func (m *moment) Resolve(ctx context.Context, patterns, fields []string) (search.Target, error) {
	patterns = tidy(patterns)
	k := m.of(patterns)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.resolved && k.has(fields) && !k.old() {
		m.rest(patterns, k.target, k.on)
		return k.target, nil
	}
	wanted := maps.Clone(k.fields)
	if wanted == nil {
		wanted = map[string]bool{}
	}
	for _, f := range fields {
		wanted[f] = true
	}
	begun := time.Now()
	target, on, err := m.target(ctx, patterns, slices.Sorted(maps.Keys(wanted)))
	m.rest(patterns, target, on)
	if k.resolved = err == nil; k.resolved {
		k.target, k.fields, k.on, k.found = target, wanted, on, begun
	}
	return target, err
}

// Locate asks the cluster unless the patterns are cached.
func (m *moment) Locate(ctx context.Context, patterns []string) (func(string) bool, error) {
	patterns = tidy(patterns)
	k := m.of(patterns)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.located != nil {
		return k.located, nil
	}
	located, err := m.Client.Locate(ctx, patterns)
	if err == nil {
		k.located = located
	}
	return located, err
}
