package splunk

import (
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// predicate is a condition of search, compiled.
type predicate func(Row) bool

func always(Row) bool { return true }

// namer gives the name that a row has a field of the condition under.
type namer func(string) string

func same(name string) string { return name }

// compileExpr compiles what is searched for; nil is true of all. Subsearches have been replaced.
func compileExpr(x spl.Expr, name namer) predicate {
	switch x := x.(type) {
	case nil:
		return always
	case *spl.Every:
		return always
	case *spl.And:
		list := compileExprs(x.Xs, name)
		return func(r Row) bool {
			for _, p := range list {
				if !p(r) {
					return false
				}
			}
			return true
		}
	case *spl.Or:
		list := compileExprs(x.Xs, name)
		return func(r Row) bool {
			for _, p := range list {
				if p(r) {
					return true
				}
			}
			return false
		}
	case *spl.Not:
		p := compileExpr(x.X, name)
		return func(r Row) bool { return !p(r) }
	case *spl.Compare:
		return anyValue(name(x.Field.Text), compileCompare(x.Op, x.Value))
	case *spl.In:
		list := make([]func(Value) bool, len(x.Values))
		for i, v := range x.Values {
			list[i] = compileEqual(v)
		}
		return anyValue(name(x.Field.Text), func(v Value) bool {
			for _, test := range list {
				if test(v) {
					return true
				}
			}
			return false
		})
	case *spl.Term:
		return compileTerm(x.Value)
	}
	return func(Row) bool { return false }
}

func compileExprs(xs []spl.Expr, name namer) []predicate {
	out := make([]predicate, len(xs))
	for i, x := range xs {
		out[i] = compileExpr(x, name)
	}
	return out
}

// anyValue is true when one value of the field passes.
func anyValue(field string, test func(Value) bool) predicate {
	return func(r Row) bool {
		v := r.Get(field)
		switch v.kind {
		case null:
			return false
		case several:
			return slices.ContainsFunc(v.list, test)
		default:
			return test(v)
		}
	}
}

// Holds returns what one value of a field is tested with, as search does it: texts without case, with
// stars, networks, and numbers by their amount.
func Holds(op string, v spl.Value) func(Value) bool { return compileCompare(op, v) }

func compileCompare(op string, v spl.Value) func(Value) bool {
	equal := compileEqual(v)
	switch op {
	case "=":
		return equal
	case "!=":
		return func(x Value) bool { return !equal(x) }
	}
	want := Text(v.Text)
	return func(x Value) bool {
		c := compareFolded(x, want)
		switch op {
		case "<":
			return c < 0
		case "<=":
			return c <= 0
		case ">":
			return c > 0
		default:
			return c >= 0
		}
	}
}

func compareFolded(a, b Value) int {
	_, isA := a.Float()
	_, isB := b.Float()
	if isA && isB {
		return compareValues(a, b)
	}
	return strings.Compare(toLower(a.String()), toLower(b.String()))
}

func compileEqual(v spl.Value) func(Value) bool {
	g := newGlob(v.Text, !v.Exact)
	if len(g.parts) > 1 {
		return func(x Value) bool { return g.match(x.String()) }
	}
	net, isNet := network(v.Text)
	n, isNumber := parseNumber(v.Text)
	return func(x Value) bool {
		if g.match(x.String()) {
			return true
		}
		switch {
		case isNet:
			return inNetwork(net, x.String())
		case isNumber:
			// The fields of events are texts, and equal as such; what was computed is a number.
			return x.kind == number && x.number == n
		}
		return false
	}
}

// rawFields are where the text of an event may be, the first that is there is taken.
var rawFields = []string{"_raw", "event.original", "message"}

// compileTerm looks for a word or phrase in the text of the event, or, where it has none, in its
// values.
func compileTerm(v spl.Value) predicate {
	word := newGlob(v.Text, !v.Exact)
	plain := len(word.parts) == 1
	test := func(s string) bool {
		if word.fold {
			s = toLower(s)
		}
		if plain {
			return containsToken(s, word.parts[0])
		}
		return containsGlob(s, word)
	}
	return func(r Row) bool {
		for _, f := range rawFields {
			if raw, ok := r[f]; ok {
				return test(raw.String())
			}
		}
		for _, v := range r {
			for _, x := range v.Each() {
				if test(x.String()) {
					return true
				}
			}
		}
		return false
	}
}

// breaker reports whether a character separates the words of an event's text.
func breaker(c byte) bool {
	return strings.IndexByte(" \t\r\n[]<>(){}|!;,'\"*&?+=:/\\@.-$#%_", c) >= 0
}

// containsToken finds text between breakers.
func containsToken(s, token string) bool {
	if token == "" {
		return true
	}
	for at := 0; ; {
		i := strings.Index(s[at:], token)
		if i < 0 {
			return false
		}
		start := at + i
		end := start + len(token)
		if (start == 0 || breaker(s[start-1]) || breaker(token[0])) && (end == len(s) || breaker(s[end]) || breaker(token[len(token)-1])) {
			return true
		}
		at = start + 1
	}
}

// containsGlob finds a word with stars among the words of a text.
func containsGlob(s string, g glob) bool {
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '"' || r == ',' }) {
		if g.match(word) {
			return true
		}
	}
	// The pieces that smaller breakers make, and the text as a whole.
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r < 0x80 && breaker(byte(r)) }) {
		if g.match(word) {
			return true
		}
	}
	return g.match(s)
}

// Matches reports whether a row meets a condition of search that has no subsearch.
func Matches(x spl.Expr, row Row) bool { return compileExpr(x, same)(row) }
