package datemath

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Expr is a parsed date-math expression. The zero Expr is "now". An Expr is never changed after
// Parse, so it may be copied and shared.
type Expr struct {
	steps []step
}

// step is one term of an expression: n units added, or, with round set, rounding down to unit.
type step struct {
	round bool
	n     int
	unit  unit
}

// At returns the moment the expression names when the time is now. The result is in UTC, and so
// is the calendar that rounding and months follow.
func (e Expr) At(now time.Time) time.Time { return e.In(now, time.UTC, false) }

// EndAt is At with rounding up: to the last millisecond of a unit, as Elasticsearch reads a bound
// that the unit belongs to ("<= now/d") or lies before ("> now/d").
func (e Expr) EndAt(now time.Time) time.Time { return e.In(now, time.UTC, true) }

// In takes the steps from a moment on by the calendar and the clock of a zone. With up set rounding
// goes up, as for [Expr.EndAt]. The result is in UTC.
func (e Expr) In(from time.Time, zone *time.Location, up bool) time.Time {
	t := from.In(zone).Round(0) // Without the monotonic reading: two equal moments compare equal.
	for _, s := range e.steps {
		switch {
		case !s.round:
			t = s.unit.add(t, s.n)
		case up:
			t = s.unit.add(s.unit.floor(t), 1).Add(-time.Millisecond)
		default:
			t = s.unit.floor(t)
		}
	}
	return t.UTC()
}

// String returns the expression in its canonical spelling: every count written out, hours as
// "h". Parsing it again gives an equal expression.
func (e Expr) String() string {
	var b strings.Builder
	b.WriteString(anchor)
	for _, s := range e.steps {
		switch {
		case s.round:
			b.WriteByte('/')
		case s.n < 0:
			b.WriteString(strconv.Itoa(s.n))
		default:
			b.WriteString("+" + strconv.Itoa(s.n))
		}
		b.WriteByte(byte(s.unit))
	}
	return b.String()
}

// Equal reports whether both expressions have the same steps. "now-60m" and "now-1h" name the
// same moment but are not equal.
func (e Expr) Equal(other Expr) bool {
	return slices.Equal(e.steps, other.steps)
}

// MarshalText gives the canonical spelling, so that JSON and TOML show the expression.
func (e Expr) MarshalText() ([]byte, error) {
	return []byte(e.String()), nil
}

// UnmarshalText is Parse for decoders of JSON and TOML.
func (e *Expr) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*e = parsed
	return nil
}
