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

// Snapshot returns the client for the searches of one moment. Resolved patterns and fields are reused between moments as
// long as the cluster state shows no change of their indices, aliases or mappings. Without the privilege to read the state,
// on remote clusters, and if reading it fails, they are resolved again for each moment.
func (c *Client) Snapshot(ctx context.Context) (search.Events, error) {
	if err := c.known.refresh(ctx, c); err != nil {
		c.log.DebugContext(ctx, "the state of the cluster cannot be told", "error", err)
		return &moment{Client: c, blind: true}, nil
	}
	return &moment{Client: c, indices: c.known.now()}, nil
}

// moment is a client whose Resolve and Locate use what is known.
type moment struct {
	*Client

	// indices are the indices at that time, nil if they are not known. blind: the knowledge may be outdated.
	indices map[string]indexState
	blind   bool

	mu sync.Mutex
	on footing
	// lists are the resolved lists of patterns, with their closed indices.
	lists map[string]listing
	// own has the patterns whose resolution must not be reused for another moment.
	own map[string]*known
}

// listing is a list of patterns, and the closed indices that it matched.
type listing struct{ patterns, closed []string }

// of returns what is known of patterns.
func (m *moment) of(patterns []string) *known {
	if !m.blind {
		if k := m.known.of(patterns); k != nil {
			return k
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	id := strings.Join(patterns, ",")
	if m.own == nil {
		m.own = map[string]*known{}
	}
	if m.own[id] == nil {
		m.own[id] = &known{}
	}
	return m.own[id]
}

// rest records an answer, and what it depends on.
func (m *moment) rest(patterns []string, target search.Target, on footing) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.on.rights = append(m.on.rights, on.rights...)
	m.on.remotes = append(m.on.remotes, on.remotes...)
	if m.lists == nil {
		m.lists = map[string]listing{}
	}
	m.lists[strings.Join(patterns, ",")] = listing{patterns, target.Closed}
}

// Resolve sends a request only if the patterns or one of the fields are unknown.
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

// Locate sends a request only if the patterns are unknown.
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
