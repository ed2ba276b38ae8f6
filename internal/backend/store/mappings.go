package store

import (
	"cmp"
	"maps"
	"strings"
	"sync"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// mappings holds the fields of the events' indices: of each index its given mapping plus the fields
// inferred from its events. Once inference is complete it is safe for concurrent use.
type mappings struct {
	// given is nil if the fields of ECS are used by name.
	given  *mapping.Indices
	byName map[string]*mapping.Inferred

	mu sync.Mutex
	// merged holds the fields of several indices together, by their names.
	merged map[string]mapping.Fields
}

func newMappings(given *mapping.Indices) *mappings {
	return &mappings{given: given, byName: map[string]*mapping.Inferred{}, merged: map[string]mapping.Fields{}}
}

// of returns the initial mapping of an index, without a given one that of Elasticsearch's own templates. An event that names no
// index may belong to any.
func (m *mappings) of(index string) *mapping.Mapping {
	if m.given == nil {
		return streamMapping(m.series(index))
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

// series returns the series of an index, as given or from its name.
func (m *mappings) series(index string) string {
	if m.given != nil {
		if series, ok := m.given.Series(index); ok {
			return series
		}
	}
	return cmp.Or(event.DataStream(index), index)
}

// infer extends the mapping by one event of an index.
func (m *mappings) infer(index string, source map[string]any) {
	i, ok := m.byName[index]
	if !ok {
		i = mapping.NewInferred(m.of(index))
		m.byName[index] = i
	}
	i.Add(source)
}

// fields returns the fields of the documents of all the indices, cached by the indices.
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
		tables[index] = table.Analyzed() // an index here has no settings
	}
	if len(indices) == 0 && m.given != nil {
		return mapping.Over(mapping.AllMetadata(), m.given.Merged().Fields.Analyzed())
	}
	fields := mapping.NewIndexFields(tables, func(index, name string) bool { return !m.byName[index].Settled(name) }).
		Hide(func(index, name string) mapping.Hiding {
			if m.byName[index].Settled(name) {
				return mapping.Drops
			}
			return mapping.Maps
		})
	if m.given != nil {
		return mapping.Over(mapping.AllMetadata(), fields)
	}
	return mapping.Over(mapping.AllMetadata(), mapping.Over(m.ecs(indices), fields))
}

// ecs returns the fields of ECS. They record when longer values are left out, as the limit is not
// from a given mapping.
func (m *mappings) ecs(indices []string) mapping.Fields {
	longest := map[string]int{}
	for _, index := range indices {
		for path, n := range m.byName[index].LongestOf() {
			longest[path] = max(longest[path], n)
		}
	}
	if len(longest) == 0 {
		return analyzedECS()
	}
	return &limited{analyzedECS(), longest}
}

// analyzedECS are the fields of ECS in an index here, whose settings name no analyser.
var analyzedECS = sync.OnceValue(func() mapping.Table { return mapping.ECS().Analyzed() })

// limited adds to fields the lengths of the longest texts at their paths.
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
