package planner

import (
	"strings"
	"sync"

	"tocsin/internal/mapping"
	"tocsin/internal/search"
)

// judged remembers which requests can be answered from memory: to find out, their conditions have to
// be compiled, and the same come again in every round. Only their windows differ, and the answer
// does not depend on those. The zero value remembers nothing.
type judged struct {
	mu sync.Mutex
	by map[question]judgement
}

// question is what of a request the answer depends on, besides the mapping.
type question struct {
	where, field, fallback, orderBy, tiebreaker, wanted string
}

type judgement struct {
	fields mapping.Fields
	err    error
}

// inMemory is [search.Request.InMemory].
func (j *judged) inMemory(r search.Request) error {
	q := question{r.Words(), r.Time.Field, r.Time.Fallback, r.OrderBy, r.Tiebreaker, strings.Join(r.Fields, ",")}
	j.mu.Lock()
	known, ok := j.by[q]
	j.mu.Unlock()
	if ok && mapping.Same(known.fields, r.FieldTypes) {
		return known.err
	}
	known = judgement{r.FieldTypes, r.InMemory()}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.by == nil || len(j.by) >= maxRemembered {
		j.by = map[question]judgement{}
	}
	j.by[q] = known
	return known.err
}
