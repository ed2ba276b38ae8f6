package condition

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/match/mapping"
)

// number is a value of a numeric field in the field's precision: equal values are equal numbers.
type number uint64

// numberOf returns the number of a field's value, exact if the field holds integers; false for NaN,
// which equals nothing.
func numberOf(v mapping.Value, f mapping.Field) (number, bool) {
	if f.Type.Family() == mapping.FamilyFloat {
		return number(math.Float64bits(v.Number)), !math.IsNaN(v.Number) // -0 is not 0.
	}
	return number(v.Whole), true
}

// equalNumber compares with the number in the field's precision. A number beyond the type's range
// equals nothing, nor does a fraction equal an integer.
func equalNumber(text string, f mapping.Field) (valueTest, error) {
	x, err := parseNumber(text)
	if err != nil || !inRange(text, f) {
		return valueTest{}, err
	}
	want := mapping.Value{}
	if f.Type.Family() == mapping.FamilyFloat {
		want.Number = f.Number(x)
	} else {
		exact, ok := parseRational(text)
		if !ok {
			return valueTest{}, fmt.Errorf("%q is not a number: %w", text, ErrLiteral)
		}
		if !exact.IsInt() || !exact.Num().IsInt64() {
			return valueTest{}, nil
		}
		want.Whole = exact.Num().Int64()
	}
	n, ok := numberOf(want, f)
	if !ok {
		return valueTest{}, nil
	}
	return equalNumbers([]number{n}, f), nil
}

func equalNumbers(numbers []number, f mapping.Field) valueTest {
	if len(numbers) <= fewTexts {
		return valueTest{numbers: numbers, accept: func(v mapping.Value) bool {
			n, ok := numberOf(v, f)
			return ok && slices.Contains(numbers, n)
		}}
	}
	known := make(map[number]bool, len(numbers))
	for _, n := range numbers {
		known[n] = true
	}
	return valueTest{numbers: numbers, accept: func(v mapping.Value) bool {
		n, ok := numberOf(v, f)
		return ok && known[n]
	}}
}

// inRange reports whether Elasticsearch accepts the number in a query. The short integer types
// accept numbers of 32 bits.
func inRange(text string, f mapping.Field) bool {
	x, err := parseNumber(text)
	if err != nil {
		return true // That is another mistake.
	}
	switch f.Type {
	case mapping.Long:
		n, ok := parseRational(text)
		return ok && new(big.Int).Quo(n.Num(), n.Denom()).IsInt64()
	case mapping.Integer, mapping.Short, mapping.Byte:
		return math.MinInt32 <= x && x <= math.MaxInt32
	case mapping.Double, mapping.Float, mapping.HalfFloat:
		x = f.Number(x)
		return !math.IsInf(x, 0) && !math.IsNaN(x)
	default:
		return true
	}
}

// dropped reports whether Elasticsearch drops a number from a list for an integer field: a
// number with a fraction, whatever its size.
func dropped(text string, f mapping.Field) bool {
	x, err := parseNumber(text)
	return err == nil && f.Type.Family() == mapping.FamilyInteger && x != math.Trunc(x)
}

// compareInteger compares exactly, also with fractions and beyond the 53 bits of a float64.
func compareInteger(text string, f mapping.Field) (func(mapping.Value) int, error) {
	if _, err := parseNumber(text); err != nil {
		return nil, err
	}
	if !inRange(text, f) {
		return nil, fmt.Errorf("%s is out of the range of [%s]: %w", text, f.Type, ErrLiteral)
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return func(v mapping.Value) int { return cmp.Compare(v.Whole, n) }, nil
	}
	want, ok := parseRational(text)
	if !ok {
		return nil, fmt.Errorf("%q is not a number: %w", text, ErrLiteral)
	}
	return func(v mapping.Value) int { return new(big.Rat).SetInt64(v.Whole).Cmp(want) }, nil
}

// compareFloat compares with the number as written, rounded to 32 bits if the field has no more.
func compareFloat(text string, f mapping.Field) (func(mapping.Value) int, error) {
	want, err := parseNumber(text)
	if f.Type == mapping.Float || f.Type == mapping.HalfFloat {
		want = float64(float32(want))
	}
	return func(v mapping.Value) int { return compareSigned(v.Number, want) }, err
}

// compareSigned orders -0 before 0, and NaN after every number.
func compareSigned(a, b float64) int {
	switch {
	case math.IsNaN(b):
		return -1
	case a == 0 && b == 0:
		return -compareBool(math.Signbit(a), math.Signbit(b))
	}
	return cmp.Compare(a, b)
}

// literalText returns the text that Elasticsearch makes of a literal of a query.
func literalText(value any) string {
	x, ok := value.(float64)
	if !ok {
		if text, ok := mapping.ScalarText(value); ok {
			return text
		}
		return fmt.Sprint(value)
	}
	text, err := json.Marshal(x)
	if err != nil {
		return fmt.Sprint(x)
	}
	if s := string(text); !strings.ContainsAny(s, ".e") {
		if s == "-0" {
			return "0" // It is sent as an integer.
		}
		return s
	}
	return javaDouble(x)
}

// javaDouble formats a number as Java's Double.toString does.
func javaDouble(x float64) string {
	if abs := math.Abs(x); abs >= 1e-3 && abs < 1e7 {
		text := strconv.FormatFloat(x, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(x, 'E', -1, 64), "E")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, err := strconv.Atoi(exponent)
	if err != nil {
		return mantissa
	}
	return mantissa + "E" + strconv.Itoa(n)
}

func parseNumber(text string) (float64, error) {
	x, ok := mapping.ParseNumber(text)
	if !ok {
		return 0, fmt.Errorf("%q is not a number: %w", text, ErrLiteral)
	}
	return x, nil
}

// parseRational reads a finite number exactly.
func parseRational(text string) (*big.Rat, bool) {
	x, ok := mapping.ParseNumber(text)
	if !ok || math.IsInf(x, 0) || math.IsNaN(x) {
		return nil, false
	}
	if n, ok := new(big.Rat).SetString(text); ok && (x != 0 || !strings.ContainsAny(text, "123456789")) {
		return n, true
	}
	return new(big.Rat).SetFloat64(x), true
}
