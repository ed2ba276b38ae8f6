package condition

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/mapping"
)

// compileRange makes one test of all bounds: a single value has to lie within them.
func compileRange(r Range, f mapping.Field) (accept, error) {
	if r.Format != "" {
		f.Format = r.Format // of the bounds only: values were read by the field's own
	}
	var tests []accept
	for _, b := range r.bounds() {
		t, err := compileBound(b, f)
		if err != nil {
			return nil, err
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

// compileBound compares the field's value with the literal: order(v) is negative below it.
func compileBound(b bound, f mapping.Field) (accept, error) {
	order, err := comparer(b, f)
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

func comparer(b bound, f mapping.Field) (func(mapping.Value) int, error) {
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
		return compareInteger(text)
	case mapping.FamilyFloat:
		want, err := parseNumber(text)
		want = f.Number(want)
		return func(v mapping.Value) int { return cmp.Compare(v.Number, want) }, err
	case mapping.FamilyDate:
		return compareDate(b.name, text, f)
	case mapping.FamilyIP:
		want, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no IP address: %w", text, ErrLiteral)
		}
		return func(v mapping.Value) int { return compareIP(v.IP, want) }, nil
	case mapping.FamilyVersion:
		return func(v mapping.Value) int { return mapping.CompareVersions(v.String, text) }, nil
	default:
		return nil, fmt.Errorf("range: %w", ErrOperator)
	}
}

// compareInteger compares exactly, also with fractions and beyond the 53 bits of a float.
func compareInteger(text string) (func(mapping.Value) int, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return func(v mapping.Value) int { return cmp.Compare(v.Whole, n) }, nil
	}
	x, err := parseNumber(text)
	if err != nil {
		return nil, err
	}
	if math.IsInf(x, 0) {
		return func(mapping.Value) int { return -int(math.Copysign(1, x)) }, nil
	}
	want := big.NewFloat(x)
	return func(v mapping.Value) int { return new(big.Float).SetInt64(v.Whole).Cmp(want) }, nil
}

// compareDate widens a date that was not written to the end to its whole unit where the bound
// includes it ("<= 2026-01" ends with January) or lies beyond it ("> 2026-01" begins in February).
func compareDate(name, text string, f mapping.Field) (func(mapping.Value) int, error) {
	want, precision, err := mapping.ParseDate(text, f.Format)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrLiteral)
	}
	if name == "gt" || name == "lte" {
		want = precision.End(want)
		if f.Type == mapping.Date {
			want = want.Truncate(time.Millisecond)
		}
	}
	return func(v mapping.Value) int { return v.Time.Compare(want) }, nil
}

// familyOf is the family that a literal suggests where the field's type is not known.
func familyOf(value any) mapping.Family {
	switch value.(type) {
	case bool:
		return mapping.FamilyBoolean
	case int64, float64:
		return mapping.FamilyFloat
	}
	return mapping.FamilyString
}

func literalText(value any) string {
	text, ok := mapping.ScalarText(value)
	if !ok {
		return fmt.Sprint(value)
	}
	return text
}

func parseNumber(text string) (float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no number: %w", text, ErrLiteral)
	}
	return x, nil
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false", "":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false: %w", text, ErrLiteral)
}
