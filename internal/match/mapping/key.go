package mapping

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Key returns the text by which groups distinguish values: equal values have one text, however a
// document spells them, and different values have different ones. Times are truncated to the
// millisecond, as aggregations do even if the field stores more.
func (f Field) Key(v Value) string {
	switch f.Type.Family() {
	case FamilyInteger:
		if f.Type == UnsignedLong {
			return v.String
		}
		return strconv.FormatInt(v.Whole, 10)
	case FamilyFloat:
		return FloatKey(v.Number)
	case FamilyBoolean:
		return strconv.FormatBool(v.Bool)
	case FamilyDate:
		return TimeKey(v.Time)
	case FamilyIP:
		return v.IP.String()
	default:
		return v.String
	}
}

// FloatKey returns the key of a number of a float field.
func FloatKey(x float64) string {
	switch {
	case x == 0: // also -0
		return "0"
	case -1e18 < x && x < 1e18:
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// TimeKey returns the key of a time.
func TimeKey(t time.Time) string {
	return time.UnixMilli(t.UnixMilli()).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// KeyValue returns a key in the JSON type of the field's values: a json.Number, a bool or a string.
func (f Field) KeyValue(key string) any {
	switch family := f.Type.Family(); {
	case family == FamilyBoolean:
		return key == "true"
	case family.IsNumber():
		if _, err := strconv.ParseFloat(key, 64); err == nil {
			return json.Number(key)
		}
	}
	return key
}

// CompareKeys orders keys as the field orders their values.
func (f Field) CompareKeys(a, b string) int {
	switch f.Type.Family() {
	case FamilyInteger:
		if f.Type == UnsignedLong {
			return compareParsed(a, b, func(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) })
		}
		return compareParsed(a, b, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) })
	case FamilyFloat:
		return compareParsed(a, b, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	case FamilyIP:
		x, okX := ParseIP(a)
		y, okY := ParseIP(b)
		if okX && okY {
			bytesX, bytesY := x.As16(), y.As16()
			return slices.Compare(bytesX[:], bytesY[:])
		}
	case FamilyVersion:
		if order := CompareVersions(a, b); order != 0 {
			return order
		}
	default:
	}
	return strings.Compare(a, b)
}

// compareParsed compares keys by their parsed values, or as texts if one cannot be parsed.
func compareParsed[T cmp.Ordered](a, b string, parse func(string) (T, error)) int {
	x, errX := parse(a)
	y, errY := parse(b)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	return cmp.Compare(x, y)
}
