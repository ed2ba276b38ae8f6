package mapping

import (
	"encoding/json"
	"strconv"
)

// ScalarKind is the kind of a JSON scalar.
type ScalarKind uint8

// The kinds of scalars.
const (
	NullScalar ScalarKind = iota
	TextScalar
	NumberScalar
	BoolScalar
)

// Scalar is a JSON scalar decoded only to its text: a number keeps its original text until a field
// makes a value of it.
type Scalar struct {
	Kind ScalarKind
	Text string
}

// ScalarOf returns the scalar of a decoded value; false for arrays and objects. A number whose text
// was lost in decoding counts as text.
func ScalarOf(raw any) (Scalar, bool) {
	if raw == nil {
		return Scalar{}, true
	}
	text, ok := ScalarText(raw)
	switch raw.(type) {
	case json.Number:
		return Scalar{NumberScalar, text}, ok
	case bool:
		return Scalar{BoolScalar, text}, ok
	}
	return Scalar{TextScalar, text}, ok
}

// IndexScalar is [Field.Index] of a scalar.
func (f *Field) IndexScalar(s Scalar) (Value, bool) {
	if f.LeftOut {
		return f.leftOut(s)
	}
	family := f.Type.Family()
	if s.Kind == NullScalar || s.Text == "" && s.Kind == TextScalar && family.IsNumber() {
		// For a number, "" is a null as well.
		var ok bool
		if s, ok = ScalarOf(f.NullValue); !ok || s.Kind == NullScalar {
			return Value{}, false
		}
	}
	switch family {
	case FamilyString:
		return f.indexKeyword(s.Text)
	case FamilyInteger:
		return f.indexInteger(s.Kind == NumberScalar, s.Text)
	case FamilyFloat:
		return f.indexFloat(s.Text)
	case FamilyBoolean:
		return indexBoolean(s.Text)
	case FamilyDate:
		return f.indexDate(s.Text)
	case FamilyIP:
		addr, ok := ParseIP(s.Text)
		return Value{IP: addr, String: s.Text}, ok
	case FamilyVersion:
		return Value{String: s.Text}, isIndexableVersion(s.Text)
	case FamilyUnknown:
		return indexUnknown(s), true
	case FamilyText, FamilyOther:
		return Value{String: s.Text}, true
	case FamilyObject:
	}
	return Value{}, false
}

// leftOut returns a value that the index leaves out.
func (f *Field) leftOut(s Scalar) (Value, bool) {
	indexed := *f
	indexed.LeftOut = false
	if _, ok := indexed.IndexScalar(s); ok || s.Kind == NullScalar || s.Text == "" {
		return Value{}, false
	}
	return Value{String: s.Text}, true
}

// indexUnknown fills every member that the value can be read as.
func indexUnknown(s Scalar) Value {
	v := Value{String: s.Text, Bool: s.Kind == BoolScalar && s.Text == "true"}
	if !startsNumber(s.Text) {
		return v
	}
	v.Number, _ = strconv.ParseFloat(s.Text, 64)
	v.Whole, _ = strconv.ParseInt(s.Text, 10, 64)
	v.IP, _ = ParseIP(s.Text)
	return v
}

// startsNumber returns false for a text that cannot begin a number or an address, as most text:
// parsing to find that out is slow.
func startsNumber(s string) bool {
	for i := range min(len(s), 4) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', c == '+', c == '-', c == '.', c == ':':
			return true
		case 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return i == 0 && (c == 'i' || c == 'I' || c == 'n' || c == 'N') // Infinity, NaN.
		}
	}
	return len(s) > 4
}
