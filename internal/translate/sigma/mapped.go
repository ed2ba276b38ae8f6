package sigma

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// at returns the places of a name, each field with stars as those that the indices have. A name of which the indices have
// no place is warned of.
func (l *lowerer) at(i *item, name string) []fieldmap.Place {
	named, out := l.written(name), l.named(name)
	if !slices.ContainsFunc(out, l.isMapped) && !l.unknown[name] {
		l.unknown[name] = true
		where, first := "it", name
		if len(named) != 1 || named[0].String() != name {
			texts := make([]string, len(named))
			for k, p := range named {
				texts[k] = p.String()
			}
			where = strings.Join(texts, " or ")
		}
		if len(named) > 0 {
			if f, ok := named[0].Field(); ok {
				first = f
			}
		}
		l.diags = append(l.diags, i.node.Report(l.detection.file, diag.Warning, CodeUnmapped, "Unknown field [%s]: no index has %s, so every event lacks it", name, where).About(first))
	}
	return out
}

// written are the places of a name as the map has them.
func (l *lowerer) written(name string) []fieldmap.Place {
	if l.Events == nil {
		return []fieldmap.Place{{Parts: []fieldmap.Part{{Field: name}}}}
	}
	places, _ := l.Events.Places(name)
	return places
}

// named are the places of a name in the indices.
func (l *lowerer) named(name string) []fieldmap.Place {
	var out []fieldmap.Place
	for _, p := range l.written(name) {
		if f, ok := p.Field(); ok && l.Events != nil && strings.Contains(f, "*") {
			for _, found := range condition.NamesLike(l.Fields, f) {
				out = append(out, fieldmap.Place{Parts: []fieldmap.Part{{Field: found}}, Values: p.Values})
			}
			continue
		}
		out = append(out, p)
	}
	return out
}

// isMapped reports whether indices have the place: each of its fields.
func (l *lowerer) isMapped(p fieldmap.Place) bool {
	return !slices.ContainsFunc(p.Fields(), func(f string) bool { return !l.has(f) })
}

func (l *lowerer) has(field string) bool {
	return slices.ContainsFunc(l.placesOf(field), func(p place) bool { return p.kind != nowhere })
}

// missing is true of an event that has a value at none of the places, as whatever their fields are mapped.
func (l *lowerer) missing(at []fieldmap.Place) condition.Expr {
	var every condition.And
	for _, p := range at {
		var lacks condition.Or
		for _, f := range p.Fields() {
			var none condition.And
			for _, way := range l.placesOf(f) {
				none = append(none, condition.Not{X: within(way, present(way))})
			}
			lacks = append(lacks, none)
		}
		every = append(every, lacks)
	}
	return condition.Simplify(every)
}

// isDropped reports whether a test is for exactly a value that events lose on their way into the index.
func (l *lowerer) isDropped(v value) bool {
	t, ok := v.(text)
	if !ok || l.Events == nil {
		return false
	}
	whole, isWhole := t.whole()
	return isWhole && slices.Contains(l.Events.Dropped, whole)
}

// place is true of an event for which one of several tests of a place holds.
func (l *lowerer) place(p fieldmap.Place, values []value) condition.Expr {
	f, isField := p.Field()
	switch {
	case !l.isMapped(p):
		return condition.Const(false)
	case isField && len(p.Values) > 0:
		return l.worded(f, p.Values, values)
	case isField:
		return l.field(f, values)
	}
	var out condition.Or
	var ways [][][]fieldmap.Glyph
	var joined []value
	for _, v := range values {
		glyphs, ok := glyphsOf(v)
		switch {
		case ok && len(p.Values) == 0:
			ways = append(ways, p.Split(glyphs)...)
		default:
			joined = append(joined, v)
		}
	}
	out = append(out, l.split(p, ways))
	if len(joined) > 0 {
		is := holds(joined, textOf)
		out = append(out, l.residualAt(p.String()+" "+describe(joined), []fieldmap.Place{p}, func(texts []string) bool {
			return is([]*mapping.Value{{String: texts[0]}})
		}))
	}
	return out
}

