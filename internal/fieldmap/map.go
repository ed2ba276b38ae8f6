package fieldmap

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// Map is a field map: Sources are for searches of Splunk, LogSources for rules of Sigma.
type Map struct {
	Sources    []Source
	LogSources []LogSource
	// told: a source without events has been reported, and no other will be; nil: all are reported.
	told *atomic.Bool
}

// Tell reports whether to report a source without events. For the shipped map it is true only once, as most of its many
// sources have no events in any one place.
func (m Map) Tell() bool { return m.told == nil || m.told.CompareAndSwap(false, true) }

// Source is one kind of events, selected by sourcetype and the like or by a dataset of a data model.
type Source struct {
	Name string
	// When has the values that select the source, which may have stars, by field: sourcetype, source, eventtype, index
	// and others. Rows of its events have the first value of each.
	When map[string][]string
	// Model and Dataset are set for a dataset of a data model.
	Model, Dataset string
	// Index are the index patterns of the events. Only: there are no such events in other indices.
	Index []string
	Only  bool
	// Where is the condition of the events, in KQL; "" means all events of the indices.
	Where diag.Text
	// Shape is how the events are stored: as [ECS], or under Splunk's own field names, [CIM].
	Shape Shape
	// Tags are the tags of events in the shape CIM. Search is the condition of events without tags, in SPL.
	Tags   []string
	Search diag.Text
	// Fields are the fields in Elasticsearch, by their names in searches.
	Fields map[string]Field
	// Prefixes are put before names that are not in Fields; they are tried in order.
	Prefixes []string
}

// Shape is how events are stored.
type Shape string

// The shapes.
const (
	ECS Shape = ""
	CIM Shape = "cim"
)

// Field has the fields of a name. The value is in the first of Names that an event has, or, with All, in all of them.
type Field struct {
	Names []string
	All   bool
	// Lower converts the value to lower case.
	Lower bool
	// Base takes the last part of a path.
	Base bool
	// Values translates values of events, in lower case, to words of the data model.
	Values map[string]string
}

//go:embed maps/*.toml
var shipped embed.FS

// Default returns the shipped map.
var Default = sync.OnceValue(func() Map {
	m := Map{told: &atomic.Bool{}}
	names, err := fs.Glob(shipped, "maps/*.toml")
	if err != nil {
		panic("fieldmap: the shipped maps cannot be listed: " + err.Error())
	}
	for _, name := range names {
		data, err := shipped.ReadFile(name)
		if err != nil {
			panic("fieldmap: a shipped map cannot be read: " + err.Error())
		}
		more, diags := Load(diag.NewText(name, string(data)))
		if diags.HasErrors() {
			panic("fieldmap: a shipped map is wrong: " + diags.Err().Error())
		}
		m = m.Over(more)
	}
	return m
})

// Over returns the map with the sources and log sources of other before its own. One of other replaces one of the same name.
func (m Map) Over(other Map) Map {
	return Map{
		Sources:    over(m.Sources, other.Sources, func(s Source) string { return s.Name }),
		LogSources: over(m.LogSources, other.LogSources, func(s LogSource) string { return s.Name }),
		told:       m.told,
	}
}

func over[T any](below, above []T, name func(T) string) []T {
	out := slices.Clone(above)
	for _, x := range below {
		if !slices.ContainsFunc(above, func(o T) bool { return name(o) == name(x) }) {
			out = append(out, x)
		}
	}
	return out
}

// In returns the map with the given index patterns for the sources of a data model.
func (m Map) In(model string, index ...string) Map {
	out := Map{Sources: slices.Clone(m.Sources), LogSources: m.LogSources, told: m.told}
	for i := range out.Sources {
		if out.Sources[i].Model == model {
			out.Sources[i].Index = index
		}
	}
	return out
}

var sourceKeys = tomltree.Fields[Source]{
	"name":  tomltree.Scalar(func(s *Source) *string { return &s.Name }),
	"model": readModel,
	"when":  readWhen,
	"index": tomltree.List(func(s *Source) *[]string { return &s.Index }),
	"only":  tomltree.Flag(func(s *Source) *bool { return &s.Only }),
	"where": tomltree.Source(func(s *Source) *diag.Text { return &s.Where }),
	"shape": func(d *tomltree.Decoder, v *tomltree.Value, s *Source) {
		name := ""
		tomltree.Scalar(func(t *string) *string { return t })(d, v, &name)
		if s.Shape = Shape(name); name == "ecs" {
			s.Shape = ECS
		}
		if s.Shape != ECS && s.Shape != CIM {
			d.Report(diag.Error, "bad-value", v.Span, "the shape %s is neither ecs nor cim", name)
		}
	},
	"tags":   tomltree.List(func(s *Source) *[]string { return &s.Tags }),
	"search": tomltree.Source(func(s *Source) *diag.Text { return &s.Search }),
	"prefix": tomltree.List(func(s *Source) *[]string { return &s.Prefixes }),
	"fields": readFields,
}

