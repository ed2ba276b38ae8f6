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

// ecsIgnoreAbove is the limit that ECS's own index templates set on keywords.
const ecsIgnoreAbove = 1024

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
	return table
})

func ecsField(name string, typ Type) Field {
	f := Field{Name: name, Type: typ}
	if typ == Keyword {
		f.IgnoreAbove = ecsIgnoreAbove
	}
	return f
}

// parentOf returns the name less its last part, "" for a top-level name.
func parentOf(name string) string {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return ""
	}
	return name[:i]
}
