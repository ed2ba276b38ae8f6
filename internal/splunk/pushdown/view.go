package pushdown

import (
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/membership"
	"tocsin/internal/translate/spl"
)

// View is the part of the map that one search selects.
type View struct {
	// Sources are the selected sources; none if the map has none for the search.
	Sources []Source
	// Model and Dataset are set for a search over a data model.
	Model, Dataset string

	selectors map[string]bool
	// enforced: every event conforms to its mapping. A field that is mapped as an object never has a value.
	enforced bool
	// kept are the indices that have the events which searches wrote by collect, for a search that asks for an
	// index: who asks for none is not told of them.
	kept []string
	// slot is the value of now in the conditions of sources; zero if it is not known.
	slot time.Time
}

// object reports whether a field cannot have a value of its own.
func (v View) object(f mapping.Field) bool {
	return v.enforced && f.Type.Family() == mapping.FamilyObject
}

// alone reports whether all events are of sources that are in indices of their own.
func (v View) alone() bool {
	return len(v.kept) == 0 && len(v.Sources) > 0 && !slices.ContainsFunc(v.Sources, func(s Source) bool { return !s.Only })
}

// values are the ways in which indices map a name to values of its own: one, mostly, and none where it is
// an object in all of them. What is an object in one index may be a text in another.
func (v View) values(name string, fields mapping.Fields) []mapping.Field {
	var out []mapping.Field
	for _, way := range mapping.Ways(fields, []string{name}) {
		f, ok := way.Fields.Field(name)
		if !ok || v.object(f) {
			continue
		}
		at := slices.IndexFunc(out, func(g mapping.Field) bool {
			return g.Type.Family() == f.Type.Family() && g.Exact == f.Exact && g.Normalizer == f.Normalizer && g.Path == f.Path
		})
		switch {
		case at < 0:
			out = append(out, f)
		case f.IgnoreAbove > 0 && (out[at].IgnoreAbove == 0 || f.IgnoreAbove < out[at].IgnoreAbove):
			out[at].IgnoreAbove = f.IgnoreAbove
		}
	}
	return out
}

// Select returns the view for a search's condition: the sources that its tests of sourcetype and the like select.
func (m Map) Select(x spl.Expr) View {
	v := View{selectors: map[string]bool{}}
	for _, s := range m.sources {
		for field := range s.When {
			v.selectors[field] = true
		}
	}
	names := map[string]bool{}
	spl.Walk(x, func(x spl.Expr) {
		for _, s := range m.sources {
			if !names[s.Name] && s.asked(x) {
				names[s.Name] = true
				v.Sources = append(v.Sources, s)
			}
		}
	})
	v.Sources = ordered(v.Sources)
	return v
}

// ordered puts the sources of the shape CIM first, as their events identify themselves. It leaves them out if all other
// sources have their events only in their own indices.
func ordered(list []Source) []Source {
	var own, others []Source
	only := false
	for _, s := range list {
		if s.Shape == fieldmap.CIM {
			own = append(own, s)
		} else {
			only = (only || len(others) == 0) && s.Only
			others = append(others, s)
		}
	}
	if only {
		own = nil
	}
	return append(own, others...)
}

// Model returns the view for a dataset. It includes the sources of the dataset above it.
func (m Map) Model(model, dataset string) View {
	v := View{Model: model, Dataset: dataset, selectors: map[string]bool{}}
	for _, s := range m.sources {
		if s.Covers(model, dataset) {
			v.Sources = append(v.Sources, s)
		}
	}
	v.Sources = ordered(v.Sources)
	return v
}

// Scan returns the view for a scan.
func (m Map) Scan(s splunk.Scan) View {
	if s.Model != "" {
		return m.Model(s.Model, s.Dataset)
	}
	v := m.Select(s.Where)
	if slices.Contains(v.bared(s.Where), "index") || anyIndex(s.Where) {
		v.kept = m.collected()
	}
	return v
}

// anyIndex reports whether a condition says of every index that it is wanted.
func anyIndex(x spl.Expr) bool {
	found := false
	spl.Walk(x, func(x spl.Expr) {
		e, is := x.(*spl.Every)
		found = found || is && e.Index
	})
	return found
}

// collected are the indices of the events that searches wrote: those of risk events, beside which they are kept.
func (m Map) collected() []string {
	var out []string
	for _, s := range m.sources {
		if s.Covers("Risk", "") && s.Only {
			out = append(out, s.Index...)
		}
	}
	return out
}

// keeps reports whether an index has events that searches wrote.
func (v View) keeps(index string) bool {
	return slices.ContainsFunc(v.kept, func(k string) bool {
		return mapping.Glob(k, index) || strings.HasPrefix(index, k+"-")
	})
}

