package alert

import (
	_ "embed"
	"iter"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"tocsin/internal/mapping"
)

// Fields are the fields of an alert that are not ECS, one a line: name, type, parameters. The names are
// those of Kibana's detection alerts, and Tocsin's own.
//
//go:embed alert-fields.tsv
var Fields string

// ownFields goes through the fields of [Fields].
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

// shape is what the mapping of alerts wants at a name.
type shape int

const (
	anyShape shape = iota // not mapped, stored as it is
	scalarShape
	objectShape
	nestedShape
	flattenedShape
	pointShape
	// refusedShape is that of a name that no document may have.
	refusedShape
)

// place is a name of the mapping of alerts with those below it; nil: it is not mapped.
type place struct {
	shape shape
	below map[string]*place
	// term: a value is one term of the index, however long it is.
	term bool
	// key is, within a flattened field, the name below it.
	key string
}

// refused is where nothing can be.
var refused = &place{shape: refusedShape}

// at returns the place of a key, which may be dotted, and whether it leads through a nested one.
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

// nameless reports whether a dotted name has a part that is no name.
func nameless(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if blank(part) {
			return true
		}
	}
	return false
}

// blank reports whether a text is empty or nothing but what Java calls white space, and some more.
func blank(text string) bool {
	return strings.TrimFunc(text, func(r rune) bool { return r >= 0x1c && r <= 0x1f || unicode.IsSpace(r) }) == ""
}

// make returns the place of a name, and makes those on the way to it that are not there.
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

// shapes has the shape of every name of ECS and of [Fields], and of the objects above them. Elasticsearch
// refuses a whole document for one value of another shape, whichever values it is told to ignore.
var shapes = sync.OnceValue(func() *place {
	root := &place{}
	for _, f := range mapping.ECS() {
		if f.Path == "" { // a multi-field is no place in a document
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

// set makes the place that of a field.
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
