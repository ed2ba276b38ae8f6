package fieldmap

import (
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// LogSource is where the events of log sources of Sigma are, and which fields hold what its rules name.
type LogSource struct {
	Name string
	// Product, Category and Service are those that it is for; none is any.
	Product, Category, Service []string
	// Index are the index patterns that the events are in. Without them the log source is none by itself: what it says is
	// for those that are more particular.
	Index []string
	// Also are index patterns in which events of the log source, and of those that are more particular, may be too; Only
	// that they are nowhere else.
	Also []string
	Only bool
	// Where tells the events from others of the indices, in KQL; "" is all.
	Where diag.Text
	// Shape is [ECS], or [Sigma]: only the names of Fields are elsewhere than under their own name.
	Shape Shape
	// Fields are the places of values by the names of rules.
	Fields map[string][]Place
	// Prefixes stand before names that are not in Fields; Names are those of them that are known.
	Prefixes, Names []string
	// Dropped are values that events lose on their way into the index: an event that lacks the field may have had one of
	// them. It is nil where nothing is said of it.
	Dropped []string
}

// Sigma is the shape of events that have the names of Sigma's rules.
const Sigma Shape = "sigma"

var logSourceKeys = tomltree.Fields[LogSource]{
	"name":     tomltree.Scalar(func(s *LogSource) *string { return &s.Name }),
	"product":  tomltree.OneOrList(func(s *LogSource) *[]string { return &s.Product }),
	"category": tomltree.OneOrList(func(s *LogSource) *[]string { return &s.Category }),
	"service":  tomltree.OneOrList(func(s *LogSource) *[]string { return &s.Service }),
	"index":    tomltree.List(func(s *LogSource) *[]string { return &s.Index }),
	"also":     tomltree.List(func(s *LogSource) *[]string { return &s.Also }),
	"only":     tomltree.Flag(func(s *LogSource) *bool { return &s.Only }),
	"where":    tomltree.Source(func(s *LogSource) *diag.Text { return &s.Where }),
	"shape": func(d *tomltree.Decoder, v *tomltree.Value, s *LogSource) {
		name := ""
		tomltree.Scalar(func(t *string) *string { return t })(d, v, &name)
		switch s.Shape = Shape(name); name {
		case "ecs":
			s.Shape = ECS
		case "sigma":
		default:
			d.Report(diag.Error, "bad-value", v.Span, "the shape %s is neither ecs nor sigma", name)
		}
	},
	"prefix":  tomltree.List(func(s *LogSource) *[]string { return &s.Prefixes }),
	"dropped": tomltree.List(func(s *LogSource) *[]string { return &s.Dropped }),
	"names":   tomltree.List(func(s *LogSource) *[]string { return &s.Names }),
	"fields":  readPlaces,
}

func readPlaces(d *tomltree.Decoder, v *tomltree.Value, s *LogSource) {
	s.Fields = map[string][]Place{}
	if v.Kind != tomltree.Table {
		d.Report(diag.Error, "wrong-type", v.Span, "%s must be a table, not %s", v.Path(), v.Kind)
		return
	}
	for _, item := range v.Items {
		list := []*tomltree.Value{item}
		if item.Kind == tomltree.Array {
			list = item.Items
		}
		for _, one := range list {
			if p, ok := readPlace(d, one); ok {
				s.Fields[item.Key] = append(s.Fields[item.Key], p)
			}
		}
		if len(list) == 0 {
			d.Report(diag.Error, "missing", item.Span, "%s names no field", item.Path())
		}
	}
}

// placeKeys are those of a place that is a table.
type placed struct {
	text   string
	values map[string]string
}

var placeKeys = tomltree.Fields[placed]{
	"in": tomltree.Scalar(func(p *placed) *string { return &p.text }),
	"values": func(d *tomltree.Decoder, v *tomltree.Value, p *placed) {
		p.values = readWords(d, v)
	},
}

func readPlace(d *tomltree.Decoder, v *tomltree.Value) (Place, bool) {
	var p placed
	if v.Kind == tomltree.Table {
		tomltree.Into(d, v, placeKeys, &p)
	} else {
		tomltree.Scalar(func(t *string) *string { return t })(d, v, &p.text)
	}
	if p.text == "" {
		d.Report(diag.Error, "missing", v.Span, "%s names no field", v.Path())
		return Place{}, false
	}
	parts, ok := readParts(p.text)
	if !ok {
		d.Report(diag.Error, "bad-value", v.Span, "%q is neither a field nor a text with fields in braces", p.text)
	}
	return Place{Parts: parts, Values: p.values}, ok
}

// readWords reads the words that rules have for values of events.
func readWords(d *tomltree.Decoder, v *tomltree.Value) map[string]string {
	out := map[string]string{}
	if v.Kind != tomltree.Table {
		d.Report(diag.Error, "wrong-type", v.Span, "%s must be a table, not %s", v.Path(), v.Kind)
		return out
	}
	for _, item := range v.Items {
		word := ""
		tomltree.Scalar(func(t *string) *string { return t })(d, item, &word)
		out[strings.ToLower(item.Key)] = word
	}
	return out
}

// checkLogSources finds what is wrong with log sources.
func checkLogSources(file diag.Text, list *tomltree.Value, sources []LogSource, checks []Check) diag.List {
	var out diag.List
	names := map[string]bool{}
	for i, s := range sources {
		fail := func(kind, format string, args ...any) {
			out = append(out, file.Report(diag.Error, "fieldmap/"+kind, list.Items[i].Span, format, args...))
		}
		switch {
		case s.Name == "":
			fail("missing", "a log source has no name")
		case names[s.Name]:
			fail("duplicate", "there are two log sources %s in the file", s.Name)
		case len(s.Product)+len(s.Category)+len(s.Service) == 0:
			fail("missing", "the log source %s has neither product, category nor service: no rule asks for it", s.Name)
		case s.Where.Value != "" && len(s.Index) == 0:
			fail("missing", "the log source %s has a where, and no index that it is about", s.Name)
		case s.Only && len(s.Index)+len(s.Also) == 0:
			fail("missing", "the log source %s is only in the indices that it names, and names none", s.Name)
		}
		names[s.Name] = true
		for _, check := range checks {
			out = append(out, check(Source{Name: s.Name, Where: s.Where})...)
		}
	}
	return out
}
