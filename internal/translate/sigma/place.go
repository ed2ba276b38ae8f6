package sigma

import (
	"slices"
	"strings"

	"tocsin/internal/match/mapping"
)

// place is how the indices of one way map a field, as far as Sigma's tests care.
type place struct {
	kind kind
	// base is the field itself: whether it is there, it says.
	base mapping.Field
	// folded is where case is folded by a normalizer, exact where it is kept; "" where there is no such field.
	folded, exact string
	// limited are those of them that leave longer values out; limit is the least length that is taken.
	limited []mapping.Field
	limit   int
}

type kind uint8

const (
	// nowhere: no index of the way maps the field.
	nowhere kind = iota
	// object: there are fields below it, and no values at it.
	object
	// words are whole values that queries can compare.
	words
	// numbers, booleans, addresses and dates are what they say.
	numbers
	booleans
	addresses
	dates
	// sourced: no query compares its whole values as texts, so only the source tells them.
	sourced
)

// placeOf resolves a field.
func placeOf(fields mapping.Fields, name string) place {
	f, mapped := fields.Field(name)
	if !mapped {
		return place{}
	}
	p := place{base: f}
	switch family := f.Type.Family(); {
	case f.Keyed:
		p.kind = sourced
	case family == mapping.FamilyObject:
		p.kind = object
	case family == mapping.FamilyUnknown:
		p.kind, p.exact = words, name
	case family == mapping.FamilyString, family == mapping.FamilyText:
		p.strings(fields)
	case family == mapping.FamilyInteger && f.Type != mapping.UnsignedLong, family == mapping.FamilyFloat:
		p.kind = numbers
	case family == mapping.FamilyBoolean:
		p.kind = booleans
	case family == mapping.FamilyIP:
		p.kind = addresses
	case family == mapping.FamilyDate:
		p.kind = dates
	default:
		p.kind = sourced
	}
	return p
}

// usual are the names that sub-fields with whole values mostly have.
var usual = []string{"caseless", "keyword", "lowercase", "lower", "raw"}

// strings finds where whole values are, with their case and without.
func (p *place) strings(fields mapping.Fields) {
	f := p.base
	take := func(g mapping.Field, mapped bool) {
		switch {
		case !mapped, g.Type.Family() != mapping.FamilyString, g.Source() != f.Source(), g.Keyed:
		case g.Normalizer == "" && p.exact == "":
			p.exact = g.Name
			p.note(g)
		case g.Normalizer == "lowercase" && p.folded == "" && g.InMemory() == nil:
			p.folded = g.Name
			p.note(g)
		}
	}
	take(f, true)
	for _, sub := range usual {
		take(fields.Field(f.Name + "." + sub))
	}
	if p.folded == "" && f.Type.Family() == mapping.FamilyText && p.exact == "" {
		for _, name := range below(fields, f.Name) {
			take(fields.Field(name))
		}
	}
	p.kind = words
	if p.folded == "" && p.exact == "" {
		p.kind = sourced
	}
}

// note remembers how long values may be. One that a sub-field leaves out and another takes is found by
// either test.
func (p *place) note(f mapping.Field) {
	if f.IgnoreAbove > 0 && f.Nested == "" && !f.Keyed {
		p.limited = append(p.limited, f)
		if p.limit == 0 || f.IgnoreAbove < p.limit {
			p.limit = f.IgnoreAbove
		}
	}
}

// below are the names below a name, where they can be listed.
func below(fields mapping.Fields, name string) []string {
	all, ok := fields.(interface{ Names() []string })
	if !ok {
		return nil
	}
	names := slices.DeleteFunc(all.Names(), func(n string) bool { return !strings.HasPrefix(n, name+".") })
	slices.Sort(names)
	return names
}

// like reports whether the same tests serve both.
func (p place) like(o place) bool {
	return p.kind == o.kind && p.folded == o.folded && p.exact == o.exact && p.base.Nested == o.base.Nested && p.base.IgnoreAbove == o.base.IgnoreAbove && p.limit == o.limit &&
		len(p.limited) == len(o.limited) && p.unsourced() == o.unsourced()
}

// unsourced reports whether sources lack values of the field.
func (p place) unsourced() bool { return p.base.Unsourced != "" }

// ways are the different places that a field has in indices.
func ways(fields mapping.Fields, name string) []place {
	names := []string{name}
	for _, sub := range usual {
		names = append(names, name+"."+sub)
	}
	var out []place
	for _, way := range mapping.Ways(fields, names) {
		p := placeOf(way.Fields, name)
		if !slices.ContainsFunc(out, p.like) {
			out = append(out, p)
		}
	}
	return out
}
