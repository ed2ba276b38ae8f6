package store

import (
	"cmp"
	"maps"
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
	for _, name := range []string{index, m.series(index)} {
		if of, ok := m.given.ForIndex(name); ok {
			return of
		}
	}
	return nil
}

// series is what an index belongs to, by what was given or by its name.
func (m *mappings) series(index string) string {
	if m.given != nil {
		if series, ok := m.given.Series(index); ok {
			return series
		}
	}
	return cmp.Or(event.DataStream(index), index)
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
	tables := make(map[string]mapping.Table, len(indices))
	for _, index := range indices {
		table := maps.Clone(m.byName[index].Of().Fields)
		if table == nil {
			table = mapping.Table{}
		}
		maps.Copy(table, m.byName[index].Added())
		tables[index] = table
	}
	if len(indices) == 0 && m.given != nil {
		return mapping.Over(mapping.AllMetadata(), m.given.Merged().Fields)
	}
	fields := mapping.NewIndexFields(tables, func(index, name string) bool { return !m.byName[index].Settled(name) })
	if m.given != nil {
		return mapping.Over(mapping.AllMetadata(), fields)
	}
	return mapping.Over(mapping.AllMetadata(), mapping.Over(m.ecs(indices), fields))
}

// ecs are the fields of ECS. Of those that leave out longer values they say so, as no mapping gave the
// limit.
func (m *mappings) ecs(indices []string) mapping.Fields {
	longest := map[string]int{}
	for _, index := range indices {
		for path, n := range m.byName[index].LongestOf() {
			longest[path] = max(longest[path], n)
		}
	}
	if len(longest) == 0 {
		return mapping.ECS()
	}
	return &limited{mapping.ECS(), longest}
}

// limited are fields with the lengths of the longest texts at their places.
type limited struct {
	mapping.Table
	longest map[string]int
}

func (l *limited) Field(name string) (mapping.Field, bool) {
	f, ok := l.Table.Field(name)
	if n := l.longest[f.Source()]; ok && f.IgnoreAbove > 0 && n > f.IgnoreAbove {
		f.Longest = n
	}
	return f, ok
}
