package sequence

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Ordinal is an event's position in time: its timestamp in nanoseconds, then its tiebreaker. Events
// with the same ordinal cannot follow one another.
type Ordinal struct {
	Time       int64
	Tiebreaker Value
}

// Compare orders two ordinals. At the same time an event without a tiebreaker comes last.
func (o Ordinal) Compare(other Ordinal) int {
	if c := cmp.Compare(o.Time, other.Time); c != 0 {
		return c
	}
	x, y := o.Tiebreaker, other.Tiebreaker
	if x.IsNull() || y.IsNull() {
		return cmp.Compare(boolInt(x.IsNull()), boolInt(y.IsNull()))
	}
	return x.Compare(y)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Value is one typed value of a join key or tiebreaker. The zero value is null.
type Value struct {
	kind  byte // 0 null, then in order of comparison
	whole int64
	float float64
	text  string
}

// The kinds of values; values of different kinds are never equal.
const (
	kindNull = iota
	kindBool
	kindWhole
	kindFloat
	kindText
)

// Bool makes a boolean value.
func Bool(b bool) Value { return Value{kind: kindBool, whole: int64(boolInt(b))} }

// Whole makes an integer value.
func Whole(n int64) Value { return Value{kind: kindWhole, whole: n} }

// Float makes a floating-point value.
func Float(x float64) Value { return Value{kind: kindFloat, float: x} }

// Text makes a string value; addresses, dates and versions are represented by their text.
func Text(s string) Value { return Value{kind: kindText, text: s} }

// IsNull reports whether the value is null.
func (v Value) IsNull() bool { return v.kind == kindNull }

// String returns the value as text; null is empty.
func (v Value) String() string {
	switch v.kind {
	case kindBool:
		return strconv.FormatBool(v.whole == 1)
	case kindWhole:
		return strconv.FormatInt(v.whole, 10)
	case kindFloat:
		return strconv.FormatFloat(v.float, 'g', -1, 64)
	}
	return v.text
}

// Compare orders values: null first, then by kind, then by value.
func (v Value) Compare(other Value) int {
	return cmp.Or(
		cmp.Compare(v.kind, other.kind), cmp.Compare(v.whole, other.whole),
		cmp.Compare(v.float, other.float), strings.Compare(v.text, other.text),
	)
}

// Key is the join key of a sequence: one value per key field, in order.
type Key []Value

// Compare orders keys by their values, the first value first.
func (k Key) Compare(other Key) int { return slices.CompareFunc(k, other, Value.Compare) }

// id returns a map key for a join key.
func (k Key) id() string {
	var b strings.Builder
	for _, v := range k {
		b.WriteByte(v.kind)
		for shift := 0; shift < 64; shift += 8 {
			b.WriteByte(byte(v.whole >> shift))
		}
		if v.kind == kindFloat {
			b.WriteString(floatText(v.float))
		}
		b.WriteString(v.text)
		b.WriteByte(0)
	}
	return b.String()
}

// Product returns every combination of one value per field. A field without values gives null if it
// is optional, and otherwise no combinations.
func Product(columns [][]Value, optional []bool) []Key {
	keys := []Key{{}}
	for i, values := range columns {
		if len(values) == 0 {
			if !optional[i] {
				return nil
			}
			values = []Value{{}}
		}
		next := make([]Key, 0, len(keys)*len(values))
		for _, k := range keys {
			for _, v := range distinct(values) {
				next = append(next, append(slices.Clip(k), v))
			}
		}
		keys = next
	}
	return keys
}

func distinct(values []Value) []Value {
	if len(values) < 2 {
		return values
	}
	sorted := slices.SortedFunc(slices.Values(values), Value.Compare)
	return slices.Compact(sorted)
}
