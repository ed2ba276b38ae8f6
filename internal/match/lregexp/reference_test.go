package lregexp_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/match/lregexp"
)

// sample is a generated pattern with a second, naive meaning.
type sample struct {
	pattern string
	level   int // how tight it binds: 0 union, 1 intersection, 2 sequence, 3 repetition, 4 atom
	ends    ends
	void    bool // it may match no string at all, which x* and x{0,} then do neither
}

// ends returns where a match of v from a position can end: for every position to len(v).
type ends func(v []rune, from int) []bool

// in writes the sample as an operand of an operator of a level.
func (s sample) in(level int) string {
	if s.level < level {
		return "(" + s.pattern + ")"
	}
	return s.pattern
}

func (s sample) match(value string) bool {
	v := []rune(value)
	return s.ends(v, 0)[len(v)]
}

func then(x, y ends) ends {
	return func(v []rune, from int) []bool {
		out := make([]bool, len(v)+1)
		for at, ok := range x(v, from) {
			if ok {
				out = merge(out, y(v, at), or)
			}
		}
		return out
	}
}

func merge(a, b []bool, f func(a, b bool) bool) []bool {
	out := make([]bool, len(a))
	for i := range a {
		out[i] = f(a[i], b[i])
	}
	return out
}

func both(x, y ends, f func(a, b bool) bool) ends {
	return func(v []rune, from int) []bool { return merge(x(v, from), y(v, from), f) }
}

func not(x ends) ends {
	return func(v []rune, from int) []bool {
		out := x(v, from)
		for i := range out {
			out[i] = i >= from && !out[i]
		}
		return out
	}
}

// span accepts what f says of the text between two positions.
func span(f func(text []rune) bool) ends {
	return func(v []rune, from int) []bool {
		out := make([]bool, len(v)+1)
		for to := from; to <= len(v); to++ {
			out[to] = f(v[from:to])
		}
		return out
	}
}

// times repeats x; after max(least, most) rounds, or len(v)+1 without an upper bound, nothing new
// can be reached.
func times(x ends, least, most int) ends {
	return func(v []rune, from int) []bool {
		limit := most
		if most < 0 {
			limit = least + len(v) + 1
		}
		out := make([]bool, len(v)+1)
		at := make([]bool, len(v)+1)
		at[from] = true
		for round := range limit + 1 {
			if round >= least {
				out = merge(out, at, or)
			}
			at = then(func([]rune, int) []bool { return at }, x)(v, from)
		}
		return out
	}
}

func or(a, b bool) bool  { return a || b }
func and(a, b bool) bool { return a && b }

const alphabet = "abcKABC019_-é😀\n .*"

