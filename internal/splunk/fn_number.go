package splunk

import (
	"math"
	"strconv"
	"strings"
)

// numeric returns a function of one number.
func numeric(f func(float64) float64) function {
	return func(_ *scope, a []Value) Value {
		return each(a[0], func(v Value) Value {
			x, ok := v.Float()
			if !ok {
				return Null
			}
			return finite(f(x))
		})
	}
}

// finite returns a number; null for infinity and NaN.
func finite(x float64) Value {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return Null
	}
	return Number(x)
}

// extreme returns the minimum or maximum; texts are greater than numbers.
func extreme(sign int) function {
	return func(_ *scope, a []Value) Value {
		best := Null
		for _, v := range a {
			for _, x := range v.Each() {
				if best.IsNull() || sign*compareMixed(x, best) > 0 {
					best = x
				}
			}
		}
		return best
	}
}

func compareMixed(a, b Value) int {
	_, isA := a.Float()
	_, isB := b.Float()
	switch {
	case isA && !isB:
		return -1
	case !isA && isB:
		return 1
	}
	return compareValues(a, b)
}

// total returns the sum of the numeric arguments.
func total(args []Value) (sum float64, n int) {
	for _, v := range args {
		for _, x := range v.Each() {
			if f, ok := x.Float(); ok {
				sum += f
				n++
			}
		}
	}
	return sum, n
}

var numberFunctions = map[string]function{
	"abs":     numeric(math.Abs),
	"ceil":    numeric(math.Ceil),
	"ceiling": numeric(math.Ceil),
	"floor":   numeric(math.Floor),
	"exp":     numeric(math.Exp),
	"ln":      numeric(math.Log),
	"sqrt":    numeric(math.Sqrt),
	"exact":   numeric(func(x float64) float64 { return x }),
	"pi":      func(*scope, []Value) Value { return Number(math.Pi) },
	"log": func(_ *scope, a []Value) Value {
		base := 10.0
		if len(a) > 1 {
			b, ok := a[1].Float()
			if !ok {
				return Null
			}
			base = b
		}
		x, ok := a[0].Float()
		if !ok {
			return Null
		}
		if base == 10 {
			return finite(math.Log10(x))
		}
		return finite(math.Log(x) / math.Log(base))
	},
	"pow": func(_ *scope, a []Value) Value {
		x, isX := a[0].Float()
		y, isY := a[1].Float()
		if !isX || !isY {
			return Null
		}
		return finite(math.Pow(x, y))
	},
	"round": func(_ *scope, a []Value) Value {
		places := 0.0
		if len(a) > 1 {
			places, _ = a[1].Float()
		}
		return each(a[0], func(v Value) Value {
			x, ok := v.Float()
			if !ok {
				return Null
			}
			factor := math.Pow(10, math.Trunc(places))
			return finite(math.Round(x*factor) / factor)
		})
	},
	"min": extreme(-1),
	"max": extreme(1),
	"sum": func(_ *scope, a []Value) Value {
		sum, n := total(a)
		if n == 0 {
			return Null
		}
		return Number(sum)
	},
	"avg": func(_ *scope, a []Value) Value {
		sum, n := total(a)
		if n == 0 {
			return Null
		}
		return Number(sum / float64(n))
	},
	"tonumber": func(_ *scope, a []Value) Value {
		base := 10
		if len(a) > 1 {
			b, _ := a[1].Float()
			base = int(b)
		}
		return each(a[0], func(v Value) Value {
			if base == 10 {
				if x, ok := v.Float(); ok {
					return Number(x)
				}
				return Null
			}
			digits := strings.TrimSpace(v.String())
			if base == 16 {
				digits = strings.TrimPrefix(strings.TrimPrefix(digits, "0x"), "0X")
			}
			if base < 2 || base > 36 {
				return Null
			}
			n, err := strconv.ParseInt(digits, base, 64)
			if err != nil {
				return Null
			}
			return Number(float64(n))
		})
	},
	"tostring": func(_ *scope, a []Value) Value {
		form := ""
		if len(a) > 1 {
			form = a[1].String()
		}
		return each(a[0], func(v Value) Value { return Text(toString(v, form)) })
	},
}

// toString formats a value as hex, commas or duration, or unchanged.
func toString(v Value, form string) string {
	x, ok := v.Float()
	if !ok {
		return v.String()
	}
	switch form {
	case "hex":
		return "0x" + strings.ToUpper(strconv.FormatInt(int64(x), 16))
	case "binary":
		return strconv.FormatInt(int64(x), 2)
	case "commas":
		return commas(x)
	case "duration":
		return duration(x)
	}
	return v.String()
}

func commas(x float64) string {
	whole, fraction, _ := strings.Cut(strconv.FormatFloat(math.Abs(x), 'f', -1, 64), ".")
	var b strings.Builder
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	if fraction != "" {
		_, rounded, _ := strings.Cut(strconv.FormatFloat(math.Abs(x), 'f', 2, 64), ".")
		b.WriteString("." + rounded)
	}
	if x < 0 {
		return "-" + b.String()
	}
	return b.String()
}

// duration formats seconds as [days+]hours:minutes:seconds.
func duration(x float64) string {
	n := int64(x)
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	two := func(v int64) string {
		if v < 10 {
			return "0" + strconv.FormatInt(v, 10)
		}
		return strconv.FormatInt(v, 10)
	}
	days := ""
	if n >= 86400 {
		days = strconv.FormatInt(n/86400, 10) + "+"
	}
	fraction := ""
	if part := math.Abs(x - math.Trunc(x)); part > 0 {
		fraction = strconv.FormatFloat(part, 'f', 6, 64)[1:]
	}
	return sign + days + two(n%86400/3600) + ":" + two(n%3600/60) + ":" + two(n%60) + fraction
}
