package elastic

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// rightsAge is how long an answer about privileges is valid: a role may change at any time, and the cluster
// state does not show it.
const rightsAge = time.Minute

// forgotten is the age at which an unused answer is dropped.
const forgotten = 10 * rightsAge

// rights caches the user's read privileges, by pattern and index. The zero value is empty.
type rights struct {
	mu   sync.Mutex
	read map[string]rightsEntry
	// unguarded is when the cluster last reported that it has no security; zero: it has security, or is
	// unknown.
	unguarded time.Time
}

// rightsEntry is a cached answer about one name, with its time.
type rightsEntry struct {
	may   bool
	asked time.Time
}

// of returns a test of which names may be read. Answers of more than a minute ago are requested again.
func (r *rights) of(ctx context.Context, c *Client, names []string) (may func(string) bool, err error) {
	return r.since(ctx, c, names, time.Now().Add(-rightsAge))
}

// since returns a test of which names may be read, from answers that are not older than a time. The answer
// that there is no security is valid for a minute in any case.
func (r *rights) since(ctx context.Context, c *Client, names []string, since time.Time) (may func(string) bool, err error) {
	have, unknown, unguarded := r.known(names, since)
	if unguarded {
		return func(string) bool { return true }, nil
	}
	if len(unknown) > 0 {
		begun := time.Now()
		asked, none, err := c.askRights(ctx, unknown)
		if err != nil {
			return nil, err
		}
		if r.keep(asked, none, begun); none {
			return func(string) bool { return true }, nil
		}
		maps.Copy(have, asked)
	}
	return func(name string) bool { return have[name] }, nil
}

// known returns the answers that are recent enough, and the names without one.
func (r *rights) known(names []string, since time.Time) (have map[string]bool, unknown []string, unguarded bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	have = map[string]bool{}
	if !r.unguarded.IsZero() && time.Since(r.unguarded) <= rightsAge {
		return have, nil, true
	}
	for _, name := range names {
		if one, known := r.read[name]; known && one.asked.After(since) {
			have[name] = one.may
		} else {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return have, slices.Compact(unknown), false
}

// keep stores answers, and drops old ones that were not used.
func (r *rights) keep(asked map[string]bool, none bool, begun time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unguarded = time.Time{}
	if none {
		r.unguarded, r.read = begun, nil
		return
	}
	if r.read == nil {
		r.read = map[string]rightsEntry{}
	}
	for name, may := range asked {
		r.read[name] = rightsEntry{may, begun}
	}
	maps.DeleteFunc(r.read, func(_ string, one rightsEntry) bool { return time.Since(one.asked) > forgotten })
}

// invalidate makes the next check ask the cluster: an answer was not as the privileges suggest.
func (r *rights) invalidate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read, r.unguarded = nil, time.Time{}
}

// indexHistory records the states of indices over the life of the process. The zero value is empty.
type indexHistory struct {
	mu sync.Mutex
	// closed is when an index was first seen closed.
	closed map[string]time.Time
	// found are the readable places that a list of patterns was resolved to.
	found map[string]map[string]bool
	// reached are the remote clusters on which a pattern has matched an index.
	reached map[string][]string
	// parts are the patterns for which it was logged that the user may read only a part.
	parts map[string]bool
}

// firstPart reports, once for each pattern, that a message about it should be logged.
func (s *indexHistory) firstPart(pattern string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts == nil {
		s.parts = map[string]bool{}
	}
	first := !s.parts[pattern]
	s.parts[pattern] = true
	return first
}

// closedSince returns when an index was first seen closed: now, if it was not before.
func (s *indexHistory) closedSince(index string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed == nil {
		s.closed = map[string]time.Time{}
	}
	if s.closed[index].IsZero() {
		s.closed[index] = time.Now().UTC()
	}
	return s.closed[index]
}

// readBefore returns the places that patterns matched before and that were readable.
func (s *indexHistory) readBefore(patterns []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.found[strings.Join(patterns, ",")]))
}

// saw records the readable places of patterns, and which of them no longer exist.
func (s *indexHistory) saw(patterns, read, gone []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := strings.Join(patterns, ",")
	if s.found == nil {
		s.found = map[string]map[string]bool{}
	}
	if s.found[id] == nil {
		s.found[id] = map[string]bool{}
	}
	for _, name := range read {
		s.found[id][name] = true
		delete(s.closed, name)
	}
	for _, name := range gone {
		delete(s.found[id], name)
	}
}

// reach records the remote clusters on which a pattern has matched an index.
func (s *indexHistory) reach(pattern string, clusters []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reached == nil {
		s.reached = map[string][]string{}
	}
	s.reached[pattern] = clusters
}

// expected returns the remote clusters that a search of patterns must cover.
func (s *indexHistory) expected(patterns []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, p := range patterns {
		out = append(out, s.reached[p]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
