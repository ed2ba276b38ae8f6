package splunk

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// maxBits is the number of bits that a float64 represents exactly.
const maxBits = 53

// whole returns a number as an integer for bit operations; false if it has a fraction.
func whole(v Value) (uint64, bool) {
	x, ok := v.Float()
	if !ok || x < 0 || x >= 1<<maxBits || x != math.Trunc(x) {
		return 0, false
	}
	return uint64(x), true
}

// bits returns a bitwise function of several numbers.
func bits(join func(a, b uint64) uint64) function {
	return func(_ *scope, a []Value) Value {
		sum, ok := whole(a[0])
		for _, v := range a[1:] {
			x, isWhole := whole(v)
			ok = ok && isWhole
			sum = join(sum, x)
		}
		if !ok {
			return Null
		}
		return Number(float64(sum & (1<<maxBits - 1)))
	}
}

// ofTwo returns a function of two numbers.
func ofTwo(f func(x, y float64) float64) function {
	return func(_ *scope, a []Value) Value {
		x, isX := a[0].Float()
		y, isY := a[1].Float()
		if !isX || !isY {
			return Null
		}
		return finite(f(x, y))
	}
}

var mathFunctions = map[string]function{
	"sin": numeric(math.Sin), "cos": numeric(math.Cos), "tan": numeric(math.Tan),
	"asin": numeric(math.Asin), "acos": numeric(math.Acos), "atan": numeric(math.Atan),
	"sinh": numeric(math.Sinh), "cosh": numeric(math.Cosh), "tanh": numeric(math.Tanh),
	"asinh": numeric(math.Asinh), "acosh": numeric(math.Acosh), "atanh": numeric(math.Atanh),
	"atan2": ofTwo(math.Atan2), "hypot": ofTwo(math.Hypot),

	"bit_and": bits(func(a, b uint64) uint64 { return a & b }),
	"bit_or":  bits(func(a, b uint64) uint64 { return a | b }),
	"bit_xor": bits(func(a, b uint64) uint64 { return a ^ b }),
	"bit_not": func(_ *scope, a []Value) Value {
		x, ok := whole(a[0])
		mask := uint64(1<<maxBits - 1)
		if len(a) > 1 {
			m, isMask := whole(a[1])
			mask, ok = m, ok && isMask
		}
		if !ok {
			return Null
		}
		return Number(float64(^x & mask))
	},
	"bit_shift_left":  bits(func(a, b uint64) uint64 { return a << min(b, maxBits) }),
	"bit_shift_right": bits(func(a, b uint64) uint64 { return a >> min(b, maxBits) }),

	// A search that is repeated for the same time has the same random numbers.
	"random": func(s *scope, _ []Value) Value {
		if s.random == nil {
			s.random = rand.New(rand.NewPCG(uint64(s.now.UnixNano()), 0)) //nolint:gosec // Nothing is secret.
		}
		return Number(float64(s.random.Int32()))
	},
	"ipmask": func(_ *scope, a []Value) Value {
		mask, err := netip.ParseAddr(a[0].String())
		if err != nil || !mask.Is4() {
			return Null
		}
		return each(a[1], func(v Value) Value {
			ip, err := netip.ParseAddr(strings.TrimSpace(v.String()))
			if err != nil || !ip.Is4() {
				return Null
			}
			with, of := mask.As4(), ip.As4()
			for i := range of {
				of[i] &= with[i]
			}
			return Text(netip.AddrFrom4(of).String())
		})
	},
	"toint": func(s *scope, a []Value) Value {
		return each(numberFunctions["tonumber"](s, a), func(v Value) Value {
			x, ok := v.Float()
			if !ok {
				return Null
			}
			return finite(math.Trunc(x))
		})
	},
	"todouble": func(s *scope, a []Value) Value { return numberFunctions["tonumber"](s, a) },
	"tobool": func(_ *scope, a []Value) Value {
		switch strings.ToLower(a[0].String()) {
		case "true", "t", "1", "yes":
			return truth(true)
		case "false", "f", "0", "no":
			return truth(false)
		}
		return Null
	},
}
