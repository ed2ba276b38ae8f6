package mapping

import (
	"encoding/binary"
	"maps"
	"slices"
	"sync"
)

// IndexFields are the fields of several indices. As [Fields] they answer for all indices together,
// for compiling a query; a document is read by the fields of its own index ([OfIndex]). Indices
// with the same mapping form one group. An IndexFields is immutable and safe for concurrent use.
type IndexFields struct {
	merged  Fields
	names   []string
	groups  []Fields
	byIndex map[string]int

	// own are the tables of indices as mapped, without filled fields.
	own    []Fields
	hiding func(index, name string) Hiding

	mu      sync.Mutex
	classes map[string][]int // by name, then by group; see classesOf
}

// Hiding is how an index treats values under a name that it does not map.
type Hiding int

// The ways to treat values under an unmapped name.
const (
	// Maps: there are no such values, as the index maps them or rejects the document.
	Maps Hiding = iota
	// Drops: documents may have such values, and the index does not record them.
	Drops
	// Notes: documents may have such values if the index had too many fields, and _ignored has the name.
	Notes
)

// Hide sets how indices treat values that they do not map.
func (x *IndexFields) Hide(hiding func(index, name string) Hiding) *IndexFields {
	x.hiding = hiding
	return x
}

// Own returns the mapping of each index as it is: a field that one index lacks is not filled from the others.
// Fields that do not distinguish indices are returned as they are.
func Own(fields Fields) []Fields {
	x, tellsApart := fields.(*IndexFields)
	if !tellsApart || len(x.own) == 0 {
		return []Fields{fields}
	}
	return x.own
}

// Hidden returns the indices that drop values under a name without recording them, and whether some index
// records them.
func Hidden(fields Fields, name string) (drop []string, note bool) {
	x, tellsApart := fields.(*IndexFields)
	if !tellsApart || x.hiding == nil {
		return nil, false
	}
	for _, index := range slices.Sorted(maps.Keys(x.byIndex)) {
		if _, mapped := x.groups[x.byIndex[index]].Field(name); mapped {
			continue
		}
		switch x.hiding(index, name) {
		case Drops:
			drop = append(drop, index)
		case Notes:
			note = true
		case Maps:
		}
	}
	return drop, note
}

// NewIndexFields returns the fields of indices, each with its own table. dynamic reports whether a
// value under a name would have made the index map the name. If so, an index that does not map a
// name has no values there, and counts as mapping it like the others.
func NewIndexFields(tables map[string]Table, dynamic func(index, name string) bool) *IndexFields {
	sorted := slices.Sorted(maps.Keys(tables))
	merged := Table{}
	for _, index := range sorted {
		merged.join(index, tables[index])
	}
	merged.dropPartialConstants(tables)
	merged.setMembers()
	x := &IndexFields{merged: merged, names: merged.Names(), byIndex: map[string]int{}, classes: map[string][]int{}}
	filled := fill(sorted, tables, dynamic)
	interned := map[string][]Field{}
	groups := map[string]int{}
	for i, index := range sorted {
		x.own = append(x.own, tables[index])
		id := signature(filled[i], interned)
		g, known := groups[id]
		if !known {
			g = len(x.groups)
			groups[id] = g
			x.groups = append(x.groups, filled[i])
		}
		x.byIndex[index] = g
	}
	return x
}

// Field answers for all indices together: the first index by name decides, refined by the others.
func (x *IndexFields) Field(name string) (Field, bool) { return x.merged.Field(name) }

// Names returns the names of all fields of any index.
func (x *IndexFields) Names() []string { return slices.Clone(x.names) }

// Over returns fields in which base takes precedence over fields, in every index.
func Over(base, fields Fields) Fields {
	x, tellsApart := fields.(*IndexFields)
	if !tellsApart {
		return &layered{base, fields}
	}
	out := &IndexFields{merged: &layered{base, x.merged}, names: x.names, byIndex: x.byIndex, hiding: x.hiding, classes: map[string][]int{}}
	for _, own := range x.own {
		out.own = append(out.own, &layered{base, own})
	}
	for _, group := range x.groups {
		out.groups = append(out.groups, &layered{base, group})
	}
	return out
}

// layered answers from base, or else from rest. It is compared by pointer ([Same]).
type layered struct{ base, rest Fields }

func (l *layered) Field(name string) (Field, bool) { return Layers{l.base, l.rest}.Field(name) }

func (l *layered) Names() []string { return Layers{l.base, l.rest}.Names() }

// OfIndex returns the fields of one index. Fields that do not distinguish indices, or do not know
// the index, are returned for all indices together.
func OfIndex(fields Fields, index string) Fields {
	if x, tellsApart := fields.(*IndexFields); tellsApart {
		if g, known := x.byIndex[index]; known {
			return x.groups[g]
		}
		return x.merged
	}
	return fields
}

// Way is one way in which indices map some names.
type Way struct {
	// Fields answers for the names as mapped by the indices of the way.
	Fields Fields
	of     *IndexFields
	groups []bool // by group number; nil: all indices
}

// Has reports whether an index maps the names in this way. An unknown index belongs to the first
// way only if there is no other.
func (w Way) Has(index string) bool {
	if w.groups == nil {
		return true
	}
	g, known := w.of.byIndex[index]
	return known && w.groups[g]
}

// Apart reports whether fields distinguish indices with different mappings: otherwise there is one
// [Way], for any names.
func Apart(fields Fields) bool {
	x, tellsApart := fields.(*IndexFields)
	return tellsApart && len(x.groups) > 1
}

