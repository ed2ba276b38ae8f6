package datemath

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Expr is a parsed date math expression. The zero Expr is "now". An Expr is immutable, so it may be copied
// and shared.
type Expr struct {
	steps []step
}

// step is one step of an expression: n units added or, with round, rounding down to unit.
type step struct {
	round bool
	n     int
	unit  unit
}

// At returns the time of the expression for a given now, in UTC. Rounding and months follow the calendar in
// UTC.
func (e Expr) At(now time.Time) time.Time { return e.In(now, time.UTC, false) }

// EndAt is At with rounding up: to the last millisecond of a unit, as Elasticsearch evaluates an upper bound
// that includes the unit ("<= now/d") and a lower bound that excludes it ("> now/d").
func (e Expr) EndAt(now time.Time) time.Time { return e.In(now, time.UTC, true) }

// In applies the steps to a time, by the calendar and the clock of a zone. With up, rounding goes up, as in
// [Expr.EndAt]. The result is in UTC.
func (e Expr) In(from time.Time, zone *time.Location, up bool) time.Time {
	t := from.In(zone).Round(0) // without the monotonic reading, so that equal times compare equal
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

// String returns the expression in its canonical form: with every count, and hours as "h". Parsing it gives
// an equal expression.
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

// Equal reports whether both expressions have the same steps. "now-60m" and "now-1h" mean the same time but
// are not equal.
func (e Expr) Equal(other Expr) bool {
	return slices.Equal(e.steps, other.steps)
}

// MarshalText returns the canonical form, for JSON and TOML.
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
