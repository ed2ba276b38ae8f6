package mapping

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Mapping is the mapping of one index: its fields, and its rules for new fields. It is immutable.
// The zero value has no fields and maps new ones by Elasticsearch's defaults.
type Mapping struct {
	// Fields are the explicitly mapped fields.
	Fields  Table
	dynamic dynamics
}

// Indices holds the mappings of indices. It is immutable.
type Indices struct {
	groups []group
	merged *Mapping
	series seriesNames
}

// group is the mapping of the indices that match a name or a pattern with wildcards.
type group struct {
	pattern string
	mapping *Mapping
}

// Everywhere returns one mapping for every index, with Elasticsearch's default for other fields.
func Everywhere(fields Table) *Indices { return uniform(&Mapping{Fields: fields}) }

func uniform(m *Mapping) *Indices {
	return &Indices{groups: []group{{"*", m}}, merged: m}
}

// ParseIndices parses an Elasticsearch mapping: {"properties": …} or {"mappings": {…}} for
// every index, or the answer of GET _mapping, with a mapping for each name. A name may have
// wildcards. It may also say which series indices belong to: see [Indices.Series].
func ParseIndices(data []byte) (*Indices, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, fmt.Errorf("parse mapping: %w", err)
	}
	series, err := parseSeries(top)
	if err != nil {
		return nil, err
	}
	x, err := parseIndices(data, top)
	if err != nil {
		return nil, err
	}
	x.series = series
	return x, nil
}

func parseIndices(data []byte, top map[string]json.RawMessage) (*Indices, error) {
	one := data
	if !isMapping(top) {
		one = top["mappings"]
	}
	if one != nil {
		m, err := parseOne(one)
		if err != nil {
			return nil, err
		}
		return uniform(m), nil
	}
	x := &Indices{}
	merged := Table{}
	known := map[string]*Mapping{} // many indices have one mapping
	for _, name := range slices.Sorted(maps.Keys(top)) {
		m := known[string(top[name])]
		if m == nil {
			var err error
			if m, err = parseIndex(top[name]); err != nil {
				return nil, fmt.Errorf("mapping of index [%s]: %w", name, err)
			}
			known[string(top[name])] = m
			merged.merge(name, m.Fields)
		}
		x.groups = append(x.groups, group{name, m})
	}
	merged.setMembers()
	x.merged = &Mapping{Fields: merged}
	slices.SortStableFunc(x.groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(wildcards(a.pattern), wildcards(b.pattern)), cmp.Compare(len(b.pattern), len(a.pattern)))
	})
	return x, nil
}

// wildcards returns 0 for a name, which takes precedence over every pattern.
func wildcards(pattern string) int { return min(strings.Count(pattern, "*"), 1) }

// ForIndex returns the mapping of an index: by its name, else by the longest matching pattern;
// false when there is none. Indices of one mapping get the same pointer.
func (x *Indices) ForIndex(index string) (*Mapping, bool) {
	for _, g := range x.groups {
		if Glob(g.pattern, index) {
			return g.mapping, true
		}
	}
	return nil, false
}

// Merged returns the mapping for documents of all the indices. A field that indices map differently
// gets a Conflict, or is Opaque if only its values are treated differently.
func (x *Indices) Merged() *Mapping { return x.merged }
