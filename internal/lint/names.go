package lint

import (
	"slices"
	"strings"
	"sync"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/eql"
	"tocsin/internal/translate/kql"
	"tocsin/internal/translate/lucene"
)

// categories are the values of event.category in ECS.
var categories = []string{
	"api", "authentication", "configuration", "database", "driver", "email", "file", "host", "iam", "intrusion_detection", "library",
	"malware", "network", "package", "process", "registry", "session", "threat", "vulnerability", "web",
}

const categoryField = "event.category"

// nearCategory finds an event category that is nearly one of ECS.
func nearCategory(s *Subject) {
	check := func(name string, span diag.Span) {
		if name == "" || slices.Contains(categories, name) {
			return
		}
		if near := diag.Nearest(name, categories); near != "" {
			s.At(span, "%s is no event category of ECS: did you mean %s?", name, near)
		}
	}
	if s.EQL != nil && s.Rule.EventCategoryOverride == "" {
		for _, c := range conditions(s.EQL) {
			check(c.Category, c.CategorySpan)
		}
	}
	if s.EQL != nil {
		eachEQL(s.EQL, func(n eql.Node) {
			name, values := tested(n)
			for _, v := range values {
				if text, ok := v.Value.(string); ok && name == categoryField && !strings.ContainsAny(text, "*?") {
					check(text, v.Span)
				}
			}
		})
	}
	if s.Lucene != nil {
		eachTest(s.Lucene, func(n *lucene.Test, f *lucene.Field) {
			if f.Name == categoryField && (n.Kind == lucene.Word || n.Kind == lucene.Phrase) {
				check(n.Text, n.Span)
			}
		})
	}
	if s.KQL != nil {
		eachIs(s.KQL, func(n *kql.Is, field string) {
			if field == categoryField && len(n.Value.Parts) == 1 && n.Value.Kind != kql.Null {
				check(n.Value.Text(), n.Value.Span)
			}
		})
	}
}

// tested returns the field of a test and the constants that it is compared with.
func tested(n eql.Node) (field string, values []*eql.Literal) {
	literals := func(list ...eql.Node) {
		for _, x := range list {
			if l, ok := x.(*eql.Literal); ok {
				values = append(values, l)
			}
		}
	}
	switch n := n.(type) {
	case *eql.Comparison:
		if field, _ = fieldName(n.X); field == "" {
			field, _ = fieldName(n.Y)
		}
		literals(n.X, n.Y)
	case *eql.In:
		field, _ = fieldName(n.X)
		literals(n.Values...)
	case *eql.Match:
		field, _ = fieldName(n.X)
		values = n.Patterns
	}
	return field, values
}

// nearField finds a field that is nearly one of ECS, or of the field map.
func nearField(s *Subject) {
	seen := map[string]bool{}
	check := func(name string, span diag.Span) {
		if name == "" || seen[name] {
			return
		}
		seen[name] = true
		if near := nearKnown(name); near != "" && !s.declares(name) {
			s.At(span, "%s is no field of ECS or of the field map: did you mean %s?", name, near)
		}
	}
	s.nearForeign()
	if s.EQL != nil {
		eachEQL(s.EQL, func(n eql.Node) { check(fieldName(n)) })
		for _, keys := range joins(s.EQL) {
			for _, n := range keys {
				check(fieldName(n))
			}
		}
	}
	if s.Lucene != nil {
		eachTest(s.Lucene, func(_ *lucene.Test, f *lucene.Field) { check(f.Name, f.Span) })
	}
	if s.KQL != nil {
		eachKQL(s.KQL.Where, "", func(n kql.Node, path string) {
			switch n := n.(type) {
			case *kql.Is:
				if n.Field != nil {
					check(join(path, n.Field), n.Field.Span)
				}
			case *kql.Range:
				check(join(path, n.Field), n.Field.Span)
			}
		})
	}
}

