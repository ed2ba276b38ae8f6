package alert

import (
	_ "embed"
	"iter"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"tocsin/internal/match/mapping"
)

// Fields are the fields of an alert that are not in ECS, one per line: name, type, parameters. The
// names are the names of Kibana's detection alerts, plus Tocsin's own.
//
//go:embed alert-fields.tsv
var Fields string

// ownFields yields the fields of [Fields].
func ownFields() iter.Seq[mapping.Field] {
	return func(yield func(mapping.Field) bool) {
		for line := range strings.Lines(Fields) {
			columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if strings.HasPrefix(line, "#") || len(columns) < 2 {
				continue
			}
			f := mapping.Field{Name: columns[0], Type: mapping.Type(columns[1])}
			for _, parameter := range columns[2:] {
				if text, ok := strings.CutPrefix(parameter, "ignore_above="); ok {
					f.IgnoreAbove, _ = strconv.Atoi(text)
				}
			}
			if !yield(f) {
				return
			}
		}
	}
}

// shape is the kind of value that the mapping of alerts requires at a name.
type shape int

const (
	anyShape shape = iota // not mapped, stored unchanged
	scalarShape
	objectShape
	nestedShape
	flattenedShape
	pointShape
	// refusedShape is the shape of a name that no document may have.
	refusedShape
)

// place is a name in the mapping of alerts, with the names below it; nil: not mapped.
type place struct {
	shape shape
	below map[string]*place
	// term: a value is one term of the index, whatever its length.
	term bool
	// key is, within a flattened field, the name relative to it.
	key string
}

// refused is a place that accepts no value.
var refused = &place{shape: refusedShape}

// at returns the place of a key, which may be dotted, and whether the path goes through a nested
// field.
func (p *place) at(key string) (to *place, nested bool) {
	if p == nil {
		return nil, false
	}
	for rest := key; ; {
		part, after, dotted := strings.Cut(rest, ".")
		if blank(part) || dotted && nameless(after) {
			return refused, nested
		}
		p = p.below[part]
		if p == nil || !dotted {
			return p, nested
		}
		switch p.shape {
		case scalarShape:
			return refused, nested
		case flattenedShape:
			return &place{shape: flattenedShape, key: after}, nested
		case pointShape, anyShape:
			return nil, nested
		case nestedShape:
			nested = true
		case objectShape, refusedShape:
		}
		rest = after
	}
}

// nameless reports whether a dotted name has an empty part.
func nameless(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if blank(part) {
			return true
		}
	}
	return false
}

// blank reports whether a text is empty or only white space, in Java's sense and some more.
func blank(text string) bool {
	return strings.TrimFunc(text, func(r rune) bool { return r >= 0x1c && r <= 0x1f || unicode.IsSpace(r) }) == ""
}

// make returns the place of a name, and creates missing places on the path.
func (p *place) make(name string) *place {
	for part := range strings.SplitSeq(name, ".") {
		if p.below == nil {
			p.below = map[string]*place{}
			if p.shape != nestedShape {
				p.shape = objectShape
			}
		}
		if p.below[part] == nil {
			p.below[part] = &place{}
		}
		p = p.below[part]
	}
	return p
}

// shapes holds the shape of every name of ECS and of [Fields], and of the objects above them.
// Elasticsearch rejects a whole document for one value of another shape, whichever values it is
// told to ignore.
var shapes = sync.OnceValue(func() *place {
	root := &place{}
	for _, f := range mapping.ECS() {
		if f.Path == "" { // a multi-field is not a place in a document
			root.make(f.Name).set(f)
		}
	}
	for f := range ownFields() {
		if !strings.HasSuffix(f.Name, ".text") {
			root.make(f.Name).set(f)
		}
	}
	return root
})

// set initializes the place from a field.
func (p *place) set(f mapping.Field) {
	switch {
	case f.Type == mapping.Nested:
		p.shape = nestedShape
	case f.Type == mapping.Flattened:
		p.shape = flattenedShape
	case len(p.below) > 0 || f.Type.Family() == mapping.FamilyObject:
		p.shape = objectShape
	case f.Type == mapping.GeoPoint:
		p.shape = pointShape
	default:
		p.shape = scalarShape
		p.term = (f.Type == mapping.Keyword || f.Type == mapping.ConstantKeyword) && (f.IgnoreAbove == 0 || f.IgnoreAbove > maxTerm/4)
	}
}
