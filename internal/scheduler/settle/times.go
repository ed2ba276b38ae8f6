package settle

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// Most bounds the wait for a refresh. It is also the wait for an index that never refreshes by
	// itself.
	Most = time.Minute
	// Unknown is the wait where the refresh interval of an index cannot be read.
	Unknown = 5 * time.Second
)

// Refresh says when documents of the indices of some patterns become visible.
type Refresh struct {
	// Longest is the largest refresh interval among the indices that refresh by themselves.
	Longest time.Duration
	// Never lists the indices that do not refresh by themselves, in order.
	Never []string
	// Unread lists the patterns whose refresh intervals cannot be read, such as patterns of remote
	// clusters.
	Unread []string
}

// Slots is the grid of a rule: [tocsin/internal/scheduler.Slots].
type Slots interface {
	Prev(at time.Time) time.Time
}

// Times knows when slots of rules have settled. A rule is identified by its index patterns. It is
// safe for concurrent use once its fields are set.
type Times struct {
	Clock *Clock
	// Ask returns how the indices that patterns currently match refresh; nil: events are visible at
	// once.
	Ask func(ctx context.Context, patterns []string) (Refresh, error)
	// Fixed, if not nil, is the wait regardless of refresh intervals.
	Fixed *time.Duration
	Log   *slog.Logger

	mu     sync.Mutex
	known  map[string]time.Duration
	warned map[string]bool
}

// Of returns how long after a slot a rule with these patterns waits.
func (t *Times) Of(patterns []string) time.Duration {
	switch {
	case t.Fixed != nil:
		return *t.Fixed
	case t.Ask == nil || len(patterns) == 0:
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if d, known := t.known[key(patterns)]; known {
		return d
	}
	return Unknown
}

// From returns the time that both clocks must have passed before a slot may be run.
func (t *Times) From(patterns []string, slot time.Time) time.Time {
	return slot.Add(t.Of(patterns))
}

// Settled reports whether a slot may be run: both clocks have passed [Times.From].
func (t *Times) Settled(patterns []string, slot time.Time) bool {
	return !t.Clock.Passed().Before(t.From(patterns, slot))
}

// Latest returns the latest slot that has settled.
func (t *Times) Latest(patterns []string, slots Slots) time.Time {
	return slots.Prev(t.Clock.Passed().Add(-t.Of(patterns)))
}

// Update reads the refresh intervals of the rules' indices, once for rules with the same patterns,
// unknown patterns first, for as long as the context allows. Where an interval cannot be read, the
// wait is [Unknown]. Such patterns, and indices that do not refresh by themselves, are logged once.
func (t *Times) Update(ctx context.Context, rules [][]string) {
	if t.Ask == nil || t.Fixed != nil {
		return
	}
	var fresh, others []string
	byKey := map[string][]string{}
	for _, patterns := range rules {
		k := key(patterns)
		if len(patterns) == 0 || byKey[k] != nil {
			continue
		}
		byKey[k] = patterns
		if t.knows(k) {
			others = append(others, k)
		} else {
			fresh = append(fresh, k)
		}
	}
	for _, k := range append(fresh, others...) {
		if ctx.Err() != nil {
			return
		}
		t.update(ctx, k, byKey[k])
	}
}

func (t *Times) knows(k string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, known := t.known[k]
	return known
}

func (t *Times) update(ctx context.Context, k string, patterns []string) {
	r, err := t.Ask(ctx, patterns)
	if ctx.Err() != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = map[string]time.Duration{}
	}
	if err != nil {
		if _, known := t.known[k]; !known {
			t.known[k] = Unknown
		}
		t.unread(ctx, k, err)
		return
	}
	t.known[k] = wait(r)
	for _, index := range r.Never {
		if t.first("never " + index) {
			t.Log.WarnContext(ctx, "an index does not refresh by itself: slots of its rules wait the maximum time", "index", index, "settle", Most)
		}
	}
	for _, p := range r.Unread {
		t.unread(ctx, p, errRemote)
	}
}

// wait returns how long to wait for a refresh.
func wait(r Refresh) time.Duration {
	d := r.Longest
	if len(r.Unread) > 0 {
		d = max(d, Unknown)
	}
	if len(r.Never) > 0 {
		d = Most
	}
	return min(max(d, 0), Most)
}

// errRemote is why the refresh interval of a remote cluster's pattern is not read.
var errRemote = errors.New("the index settings of a remote cluster cannot be read")

func (t *Times) unread(ctx context.Context, patterns string, err error) {
	if t.first("unread " + patterns) {
		t.Log.WarnContext(ctx, "the refresh interval of indices cannot be read: slots wait the default time", "indices", patterns,
			"settle", Unknown.String(), "error", err)
	}
}

// first reports, once for each value of what, that a message about it should be logged.
func (t *Times) first(what string) bool {
	if t.Log == nil || t.warned[what] {
		return false
	}
	if t.warned == nil {
		t.warned = map[string]bool{}
	}
	t.warned[what] = true
	return true
}

// key identifies a list of patterns. Their order does not matter except for exclusions, which
// remove from the patterns before them.
func key(patterns []string) string {
	if !slices.ContainsFunc(patterns, func(p string) bool { return strings.HasPrefix(p, "-") }) {
		patterns = slices.Sorted(slices.Values(patterns))
	}
	return strings.Join(patterns, ",")
}
