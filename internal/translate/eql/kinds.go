package eql

import (
	"time"

	"tocsin/internal/match/mapping"
)

// kind is the static type of an expression. Unknown is the type of a field about which nothing is
// known; it fits everywhere.
type kind string

const (
	kindUnknown kind = ""
	kindNull    kind = "null"
	kindBoolean kind = "boolean"
	kindInteger kind = "integer"
	kindLong    kind = "long"
	kindDouble  kind = "double"
	kindString  kind = "keyword"
	kindDate    kind = "datetime"
	kindIP      kind = "ip"
	kindVersion kind = "version"
)

func (k kind) isInteger() bool { return k == kindInteger || k == kindLong }

func (k kind) isNumber() bool { return k.isInteger() || k == kindDouble }

// kindOfLiteral returns the kind of a constant. Whole numbers are integers while they fit 32 bits.
func kindOfLiteral(v any) kind {
	switch v := v.(type) {
	case bool:
		return kindBoolean
	case int64:
		if v == int64(int32(v)) { //nolint:gosec // the comparison is the check
			return kindInteger
		}
		return kindLong
	case float64:
		return kindDouble
	case string:
		return kindString
	}
	return kindNull
}

// kindOfField returns the kind of a field's values.
func kindOfField(f mapping.Field) kind {
	switch f.Type.Family() {
	case mapping.FamilyString, mapping.FamilyText:
		return kindString
	case mapping.FamilyInteger:
		return kindLong
	case mapping.FamilyFloat:
		return kindDouble
	case mapping.FamilyBoolean:
		return kindBoolean
	case mapping.FamilyDate:
		return kindDate
	case mapping.FamilyIP:
		return kindIP
	case mapping.FamilyVersion:
		return kindVersion
	case mapping.FamilyUnknown, mapping.FamilyObject, mapping.FamilyOther:
	}
	return kindUnknown
}

// scalar is the value of an expression: nil, bool, int64, float64, string or moment.
type scalar = any

// moment is a date. It is not a text until a function makes it one.
type moment time.Time

// scalarOf returns a field's value as functions see it: addresses as text.
func scalarOf(f mapping.Field, v mapping.Value) scalar {
	switch f.Type.Family() {
	case mapping.FamilyInteger:
		return v.Whole
	case mapping.FamilyFloat:
		return v.Number
	case mapping.FamilyBoolean:
		return v.Bool
	case mapping.FamilyDate:
		return moment(v.Time)
	case mapping.FamilyIP:
		return v.IP.String()
	default:
		return v.String
	}
}
