package condition

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"sync"
)

// text returns the text form of a condition.
func text(e Expr) string { return string(appendText(make([]byte, 0, 64), e)) }

// Digest returns what stands for a condition: equal digests are equal conditions. It is short, as texts of conditions are
// not.
func Digest(e Expr) string {
	b, _ := texts.Get().(*[]byte)
	if b == nil {
		b = new([]byte)
	}
	*b = appendText((*b)[:0], e)
	sum := sha256.Sum256(*b)
	texts.Put(b)
	return string(sum[:])
}

// texts are buffers for texts that are not kept.
var texts sync.Pool

// appendText appends the text form of a condition. Texts are equal if the conditions are.
func appendText(b []byte, e Expr) []byte {
	switch e := e.(type) {
	case Const:
		return strconv.AppendBool(b, bool(e))
	case And:
		return appendCall(b, "(and", e)
	case Or:
		return appendCall(b, "(or", e)
	case Not:
		return append(appendText(append(b, "(not "...), e.X), ')')
	case Nested:
		b = append(append(append(b, "(nested "...), e.Path...), ' ')
		return append(appendText(b, e.X), ')')
	case Exists:
		return appendLeaf(b, "exists", e.Field, false)
	case LeftOut:
		if e.Unmapped != "" {
			return appendLeaf(b, "unmapped", e.Field, false, e.Unmapped)
		}
		return appendLeaf(b, "left-out", e.Field, false)
	case Term:
		return appendLeaf(b, "term", e.Field, e.Fold, e.Value)
	case Terms:
		return appendLeaf(b, "terms", e.Field, false, e.Values...)
	case Wildcard:
		return appendLeaf(b, "wildcard", e.Field, e.Fold, e.Pattern)
	case Prefix:
		return appendLeaf(b, "prefix", e.Field, e.Fold, e.Value)
	case Regexp:
		return appendLeaf(b, "regexp", e.Field, e.Fold, e.Pattern)
	case Range:
		return appendRange(b, e)
	case CIDR:
		b = append(append(b, "(cidr "...), e.Field...)
		for _, n := range e.Networks {
			b = append(append(b, ' '), n...)
		}
		return append(b, ')')
	case Match:
		name := "match"
		if e.Phrase {
			name = "match-phrase"
		}
		return appendLeaf(b, name, allFields(e.Field), false, e.Value)
	case QueryString:
		return appendLeaf(b, "query-string", allFields(e.Field), false, e.Pattern)
	case Residual:
		return append(strconv.AppendQuote(append(b, "(residual "...), e.Text), ')')
	}
	return append(b, e.String()...)
}

func appendRange(b []byte, r Range) []byte {
	b = append(append(b, "(range "...), r.Field...)
	for _, bound := range r.bounds() {
		b = append(append(append(b, ' '), bound.name...), ' ')
		b = appendLiteral(b, bound.value)
	}
	if r.Format != "" {
		b = strconv.AppendQuote(append(b, " format "...), r.Format)
	}
	if r.TimeZone != "" {
		b = strconv.AppendQuote(append(b, " time-zone "...), r.TimeZone)
	}
	return append(b, ')')
}

func appendCall(b []byte, name string, members []Expr) []byte {
	b = append(b, name...)
	for _, m := range members {
		b = appendText(append(b, ' '), m)
	}
	return append(b, ')')
}

func appendLeaf(b []byte, name, field string, fold bool, values ...any) []byte {
	b = append(append(b, '('), name...)
	if fold {
		b = append(b, '~')
	}
	b = append(append(b, ' '), field...)
	for _, v := range values {
		b = appendLiteral(append(b, ' '), v)
	}
	return append(b, ')')
}

func appendLiteral(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return strconv.AppendQuote(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	}
	return fmt.Append(b, v)
}

// allFields returns the name of a field, or the word for all fields.
func allFields(name string) string {
	if name == "" {
		return "*"
	}
	return name
}
