package threatmatch

import (
	"fmt"

	"tocsin/internal/diag"
	"tocsin/internal/match/indicator"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/rule"
	"tocsin/internal/search"
)

// entryName is an entry as the rule writes it, and the place of its group.
type entryName struct {
	group int
	rule.ThreatEntry
}

// bindMapping finds the fields of the rule's threat mapping on both sides. A group with an unmapped field matches nothing
// and is left out; names has the entries of the other groups.
func bindMapping(r *rule.Rule, events, indicators search.Target) (groups []indicator.Group, names [][]entryName, diags diag.List) {
	b := entryBinder{rule: r}
	for i, m := range r.ThreatMatch.Mapping {
		var group indicator.Group
		var entries []entryName
		complete := true
		for j, e := range m.Entries {
			at := fmt.Sprintf("rule.threat_mapping[%d].entries[%d].", i, j)
			event, ok := b.field(at+"field", e.Field, "the events", events)
			value, valueOK := b.field(at+"value", e.Value, "the indicators", indicators)
			complete = complete && (e.Negate || ok && valueOK)
			group = append(group, indicator.Entry{Event: event, Indicator: value, Negate: e.Negate})
			entries = append(entries, entryName{i, e})
		}
		if complete {
			groups, names = append(groups, group), append(names, entries)
		}
	}
	return groups, names, b.diags
}

type entryBinder struct {
	rule  *rule.Rule
	diags diag.List
}

// field returns the field with the whole values of a field; false if there is none.
func (b *entryBinder) field(key, name, side string, target search.Target) (mapping.Field, bool) {
	report := func(severity diag.Severity, code, format string, args ...any) {
		b.diags = append(b.diags, b.rule.Report(severity, code, key, format, args...))
	}
	nowhere := mapping.Field{Name: name, Type: mapping.Keyword}
	f, ok := target.Fields.Field(name)
	switch {
	case !ok || f.Type.Family() == mapping.FamilyObject:
		report(diag.Warning, query.CodeUnmappedField, "Unknown field [%s]: no index of %s has it, so nothing can match here", name, side)
		b.diags[len(b.diags)-1].Field = name
		return nowhere, false
	case f.Nested != "":
		report(diag.Warning, "threat/nested-field", "[%s] of %s stands in the nested object [%s], where nothing can match", name, side, f.Nested)
		return nowhere, false
	case len(f.Conflict) > 0:
		report(diag.Warning, "threat/field-conflict", "[%s] of %s is [%s], and %s: its values are compared as text", name, side, f.Type, f.Conflict)
		return mapping.Field{Name: f.Name, Path: f.Path, Type: mapping.Keyword}, true
	}
	if f.Type.Family() == mapping.FamilyText && side == "the events" {
		exact, has := target.Fields.Field(f.Exact)
		if f.Exact == "" || !has {
			report(diag.Error, "threat/analysed-field", "[%s] of %s is analysed text without a keyword sub-field (or with more than one): its whole values cannot be compared", name, side)
			return nowhere, false
		}
		f = exact
	}
	elements := f
	elements.Unsourced = "" // the search requests its values
	if element, ranges := f.Type.Element(); ranges && side == "the indicators" {
		elements.Type = element
	}
	if err := elements.InMemory(); err != nil {
		report(diag.Error, "threat/opaque-field", "[%s] of %s cannot be compared: %v", name, side, err)
		return nowhere, false
	}
	if side == "the indicators" { // the fields of events are in the condition
		b.diags = append(b.diags, binding.LongValues(b.rule, key, target.Fields, name)...)
	}
	return f, true
}