// Index returns the index patterns of events with Splunk's own field names, and then of the sources.
func (v View) Index(own []string) []string {
	sources := make([]fieldmap.Source, 0, len(v.Sources))
	for _, s := range v.Sources {
		sources = append(sources, s.Source)
	}
	out := fieldmap.Patterns(own, sources...)
	for _, k := range v.kept {
		if !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// Unknown returns the tests of sourcetype and the like that select no source of the map. Only events with such a field of
// their own can pass them.
func (v View) Unknown(x spl.Expr) []spl.Expr {
	var out []spl.Expr
	spl.Walk(x, func(x spl.Expr) {
		name := ""
		switch x := x.(type) {
		case *spl.Compare:
			name = x.Field.Text
		case *spl.In:
			name = x.Field.Text
		}
		if v.selectors[name] && !slices.ContainsFunc(v.Sources, func(s Source) bool { return s.asked(x) }) {
			out = append(out, x)
		}
	})
	return out
}

// asked reports whether a test selects the source.
func (s Source) asked(x spl.Expr) bool {
	switch x := x.(type) {
	case *spl.Compare:
		return x.Op == "=" && s.named(x.Field.Text, x.Value)
	case *spl.In:
		return slices.ContainsFunc(x.Values, func(v spl.Value) bool { return s.named(x.Field.Text, v) })
	}
	return false
}

// named reports whether one of the values of When matches the value of a test.
func (s Source) named(field string, v spl.Value) bool {
	if v.Text == "*" {
		return false
	}
	holds := splunk.Holds("=", v)
	return slices.ContainsFunc(s.When[field], func(when string) bool {
		return holds(splunk.Text(when)) || splunk.Holds("=", spl.Value{Text: when})(splunk.Text(v.Text))
	})
}

// where returns the fields that may have the value of a name; the name itself is the last.
func (v View) where(name string) []fieldmap.Field {
	var out []fieldmap.Field
	for _, s := range v.Sources {
		out = append(out, s.Places(name)...)
	}
	out = append(out, fieldmap.Field{Names: []string{fieldmap.Bare(name)}})
	if len(v.kept) > 0 {
		out = append(out, fieldmap.Field{Names: []string{splunk.CollectedName(fieldmap.Bare(name))}})
	}
	return out
}

// Names returns the fields that a condition tests, so that their mapping can be resolved.
func (v View) Names(x spl.Expr) []string {
	var out []string
	add := func(name string) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	spl.Walk(x, func(x spl.Expr) {
		var name string
		switch x := x.(type) {
		case *spl.Compare:
			name = x.Field.Text
		case *spl.In:
			name = x.Field.Text
		default:
			return
		}
		for _, f := range v.where(name) {
			for _, n := range f.Names {
				add(n)
			}
		}
	})
	for _, s := range v.Sources {
		for _, n := range v.bared(s.self) {
			add(n)
		}
		for _, n := range membership.Names(s.Source) {
			add(n)
		}
	}
	return out
}

// Rows makes rows of events.
type Rows struct {
	view View
	// filters has the condition of each source; nil for a source in the shape CIM, whose condition is on rows.
	filters []*condition.Matcher
}

// Rows returns a Rows for a mapping.
func (v View) Rows(fields mapping.Fields) (*Rows, diag.List) {
	r := &Rows{view: v}
	var diags diag.List
	for _, s := range v.Sources {
		if s.Shape == fieldmap.CIM {
			r.filters = append(r.filters, nil)
			continue
		}
		filter, faults := membership.Condition(s.Source, fields, v.slot)
		if filter == nil {
			return nil, append(diags, faults...)
		}
		m, err := condition.Compile(filter, fields)
		if err != nil {
			diags = append(diags, s.Where.Report(diag.Error, "fieldmap/where", diag.Span{End: len(s.Where.Value)}, "%v", err))
			return nil, diags
		}
		r.filters = append(r.filters, m)
	}
	return r, diags
}

// Row returns the row of an event: its fields under their own names, and under the names of the first source that it
// belongs to. A name of the source overrides a field of the same name.
func (r *Rows) Row(d *event.Document, at float64) splunk.Row {
	row, _ := r.row(d, at)
	return row
}

// row is [Rows.Row]. It also reports whether the event belongs to a source.
func (r *Rows) row(d *event.Document, at float64) (splunk.Row, bool) {
	row, _ := splunk.Lift(splunk.Flatten(d.Source))
	row["_time"] = splunk.Number(at)
	indexed(row)
	for i, s := range r.view.Sources {
		switch {
		case s.Shape == fieldmap.CIM:
			if s.is(row) {
				s.fill(row)
				return row, true
			}
			continue
		case !r.filters[i].Match(d):
			if !s.claims(row) {
				continue
			}
			s.fill(row)
			return row, true
		}
		for field, when := range s.When {
			if row[field].IsNull() && len(when) > 0 && !strings.Contains(when[0], "*") {
				row[field] = splunk.Text(when[0])
			}
		}
		s.fill(row)
		return row, true
	}
	return row, false
}

// claims reports whether the event's own sourcetype and the like name the source.
func (s Source) claims(row splunk.Row) bool {
	for field := range s.When {
		for _, x := range row[field].Each() {
			if s.named(field, spl.Value{Text: x.String()}) {
				return true
			}
		}
	}
	return false
}

func (s Source) fill(row splunk.Row) {
	mapped := map[string]splunk.Value{}
	for name, f := range s.Fields {
		if v := value(f, row); !v.IsNull() {
			mapped[name] = v
		}
	}
	for _, prefix := range s.Prefixes {
		for name, v := range row {
			short, ok := strings.CutPrefix(name, prefix)
			if !ok || short == "" {
				continue
			}
			if _, taken := mapped[short]; !taken {
				mapped[short] = v
			}
		}
	}
	maps.Copy(row, mapped)
}

// value returns the value of a field of the map in a row.
func value(f fieldmap.Field, row splunk.Row) splunk.Value {
	var all []splunk.Value
	for _, name := range f.Names {
		v := row.Get(name)
		if v.IsNull() {
			continue
		}
		for _, x := range v.Each() {
			text := x.String()
			if f.Lower {
				text = strings.ToLower(text)
			}
			if f.Base {
				text = text[strings.LastIndexAny(text, `\/`)+1:]
			}
			word, other := f.Values[strings.ToLower(text)]
			if other {
				text = word
			}
			if f.Lower || f.Base || other {
				x = splunk.Text(text)
			}
			all = append(all, x)
		}
		if !f.All {
			break
		}
	}
	return splunk.Several(all...)
}