// worded is a test on a field whose values are other words than those of rules.
func (l *lowerer) worded(field string, words map[string]string, values []value) condition.Expr {
	is := holds(values, textOf)
	about := func(s string) bool { return is([]*mapping.Value{{String: s}}) }
	// A test that minds case says nothing of how the words of events are written.
	mindful := slices.ContainsFunc(values, func(v value) bool { t, ok := v.(text); return !ok || t.cased })
	var meant, said []value
	for _, word := range slices.Sorted(maps.Keys(words)) {
		one := text{pattern: plain(word)}
		if about(words[word]) {
			meant = append(meant, one)
		}
		if about(word) || mindful {
			said = append(said, one)
		}
	}
	// A value that has no other word is what it is.
	own := l.field(field, values)
	if len(said) > 0 {
		own = condition.And{own, condition.Not{X: l.field(field, said)}}
	}
	if len(meant) == 0 {
		return own
	}
	return condition.Or{l.field(field, meant), own}
}

// split is a test on a place of several parts, as tests on each of its fields in one of several ways.
func (l *lowerer) split(p fieldmap.Place, ways [][][]fieldmap.Glyph) condition.Expr {
	var fields []string
	for _, part := range p.Parts {
		if part.Field != "" {
			fields = append(fields, part.Field)
		}
	}
	if len(fields) == 1 && len(ways) > 0 { // all together, as values of a field are
		values := make([]value, len(ways))
		for i, way := range ways {
			values[i] = text{pattern: patternOf(way[0])}
		}
		return l.field(fields[0], values)
	}
	var out condition.Or
	for _, way := range ways {
		var all condition.And
		for i, f := range fields {
			all = append(all, l.field(f, []value{text{pattern: patternOf(way[i])}}))
		}
		out = append(out, all)
	}
	return out
}

// glyphsOf writes a pattern that ignores case and has no dashes as glyphs.
func glyphsOf(v value) ([]fieldmap.Glyph, bool) {
	t, ok := v.(text)
	if !ok || t.cased || t.has(dash) {
		return nil, false
	}
	var out []fieldmap.Glyph
	for _, x := range t.pattern {
		switch x.kind {
		case anyOne:
			out = append(out, fieldmap.One)
		case anyMany:
			out = append(out, fieldmap.Many)
		default:
			for _, r := range x.literal {
				out = append(out, fieldmap.Glyph(r))
			}
		}
	}
	return out, true
}

func patternOf(glyphs []fieldmap.Glyph) pattern {
	var p pattern
	for _, g := range glyphs {
		switch g {
		case fieldmap.One:
			p = p.append(anyOne)
		case fieldmap.Many:
			p = p.append(anyMany)
		default:
			p = p.add(string(rune(g)))
		}
	}
	return p
}

// residualAt is a test in memory on the texts of places, all of which have one: those of the source, where sources have all.
func (l *lowerer) residualAt(name string, at []fieldmap.Place, holds func([]string) bool) condition.Expr {
	var fields []string
	var wider condition.And
	sourced := true
	for _, p := range at {
		for _, f := range p.Fields() {
			if !slices.Contains(fields, f) {
				fields = append(fields, f)
				wider = append(wider, sentIn(l.placesOf(f)))
			}
			sourced = sourced && !slices.ContainsFunc(l.placesOf(f), place.unsourced)
		}
	}
	read := slices.Clone(fields)
	if sourced {
		for i, f := range read {
			read[i] = mapping.SourceName(f)
		}
		name = "source " + name
	}
	return condition.Residual{
		Text: name, Fields: read, Wider: condition.Simplify(wider),
		Holds: func(row []*mapping.Value) bool {
			texts := make([]string, len(at))
			for k, p := range at {
				made := p.Texts(func(f string) []string {
					if x := row[slices.Index(fields, f)]; x != nil {
						return []string{x.Text()}
					}
					return nil
				})
				if len(made) == 0 {
					return false
				}
				texts[k] = made[0]
			}
			return holds(texts)
		},
	}
}

// reference compares with what another name stands for.
func (l *lowerer) reference(i *item, at []fieldmap.Place, ref fieldRef) condition.Expr {
	var out condition.Or
	others := l.at(i, ref.field)
	for _, p := range at {
		for _, other := range others {
			if l.isMapped(p) && l.isMapped(other) {
				out = append(out, l.residualAt(p.String()+" fieldref "+other.String()+ref.String(), []fieldmap.Place{p, other}, func(texts []string) bool {
					return ref.holds(texts[0], texts[1])
				}))
			}
		}
	}
	return out
}
