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

// Map is what names mean: Sources to searches of Splunk, LogSources to rules of Sigma.
type Map struct {
	Sources    []Source
	LogSources []LogSource
	// told tells that somebody has been told of a source that no index has events of; nil: everybody is.
	told *atomic.Bool
}

// Tell reports whether to speak of a source that no index has events of: once for a map that is shipped,
// as it has sources of all kinds and most of them are nowhere.
func (m Map) Tell() bool { return m.told == nil || m.told.CompareAndSwap(false, true) }

// Source is one kind of events: those of sourcetypes, or of a dataset of a data model.
type Source struct {
	Name string
	// When are the values that searches ask for it by, with stars, by field: sourcetype, source,
	// eventtype, index and others. Events have the first value of each.
	When map[string][]string
	// Model and Dataset are set for a dataset of a data model.
	Model, Dataset string
	// Index are the index patterns that the events are in, Only that they are nowhere else.
	Index []string
	Only  bool
	// Where tells the events from others of the indices, in KQL; "" is all.
	Where diag.Text
	// Shape is how the events are written: [ECS], or [CIM] as Splunk has them, under their own names.
	Shape Shape
	// Tags are those that all events of the shape CIM have. Search tells those that have no tags, as a
	// condition of a search over the events as they are.
	Tags   []string
	Search diag.Text
	// Fields are the fields of Elasticsearch by the names of searches.
	Fields map[string]Field
	// Prefixes stand before names that are not in Fields, tried in order.
	Prefixes []string
}

// Shape is how events are written.
type Shape string

// The shapes.
const (
	ECS Shape = ""
	CIM Shape = "cim"
)

// Field is where the value of a name is: in the first of Names that an event has, or in all.
type Field struct {
	Names []string
	All   bool
	// Lower puts the value in lower case.
	Lower bool
	// Base is the last part of a path.
	Base bool
	// Values are the words of the data model for those that events have, these in lower case.
	Values map[string]string
}

//go:embed maps/*.toml
var shipped embed.FS

// Default returns the map that is shipped.
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

// Over returns the map with the sources and log sources of another one before its own; those of the same name are
// replaced.
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

// In returns the map with other index patterns for the sources of a data model.
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

// Check finds what is wrong with the texts of a source. Of a log source it sees its name and its Where.
type Check func(Source) diag.List

// Load reads a map. The checks read the texts of the sources, each those of its own language. The map is empty when a
// diagnostic is an error.
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