// nearForeign finds a field that is nearly one that the field map knows.
func (s *Subject) nearForeign() {
	seen := map[string]bool{}
	for _, f := range s.Foreign {
		if seen[f.Name] || slices.Contains(f.Known, f.Name) || len(f.Name) <= 2 {
			continue
		}
		seen[f.Name] = true
		near := nearest(f.Name, f.Known)
		if _, ecs := mapping.ECS().Field(f.Name); near == "" || ecs {
			continue
		}
		s.found = append(s.found, f.Report(s.lint.Severity, s.lint.Code, "the field map knows no field %s of this log source: did you mean %s?", f.Name, near))
	}
}

// joins returns the lists of keys of a sequence or sample.
func joins(q *eql.Query) [][]eql.Node {
	var out [][]eql.Node
	add := func(by []eql.Node, terms []eql.Term) {
		out = append(out, by)
		for _, t := range terms {
			out = append(out, t.By)
		}
	}
	if q.Sequence != nil {
		add(q.Sequence.By, q.Sequence.Terms)
	}
	if q.Sample != nil {
		add(q.Sample.By, q.Sample.Terms)
	}
	return out
}

// declares reports whether the rule's required fields have a name as one that is not of ECS.
func (s *Subject) declares(name string) bool {
	for _, f := range s.Rule.RequiredFields {
		if f.Name == name && !f.ECS {
			return true
		}
	}
	return false
}

// knownFields are the fields of ECS and those to which the field map leads.
var knownFields = sync.OnceValue(func() map[string]bool {
	known := map[string]bool{}
	for _, name := range fieldmap.Default().Targets() {
		known[name] = true
	}
	for name := range mapping.ECS() {
		known[name] = true
	}
	return known
})

// siblings has the last parts of the names of known fields by what stands before, and "" has the first parts.
var siblings = sync.OnceValue(func() map[string][]string {
	names := map[string][]string{}
	seen := map[string]bool{}
	for name := range knownFields() {
		for at := len(name); at >= 0; at = strings.LastIndexByte(name[:at], '.') {
			part := name[:at]
			if seen[part] {
				break
			}
			seen[part] = true
			parent := part[:max(strings.LastIndexByte(part, '.'), 0)]
			names[parent] = append(names[parent], strings.TrimPrefix(part[len(parent):], "."))
		}
	}
	return names
})

// nearKnown returns the known name that a name most likely stands for: it differs in one part, by a letter that is missing,
// added, changed or swapped with its neighbour. It is "" for a known name, and for one that is not near.
func nearKnown(name string) string {
	parts := strings.Split(name, ".")
	parent, changed := "", false
	for i, part := range parts {
		beside := siblings()[parent]
		if !slices.Contains(beside, part) {
			near := ""
			if !changed && len(part) > 2 && (i == 0 || len(beside) > 0) {
				near = nearest(part, beside)
			}
			if near == "" || len(parts) == 1 {
				return ""
			}
			part, changed = near, true
		}
		if parent != "" {
			parent += "."
		}
		parent += part
	}
	if f, ok := mapping.ECS().Field(parent); !changed || !knownFields()[parent] || ok && f.Type.Family() == mapping.FamilyObject {
		return ""
	}
	return parent
}

// nearest is [diag.Nearest] for names that differ by one letter.
func nearest(part string, names []string) string {
	var candidates []string
	for _, n := range names {
		if d := len(n) - len(part); d >= -1 && d <= 1 && !plural(n, part) && !plural(part, n) {
			candidates = append(candidates, n)
		}
	}
	near := diag.Nearest(part, candidates)
	if near == "" || !oneApart(part, near) || strings.Trim(part, digits) == strings.Trim(near, digits) {
		return ""
	}
	return near
}

const digits = "0123456789"

// plural reports whether a word is another in the plural: a name of its own.
func plural(many, one string) bool { return many == one+"s" && !strings.HasSuffix(one, "s") }

// oneApart reports whether two words differ by one letter that is missing, changed, or swapped with the next.
func oneApart(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch {
	case len(a) < len(b):
		return a[i:] == b[i+1:]
	case i == len(a):
		return false
	case a[i+1:] == b[i+1:]:
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
