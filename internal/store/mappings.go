package store

import (
	"slices"
	"strings"
	"sync"

	"tocsin/internal/event"
	"tocsin/internal/mapping"
)

// mappings are the fields of the indices of events: of each what a mapping gives it, and what was
// learned of its own events. Once all is learned it is safe for concurrent use.
type mappings struct {
	// given is nil where the fields of ECS are taken by name.
	given  *mapping.Indices
	byName map[string]*mapping.Inferred

	mu sync.Mutex
	// merged are the fields of several indices together, by their names.
	merged map[string]mapping.Fields
}

func newMappings(given *mapping.Indices) *mappings {
	return &mappings{given: given, byName: map[string]*mapping.Inferred{}, merged: map[string]mapping.Fields{}}
}

// of is the mapping that an index has before anything is learned. An event that names no index may
// be of any.
func (m *mappings) of(index string) *mapping.Mapping {
	if m.given == nil {
		return nil
	}
	if index == "" {
		return m.given.Merged()
	}
	for _, name := range []string{index, event.Series(index)} {
		if of, ok := m.given.ForIndex(name); ok {
			return of
		}
	}
	return nil
}

// learn takes in one event of an index.
func (m *mappings) learn(index string, source map[string]any) {
	i, ok := m.byName[index]
	if !ok {
		i = mapping.NewInferred(m.of(index))
		m.byName[index] = i
	}
	i.Learn(source)
}

// fields are those of the documents of all the indices, the same for the same indices.
func (m *mappings) fields(indices []string) mapping.Fields {
	key := strings.Join(indices, ",")
	m.mu.Lock()
	defer m.mu.Unlock()
	fields, ok := m.merged[key]
	if !ok {
		fields = m.merge(indices)
		m.merged[key] = fields
	}
	return fields
}

func (m *mappings) merge(indices []string) mapping.Fields {
	var learned learnedFields
	switch len(indices) {
	case 0:
		learned = m.unread()
	case 1:
		learned = m.byName[indices[0]]
	default:
		learned = m.mergeAll(indices)
	}
	if m.given == nil {
		return &withECS{mapping.Layers{mapping.ECS(), learned}, learned}
	}
	return &withMapping{learned}
}

// mergeAll merges first the mappings that indices share, then what was learned of each.
func (m *mappings) mergeAll(indices []string) mergedFields {
	var names []string
	var tables []mapping.Table
	var shared []*mapping.Mapping
	for _, index := range indices {
		if of := m.byName[index].Of(); !slices.Contains(shared, of) {
			shared = append(shared, of)
			names, tables = append(names, index), append(tables, of.Fields)
		}
	}
	longest := map[string]int{}
	for _, index := range indices {
		names, tables = append(names, index), append(tables, m.byName[index].Added())
		for path, n := range m.byName[index].LongestOf() {
			longest[path] = max(longest[path], n)
		}
	}
	return mergedFields{mapping.Merge(names, tables), longest}
}

// mergedFields are those of several indices.
type mergedFields struct {
	mapping.Table
	longest map[string]int
}

func (m mergedFields) Longest(path string) int { return m.longest[path] }

// unread is what is known where there is no event.
func (m *mappings) unread() learnedFields {
	if m.given == nil {
		return mergedFields{}
	}
	return mergedFields{Table: m.given.Merged().Fields}
}

// learnedFields are fields that can be listed, with the length of the longest text at a place where
// that is more than dynamic mapping indexes.
type learnedFields interface {
	mapping.Fields
	Names() []string
	Longest(path string) int
}

// withECS answers for any field of ECS, but names those only that there are. It is known by its place
// ([mapping.Same]).
type withECS struct {
	mapping.Layers
	learned learnedFields
}

// Field says of a field of ECS too what is longer than its limit: no mapping gave it.
func (w *withECS) Field(name string) (mapping.Field, bool) {
	f, ok := w.Layers.Field(name)
	if n := w.learned.Longest(f.Source()); ok && f.IgnoreAbove > 0 && n > f.IgnoreAbove {
		f.Longest = n
	}
	return f, ok
}

func (w *withECS) Names() []string { return w.learned.Names() }

// withMapping makes fields known by their place ([mapping.Same]).
type withMapping struct{ learnedFields }
