package escu

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/diag"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// CodeUnmade marks a field that a detection uses but its search cannot produce.
const CodeUnmade = "escu/unmade-field"

// unmade reports the fields that a detection uses but no row of its search can have.
func (d *Detection) unmade(s *spl.Search) diag.List {
	made := splunk.OutputsOf(s)
	var diags diag.List
	told := map[string]bool{}
	report := func(field, value, format string, args ...any) {
		if made.May(field) || told[field+" "+format] {
			return
		}
		told[field+" "+format] = true
		span := diag.Span{}
		if n := scalarOf(d.root, value); n != nil {
			span = place(d.File, n)
		}
		diags = append(diags, d.File.Report(diag.Warning, CodeUnmade, span, format, args...))
	}
	for _, x := range d.Scored() {
		report(x.Field, x.Field, "the search makes no field %s: nobody is scored by it", x.Field)
	}
	if d.CreatesRisk() {
		for _, x := range d.Risk.Threats {
			report(x.Field, x.Field, "the search makes no field %s: events name no such threat", x.Field)
		}
	}
	if d.Throttle != nil {
		for _, name := range d.Throttle.Fields {
			report(name, name, "the search makes no field %s: nothing is throttled", name)
		}
	}
	for _, text := range d.templates() {
		splunk.Tokens(text, splunk.Row{}, func(field string) {
			report(field, text, "the search makes no field %s: the message shows $%s$ as it is", field, field)
		})
	}
	return diags
}

// templates returns the texts with tokens that are filled from rows.
func (d *Detection) templates() []string {
	var out []string
	for _, x := range d.Scored() {
		out = append(out, x.Message)
	}
	if f := d.Risk.Finding; f != nil && d.CreatesFinding() {
		out = append(out, f.Title)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// scalarOf finds the last scalar with a value, nil when there is none. The scored field comes after other keys
// that may have the same value.
func scalarOf(n *yaml.Node, value string) *yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		if n.Value == value {
			return n
		}
		return nil
	}
	for i, child := range slices.Backward(n.Content) {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue
		}
		if found := scalarOf(child, value); found != nil {
			return found
		}
	}
	return nil
}
