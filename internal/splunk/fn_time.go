package splunk

import (
	"math"
	"time"

	"tocsin/internal/translate/spl"
)

// Epoch returns a time as seconds since 1970, to the microsecond: the form of _time.
func Epoch(t time.Time) float64 {
	return float64(t.UnixMicro()) / 1e6
}

// moment returns the time of a number of seconds.
func moment(x float64, loc *time.Location) (time.Time, bool) {
	if math.Abs(x) > 1e12 || math.IsNaN(x) {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(math.Round(x * 1e6))).In(loc), true
}

var timeFunctions = map[string]function{
	"now":  func(s *scope, _ []Value) Value { return Number(float64(s.now.Unix())) },
	"time": func(s *scope, _ []Value) Value { return Number(Epoch(s.now)) },
	"relative_time": func(s *scope, a []Value) Value {
		x, ok := a[0].Float()
		if !ok || a[1].IsNull() {
			return Null
		}
		t, ok := moment(x, s.loc)
		r, err := spl.ParseRelative(a[1].String())
		if !ok || err != nil {
			return Null
		}
		return Number(Epoch(r.Apply(t)))
	},
	"strftime": func(s *scope, a []Value) Value {
		if a[1].IsNull() {
			return Null
		}
		return each(a[0], func(v Value) Value {
			x, ok := v.Float()
			if !ok {
				return Null
			}
			t, ok := moment(x, s.loc)
			if !ok {
				return Null
			}
			return Text(strftime(t, a[1].String()))
		})
	},
	"strptime": func(s *scope, a []Value) Value {
		if a[1].IsNull() {
			return Null
		}
		return each(a[0], func(v Value) Value {
			t, ok := strptime(v.String(), a[1].String(), s.now, s.loc)
			if !ok {
				return Null
			}
			return Number(Epoch(t))
		})
	},
}
