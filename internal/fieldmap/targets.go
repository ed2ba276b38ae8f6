package fieldmap

import (
	"maps"
	"slices"
	"strings"
)

// Targets returns the names of all fields of events to which the map leads, sorted.
func (m Map) Targets() []string {
	found := map[string]bool{}
	add := func(names ...string) {
		for _, name := range names {
			if strings.Contains(name, ".") && !IsPattern(name) {
				found[name] = true
			}
		}
	}
	for _, s := range m.Sources {
		if s.Shape != ECS {
			continue
		}
		for _, f := range s.Fields {
			add(f.Names...)
		}
	}
	for _, s := range m.LogSources {
		if s.Shape != ECS {
			continue
		}
		for _, places := range s.Fields {
			for _, p := range places {
				add(p.Fields()...)
			}
		}
		for _, prefix := range s.Prefixes {
			for _, name := range s.Names {
				add(prefix + name)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
