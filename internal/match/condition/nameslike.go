package condition

import (
	"slices"

	"tocsin/internal/match/mapping"
)

// NamesLike returns the names of fields of the form of one with stars, sorted; none if the fields cannot be listed.
func NamesLike(fields mapping.Fields, pattern string) []string {
	all, ok := fields.(interface{ Names() []string })
	if !ok {
		return nil
	}
	is := WildcardTest(pattern, false)
	names := slices.DeleteFunc(slices.Clone(all.Names()), func(n string) bool { return !is(n) })
	slices.Sort(names)
	return names
}