// Check reports errors in the conditions of a source. Of a log source it sees the name and Where.
type Check func(Source) diag.List

// Load reads a map. Each check parses the conditions in its own language. The map is empty when a diagnostic is an error.
func Load(file diag.Text, checks ...Check) (Map, diag.List) {
	root, diags := tomltree.Parse(file, "fieldmap")
	if root == nil || diags.HasErrors() {
		return Map{}, diags
	}
	var m Map
	d := &tomltree.Decoder{File: file, Area: "fieldmap"}
	tomltree.Into(d, root, tomltree.Fields[Map]{
		"source":    tomltree.Each(sourceKeys, func(m *Map) *[]Source { return &m.Sources }),
		"logsource": tomltree.Each(logSourceKeys, func(m *Map) *[]LogSource { return &m.LogSources }),
	}, &m)
	diags = append(diags, d.List...)
	list := root.Get("source")
	for i, s := range m.Sources {
		at := list.Items[i].Span
		switch {
		case s.Name == "":
			diags = append(diags, file.Report(diag.Error, "fieldmap/missing", at, "a source has no name"))
		case s.Model == "" && len(s.When) == 0:
			diags = append(diags, file.Report(diag.Error, "fieldmap/missing", at, "the source %s has neither model nor when: no search asks for it", s.Name))
		}
		if s.Shape == ECS && (len(s.Tags) > 0 || s.Search.Value != "") {
			diags = append(diags, file.Report(diag.Error, "fieldmap/shape", at, "the source %s has tags or a search, which are for the shape cim", s.Name))
		}
		if s.Shape == CIM && s.Where.Value != "" {
			diags = append(diags, file.Report(diag.Error, "fieldmap/shape", at, "the source %s has a where, which is not for the shape cim: say with search which events are its own", s.Name))
		}
		for _, check := range checks {
			diags = append(diags, check(s)...)
		}
	}
	diags = append(diags, checkLogSources(file, root.Get("logsource"), m.LogSources, checks)...)
	diags.Sort()
	if diags.HasErrors() {
		return Map{}, diags
	}
	return m, diags
}

func readModel(d *tomltree.Decoder, v *tomltree.Value, s *Source) {
	var name string
	tomltree.Scalar(func(t *string) *string { return t })(d, v, &name)
	s.Model, s.Dataset, _ = strings.Cut(name, ".")
}

func readWhen(d *tomltree.Decoder, v *tomltree.Value, s *Source) {
	s.When = map[string][]string{}
	if v.Kind != tomltree.Table {
		d.Report(diag.Error, "wrong-type", v.Span, "%s must be a table, not %s", v.Path(), v.Kind)
		return
	}
	for _, item := range v.Items {
		var values []string
		tomltree.OneOrList(func(t *[]string) *[]string { return t })(d, item, &values)
		s.When[item.Key] = values
	}
}

func readFields(d *tomltree.Decoder, v *tomltree.Value, s *Source) {
	s.Fields = map[string]Field{}
	if v.Kind != tomltree.Table {
		d.Report(diag.Error, "wrong-type", v.Span, "%s must be a table, not %s", v.Path(), v.Kind)
		return
	}
	for _, item := range v.Items {
		var f Field
		if item.Kind != tomltree.Table {
			tomltree.OneOrList(func(f *Field) *[]string { return &f.Names })(d, item, &f)
		} else {
			all := false
			tomltree.Into(d, item, tomltree.Fields[Field]{
				"first": tomltree.OneOrList(func(f *Field) *[]string { return &f.Names }),
				"all": func(d *tomltree.Decoder, v *tomltree.Value, f *Field) {
					all = true
					tomltree.OneOrList(func(f *Field) *[]string { return &f.Names })(d, v, f)
				},
				"lower":  tomltree.Flag(func(f *Field) *bool { return &f.Lower }),
				"base":   tomltree.Flag(func(f *Field) *bool { return &f.Base }),
				"values": func(d *tomltree.Decoder, v *tomltree.Value, f *Field) { f.Values = readWords(d, v) },
			}, &f)
			f.All = all
		}
		s.Fields[item.Key] = f
	}
}
