package pushdown

import (
	"sync"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// Map is a field map with parsed conditions in SPL.
type Map struct {
	sources []Source
	data    fieldmap.Map
}

// Source is a source of the field map with the condition by which events in the shape CIM belong to it.
type Source struct {
	fieldmap.Source

	// self is the condition made of Tags and Search; nil matches all events.
	self spl.Expr
	is   func(splunk.Row) bool
}

// Default returns the shipped map.
var Default = sync.OnceValue(func() Map {
	m, diags := NewMap(fieldmap.Default())
	if diags.HasErrors() {
		panic("pushdown: a shipped map is wrong: " + diags.Err().Error())
	}
	return m
})

// NewMap parses the conditions of a map. The result is empty when a diagnostic is an error; a map that was loaded with
// [Check] has no errors.
func NewMap(data fieldmap.Map) (Map, diag.List) {
	m := Map{data: data}
	var diags diag.List
	for _, s := range data.Sources {
		own, faults := read(s)
		diags = append(diags, faults...)
		m.sources = append(m.sources, own)
	}
	if diags.HasErrors() {
		return Map{}, diags
	}
	return m, diags
}

// Check is a [fieldmap.Check] of the conditions in SPL.
func Check(s fieldmap.Source) diag.List {
	_, diags := read(s)
	return diags
}

func read(s fieldmap.Source) (Source, diag.List) {
	self, err := itself(s)
	if err != nil {
		return Source{}, diag.List{s.Search.Report(diag.Error, "fieldmap/search", diag.Span{End: len(s.Search.Value)}, "%v", err)}
	}
	return Source{Source: s, self: self, is: splunk.Predicate(self)}, nil
}

// Tell is [fieldmap.Map.Tell].
func (m Map) Tell() bool { return m.data.Tell() }