// WayOf returns the number of an index's way. An index that did not exist when its fields were
// resolved belongs to the first.
func WayOf(ways []Way, index string) int {
	return max(0, slices.IndexFunc(ways, func(w Way) bool { return w.Has(index) }))
}

// Indices returns the names of the indices of the way, sorted; nil for all indices.
func (w Way) Indices() []string {
	if w.groups == nil {
		return nil
	}
	var out []string
	for index, g := range w.of.byIndex {
		if w.groups[g] {
			out = append(out, index)
		}
	}
	slices.Sort(out)
	return out
}

// Ways returns the different ways in which indices map some names, and the members of objects among
// them. Usually there is one. Every index belongs to one way.
func Ways(fields Fields, names []string) []Way {
	x, tellsApart := fields.(*IndexFields)
	switch {
	case !tellsApart:
		return []Way{{Fields: fields}}
	case len(x.groups) == 0:
		return []Way{{Fields: x.merged}}
	case len(x.groups) == 1:
		return []Way{{Fields: x.groups[0]}}
	}
	signatures := x.signatures(names)
	var ways []Way
	numbers := map[string]int{}
	for g, id := range signatures {
		n, known := numbers[id]
		if !known {
			n = len(ways)
			numbers[id] = n
			ways = append(ways, Way{Fields: x.groups[g], of: x, groups: make([]bool, len(x.groups))})
		}
		ways[n].groups[g] = true
	}
	if len(ways) == 1 {
		ways[0].groups = nil
	}
	return ways
}

// signatures returns, for each group, a text of how it maps the names: equal texts are one way.
func (x *IndexFields) signatures(names []string) []string {
	out := make([][]byte, len(x.groups))
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range names {
		classes := x.classesOf(name)
		if classes == nil {
			continue
		}
		for g, class := range classes {
			out[g] = binary.AppendUvarint(out[g], uint64(class))
		}
	}
	texts := make([]string, len(out))
	for g := range out {
		texts[g] = string(out[g])
	}
	return texts
}

// classesOf numbers the ways in which groups map a name, 0 being the first group's; nil when all
// map it in the same way.
func (x *IndexFields) classesOf(name string) []int {
	if known, ok := x.classes[name]; ok {
		return known
	}
	classes := make([]int, len(x.groups))
	var seen []groupField
	differ := false
	for g, fields := range x.groups {
		f, ok := fields.Field(name)
		l := groupField{f, ok, members(fields, f)}
		classes[g] = slices.IndexFunc(seen, l.like)
		if classes[g] < 0 {
			classes[g] = len(seen)
			seen = append(seen, l)
		}
		differ = differ || classes[g] > 0
	}
	if !differ {
		classes = nil
	}
	x.classes[name] = classes
	return classes
}

// groupField is a group's field of a name, and the members if it is an object.
type groupField struct {
	field   Field
	mapped  bool
	members []Field
}

func (l groupField) like(o groupField) bool {
	return l.mapped == o.mapped && l.field.like(&o.field) && slices.EqualFunc(l.members, o.members, func(a, b Field) bool { return a.like(&b) })
}

// members returns the fields below an object, by name.
func members(fields Fields, f Field) []Field {
	out := make([]Field, 0, len(f.Members))
	for _, name := range f.Members {
		member, _ := fields.Field(name)
		out = append(out, member)
	}
	return out
}

// like reports whether two indices with these mappings of a field read every document and every
// query in the same way.
func (f *Field) like(o *Field) bool {
	return f.Name == o.Name && f.Type == o.Type && f.Format == o.Format && f.Opaque == o.Opaque && f.Unsourced == o.Unsourced && f.Analyzer == o.Analyzer && f.DocValuesOnly == o.DocValuesOnly &&
		slices.Equal(f.Members, o.Members) && f.difference(*o) == ""
}

// signature returns equal texts for equivalent tables. interned numbers the different fields of
// each name.
func signature(t Table, interned map[string][]Field) string {
	var id []byte
	for _, name := range slices.Sorted(maps.Keys(t)) {
		f := t[name]
		n := slices.IndexFunc(interned[name], func(known Field) bool { return known.like(&f) })
		if n < 0 {
			n = len(interned[name])
			interned[name] = append(interned[name], f)
		}
		id = append(id, name...)
		id = binary.AppendUvarint(append(id, 0), uint64(n))
	}
	return string(id)
}

// fill gives every index that lacks a name the field of the first index that has it, if no document
// of the index can have an unmapped value there.
func fill(sorted []string, tables map[string]Table, dynamic func(index, name string) bool) []Table {
	first := Table{}
	for _, index := range sorted {
		for name, f := range tables[index] {
			if _, known := first[name]; !known && f.plain() {
				first[name] = f
			}
		}
	}
	out := make([]Table, len(sorted))
	for i, index := range sorted {
		own := tables[index]
		filled := maps.Clone(own)
		if filled == nil {
			filled = Table{}
		}
		for name, f := range first {
			if _, mapped := own.Field(name); !mapped && dynamic(index, name) {
				filled[name] = f
			}
		}
		filled.setMembers()
		out[i] = filled
	}
	return out
}

// plain reports whether a field has no values in a document without a value under its name.
func (f *Field) plain() bool {
	return f.Source() == f.Name && f.NullValue == nil && f.Constant == nil && f.Opaque == "" && f.Unsourced == "" && f.Copied == nil && f.Nested == "" &&
		f.Type != Nested && f.Type != ConstantKeyword && !f.Keyed
}
