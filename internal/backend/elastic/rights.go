package elastic

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// rightsAge is how long an answer about rights counts: a role may change at any time, and no state of the
// cluster shows it.
const rightsAge = time.Minute

// forgotten is the age of an answer that nobody has needed since.
const forgotten = 10 * rightsAge

// rights are the user's privileges to read, by pattern and index. The zero value has none yet.
type rights struct {
	mu   sync.Mutex
	read map[string]right
	// unguarded is when the cluster last said that it has no security; zero: it has, or was not asked.
	unguarded time.Time
}

// right is what the cluster has said of one name, and when.
type right struct {
	may   bool
	asked time.Time
}

// of returns whether names may be read. What was asked for more than a minute ago is asked for anew.
func (r *rights) of(ctx context.Context, c *Client, names []string) (may func(string) bool, err error) {
	return r.since(ctx, c, names, time.Now().Add(-rightsAge))
}

// since returns whether names may be read, by answers that are not older than a time. That there is no security
// counts for a minute in any case.
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

// known are the answers about names that are new enough, and the names without such.
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

// keep takes answers in, and drops what nobody has asked about for long.
func (r *rights) keep(asked map[string]bool, none bool, begun time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unguarded = time.Time{}
	if none {
		r.unguarded, r.read = begun, nil
		return
	}
	if r.read == nil {
		r.read = map[string]right{}
	}
	for name, may := range asked {
		r.read[name] = right{may, begun}
	}
	maps.DeleteFunc(r.read, func(_ string, one right) bool { return time.Since(one.asked) > forgotten })
}

// forget makes the next question be asked: an answer was not as the rights let expect.
func (r *rights) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read, r.unguarded = nil, time.Time{}
}

// sightings are what was seen of indices as long as the program runs. The zero value has seen none.
type sightings struct {
	mu sync.Mutex
	// closed is when an index was first seen to be closed.
	closed map[string]time.Time
	// found are the places that a list of patterns was resolved to and that could be read.
	found map[string]map[string]bool
	// reached are the remote clusters on which a pattern has found something.
	reached map[string][]string
	// parts are the patterns that were remarked on because the user may read a part of them.
	parts map[string]bool
}

// firstPart reports whether a pattern is to be remarked on, once.
func (s *sightings) firstPart(pattern string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts == nil {
		s.parts = map[string]bool{}
	}
	first := !s.parts[pattern]
	s.parts[pattern] = true
	return first
}

// closedSince is when an index was first seen to be closed: now, when it was not before.
func (s *sightings) closedSince(index string) time.Time {
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

// readBefore are the places that patterns meant before and that could be read.
func (s *sightings) readBefore(patterns []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.found[strings.Join(patterns, ",")]))
}

// saw notes what patterns mean and can be read, and what of it is not there any more.
func (s *sightings) saw(patterns, read, gone []string) {
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

// reach notes the remote clusters on which a pattern has found something last.
func (s *sightings) reach(pattern string, clusters []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reached == nil {
		s.reached = map[string][]string{}
	}
	s.reached[pattern] = clusters
}

// expected are the remote clusters that a search of patterns cannot do without.
func (s *sightings) expected(patterns []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, p := range patterns {
		out = append(out, s.reached[p]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
