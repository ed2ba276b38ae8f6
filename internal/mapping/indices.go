package mapping

import (
	"encoding/binary"
	"maps"
	"slices"
	"sync"
)

// Indices are the fields of several indices. As [Fields] they answer for all of them together, by
// which a query is read; a document is read by the fields of its own index ([OfIndex]). Indices that
// map everything alike are one group. It is safe for concurrent use and not changed once made.
type Indices struct {
	merged  Table
	groups  []Table
	byIndex map[string]int

	mu      sync.Mutex
	classes map[string][]int // by name, then by group; see classesOf
}

// NewIndices returns the fields of indices, each with a table of its own. Dynamic reports whether a
// value that an index has under a name would have made the index map it: then an index that does
// not map a name has no values there, and counts as one that maps it as the others do.
func NewIndices(tables map[string]Table, dynamic func(index, name string) bool) *Indices {
	x := &Indices{merged: Table{}, byIndex: map[string]int{}, classes: map[string][]int{}}
	sorted := slices.Sorted(maps.Keys(tables))
	for _, index := range sorted {
		x.merged.join(index, tables[index])
	}
	x.merged.dropPartialConstants(tables)
	x.merged.setMembers()
	filled := fill(sorted, tables, dynamic)
	interned := map[string][]Field{}
	groups := map[string]int{}
	for i, index := range sorted {
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
func (x *Indices) Field(name string) (Field, bool) { return x.merged.Field(name) }

// Names returns the names of all fields of any index.
func (x *Indices) Names() []string { return x.merged.Names() }

// OfIndex returns what fields say of the documents of one index. Fields that do not tell their
// indices apart, or do not know the index, say of it what they say of all.
func OfIndex(fields Fields, index string) Fields {
	switch f := fields.(type) {
	case *Indices:
		if g, known := f.byIndex[index]; known {
			return f.groups[g]
		}
	case Layers:
		if _, x := f.indices(); x != nil {
			if g, known := x.byIndex[index]; known {
				return f.group(g)
			}
		}
	}
	return fields
}

// Groups returns the fields of each group of indices that are mapped alike: at least one.
func Groups(fields Fields) []Fields {
	switch f := fields.(type) {
	case *Indices:
		out := make([]Fields, len(f.groups))
		for i := range f.groups {
			out[i] = f.groups[i]
		}
		if len(out) > 0 {
			return out
		}
	case Layers:
		if _, x := f.indices(); x != nil && len(x.groups) > 0 {
			out := make([]Fields, len(x.groups))
			for i := range x.groups {
				out[i] = f.group(i)
			}
			return out
		}
	}
	return []Fields{fields}
}

// indices finds the layer that tells indices apart. There is one at most.
func (l Layers) indices() (at int, x *Indices) {
	for i, layer := range l {
		if x, ok := layer.(*Indices); ok {
			return i, x
		}
	}
	return -1, nil
}

// group returns the layers as one group of indices sees them.
func (l Layers) group(g int) Layers {
	at, x := l.indices()
	out := slices.Clone(l)
	out[at] = x.groups[g]
	return out
}

// Way is one way in which indices map some names.
type Way struct {
	// Fields answers for the names as the indices of the way map them.
	Fields Fields
	of     *Indices
	groups []bool // by number; nil: all indices
}

// Has reports whether an index maps the names in this way. An index that is not known counts as of
// the first way only where there is no other.
func (w Way) Has(index string) bool {
	if w.groups == nil {
		return true
	}
	g, known := w.of.byIndex[index]
	return known && w.groups[g]
}

// Ways returns the different ways in which indices map some names, and the names of the members of
// objects among them: one, mostly. Every index is of one way.
func Ways(fields Fields, names []string) []Way {
	x, _ := fields.(*Indices)
	layers, _ := fields.(Layers)
	if layers != nil {
		_, x = layers.indices()
	}
	if x == nil || len(x.groups) <= 1 {
		return []Way{{Fields: Groups(fields)[0]}}
	}
	signatures := x.signatures(names)
	var ways []Way
	numbers := map[string]int{}
	for g, id := range signatures {
		n, known := numbers[id]
		if !known {
			n = len(ways)
			numbers[id] = n
			w := Way{Fields: x.groups[g], of: x, groups: make([]bool, len(x.groups))}
			if layers != nil {
				w.Fields = layers.group(g)
			}
			ways = append(ways, w)
		}
		ways[n].groups[g] = true
	}
	if len(ways) == 1 {
		ways[0].groups = nil
	}
	return ways
}

// signatures tells groups apart by how they map names: equal texts are one way.
func (x *Indices) signatures(names []string) []string {
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

// classesOf numbers the ways in which groups map a name, 0 being the first group's; nil when all map it alike.
func (x *Indices) classesOf(name string) []int {
	if known, ok := x.classes[name]; ok {
		return known
	}
	classes := make([]int, len(x.groups))
	var seen []lookedUp
	differ := false
	for g, table := range x.groups {
		f, ok := table.Field(name)
		l := lookedUp{f, ok, x.members(table, f)}
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

// lookedUp is what a group says of a name, and of the members of the object that it is.
type lookedUp struct {
	field   Field
	mapped  bool
	members []Field
}

func (l lookedUp) like(o lookedUp) bool {
	return l.mapped == o.mapped && l.field.like(&o.field) && slices.EqualFunc(l.members, o.members, func(a, b Field) bool { return a.like(&b) })
}

// members returns the fields below an object, by name.
func (x *Indices) members(table Table, f Field) []Field {
	out := make([]Field, 0, len(f.Members))
	for _, name := range f.Members {
		member, _ := table.Field(name)
		out = append(out, member)
	}
	return out
}

// like reports whether two indices that map a field so read every document and every query alike.
func (f *Field) like(o *Field) bool {
	return f.Name == o.Name && f.Type == o.Type && f.Format == o.Format && f.Opaque == o.Opaque &&
		slices.Equal(f.Members, o.Members) && f.difference(*o) == ""
}

// signature is equal for tables that are alike. Interned numbers the different fields of each name.
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

// fill gives every index that lacks a name the field of the first index that has it, where no
// document of the index can have a value there that is not mapped.
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

// plain reports whether a field has no values in a document that has none under its name.
func (f *Field) plain() bool {
	return f.Source() == f.Name && f.NullValue == nil && f.Constant == nil && f.Opaque == "" && f.Nested == "" &&
		f.Type != Nested && f.Type != ConstantKeyword && !f.Keyed
}
