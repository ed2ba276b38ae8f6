package translate

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/mapping"
	"tocsin/internal/rule"
)

// systemFields say what a host runs: the field of ECS, and what Elastic's agent wrote before there
// was one. Kibana looks for os_types in both.
var systemFields = []string{"host.os.type", "host.os.name.caseless"}

// CodeException marks an exception that the types of its fields do not allow.
const CodeException = "rule/exception"

// exceptionLowerer lowers one item.
type exceptionLowerer struct {
	item   *rule.ExceptionItem
	fields mapping.Fields
	diags  diag.List
}

// lower writes what the events are that an item excepts.
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

// entries lowers those of an item, or of a nested entry whose field they stand within.
func (l *exceptionLowerer) entries(entries []rule.Entry, at, within string) condition.Expr {
	all := make(condition.And, len(entries))
	for i, e := range entries {
		e.Field = within + e.Field
		key := fmt.Sprintf("%s[%d]", at, i)
		all[i] = l.entry(e, key)
		if e.Operator == rule.Excluded && e.Type != rule.EntryNested { // Kibana knows no nested one that is
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
	panic(fmt.Sprintf("translate: exception entry of type %q", e.Type)) // refused when it was loaded
}

// check reports a test that the field's type does not allow, at its entry. Elasticsearch refuses the
// whole query then.
func (l *exceptionLowerer) check(e condition.Expr, within, at string) {
	if within != "" {
		return // checked with the object that it is about
	}
	if err := misfit(e, l.fields); err != nil {
		l.diags = append(l.diags, l.item.Report(diag.Error, CodeException, at, "exception %s: %v", l.item.Title(), err))
	}
	if n, ok := e.(condition.Nested); ok {
		l.checkNested(n, at)
	}
}

// checkNested warns of an entry that can hold of no event.
func (l *exceptionLowerer) checkNested(n condition.Nested, at string) {
	if f, ok := l.fields.Field(n.Path); ok && f.Type != mapping.Nested && f.Type != mapping.Unknown {
		l.diags = append(l.diags, l.item.Report(diag.Warning, CodeException, at,
			"exception %s never applies: %s is of type %s and no nested object", l.item.Title(), n.Path, f.Type))
	}
}

// maxTerms is how many values Elasticsearch takes in one clause (index.max_terms_count).
const maxTerms = 65_536

// listed is true of the values of a list.
func (l *exceptionLowerer) listed(field string, list *rule.ValueList) condition.Expr {
	switch list.Type {
	case rule.ValueIPRange:
		return l.listedRanges(field, list)
	case rule.ValueText:
		return l.listedTexts(field, list)
	case rule.ValueIP, rule.ValueKeyword:
	}
	var out condition.Or
	for chunk := range slices.Chunk(list.Values, maxTerms) {
		values := make([]any, len(chunk))
		for i, value := range chunk {
			values[i] = value
		}
		out = append(out, condition.Terms{Field: field, Values: values})
	}
	return out
}

// listedTexts wants all words of one of the texts. Where the field is not analysed, a text is one
// word.
func (l *exceptionLowerer) listedTexts(field string, list *rule.ValueList) condition.Expr {
	f, _ := l.fields.Field(field)
	var out condition.Or
	for _, value := range list.Values {
		var e condition.Expr = condition.Match{Field: field, Value: value}
		if f.Type.Family() == mapping.FamilyText {
			raw, err := condition.NewRaw(condition.Query{"match": condition.Query{field: condition.Query{"query": value, "operator": "and"}}})
			if err == nil { // a string is always JSON
				e = raw
			}
		}
		out = append(out, e)
	}
	return out
}

// maxRanges is how many ranges of addresses are searched for: each is a clause, of which a query may
// have a few thousand. More are looked up in memory.
const maxRanges = 500

// listedRanges merges what overlaps. Texts that are addresses are compared as such in memory:
// Elasticsearch would put them in the order of their letters.
func (l *exceptionLowerer) listedRanges(field string, list *rule.ValueList) condition.Expr {
	spans := merged(list.Values)
	f, mapped := l.fields.Field(field)
	if len(spans) > maxRanges || mapped && f.Type.Family() != mapping.FamilyIP {
		return residualRanges(field, list.ID, spans)
	}
	out := make(condition.Or, len(spans))
	for i, s := range spans {
		out[i] = condition.Range{Field: field, Gte: s.first.Unmap().String(), Lte: s.last.Unmap().String()}
	}
	return out
}

// span is a range of addresses, both ends included, in the form of IPv6.
type span struct{ first, last netip.Addr }

// merged returns ranges that do not touch, in order.
func merged(texts []string) []span {
	spans := make([]span, 0, len(texts))
	for _, text := range texts {
		first, last, err := rule.ParseIPRange(text)
		if err != nil {
			continue // refused when it was loaded
		}
		spans = append(spans, span{netip.AddrFrom16(first.As16()), netip.AddrFrom16(last.As16())})
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(a.first.Compare(b.first), a.last.Compare(b.last)) })
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && (s.first.Compare(out[n-1].last) <= 0 || s.first == out[n-1].last.Next()) {
			if out[n-1].last.Less(s.last) {
				out[n-1].last = s.last
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// residualRanges looks addresses up in memory.
func residualRanges(field, id string, spans []span) condition.Expr {
	return condition.Residual{
		Text: fmt.Sprintf("%s is in value list %s", field, id), Fields: []string{field}, Required: []string{field},
		Holds: func(row []*mapping.Value) bool {
			if row[0] == nil {
				return false
			}
			addr, ok := row[0].Address()
			if !ok {
				return false
			}
			i, exact := slices.BinarySearchFunc(spans, addr, func(s span, a netip.Addr) int { return s.first.Compare(a) })
			return exact || i > 0 && addr.Compare(spans[i-1].last) <= 0
		},
	}
}
