package condition

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"tocsin/internal/match/mapping"
)

// compileRange makes one test of all bounds: a single value must lie within them.
func compileRange(r Range, f mapping.Field) (accept, error) {
	var dates dateReader
	if f.Type.Family() == mapping.FamilyDate {
		var err error
		if dates, err = readerOf(r, f, time.Time{}); err != nil {
			return nil, err
		}
	}
	var tests []accept
	for _, b := range r.bounds() {
		t, err := compileBound(b, f, dates)
		if err != nil {
			return nil, err
		}
		if aboveAll(b, f) {
			return func(mapping.Value) bool { return false }, nil // Elasticsearch does not read the upper bound then.
		}
		tests = append(tests, t)
	}
	return func(v mapping.Value) bool {
		for _, t := range tests {
			if !t(v) {
				return false
			}
		}
		return true
	}, nil
}

// aboveAll reports whether a lower bound that can be read admits no value, as it is greater than the greatest number that Elasticsearch accepts
// for the integer type.
func aboveAll(b bound, f mapping.Field) bool {
	if b.name != "gt" || f.Type.Family() != mapping.FamilyInteger {
		return false
	}
	greatest := int64(math.MaxInt32)
	if f.Type == mapping.Long {
		greatest = math.MaxInt64
	}
	n, ok := parseRational(literalText(b.value))
	return ok && new(big.Int).Quo(n.Num(), n.Denom()).Cmp(big.NewInt(greatest)) == 0
}

// isUTC holds the zone names with which bounds are as if they named no zone.
var isUTC = map[string]bool{"": true, "Z": true, "Zulu": true, "UTC": true, "GMT": true, "Etc/UTC": true, "+00:00": true}

// dateFormat returns the format of the bounds. A number is a count of milliseconds, whatever the
// field's format, and so is the other bound then.
func dateFormat(r Range, f mapping.Field) string {
	if r.Format != "" {
		return r.Format
	}
	for _, b := range r.bounds() {
		if _, isText := b.value.(string); !isText {
			return "epoch_millis"
		}
	}
	return f.DateFormat()
}

// compileBound compares the field's value with the literal: order(v) is negative if v is less.
func compileBound(b bound, f mapping.Field, dates dateReader) (accept, error) {
	order, err := comparer(b, f, dates)
	if err != nil {
		return nil, err
	}
	switch b.name {
	case "gt":
		return func(v mapping.Value) bool { return order(v) > 0 }, nil
	case "gte":
		return func(v mapping.Value) bool { return order(v) >= 0 }, nil
	case "lt":
		return func(v mapping.Value) bool { return order(v) < 0 }, nil
	default:
		return func(v mapping.Value) bool { return order(v) <= 0 }, nil
	}
}

func comparer(b bound, f mapping.Field, dates dateReader) (func(mapping.Value) int, error) {
	family := f.Type.Family()
	if family == mapping.FamilyUnknown {
		family = familyOf(b.value)
	}
	text := literalText(b.value)
	switch family {
	case mapping.FamilyString:
		want := f.Normalize(text)
		return func(v mapping.Value) int { return strings.Compare(v.String, want) }, nil
	case mapping.FamilyInteger:
		return compareInteger(text, f)
	case mapping.FamilyFloat:
		return compareFloat(text, f)
	case mapping.FamilyDate:
		return compareDate(b, f, dates)
	case mapping.FamilyBoolean:
		want, err := parseBool(text)
		return func(v mapping.Value) int { return compareBool(v.Bool, want) }, err
	case mapping.FamilyIP:
		want, ok := mapping.ParseIP(text)
		if !ok {
			return nil, fmt.Errorf("%q is not an IP address: %w", text, ErrLiteral)
		}
		return func(v mapping.Value) int { return compareIP(v.IP, want) }, nil
	case mapping.FamilyVersion:
		return func(v mapping.Value) int { return mapping.CompareVersions(v.String, text) }, wantVersion(b.value, f)
	default:
		return nil, fmt.Errorf("range: %w", ErrOperator)
	}
}

func compareDate(b bound, f mapping.Field, dates dateReader) (func(mapping.Value) int, error) {
	want, err := dates.read(literalText(b.value), b.up())
	if err != nil {
		return nil, err
	}
	want, ok := f.Date(want)
	if !ok {
		return nil, fmt.Errorf("%v is out of the range of [%s]: %w", b.value, f.Type, ErrLiteral)
	}
	return func(v mapping.Value) int { return v.Time.Compare(want) }, nil
}

// up reports whether a date that stands for a whole unit means the unit's end in this bound.
func (b bound) up() bool { return b.name == "gt" || b.name == "lte" }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// familyOf returns the family that a literal suggests if the field's type is not known.
func familyOf(value any) mapping.Family {
	switch value.(type) {
	case bool:
		return mapping.FamilyBoolean
	case int64, float64:
		return mapping.FamilyFloat
	}
	return mapping.FamilyString
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false: %w", text, ErrLiteral)
}
