package mapping

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// indexInteger coerces: "5.7" and 5.7 are indexed as 5. Elasticsearch has different rules for
// numbers and texts, and for long and the shorter types.
func (f *Field) indexInteger(isNumber bool, text string) (Value, bool) {
	var n int64
	var ok bool
	switch {
	case isNumber:
		n, ok = integerOfNumber(text, f.integerMax())
	case f.Type == Long || f.Type == UnsignedLong:
		n, ok = integerOfText(text)
	default:
		n, ok = smallIntegerOfText(text, f.Type)
	}
	if most := f.integerMax(); !ok || n > most || n < -most-1 {
		return Value{}, false
	}
	return Value{Whole: n, Number: float64(n), String: text}, true
}

func (f *Field) integerMax() int64 {
	switch f.Type {
	case Integer:
		return math.MaxInt32
	case Short:
		return math.MaxInt16
	case Byte:
		return math.MaxInt8
	default:
		return math.MaxInt64
	}
}

// integerOfNumber parses a JSON number. A number with a fraction or an exponent is read as a
// float64 and truncated; for the shorter types it must fit an int before that.
func integerOfNumber(text string, most int64) (int64, bool) {
	if !strings.ContainsAny(text, ".eE") {
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil
	}
	x, err := strconv.ParseFloat(text, 64)
	limit := float64(max(most, math.MaxInt32))
	low := -float64(1 << 63)
	if most < math.MaxInt64 {
		low = math.MinInt32
	}
	if err != nil || x < low || x > limit {
		return 0, false
	}
	if x >= 1<<63 {
		return math.MaxInt64, true
	}
	return int64(x), true
}

// maxExponent bounds the work on decimals; no 64 bits need more.
const maxExponent = 400

// integerOfText parses a decimal exactly and truncates its fraction.
func integerOfText(text string) (int64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	if text == "" || strings.Trim(text, "0123456789+-.eE") != "" {
		return 0, false
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		n, err := strconv.Atoi(exponent)
		if err != nil || n > maxExponent {
			return 0, false
		}
		if n < -maxExponent {
			x, err := strconv.ParseFloat(text, 64)
			return 0, err == nil && x == 0
		}
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false
	}
	n := new(big.Int).Quo(r.Num(), r.Denom())
	return n.Int64(), n.IsInt64()
}

// smallIntegerOfText parses text for integer, short and byte as Java parses a double: surrounding
// blanks, a trailing "d" and even NaN are accepted.
func smallIntegerOfText(text string, t Type) (int64, bool) {
	x, ok := javaFloat(text, 64)
	low, high := float64(math.MinInt32), float64(math.MaxInt32)
	if t == Short {
		low, high = math.MinInt16, math.MaxInt16
	}
	if !ok || x < low || x > high {
		return 0, false
	}
	if math.IsNaN(x) {
		return 0, true
	}
	return int64(x), true
}

func (f *Field) indexFloat(text string) (Value, bool) {
	bits := 64
	if f.Type == Float || f.Type == HalfFloat {
		bits = 32
	}
	x, ok := javaFloat(text, bits)
	x = f.Number(x)
	if !ok || math.IsNaN(x) || math.IsInf(x, 0) {
		return Value{}, false
	}
	return Value{Number: x, String: text}, true
}

// ParseNumber parses the text of a number as Elasticsearch parses a double: surrounding blanks, a
// trailing "d" or "f", NaN and Infinity are accepted, and too large numbers are infinite.
func ParseNumber(text string) (float64, bool) { return javaFloat(text, 64) }

// javaFloat parses a number as Double.parseDouble and Float.parseFloat do: too large numbers are
// infinite.
func javaFloat(text string, bits int) (float64, bool) {
	text = strings.TrimFunc(text, func(r rune) bool { return r <= ' ' })
	switch strings.TrimLeft(text, "+-") {
	case "NaN", "Infinity":
	default:
		if hex := strings.ContainsAny(text, "xX"); !hex || strings.ContainsAny(text, "pP") {
			text = trimFloatSuffix(text)
		}
		if strings.Trim(text, "0123456789abcdefABCDEFxXpP+-.") != "" {
			return 0, false // Only Go accepts inf and underscores.
		}
	}
	x, err := strconv.ParseFloat(text, bits)
	return x, err == nil || math.IsInf(x, 0)
}

func trimFloatSuffix(text string) string {
	if text != "" && strings.IndexByte("dDfF", text[len(text)-1]) >= 0 {
		return text[:len(text)-1]
	}
	return text
}

// Number returns x in the precision of the field's type, as in documents and queries. Beyond the
// type's largest number it is infinite.
func (f Field) Number(x float64) float64 {
	switch f.Type {
	case Float:
		return float64(float32(x))
	case HalfFloat:
		return halfFloat(float32(x))
	case ScaledFloat:
		if f.ScalingFactor > 0 && !math.IsInf(x, 0) {
			return math.Floor(x*f.ScalingFactor+0.5) / f.ScalingFactor
		}
	default:
	}
	return x
}

// halfFloat rounds to 11 significant bits, ties to even, fewer below 2^-14.
func halfFloat(x float32) float64 {
	const leastExponent, most = -14, 65504
	_, exponent := math.Frexp(float64(x))
	unit := math.Ldexp(1, max(exponent-1, leastExponent)-10)
	y := math.RoundToEven(float64(x)/unit) * unit
	if math.Abs(y) > most {
		return math.Copysign(math.Inf(1), y)
	}
	return y
}

// isJavaLong reports whether Long.parseLong accepts a text.
func isJavaLong(text string) bool {
	_, err := strconv.ParseInt(text, 10, 64)
	return err == nil
}
