package fieldmap

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag"
)

// Log is a log source as a rule names it; what it leaves out is any.
type Log struct{ Product, Category, Service string }

// String is the log source with a dash for what it leaves out: windows/process_creation/-.
func (l Log) String() string {
	return cmp.Or(l.Product, "-") + "/" + cmp.Or(l.Category, "-") + "/" + cmp.Or(l.Service, "-")
}

// Events are events of a log source that are kept in one way.
type Events struct {
	Name  string
	Index []string
	// Only: they are nowhere else.
	Only bool
	// Where are conditions in KQL, all of which tell the events from others of the indices.
	Where []diag.Text
	// Dropped are values that events lose on their way into the index: a test for exactly such a value is also true of an
	// event that lacks the field.
	Dropped []string

	// layers are the log sources that say where fields are, the first first.
	layers []LogSource
}

// In returns the index patterns that events are in: those of the map, behind own unless the map says of all of them that
// they are nowhere else.
func In(own []string, events []Events) []string {
	var sources []Source
	for _, e := range events {
		sources = append(sources, Source{Index: e.Index, Only: e.Only})
	}
	return Patterns(own, sources...)
}

// Events returns where events of a log source are; none where no log source of the map says so. They are those of the
// most particular log source that covers it, and of others that cover exactly the same. A rule that names less than all
// of them asks for the events of all that are within what it names.
func (m Map) Events(l Log) []Events {
	var covering, within []LogSource
	for _, s := range m.LogSources {
		switch {
		case s.covers(l):
			covering = append(covering, s)
		case len(s.Index) > 0 && s.isWithin(l):
			within = append(within, s)
		}
	}
	particular(covering)
	var out []Events
	if i := slices.IndexFunc(covering, func(s LogSource) bool { return len(s.Index) > 0 }); i >= 0 {
		for _, s := range covering {
			if s.rank() == covering[i].rank() && len(s.Index) > 0 {
				out = append(out, s.events(covering))
			}
		}
		return out
	}
	for _, s := range within {
		out = append(out, m.of(s))
	}
	return out
}

// particular sorts log sources: what says most comes first, and what adds to others before what is a log source by itself.
func particular(list []LogSource) {
	adds := func(s LogSource) int { return min(len(s.Index), 1) }
	slices.SortStableFunc(list, func(a, b LogSource) int {
		return cmp.Or(cmp.Compare(b.rank(), a.rank()), cmp.Compare(adds(a), adds(b)))
	})
}

// of returns the events of a log source by itself.
func (m Map) of(s LogSource) Events {
	var covering []LogSource
	for _, other := range m.LogSources {
		if includes(other.Product, s.Product) && includes(other.Category, s.Category) && includes(other.Service, s.Service) {
			covering = append(covering, other)
		}
	}
	particular(covering)
	return s.events(covering)
}

// events are those of a log source, of which the others that cover the same say more, in order.
func (s LogSource) events(covering []LogSource) Events {
	e := Events{Name: s.Name, Index: slices.Clone(s.Index)}
	where := func(t diag.Text) {
		if t.Value != "" {
			e.Where = append(e.Where, t)
		}
	}
	where(s.Where)
	for _, other := range covering {
		for _, i := range other.Also {
			if !e.Only && !slices.Contains(e.Index, i) {
				e.Index = append(e.Index, i)
			}
		}
		if other.Only && !e.Only {
			e.Index, e.Only = slices.Concat(other.Index, other.Also), true
		}
		// What a rule says beside its category, of a service for example, is a condition more.
		if other.rank() != s.rank() && other.rank()|s.rank() != s.rank() {
			where(other.Where)
		}
		if other.Shape != Sigma && s.Shape != Sigma && other.Name != s.Name {
			e.layers = append(e.layers, other)
		}
	}
	// What only adds to the log source comes before it, other ways in which the same events are kept behind it.
	first := 0
	for first < len(e.layers) && (e.layers[first].rank() > s.rank() || e.layers[first].rank() == s.rank() && len(e.layers[first].Index) == 0) {
		first++
	}
	e.layers = slices.Insert(e.layers, first, s)
	for _, l := range e.layers {
		if l.Dropped != nil {
			e.Dropped = l.Dropped
			break
		}
	}
	return e
}

// Places are where events may have the value of a name: a test is true if it is of one of them, and the name is missing
// if it is at none. The last is the name itself, so that events that have the names of rules need no map. A name that the
// map does not know is behind the prefixes of the log source too.
func (e Events) Places(name string) (places []Place, known bool) {
	for _, l := range e.layers {
		if own, ok := l.Fields[name]; ok {
			return withItself(own, name), true
		}
	}
	for _, l := range e.layers {
		known = known || slices.Contains(l.Names, name)
		for _, p := range l.Prefixes {
			places = append(places, at(p+name))
		}
	}
	return withItself(places, name), known
}

// Known returns the names that the map knows of the events.
func (e Events) Known() []string {
	var names []string
	for _, l := range e.layers {
		names = append(slices.AppendSeq(names, maps.Keys(l.Fields)), l.Names...)
	}
	return names
}

// Anywhere are the places of a name in whatever way events are kept, those of the map before the name itself.
func Anywhere(events []Events, name string) []Place {
	var out []Place
	itself := at(name)
	for _, e := range events {
		places, _ := e.Places(name)
		for _, p := range places {
			if p.Values != nil || p.String() != itself.String() {
				out = append(out, p)
			}
		}
	}
	return append(out, itself)
}

// IsPattern reports whether a field of a place stands for any field of such a name.
func IsPattern(field string) bool { return strings.Contains(field, "*") }

func withItself(places []Place, name string) []Place {
	if slices.ContainsFunc(places, func(p Place) bool { return p.Values == nil && p.String() == name }) {
		return places
	}
	return append(slices.Clone(places), at(name))
}

// covers reports whether all events of a log source are of this one.
func (s LogSource) covers(l Log) bool {
	return covers(s.Product, l.Product) && covers(s.Category, l.Category) && covers(s.Service, l.Service)
}

func covers(names []string, name string) bool { return len(names) == 0 || has(names, name) }

// isWithin reports whether events of this log source are of the one that a rule names.
func (s LogSource) isWithin(l Log) bool {
	in := func(names []string, name string) bool { return name == "" || has(names, name) }
	return in(s.Product, l.Product) && in(s.Category, l.Category) && in(s.Service, l.Service)
}

func has(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// includes reports whether all of names are of these, of which none is any.
func includes(these, names []string) bool {
	return len(these) == 0 || len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return !has(these, n) })
}

// rank tells which keys a log source has, those that say most by a greater number: a category beside a product tells more
// than a service does.
func (s LogSource) rank() int {
	rank := 0
	for i, names := range [][]string{s.Product, s.Service, s.Category} {
		if len(names) > 0 {
			rank |= 1 << i
		}
	}
	return rank
}
