package pushdown

import (
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/membership"
	"tocsin/internal/translate/spl"
)

// tagFields are the fields with the tags of events.
var tagFields = []string{"tag", "tag::eventtype"}

// itself returns the condition by which events in the shape CIM belong to a source: they have all its tags, or they have
// no tags and match Search.
func itself(s fieldmap.Source) (spl.Expr, error) {
	var untagged spl.Expr
	if s.Search.Value != "" {
		x, err := spl.ParseCondition(s.Search.Value)
		if err != nil {
			return nil, err
		}
		untagged = x
	}
	if len(s.Tags) == 0 {
		return untagged, nil
	}
	tagged := &spl.And{}
	for _, tag := range s.Tags {
		tagged.Xs = append(tagged.Xs, anyOf(tagFields, spl.Value{Text: tag, Quoted: true}))
	}
	if untagged == nil {
		return tagged, nil
	}
	none := &spl.Not{X: anyOf(tagFields, spl.Value{Text: "*"})}
	return &spl.Or{Xs: []spl.Expr{tagged, &spl.And{Xs: []spl.Expr{none, untagged}}}}, nil
}

// anyOf returns the condition that one of several fields has a value.
func anyOf(fields []string, v spl.Value) spl.Expr {
	one := &spl.Or{}
	for _, f := range fields {
		one.Xs = append(one.Xs, &spl.Compare{Field: spl.Name{Text: f}, Op: "=", Value: v})
	}
	return one
}

// possible returns the sources that the indices can have events of, so that the condition stays simple. A source without
// any mapped field in its condition has no events. Without a mapping, only sources of the shape ECS are possible.
func (v View) possible(fields mapping.Fields) []Source {
	if assumed(fields) {
		ecs := slices.DeleteFunc(slices.Clone(v.Sources), func(s Source) bool { return s.Shape == fieldmap.CIM })
		if len(ecs) > 0 {
			return ecs
		}
		return v.Sources
	}
	shapes := map[fieldmap.Shape]bool{}
	for _, s := range v.Sources {
		shapes[s.Shape] = true
	}
	if len(shapes) < 2 {
		return v.Sources
	}
	var out []Source
	for _, s := range v.Sources {
		if !membership.Impossible(v.teller(s, fields), fields) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return v.Sources
	}
	return out
}

// absent returns the sources whose condition has no mapped field.
func (v View) absent(fields mapping.Fields) []string {
	if assumed(fields) {
		return nil
	}
	var out []string
	for _, s := range v.Sources {
		if membership.Impossible(v.teller(s, fields), fields) {
			out = append(out, s.Name)
		}
	}
	return out
}

// Absent returns the selected sources that no index can have events of. all: there are no other sources.
func (p *Plan) Absent() (names []string, all bool) {
	return p.absent, len(p.absent) > 0 && len(p.absent) == len(p.View.Sources)
}

// assumed reports whether fields are not a real mapping, but have a field of every name.
func assumed(fields mapping.Fields) bool {
	_, mapped := fields.Field("no field is called so")
	return mapped
}

// teller returns the condition that distinguishes the events of a source.
func (v View) teller(s Source, fields mapping.Fields) condition.Expr {
	if s.Shape == fieldmap.CIM {
		l := lowerer{view: v, fields: fields}
		return l.self(s, true)
	}
	filter, _ := membership.Condition(s.Source, fields, v.slot)
	if filter == nil {
		return condition.Const(true) // the error is reported where the condition is used
	}
	return filter
}

// bared returns the fields that a condition tests.
func (v View) bared(x spl.Expr) []string {
	var out []string
	spl.Walk(x, func(x spl.Expr) {
		switch x := x.(type) {
		case *spl.Compare:
			out = append(out, fieldmap.Bare(x.Field.Text))
		case *spl.In:
			out = append(out, fieldmap.Bare(x.Field.Text))
		}
	})
	return out
}

// CodeUnmapped marks a dataset without a source in the field map.
const CodeUnmapped = spl.CodeUnsupported

// Unmapped reports a dataset without a source. It is an error, as to read all events or none would be a guess.
func Unmapped(model, dataset string) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Error, Code: CodeUnmapped, Message: unmappedText(model, dataset)}
}

// unmappedText returns the message of [Unmapped].
func unmappedText(model, dataset string) string {
	return "no source of the field map says which events are " + strings.TrimSuffix(model+"."+dataset, ".") +
		": give one with --field-map, whose model it is"
}

// Refused reports the datasets of a search that have no source, each at its place.
func (m Map) Refused(s *spl.Search) diag.List {
	var diags diag.List
	for _, d := range splunk.Datasets(s) {
		if !m.Knows(d.Model, d.Name) {
			diags = append(diags, d.Source.Report(diag.Error, CodeUnmapped, d.Span, "%s", unmappedText(d.Model, d.Name)))
		}
	}
	return diags
}

// Knows reports whether a dataset has a source.
func (m Map) Knows(model, dataset string) bool { return len(m.Model(model, dataset).Sources) > 0 }
