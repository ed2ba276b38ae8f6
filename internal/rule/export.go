package rule

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// The extensions of Kibana exports, and of a single rule from Kibana's API.
const (
	exportExtension = ".ndjson"
	objectExtension = ".json"
)

// objectKind is the kind of a line of an export.
type objectKind int

const (
	unknownObject objectKind = iota
	ruleObject
	listObject
	itemObject
	savedObject
	summaryObject
)

// kindOf recognizes a kind by keys that only it has.
func kindOf(v *tomltree.Value) objectKind {
	has := func(key string) bool { return v.Get(key) != nil }
	switch {
	case v.Kind != tomltree.Table:
		return unknownObject
	case has("rule_id") && has("type"), has("risk_score") && has("severity") && has("type"):
		return ruleObject
	case has("item_id") && has("list_id"), has("entries") && has("list_id"):
		return itemObject
	case has("list_id"):
		return listObject
	case has("attributes") && has("type") && v.Get("attributes").Kind == tomltree.Table:
		return savedObject
	}
	for _, member := range v.Items {
		if strings.HasPrefix(member.Key, "exported_") {
			return summaryObject
		}
	}
	return unknownObject
}

// addExport reads the lines of an export, each a separate document.
func (s *Set) addExport(path, content string, where located) diag.List {
	file := newFile(path, content)
	var list diag.List
	offset, number, strange, documents := 0, 0, 0, 0
	for line := range strings.Lines(file.Value) {
		at := diag.Span{Start: offset, End: offset + len(strings.TrimRight(line, "\r\n"))}
		offset += len(line)
		if number++; strings.TrimSpace(line) == "" {
			continue
		}
		more, kind := s.addObject(file.Line(number, at.Start), at, number, where)
		if documents++; kind == summaryObject {
			more = append(more, linesMissing(file.Line(number, at.Start), at, documents-1)...)
			documents = 0 // several exports may be put together
		}
		list = append(list, more...)
		if strange >= 0 && isForeign(more) {
			strange++
		} else {
			strange = -1
		}
		if strange == maxForeign {
			return append(list, file.Report(diag.Error, area+"/unknown-object", at, "the first %d lines are not a Kibana export: the rest is not read", strange))
		}
	}
	return list
}

// maxForeign is the number of lines after which a file without any document of Kibana is taken for
// something else, such as events.
const maxForeign = 100

// isForeign reports whether a line is not a document of Kibana at all.
func isForeign(list diag.List) bool {
	return slices.ContainsFunc(list, func(d diag.Diagnostic) bool {
		return d.Code == area+"/unknown-object" || d.Code == area+"/syntax"
	})
}

// addObject adds one document of Kibana, and returns its kind; line is its line in an export, 0 if it is alone.
func (s *Set) addObject(file diag.Text, at diag.Span, line int, where located) (diag.List, objectKind) {
	v, list := tomltree.ParseJSON(file, at, area)
	r := New(file.File())
	r.Line = line
	if v == nil {
		return s.Add(r, list), unknownObject
	}
	doc := &document{file: file, again: func() *tomltree.Value {
		v, _ := tomltree.ParseJSON(file, at, area)
		if kindOf(v) == ruleObject {
			return tomltree.Under("rule", v)
		}
		return v
	}}
	kind := kindOf(v)
	switch kind {
	case ruleObject:
		list = s.Add(r, r.decode(doc, tomltree.Under("rule", v), list, exportFields, exportUnversioned))
	case listObject:
		list = append(list, s.exceptions.addList(doc, v)...)
	case itemObject:
		list = append(list, s.exceptions.addItem(doc, v, "", where)...)
	case savedObject:
		list = append(list, s.saved.add(doc, v)...)
	case summaryObject:
		list = append(list, missingInExport(file, v)...)
	case unknownObject:
		r.Source = doc
		list = s.Add(r, append(list, file.Report(diag.Error, area+"/unknown-object", diag.Span{Start: v.Span.Start, End: v.Span.Start + 1},
			"neither a rule nor an exception list, an exception item or a saved object of Kibana")))
	}
	return list, kind
}

// linesMissing reports that an export has fewer documents than its summary counts: lines of it were lost.
func linesMissing(file diag.Text, at diag.Span, documents int) diag.List {
	v, _ := tomltree.ParseJSON(file, at, area)
	count := v.Get("exported_count")
	if count == nil {
		count = v.Get("exported_rules_count")
	}
	if count == nil || count.Kind != tomltree.Integer || count.Int <= int64(documents) {
		return nil
	}
	return diag.List{file.Report(diag.Warning, area+"/missing-in-export", count.Span,
		"the export had %d documents, but the file has %d of them: lines are missing", count.Int, documents)}
}

// missingInExport reports what Kibana could not export.
func missingInExport(file diag.Text, v *tomltree.Value) diag.List {
	var list diag.List
	for _, member := range v.Items {
		if strings.HasPrefix(member.Key, "missing_") && member.Kind == tomltree.Array && len(member.Items) > 0 {
			list = append(list, file.Report(diag.Warning, area+"/missing-in-export", member.Span, "Kibana could not export all that was asked for: %s", member.Key))
		}
	}
	return list
}

// kibanaOnly are the keys of an exported rule that no rule file has: Kibana's own notes about it.
var kibanaOnly = []string{
	"id", "created_at", "created_by", "updated_at", "updated_by", "immutable", "rule_source", "execution_summary",
	"outcome", "alias_target_id", "alias_purpose", "namespace",
}

// exportUnversioned are the keys that do not affect the meaning of an exported rule.
var exportUnversioned = slices.Concat(kibanaOnly, unversioned)

// exportFields are the keys of a rule in Kibana's API.
var exportFields = tomltree.Fields[Rule]{"rule": tomltree.Sub(apiFields(), func(r *Rule) *Rule { return r })}

// apiFields returns the keys of rule files, plus the keys that Kibana adds.
func apiFields() tomltree.Fields[Rule] {
	fields := maps.Clone(ruleFields)
	fields["investigation_fields"] = anyInvestigation
	return ignored(fields, kibanaOnly...)
}

// anyInvestigation reads investigation_fields, which were a plain list in Kibana 8.10.
func anyInvestigation(d *tomltree.Decoder, v *tomltree.Value, r *Rule) {
	if v.Kind == tomltree.Array {
		tomltree.List(func(r *Rule) *[]string { return &r.InvestigationFields })(d, v, r)
		return
	}
	tomltree.Into(d, v, investigationFields, r)
}

// isObject reports whether a text is a document of Kibana.
func isObject(text string) bool {
	v, _ := tomltree.ParseJSON(diag.NewText("", text), diag.Span{End: len(text)}, area)
	return v != nil && kindOf(v) != unknownObject
}