func escaped(r rune) string {
	if r < 128 && !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", r) {
		return `\` + string(r)
	}
	return string(r)
}

func foldRune(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

type generator struct {
	*rapid.T
	opts lregexp.Options
}

func (g generator) num(most int) int { return rapid.IntRange(0, most).Draw(g.T, "n") }
func (g generator) char() rune       { return rapid.RuneFrom([]rune(alphabet)).Draw(g.T, "char") }
func (g generator) on(f lregexp.Flags) bool {
	return g.opts.Flags&f != 0
}

func (g generator) same(r rune) func(rune) bool {
	return func(c rune) bool {
		return c == r || g.opts.CaseInsensitive && foldRune(c) == foldRune(r)
	}
}

func (g generator) expr(depth int) sample {
	kind := g.num(9)
	switch {
	case depth == 0 || kind < 2:
		return g.atom()
	case kind < 4:
		x, y := g.expr(depth-1), g.expr(depth-1)
		return sample{x.in(2) + y.in(2), 2, then(x.ends, y.ends), x.void || y.void}
	case kind < 6:
		x, y := g.expr(depth-1), g.expr(depth-1)
		return sample{x.in(0) + "|" + y.in(0), 0, both(x.ends, y.ends, or), x.void || y.void}
	case kind == 6 && g.on(lregexp.Intersection):
		x, y := g.expr(depth-1), g.expr(depth-1)
		return sample{x.in(1) + "&" + y.in(1), 1, both(x.ends, y.ends, and), true}
	case kind == 7 && g.on(lregexp.Complement):
		x := g.expr(depth - 1)
		return sample{"~" + x.in(4), 4, not(x.ends), true}
	}
	return g.repeated(g.expr(depth - 1))
}

func (g generator) repeated(x sample) sample {
	least, extra := g.num(2), g.num(2)
	kind := g.num(5)
	if x.void && kind < 3 {
		kind += 3
	}
	switch kind {
	case 3:
		return sample{x.in(3) + "?", 3, times(x.ends, 0, 1), x.void}
	case 0:
		return sample{x.in(3) + "*", 3, times(x.ends, 0, -1), x.void}
	case 1:
		return sample{x.in(3) + "+", 3, times(x.ends, 1, -1), x.void}
	case 4:
		return sample{fmt.Sprintf("%s{%d}", x.in(3), least), 3, times(x.ends, least, least), x.void}
	case 2:
		return sample{fmt.Sprintf("%s{%d,}", x.in(3), least), 3, times(x.ends, least, -1), x.void}
	}
	return sample{fmt.Sprintf("%s{%d,%d}", x.in(3), least, least+extra), 3, times(x.ends, least, least+extra), x.void}
}

func (g generator) atom() sample {
	one := func(pattern string, f func(rune) bool) sample {
		return sample{pattern, 4, span(func(t []rune) bool { return len(t) == 1 && f(t[0]) }), strings.HasPrefix(pattern, "[^")}
	}
	kind := g.num(13)
	switch {
	case kind == 0:
		return one(".", func(rune) bool { return true })
	case kind < 4:
		return one(g.class())
	case kind == 4:
		return one(g.named())
	case kind == 5 && !g.opts.CaseInsensitive: // there it depends on the neighbours
		return sample{"()", 4, span(func(t []rune) bool { return len(t) == 0 }), false}
	case kind == 6 && g.on(lregexp.AnyString):
		return sample{"@", 4, span(func([]rune) bool { return true }), false}
	case kind == 7 && g.on(lregexp.Empty):
		return sample{"#", 4, span(func([]rune) bool { return false }), true}
	case kind == 8 && g.on(lregexp.Interval):
		return g.interval()
	case kind == 9:
		x, y := g.char(), g.char()
		return sample{
			`"` + string(x) + string(y) + `"`, 4,
			span(func(t []rune) bool { return len(t) == 2 && g.same(x)(t[0]) && g.same(y)(t[1]) }), false,
		}
	}
	r := g.char()
	return one(escaped(r), g.same(r))
}

func (g generator) named() (string, func(rune) bool) {
	letter := "dDsSwW"[g.num(5)]
	in := map[byte]string{'d': "0123456789", 's': " \t\n\r", 'w': "abcKABC019_"}[letter|0x20]
	return `\` + string(letter), func(r rune) bool { return strings.ContainsRune(in, r) == (letter >= 'a') }
}

func (g generator) class() (string, func(rune) bool) {
	var text strings.Builder
	in := func(rune) bool { return false }
	for range 1 + g.num(2) {
		before, item := in, ""
		var more func(rune) bool
		switch lo, hi := g.char(), g.char(); g.num(3) {
		case 0:
			item, more = g.named()
		case 1:
			lo, hi = min(lo, hi), max(lo, hi)
			item, more = escaped(lo)+"-"+escaped(hi), func(r rune) bool { return lo <= r && r <= hi }
		default:
			item, more = escaped(lo), g.same(lo)
		}
		text.WriteString(item)
		in = func(r rune) bool { return before(r) || more(r) }
	}
	if g.num(1) == 0 {
		return "[^" + text.String() + "]", func(r rune) bool { return !in(r) }
	}
	return "[" + text.String() + "]", in
}

func (g generator) interval() sample {
	bound := rapid.StringMatching(`[0-9]{1,3}`)
	low, high := bound.Draw(g.T, "low"), bound.Draw(g.T, "high")
	x, _ := strconv.Atoi(low)
	y, _ := strconv.Atoi(high)
	return sample{"<" + low + "-" + high + ">", 4, span(func(t []rune) bool {
		n, err := strconv.Atoi(string(t))
		return err == nil && t[0] != '-' && min(x, y) <= n && n <= max(x, y) &&
			(len(low) != len(high) || len(t) == len(low))
	}), false}
}

var options = rapid.Custom(func(t *rapid.T) lregexp.Options {
	return lregexp.Options{
		Flags:           rapid.SampledFrom([]lregexp.Flags{lregexp.All, lregexp.All, 0, lregexp.Intersection, lregexp.Complement}).Draw(t, "flags"),
		CaseInsensitive: rapid.Bool().Draw(t, "fold"),
	}
})

var values = rapid.StringOfN(rapid.RuneFrom([]rune(alphabet)), 0, 6, -1)

func TestAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opts := options.Draw(t, "options")
		want := generator{t, opts}.expr(4)
		re, err := lregexp.Compile(want.pattern, opts)
		if err != nil {
			t.Fatalf("%s: %v", want.pattern, err)
		}
		literal, ok := re.Literal()
		for _, v := range append(rapid.SliceOfN(values, 8, 8).Draw(t, "values"), literal) {
			if got := re.Match(v); got != want.match(v) {
				t.Fatalf("%s (%+v) on %q: got %v", want.pattern, opts, v, got)
			}
			wantLiterals(t, re, v)
			if ok && re.Match(v) != (v == literal) {
				t.Fatalf("%s (%+v): %q is not the only string: %q", want.pattern, opts, literal, v)
			}
		}
	})
}
