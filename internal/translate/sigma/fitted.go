package sigma

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/match/mapping"
)

// Fitted says of each field, in the order of names, where its values are compared under a mapping and what
// becomes of case there.
func (d *Detection) Fitted(in Lowering) []string {
	var names []string
	d.Names(func(name string) { names = append(names, name) })
	slices.Sort(names)
	l := lowerer{Lowering: in, places: map[string][]place{}}
	lists := map[string][][]value{}
	for _, x := range d.where {
		listsOf(x, lists)
	}
	var out []string
	for _, name := range slices.Compact(names) {
		at := l.named(name)
		known := slices.ContainsFunc(at, l.isMapped)
		for _, p := range at {
			if known && !l.isMapped(p) {
				continue
			}
			said := name + ": "
			f, isField := p.Field()
			switch {
			case !isField:
				said = name + ", as " + p.String() + ": "
			case f != name:
				said = name + ", as " + f + ": "
			}
			for _, f := range p.Fields() {
				for _, way := range l.placesOf(f) {
					out = append(out, said+way.String()+way.tooMany(lists[name]))
				}
			}
		}
	}
	return out
}

// listsOf collects the values of items by their fields.
func listsOf(x expr, lists map[string][][]value) {
	switch x := x.(type) {
	case allOf:
		for _, one := range x {
			listsOf(one, lists)
		}
	case anyOf:
		for _, one := range x {
			listsOf(one, lists)
		}
	case negation:
		listsOf(x.x, lists)
	case *selection:
		listsOf(x.what, lists)
	case *item:
		if !x.all {
			lists[x.field] = append(lists[x.field], slices.Concat(x.values...))
		}
	}
}

// tooMany says that a list of values is more than a search can ask.
func (p place) tooMany(lists [][]value) string {
	for _, values := range lists {
		if _, searchable := p.leaves(values); !searchable {
			return fmt.Sprintf("; a list of %d values is too long for a search, and is compared in the source", len(values))
		}
	}
	return ""
}

// String says how a field is asked at the place.
func (p place) String() string {
	var b strings.Builder
	switch p.kind {
	case nowhere:
		return "no index has it: every event lacks it"
	case object:
		return "it is an object: it can be there, and has no value"
	case words:
		p.describe(&b)
	case numbers, booleans, addresses, dates:
		fmt.Fprintf(&b, "%s [%s]: equal values are asked there", p.base.Name, p.base.Type)
		b.WriteString(", and patterns of the text in the source")
	default:
		fmt.Fprintf(&b, "%s [%s] has no whole values that a query compares: the text in the source is compared", p.base.Name, p.base.Type)
	}
	if p.base.Nested != "" {
		b.WriteString("; within the objects of " + p.base.Nested)
	}
	if p.unsourced() {
		b.WriteString("; the source lacks values, so what the index has is compared: " + p.base.Unsourced)
	}
	return b.String()
}

func (p place) describe(b *strings.Builder) {
	switch {
	case p.folded != "":
		fmt.Fprintf(b, "%s, whose normalizer folds case", p.folded)
		if p.exact == "" {
			b.WriteString("; cased and re compare the text in the source")
		} else if p.exact != p.folded {
			fmt.Fprintf(b, "; %s for cased and re", p.exact)
		}
	case p.base.Type == mapping.Unknown:
		fmt.Fprintf(b, "%s, of unknown type: as a keyword", p.exact)
	default:
		fmt.Fprintf(b, "%s, a keyword that keeps case: queries ignore that of ASCII letters, others are written in each case", p.exact)
	}
	if p.limit > 0 {
		fmt.Fprintf(b, "; values over %d characters are compared in the source", p.limit)
	}
}
