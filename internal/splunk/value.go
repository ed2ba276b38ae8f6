package splunk

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

type kind uint8

const (
	null kind = iota
	text
	number
	boolean
	several
)

// Value is the value of a field: null, a text, a number, or several texts and numbers. Booleans are results of
// conditions; fields do not have them.
type Value struct {
	kind   kind
	text   string
	number float64
	list   []Value
}

// Null is the value of a missing field.
var Null = Value{}

// Text returns the value of a text.
func Text(s string) Value { return Value{kind: text, text: s} }

// Number returns the value of a number.
func Number(x float64) Value { return Value{kind: number, number: x} }

func truth(b bool) Value {
	if b {
		return Value{kind: boolean, number: 1}
	}
	return Value{kind: boolean}
}

// Several returns a multivalue; null for no values, and a single value for one.
func Several(list ...Value) Value {
	list = slices.DeleteFunc(list, Value.IsNull)
	switch len(list) {
	case 0:
		return Null
	case 1:
		return list[0]
	}
	return Value{kind: several, list: list}
}

// Texts returns the value of several texts.
func Texts(list []string) Value {
	values := make([]Value, len(list))
	for i, s := range list {
		values[i] = Text(s)
	}
	return Several(values...)
}

// IsNull reports whether the value is null.
func (v Value) IsNull() bool { return v.kind == null }

// Each returns the single values.
func (v Value) Each() []Value {
	switch v.kind {
	case null:
		return nil
	case several:
		return v.list
	default:
		return []Value{v}
	}
}

// String returns the text of a value; several values are separated by newlines.
func (v Value) String() string {
	switch v.kind {
	case text:
		return v.text
	case number:
		return formatNumber(v.number)
	case boolean:
		if v.number != 0 {
			return "True"
		}
		return "False"
	case several:
		parts := make([]string, len(v.list))
		for i, x := range v.list {
			parts[i] = x.String()
		}
		return strings.Join(parts, "\n")
	default:
		return ""
	}
}

func formatNumber(x float64) string {
	switch {
	case math.IsInf(x, 0) || math.IsNaN(x):
		return strconv.FormatFloat(x, 'f', -1, 64)
	case x == math.Trunc(x) && math.Abs(x) < 1e15:
		return strconv.FormatInt(int64(x), 10)
	case math.Abs(x) >= 1e21 || math.Abs(x) < 1e-6:
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// Float returns the number of a value; a text is parsed.
func (v Value) Float() (float64, bool) {
	switch v.kind {
	case number:
		return v.number, true
	case text:
		return parseNumber(v.text)
	default:
		return 0, false
	}
}

// parseNumber parses decimal numbers only: words such as inf, and hexadecimal numbers, are texts.
func parseNumber(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false
	}
	if c := s[len(s)-1]; (c < '0' || c > '9') && c != '.' {
		return 0, false
	}
	if c := s[0]; (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' {
		return 0, false
	}
	if len(s) > 2 && strings.ContainsAny(s, "xX_pP") {
		return 0, false
	}
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil
}

// isTrue reports whether a condition is true; null is not.
func (v Value) isTrue() bool { return v.kind == boolean && v.number != 0 }

// stored returns the value in the form that fields have.
func (v Value) stored() Value {
	if v.kind == boolean {
		return Text(v.String())
	}
	return v
}

// size returns the approximate size of the value in bytes.
func (v Value) size() int {
	n := 64 + len(v.text)
	for _, x := range v.list {
		n += x.size()
	}
	return n
}

// compareValues orders two single values: as numbers if both are numbers, otherwise as texts.
func compareValues(a, b Value) int {
	x, isX := a.Float()
	y, isY := b.Float()
	switch {
	case isX && isY && x < y:
		return -1
	case isX && isY && x > y:
		return 1
	case isX && isY:
		return 0
	}
	return strings.Compare(a.String(), b.String())
}

// Native returns the value as a JSON type: nil, string, number, or a list.
func (v Value) Native() any {
	switch v.kind {
	case null:
		return nil
	case number:
		if v.number == math.Trunc(v.number) && math.Abs(v.number) < 1<<53 {
			return int64(v.number)
		}
		return v.number
	case several:
		out := make([]any, len(v.list))
		for i, x := range v.list {
			out[i] = x.Native()
		}
		return out
	default:
		return v.String()
	}
}
