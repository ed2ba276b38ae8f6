package reach

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// unindexed says why no indexed value of a field can meet a test: the value is longer than the limit of the field, or the
// field has another value in every document. It is "" if that is not so.
func unindexed(fields mapping.Fields, leaf condition.Expr) (field, why string) {
	var values []string
	fold := false
	switch l := leaf.(type) {
	case condition.Term:
		text, _ := l.Value.(string)
		field, values, fold = l.Field, []string{text}, l.Fold
	case condition.Terms:
		field = l.Field
		for _, v := range l.Values {
			text, _ := v.(string)
			values = append(values, text)
		}
	case condition.Prefix:
		f, _ := fields.Field(l.Field)
		if tooLong(f, l.Value) {
			return l.Field, fmt.Sprintf("values of %s longer than %d characters are not indexed (ignore_above)", l.Field, f.IgnoreAbove)
		}
		return "", ""
	default:
		return "", ""
	}
	f, mapped := fields.Field(field)
	if !mapped || len(values) == 0 {
		return "", ""
	}
	long, other := true, f.Constant != nil && f.Type == mapping.ConstantKeyword
	for _, v := range values {
		long = long && tooLong(f, v)
		other = other && v != "" && v != *f.Constant && (!fold || !strings.EqualFold(v, *f.Constant))
	}
	switch {
	case long:
		return field, fmt.Sprintf("values of %s longer than %d characters are not indexed (ignore_above)", field, f.IgnoreAbove)
	case other:
		return field, fmt.Sprintf("%s is %q in every document", field, *f.Constant)
	}
	return "", ""
}

// tooLong reports whether a keyword leaves out a value. The limit counts UTF-16 units, of which there are as many as
// characters, or more.
func tooLong(f mapping.Field, value string) bool {
	return f.IgnoreAbove > 0 && f.Type.Family() == mapping.FamilyString && utf8.RuneCountInString(value) > f.IgnoreAbove
}

// reduced is a condition as it is of the documents of an index: a test of a field that mapped does not have, or of a value that
// own does not index, is false. The causes are those of the latter.
func reduced(mapped, own mapping.Fields, where condition.Expr) (condition.Expr, []Cause) {
	where = condition.Without(where, func(name string) bool {
		_, is := mapped.Field(name)
		return !is && !internal(name)
	})
	var found []Cause
	where = condition.Denied(where, func(leaf condition.Expr) bool {
		field, why := unindexed(own, leaf)
		if field != "" {
			found = append(found, Cause{Kind: Type, What: field, Text: why})
		}
		return field != ""
	})
	return where, unrepeated(found)
}
