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

// rights are those of the user to read, by pattern and index. The zero value knows nothing.
type rights struct {
	mu sync.Mutex
	// asked is when all of read was asked for last; zero: it is to be asked for anew.
	asked time.Time
	read  map[string]bool
	// differs: an answer was not the one before.
	differs bool
	// all: the cluster has no security.
	all bool
}

// of returns whether names may be read. What was asked for more than a minute ago is asked for anew, all
// of it.
func (r *rights) of(ctx context.Context, c *Client, names []string) (may func(string) bool, err error) {
	r.mu.Lock()
	have, all, fresh := maps.Clone(r.read), r.all, time.Since(r.asked) <= rightsAge
	r.mu.Unlock()
	unknown := slices.Clone(names)
	if fresh {
		unknown = slices.DeleteFunc(unknown, func(name string) bool { _, known := have[name]; return all || known })
	} else {
		unknown = slices.AppendSeq(unknown, maps.Keys(have))
	}
	if len(unknown) == 0 {
		return func(name string) bool { return all || have[name] }, nil
	}
	slices.Sort(unknown)
	asked, none, err := c.askRights(ctx, slices.Compact(unknown))
	if err != nil {
		return nil, err
	}
	have = r.keep(asked, none, !fresh)
	return func(name string) bool { return none || have[name] }, nil
}

// keep takes answers in, which are to all that is known or to some of it, and returns all.
func (r *rights) keep(asked map[string]bool, none, whole bool) map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read == nil {
		r.read = map[string]bool{}
	}
	for name, may := range asked {
		before, known := r.read[name]
		r.differs = r.differs || known && before != may
		r.read[name] = may
	}
	if whole {
		r.asked = time.Now()
	}
	r.all = none
	return maps.Clone(r.read)
}

// changed asks anew for what is known once a minute, and reports whether any of it is different from what
// it was when this was last asked.
func (r *rights) changed(ctx context.Context, c *Client) (bool, error) {
	if _, err := r.of(ctx, c, nil); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	differs := r.differs
	r.differs = false
	return differs, nil
}

// forget makes the next question be asked: an answer was not as the rights let expect.
func (r *rights) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = time.Time{}
}

// sightings are what was seen of indices as long as the program runs. The zero value has seen none.
type sightings struct {
	mu sync.Mutex
	// closed is when an index was first seen to be closed.
	closed map[string]time.Time
	// found are the indices that a list of patterns was resolved to.
	found map[string]map[string]bool
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

// vanished are the indices that patterns meant before and do not now. Closed ones are still there.
func (s *sightings) vanished(patterns, open, closed []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == nil {
		s.found = map[string]map[string]bool{}
	}
	id := strings.Join(patterns, ",")
	before := s.found[id]
	if before == nil {
		before = map[string]bool{}
		s.found[id] = before
	}
	var out []string
	for name := range before {
		if !slices.Contains(open, name) && !slices.Contains(closed, name) {
			out = append(out, name)
		}
	}
	for _, name := range open {
		before[name] = true
		delete(s.closed, name)
	}
	slices.Sort(out)
	return out
}

// gone notes that an index is not there any more.
func (s *sightings) gone(patterns []string, index string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.found[strings.Join(patterns, ",")], index)
}
