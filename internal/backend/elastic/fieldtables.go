package elastic

import (
	"slices"

	"tocsin/internal/match/mapping"
)

// tables combines the answers of the field APIs into one table for each index.
type tables struct {
	// whole has the requested fields as mapped in the first index that has them; asked has their names.
	whole mapping.Table
	asked []string
	types map[string]fieldTypes
	// details and structures come from the mappings.
	details    definitions
	structures map[string]*mapping.Structure
}

// unread is why a field whose definition may not be read cannot be tested in memory.
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

// hiding returns how an index treats fields that it does not map. If its mapping may not be read, it counts
// as mapping all of them.
func (t tables) hiding(index, name string) mapping.Hiding {
	if s := t.structures[index]; s != nil {
		return s.Hiding(name)
	}
	return mapping.Maps
}

// of returns the table of one index.
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
			continue // the index does not map it
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

// typeIn returns a field's type in an index, according to the field capabilities. They do not list the
// indices of a field that has only one type: then any index may have it.
func (t tables) typeIn(name, index string) (mapping.Type, bool) {
	for typ, indices := range t.types[name] {
		if _, has := slices.BinarySearch(indices, index); has {
			return typ, true
		}
	}
	return "", false
}

// definedField returns a field as defined. An alias becomes its target: its values are read at the target's
// path, or at the target's parent if the target is a sub-field.
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

// setPaths sets the paths at which the values of sub-fields are found.
func setPaths(table mapping.Table) {
	for name, f := range table {
		parent, ok := table[above(name)]
		if ok && isLeaf(parent.Type) && f.Path == "" {
			f.Path = parent.Source()
			table[name] = f
		}
	}
}

// markNested leaves fields in nested objects to searches: whether a condition on the whole document sees them
// depends on a parameter that these APIs do not return.
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

// setExact sets the exact sub-field of each text field that has only one.
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
