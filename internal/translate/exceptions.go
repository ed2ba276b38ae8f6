package translate

import (
	"fmt"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
)

// systemFields hold a host's operating system: the ECS field, and the field that Elastic's agent
// used before. Kibana looks for os_types in both.
var systemFields = []string{"host.os.type", "host.os.name.caseless"}

// CodeException marks an exception that the types of its fields do not allow.
const CodeException = "rule/exception"

// exceptionLowerer lowers one item.
type exceptionLowerer struct {
	item   *rule.ExceptionItem
	fields mapping.Fields
	diags  diag.List
}

// lower returns the condition for the events that an item excludes.
func (l *exceptionLowerer) lower() condition.Expr {
	all := l.entries(l.item.Entries, "entries", "")
	if len(l.item.OSTypes) == 0 {
		return all
	}
	var system condition.Or
	for _, field := range systemFields {
		for _, name := range l.item.OSTypes {
			system = append(system, condition.Match{Field: field, Value: name, Phrase: true})
		}
	}
	return condition.And{system, all}
}

// entries lowers the entries of an item, or of a nested entry whose field is within.
func (l *exceptionLowerer) entries(entries []rule.Entry, at, within string) condition.Expr {
	all := make(condition.And, len(entries))
	for i, e := range entries {
		e.Field = within + e.Field
		key := fmt.Sprintf("%s[%d]", at, i)
		all[i] = l.entry(e, key)
		if e.Operator == rule.Excluded && e.Type != rule.EntryNested { // Kibana has no nested entry that is excluded
			all[i] = condition.Not{X: all[i]}
		}
		l.check(all[i], within, key)
	}
	return all
}

func (l *exceptionLowerer) entry(e rule.Entry, at string) condition.Expr {
	switch e.Type {
	case rule.EntryMatch:
		return condition.Match{Field: e.Field, Value: e.Value, Phrase: true}
	case rule.EntryMatchAny:
		var some condition.Or
		for _, value := range e.Values {
			some = append(some, condition.Match{Field: e.Field, Value: value, Phrase: true})
		}
		return some
	case rule.EntryExists:
		return condition.Exists{Field: e.Field}
	case rule.EntryWildcard:
		return condition.Wildcard{Field: e.Field, Pattern: e.Value}
	case rule.EntryList:
		return l.listed(e.Field, e.List)
	case rule.EntryNested:
		inner := l.entries(e.Entries, at+".entries", e.Field+".")
		return condition.Nested{Path: e.Field, X: inner, IgnoreUnmapped: true}
	}
	panic(fmt.Sprintf("translate: exception entry of type %q", e.Type)) // rejected when it was loaded
}

// check reports, at its entry, a test that the field's type does not allow. Elasticsearch then
// rejects the whole query.
func (l *exceptionLowerer) check(e condition.Expr, within, at string) {
	if within != "" {
		return // checked with its object
	}
	if err := misfit(e, l.fields); err != nil {
		l.diags = append(l.diags, l.item.Report(diag.Error, CodeException, at, "exception %s: %v", l.item.Title(), err))
	}
	if n, ok := e.(condition.Nested); ok {
		l.checkNested(n, at)
	}
}

// checkNested warns of an entry that can match no event.
func (l *exceptionLowerer) checkNested(n condition.Nested, at string) {
	if f, ok := l.fields.Field(n.Path); ok && f.Type != mapping.Nested && f.Type != mapping.Unknown {
		l.diags = append(l.diags, l.item.Report(diag.Warning, CodeException, at,
			"exception %s never applies: %s is of type %s and no nested object", l.item.Title(), n.Path, f.Type))
	}
}
