package mapping

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Fields looks up fields by name. A name that is not mapped gives false.
type Fields interface {
	Field(name string) (Field, bool)
}

// Table is a set of mapped fields by name.
type Table map[string]Field

// Field returns the field of that name, or the key of a flattened field.
func (t Table) Field(name string) (Field, bool) {
	if f, ok := t[name]; ok {
		return f, true
	}
	for i := len(name) - 1; i > 0; i-- {
		if name[i] != '.' {
			continue
		}
		if f, ok := t[name[:i]]; ok && f.Type == Flattened {
			f.Name, f.Path, f.Keyed = name, f.Source()+name[i:], true
			return f, true
		}
	}
	return Field{}, false
}

// MarkNested sets Nested for every field below a nested object. A table that is built by hand needs
// it; [Parse] is more precise, as a mapping can copy nested values to the document.
func (t Table) MarkNested() {
	for name, f := range t {
		for above := parentOf(name); above != "" && f.Nested == ""; above = parentOf(above) {
			if t[above].Type == Nested {
				f.Nested = above
				t[name] = f
			}
		}
	}
}

// setMembers sets the members of every object.
func (t Table) setMembers() {
	for name, f := range t {
		if f.Type.Family() == FamilyObject {
			f.Members = []string{}
			t[name] = f
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if t[name].Type.Family() == FamilyObject {
			continue
		}
		for above := parentOf(name); above != ""; above = parentOf(above) {
			if f, ok := t[above]; ok && f.Type.Family() == FamilyObject {
				f.Members = append(f.Members, name)
				t[above] = f
			}
		}
	}
}

// Layers asks several sources in turn: the first that knows a name answers.
type Layers []Fields

// Field returns the first layer's answer.
func (l Layers) Field(name string) (Field, bool) {
	for _, fields := range l {
		if f, ok := fields.Field(name); ok {
			return f, true
		}
	}
	return Field{}, false
}

// Names returns the names that the layers know, if they can list them.
func (l Layers) Names() []string {
	var names []string
	for _, fields := range l {
		if known, ok := fields.(interface{ Names() []string }); ok {
			names = append(names, known.Names()...)
		}
	}
	return names
}

// Names returns the names of all fields.
func (t Table) Names() []string { return slices.Collect(maps.Keys(t)) }

// Assumed returns fields for use without a mapping (checking a rule on a laptop): fields of ECS
// have their ECS type, and every other name is a mapped field of unknown type.
func Assumed() Fields { return Layers{ECS(), untyped{}} }

// Untyped treats every name as a mapped field of unknown type.
func Untyped() Fields { return untyped{} }

type untyped struct{}

func (untyped) Field(name string) (Field, bool) { return Field{Name: name}, true }

// parentOf returns the name without its last part, "" for a top-level name.
func parentOf(name string) string {
	return name[:max(strings.LastIndexByte(name, '.'), 0)]
}

// Same reports whether two Fields are identical, not only equal. It is for caches of what was
// derived from fields: a table is not changed once it is made.
func Same(a, b Fields) bool {
	one, isTable := a.(Table)
	other, areTables := b.(Table)
	if isTable || areTables {
		return isTable && areTables && reflect.ValueOf(one).UnsafePointer() == reflect.ValueOf(other).UnsafePointer()
	}
	return a == nil && b == nil || a != nil && reflect.ValueOf(a).Comparable() && a == b
}
