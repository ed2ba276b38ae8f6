package mapping

import (
	_ "embed"
	"strings"
	"sync"
)

// The field types of the Elastic Common Schema (github.com/elastic/ecs, Apache-2.0): facts, one
// field a line: name, type, "array" where the field is normally multi-valued.
//
//go:embed ecs-fields.tsv
var ecsTSV string

// The settings of ECS's own index templates for every keyword and every scaled_float.
const (
	ecsIgnoreAbove   = 1024
	ecsScalingFactor = 1000
)

// ECS returns the fields of the Elastic Common Schema with the types of its index templates.
func ECS() Table { return ecsTable() }

var ecsTable = sync.OnceValue(func() Table {
	table := make(Table, 2800)
	for line := range strings.Lines(ecsTSV) {
		name, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		typ, _, _ := strings.Cut(rest, "\t")
		table[name] = ecsField(name, Type(typ))
	}
	for name, f := range table {
		parent, ok := table[parentOf(name)]
		if ok && parent.Type.Family() != FamilyObject && parent.Type != Flattened {
			f.Path = parent.Name
			table[name] = f
		}
	}
	table.MarkNested()
	return table
})

func ecsField(name string, typ Type) Field {
	f := Field{Name: name, Type: typ}
	switch typ {
	case Keyword:
		f.IgnoreAbove = ecsIgnoreAbove
	case ScaledFloat:
		f.ScalingFactor = ecsScalingFactor
	default:
	}
	return f
}

// ECSList reports whether a field of ECS holds a list of values.
func ECSList(name string) bool { return ecsLists()[name] }

var ecsLists = sync.OnceValue(func() map[string]bool {
	lists := map[string]bool{}
	for line := range strings.Lines(ecsTSV) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(columns) > 2 && columns[2] == "array" {
			lists[columns[0]] = true
		}
	}
	return lists
})
