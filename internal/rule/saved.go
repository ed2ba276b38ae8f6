package rule

import (
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// savedQuery is a saved search of Kibana.
type savedQuery struct {
	query    diag.Text
	language Language
	filters  []map[string]any
	source   Source
	hash     string
}

// savedObjects are objects that rules refer to by id.
type savedObjects struct {
	queries map[string]*savedQuery
	// views holds the index patterns of data views.
	views map[string][]string
}

var savedQueryFields = ignored(tomltree.Fields[savedQuery]{
	"query":   tomltree.Sub(savedTextFields, func(q *savedQuery) *savedQuery { return q }),
	"filters": tomltree.FreeList(func(q *savedQuery) *[]map[string]any { return &q.filters }),
}, "title", "description", "timefilter", "titleKeyword", "namespaces")

var savedTextFields = tomltree.Fields[savedQuery]{
	"query":    tomltree.Source(func(q *savedQuery) *diag.Text { return &q.query }),
	"language": tomltree.Scalar(func(q *savedQuery) *Language { return &q.language }),
}

// dataView is the relevant part of an index pattern, the name of data views in exports.
type dataView struct {
	title, runtimeFields string
}

var dataViewFields = ignored(tomltree.Fields[dataView]{
	"title":           tomltree.Scalar(func(v *dataView) *string { return &v.title }),
	"runtimeFieldMap": tomltree.Scalar(func(v *dataView) *string { return &v.runtimeFields }),
}, "name", "timeFieldName", "fields", "fieldAttrs", "fieldFormatMap", "sourceFilters", "type", "typeMeta", "allowNoIndex", "allowHidden", "namespaces", "intervalName")

// add adds a saved object. Kinds that no rule uses are reported as unused.
func (s *savedObjects) add(doc *document, v *tomltree.Value) diag.List {
	d := tomltree.Decoder{File: doc.file, Area: area}
	id, kind, attributes := v.Get("id"), v.Get("type"), v.Get("attributes")
	if id == nil || id.Kind != tomltree.String || kind.Kind != tomltree.String {
		d.Report(diag.Error, "missing-field", v.Span, "a saved object needs an id and a type")
		return d.List
	}
	switch kind.Text {
	case "index-pattern":
		s.addView(&d, id.Text, attributes)
	case "query":
		q := savedQuery{source: doc, hash: hashOf(attributes, nil)}
		tomltree.Into(&d, attributes, savedQueryFields, &q)
		if s.queries == nil {
			s.queries = map[string]*savedQuery{}
		}
		switch first := s.queries[id.Text]; {
		case d.List.HasErrors(): // rules that have their own query use that
		case first == nil:
			s.queries[id.Text] = &q
		case first.hash != q.hash:
			d.Report(diag.Warning, "duplicate-object", id.Span, "saved query %s is already defined in other words, which count", id.Text)
		}
	default:
		d.Report(diag.Note, "unused-object", kind.Span, "saved objects of type %q are not used", kind.Text)
	}
	return d.List
}

func (s *savedObjects) addView(d *tomltree.Decoder, id string, attributes *tomltree.Value) {
	var view dataView
	tomltree.Into(d, attributes, dataViewFields, &view)
	patterns := SplitPatterns(view.title)
	if len(patterns) == 0 {
		d.Report(diag.Error, "missing-field", attributes.Span, "data view %s has no title, which names its indices", id)
		return
	}
	if fields := strings.TrimSpace(view.runtimeFields); fields != "" && fields != "{}" {
		d.Report(diag.Warning, "not-applied", attributes.Get("runtimeFieldMap").Span, "runtime fields of data views are not applied: rules do not see them")
	}
	if s.views == nil {
		s.views = map[string][]string{}
	}
	if s.views[id] == nil {
		s.views[id] = patterns
	}
}

// SplitPatterns splits a comma-separated list of index patterns.
func SplitPatterns(text string) []string {
	var patterns []string
	for pattern := range strings.SplitSeq(text, ",") {
		if pattern = strings.TrimSpace(pattern); pattern != "" {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

// resolve gives a rule its saved query and the indices of its data view. As in Kibana these take
// precedence over the rule's own, which are copies from when it was created.
func (s *savedObjects) resolve(r *Rule) {
	if patterns := s.views[r.DataViewID]; r.DataViewID != "" && patterns != nil {
		r.Index = patterns
	}
	if q := s.queries[r.SavedID]; r.Type == TypeSavedQuery && q != nil {
		r.Query, r.Language, r.Filters, r.Source = q.query, q.language, q.filters, savedSource{r.Source, q.source}
		if r.Language == "" {
			r.Language = Kuery
		}
	}
}

// savedSource finds the query and the filters of a rule where they are saved.
type savedSource struct{ Source, saved Source }

// Place implements [Source].
func (b savedSource) Place(path string) (file diag.Text, s diag.Span, found bool) {
	if rest, ok := strings.CutPrefix(path, "rule.filters"); ok {
		return b.saved.Place("attributes.filters" + rest)
	}
	if path == "rule.query" {
		return b.saved.Place("attributes.query.query")
	}
	return b.Source.Place(path)
}
