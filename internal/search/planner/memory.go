package planner

import (
	"strings"
	"sync"

	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// memoryCache remembers which requests can be answered from memory: to find out, their conditions
// have to be compiled, and the same conditions come again in every round. Only their windows
// differ, and the answer does not depend on windows. The zero value is empty.
type memoryCache struct {
	mu sync.Mutex
	by map[memoryKey]memoryEntry
}

// memoryKey holds the parts of a request that the answer depends on, besides the mapping.
type memoryKey struct {
	where, field, fallback, orderBy, tiebreaker, wanted string
}

type memoryEntry struct {
	fields mapping.Fields
	err    error
}

// check returns the result of [search.Request.InMemory].
func (j *memoryCache) check(r search.Request) error {
	q := memoryKey{r.Words(), r.Time.Field, r.Time.Fallback, r.OrderBy, r.Tiebreaker, strings.Join(r.Fields, ",")}
	j.mu.Lock()
	known, ok := j.by[q]
	j.mu.Unlock()
	if ok && mapping.Same(known.fields, r.FieldTypes) {
		return known.err
	}
	known = memoryEntry{r.FieldTypes, r.InMemory()}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.by == nil || len(j.by) >= maxRemembered {
		j.by = map[memoryKey]memoryEntry{}
	}
	j.by[q] = known
	return known.err
}
