package condition

import "tocsin/internal/match/mapping"

// fieldNamed returns the field of a test: a field of the mapping, or the texts that the source has where its
// values stand ([mapping.SourceName]), which no query can test.
func fieldNamed(fields mapping.Fields, name string) (mapping.Field, bool) {
	of, isSource := mapping.SourcePlace(name)
	switch {
	case !isSource:
		return fields.Field(name)
	case of == "":
		return mapping.WholeSource(), true
	}
	f, mapped := fields.Field(of)
	return f.OfSource(), mapped
}

// mappedName returns the name of the field whose mapping a test depends on; "" where it is none.
func mappedName(name string) string {
	if of, isSource := mapping.SourcePlace(name); isSource {
		return of
	}
	return name
}
