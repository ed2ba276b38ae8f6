package translate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
)

// maxTerms is the maximum number of values in one clause (index.max_terms_count).
const maxTerms = 65_536

// maxRanges is the maximum number of ranges in a search: each is a clause, and a query may have a
// few thousand. More ranges are matched in memory.
const maxRanges = 500

// listed returns the condition for the values of a list.
func (l *exceptionLowerer) listed(field string, list *rule.ValueList) condition.Expr {
	f, mapped := l.fields.Field(field)
	element := list.Type.Element()
	family := element.Type.Family()
	fits := !mapped || f.Type == mapping.Unknown || f.Type.Family() == family || f.Type.Family().IsNumber() && family.IsNumber()
	switch {
	case list.Type == rule.ValueText:
		return listedTexts(field, f, list)
	case list.Type.IsRange(), family == mapping.FamilyDate, family.IsNumber() && !fits:
		return listedSpans(field, f, list, fits)
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

// listedTexts requires all words of one of the texts. In a field that is not analysed, a text is
// one word.
func listedTexts(field string, f mapping.Field, list *rule.ValueList) condition.Expr {
	var out condition.Or
	for _, value := range list.Values {
		var e condition.Expr = condition.Match{Field: field, Value: value}
		if f.Type.Family() == mapping.FamilyText {
			raw, err := condition.NewRaw(condition.Query{"match": condition.Query{field: condition.Query{"query": value, "operator": "and"}}})
			if err == nil { // a string can always be encoded as JSON
				e = raw
			}
		}
		out = append(out, e)
	}
	return out
}

// listedSpans requires a value within one of the ranges. If the field does not have the list's
// type, it is compared in memory: Elasticsearch would compare texts by character.
func listedSpans(field string, f mapping.Field, list *rule.ValueList, fits bool) condition.Expr {
	spans := merged(list, f)
	if len(spans) > maxRanges || !fits {
		return residualSpans(field, list, spans)
	}
	out := make(condition.Or, len(spans))
	for i, s := range spans {
		out[i] = s.within(field, list.Type.Element())
	}
	return out
}

// span is a range of values, both ends included: addresses in IPv6 form, dates to the nanosecond.
type span struct{ first, last mapping.Value }

// within returns the condition that a field's value is in the span.
func (s span) within(field string, element mapping.Field) condition.Expr {
	switch element.Type.Family() {
	case mapping.FamilyIP:
		return condition.Range{Field: field, Gte: s.first.IP.Unmap().String(), Lte: s.last.IP.Unmap().String()}
	case mapping.FamilyDate:
		return condition.Range{
			Field: field, Gte: s.first.Time.UTC().Format(time.RFC3339Nano), Lte: s.last.Time.UTC().Format(time.RFC3339Nano),
			Format: "strict_date_optional_time_nanos",
		}
	case mapping.FamilyInteger:
		return condition.Range{Field: field, Gte: s.first.Whole, Lte: s.last.Whole}
	default:
		return condition.Range{Field: field, Gte: s.first.Number, Lte: s.last.Number}
	}
}

// spanOf parses a value of a list; false if the field cannot have such a value. A date has the
// precision of its type: with milliseconds it spans a million nanoseconds.
func spanOf(list *rule.ValueList, text string, f mapping.Field) (span, bool) {
	element := list.Type.Element()
	var s span
	if list.Type.IsRange() {
		var err error
		if s.first, s.last, err = list.Type.ReadRange(text); err != nil {
			return s, false // rejected when it was loaded
		}
	} else {
		v, ok := rule.ReadValue(element, text)
		if !ok {
			return s, false
		}
		s = span{v, v}
	}
	switch element.Type {
	case mapping.Date:
		s.last.Time = s.last.Time.Truncate(time.Millisecond).Add(time.Millisecond - 1)
	case mapping.DateNanos:
		if f.Type == mapping.Date && !s.first.Time.Equal(s.first.Time.Truncate(time.Millisecond)) {
			return s, false
		}
	default:
	}
	return s, true
}

// merged returns disjoint, non-adjacent ranges, in order.
func merged(list *rule.ValueList, f mapping.Field) []span {
	spans := make([]span, 0, len(list.Values))
	for _, text := range list.Values {
		if s, ok := spanOf(list, text, f); ok {
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(compareValues(a.first, b.first), compareValues(a.last, b.last)) })
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && (compareValues(s.first, out[n-1].last) <= 0 || touch(out[n-1].last, s.first)) {
			if compareValues(out[n-1].last, s.last) < 0 {
				out[n-1].last = s.last
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// compareValues orders values of one type.
func compareValues(a, b mapping.Value) int {
	return cmp.Or(a.IP.Compare(b.IP), a.Time.Compare(b.Time), cmp.Compare(a.Whole, b.Whole), cmp.Compare(a.Number, b.Number))
}

// touch reports whether b is the next address or instant after a.
func touch(a, b mapping.Value) bool {
	switch {
	case a.IP.IsValid():
		return b.IP == a.IP.Next()
	case !a.Time.IsZero():
		return b.Time.Equal(a.Time.Add(1))
	}
	return false
}

// residualSpans matches values in memory.
func residualSpans(field string, list *rule.ValueList, spans []span) condition.Expr {
	element := list.Type.Element()
	return condition.Residual{
		Text: fmt.Sprintf("%s is in value list %s of type %s", field, list.ID, list.Type), Fields: []string{field}, Required: []string{field},
		Holds: func(row []*mapping.Value) bool {
			if row[0] == nil {
				return false
			}
			v, ok := asListed(element, row[0])
			if !ok {
				return false
			}
			i, exact := slices.BinarySearchFunc(spans, v, func(s span, v mapping.Value) int { return compareValues(s.first, v) })
			return exact || i > 0 && compareValues(v, spans[i-1].last) <= 0
		},
	}
}

// asListed converts an event's value to the list's type.
func asListed(element mapping.Field, v *mapping.Value) (mapping.Value, bool) {
	switch element.Type.Family() {
	case mapping.FamilyIP:
		addr, ok := v.Address()
		return mapping.Value{IP: addr}, ok
	case mapping.FamilyDate:
		if !v.Time.IsZero() {
			at, ok := element.Date(v.Time)
			return mapping.Value{Time: at}, ok
		}
	default:
	}
	return compared(rule.ReadValue(element, v.String))
}

// compared returns a value with only the member that is compared.
func compared(v mapping.Value, ok bool) (mapping.Value, bool) {
	return mapping.Value{IP: v.IP, Time: v.Time, Whole: v.Whole, Number: v.Number}, ok
}
