package splunk

import (
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// predicate is a compiled search condition.
type predicate func(Row) bool

func always(Row) bool { return true }

// namer maps a field of a condition to its name in the row.
type namer func(string) string

func same(name string) string { return name }

// compileExpr compiles a condition; nil matches every row. Subsearches must have been replaced.
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

// anyValue returns true if one value of the field matches.
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

// Holds returns a test of one field value with the semantics of search: texts ignore case and may have stars,
// networks match addresses, and numbers compare by value.
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
			// Values of events are texts and are equal as texts; computed values are numbers.
			return x.kind == number && x.number == n
		}
		return false
	}
}

// rawFields are the possible fields of the event's text; the first existing one is used.
var rawFields = []string{"_raw", "event.original", "message"}

// compileTerm searches for a word or phrase in the text of the event, or in its values if it has no text.
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

// breaker reports whether a character separates words in the text of an event.
func breaker(c byte) bool {
	return strings.IndexByte(" \t\r\n[]<>(){}|!;,'\"*&?+=:/\\@.-$#%_", c) >= 0
}

// containsToken finds text that is delimited by breakers.
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

// containsGlob finds a word that matches a pattern with stars.
func containsGlob(s string, g glob) bool {
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '"' || r == ',' }) {
		if g.match(word) {
			return true
		}
	}
	// Also between minor breakers, and in the whole text.
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r < 0x80 && breaker(byte(r)) }) {
		if g.match(word) {
			return true
		}
	}
	return g.match(s)
}

// Matches reports whether a row matches a search condition without subsearches.
func Matches(x spl.Expr, row Row) bool { return compileExpr(x, same)(row) }
