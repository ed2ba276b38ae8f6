package splunk

import (
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// fieldOf returns the first field of an expression, over whose values mvmap and mvfilter iterate.
func fieldOf(n spl.Node) string {
	switch n := n.(type) {
	case *spl.Field:
		return n.Name
	case *spl.Unary:
		return fieldOf(n.X)
	case *spl.Binary:
		if f := fieldOf(n.X); f != "" {
			return f
		}
		return fieldOf(n.Y)
	case *spl.Member:
		return fieldOf(n.X)
	case *spl.Call:
		for _, a := range n.Args {
			if f := fieldOf(a); f != "" {
				return f
			}
		}
	}
	return ""
}

// with evaluates p with a field set to a single value.
func (s *scope) with(field string, v Value, p program) Value {
	bound, value := s.bound, s.value
	s.bound, s.value = field, v
	result := p(s)
	s.bound, s.value = bound, value
	return result
}

func compileFilter(args []program, n *spl.Call) program {
	field := fieldOf(n.Args[0])
	return func(s *scope) Value {
		var kept []Value
		for _, x := range s.field(field).Each() {
			if s.ended() {
				return Null
			}
			if s.with(field, x, args[0]).isTrue() {
				kept = append(kept, x)
			}
		}
		return Several(kept...)
	}
}

func compileMap(args []program, n *spl.Call) program {
	field := fieldOf(n.Args[0])
	return func(s *scope) Value {
		var out []Value
		for _, x := range args[0](s).Each() {
			if s.ended() {
				return Null
			}
			out = append(out, s.with(field, x, args[1]).stored().Each()...)
		}
		return Several(out...)
	}
}

// index converts an index that may count from the end.
func index(v Value, n int) (int, bool) {
	x, ok := v.Float()
	i := int(x)
	if i < 0 {
		i += n
	}
	return i, ok
}

var multiFunctions = map[string]function{
	"mvcount": func(_ *scope, a []Value) Value {
		if a[0].IsNull() {
			return Null
		}
		return Number(float64(len(a[0].Each())))
	},
	"mvappend": func(_ *scope, a []Value) Value {
		var list []Value
		for _, v := range a {
			list = append(list, v.stored().Each()...)
		}
		return Several(list...)
	},
	"mvdedup": func(_ *scope, a []Value) Value {
		seen := map[string]bool{}
		var list []Value
		for _, x := range a[0].Each() {
			if key := x.String(); !seen[key] {
				seen[key] = true
				list = append(list, x)
			}
		}
		return Several(list...)
	},
	"mvindex": func(_ *scope, a []Value) Value {
		list := a[0].Each()
		from, ok := index(a[1], len(list))
		if !ok {
			return Null
		}
		to := from
		if len(a) > 2 {
			if to, ok = index(a[2], len(list)); !ok {
				return Null
			}
		}
		to = min(to, len(list)-1)
		if from < 0 || from > to {
			return Null
		}
		return Several(slices.Clone(list[from : to+1])...)
	},
	"mvjoin": func(_ *scope, a []Value) Value {
		if a[0].IsNull() || a[1].IsNull() {
			return Null
		}
		var parts []string
		for _, x := range a[0].Each() {
			parts = append(parts, x.String())
		}
		return Text(strings.Join(parts, a[1].String()))
	},
	"mvsort": func(_ *scope, a []Value) Value {
		list := slices.Clone(a[0].Each())
		slices.SortStableFunc(list, func(x, y Value) int { return strings.Compare(x.String(), y.String()) })
		return Several(list...)
	},
	"mvreverse": func(_ *scope, a []Value) Value {
		list := slices.Clone(a[0].Each())
		slices.Reverse(list)
		return Several(list...)
	},
	"mvzip": func(_ *scope, a []Value) Value {
		sep := ","
		if len(a) > 2 {
			sep = a[2].String()
		}
		x, y := a[0].Each(), a[1].Each()
		var list []Value
		for i := range min(len(x), len(y)) {
			list = append(list, Text(x[i].String()+sep+y[i].String()))
		}
		return Several(list...)
	},
	"mvrange": func(_ *scope, a []Value) Value {
		from, isFrom := a[0].Float()
		to, isTo := a[1].Float()
		step := 1.0
		if len(a) > 2 {
			step, _ = a[2].Float()
		}
		if !isFrom || !isTo || step <= 0 || (to-from)/step > maxRange {
			return Null
		}
		var list []Value
		for x := from; x < to; x += step {
			list = append(list, Number(x))
		}
		return Several(list...)
	},
	"split": func(_ *scope, a []Value) Value {
		if a[0].IsNull() || a[1].IsNull() {
			return Null
		}
		var list []Value
		for _, x := range a[0].Each() {
			for part := range strings.SplitSeq(x.String(), a[1].String()) {
				list = append(list, Text(part))
			}
		}
		return Several(list...)
	},
}

// maxRange is the maximum number of values of mvrange.
const maxRange = 100_000
