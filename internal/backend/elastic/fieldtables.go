package elastic

import (
	"slices"

	"tocsin/internal/match/mapping"
)

// tables makes of what the APIs say of fields the table of each index.
type tables struct {
	// whole has the fields that are wanted, by the first index that has them; asked are their names.
	whole mapping.Table
	asked []string
	types map[string]typesOf
	// details and structures are what mappings say.
	details    definitions
	structures map[string]*mapping.Structure
}

// unread is why a field cannot be tested in memory whose definition may not be read.
const unread = "the mapping of its index may not be read"

// fields joins the tables of indices.
func (t tables) fields(indices map[string]bool) *mapping.IndexFields {
	byIndex := make(map[string]mapping.Table, len(indices))
	for index := range indices {
		byIndex[index] = t.of(index)
	}
	return mapping.NewIndexFields(byIndex, func(index, name string) bool {
		if _, read := t.details[index]; !read {
			return false
		}
		return t.hiding(index, name) == mapping.Maps
	}).Hide(t.hiding)
}

// hiding tells what an index does with what it does not map. One whose mapping may not be read is taken to map all.
func (t tables) hiding(index, name string) mapping.Hiding {
	if s := t.structures[index]; s != nil {
		return s.Hiding(name)
	}
	return mapping.Maps
}

// of is the table of one index.
func (t tables) of(index string) mapping.Table {
	details, read := t.details[index]
	table := make(mapping.Table, len(t.whole))
	for name, f := range t.whole {
		own, defined := details[name]
		typ, typed := t.typeIn(name, index)
		switch {
		case defined:
			f = definedField(own, details)
		case !typed, read && typ.Family() != mapping.FamilyObject && !t.computed(name, index):
			continue // The index does not map it.
		default:
			f.Type, f.Path = typ, ""
			if typ.Family() != mapping.FamilyObject && !read {
				f.Unsourced = unread
			}
		}
		table[name] = f
	}
	setPaths(table)
	markNested(table)
	setExact(table)
	if s := t.structures[index]; s != nil {
		s.Apply(table)
	}
	table.WithMetadata(t.asked)
	return table
}

func (t tables) computed(name, index string) bool {
	s := t.structures[index]
	return s != nil && s.Runtime(name)
}

// typeIn is the type that the field capabilities give a field in an index. They do not say which
// indices have a field that has one type only: then any may.
func (t tables) typeIn(name, index string) (mapping.Type, bool) {
	for typ, indices := range t.types[name] {
		if _, has := slices.BinarySearch(indices, index); has {
			return typ, true
		}
	}
	return "", false
}

// definedField is a field by its definition; an alias is what it points to, whose values stand at the
// target, or above it where that is a sub-field.
func definedField(f mapping.Field, details mapping.Table) mapping.Field {
	if f.Type != mapping.Alias {
		return f
	}
	target, known := details.Field(f.Path)
	if !known {
		f.Opaque = "what it points to may not be read"
		return f
	}
	name := f.Name
	source := target.Source()
	if parent, isLeaf := details[above(target.Name)]; isLeaf && !target.Keyed && parent.Type != mapping.Flattened {
		source = above(target.Name)
	}
	target.Name, target.Path = name, source
	return target
}

// setPaths leads sub-fields to where their values stand.
func setPaths(table mapping.Table) {
	for name, f := range table {
		parent, ok := table[above(name)]
		if ok && isLeaf(parent.Type) && f.Path == "" {
			f.Path = parent.Source()
			table[name] = f
		}
	}
}

// markNested leaves what is in a nested object to searches: whether a condition on the whole
// document sees it depends on a parameter that the APIs used here do not show.
func markNested(table mapping.Table) {
	for name, f := range table {
		for parent := above(name); parent != ""; parent = above(parent) {
			if table[parent].Type == mapping.Nested {
				f.Opaque = mapping.InNested(parent)
				table[name] = f
				break
			}
		}
	}
}

// setExact names the exact sub-field of each text field that has just one.
func setExact(table mapping.Table) {
	exact := map[string][]string{}
	for name, f := range table {
		if f.Path == above(name) && f.Type.Family() == mapping.FamilyString && f.Normalizer == "" {
			exact[f.Path] = append(exact[f.Path], name)
		}
	}
	for name, f := range table {
		if f.Type.Family() == mapping.FamilyText && len(exact[name]) == 1 {
			f.Exact = exact[name][0]
			table[name] = f
		}
	}
}
