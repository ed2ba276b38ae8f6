package splunk

import (
	"math"
	"math/rand/v2"
	"time"

	"tocsin/internal/translate/spl"
)

// scope is the context in which an expression is evaluated.
type scope struct {
	row Row
	now time.Time
	loc *time.Location
	// bound is the field for which mvmap and mvfilter set single values; "" for none.
	bound string
	value Value
	// random is the generator of the function random; nil before its first call.
	random *rand.Rand
	// alive returns an error once the search must end.
	alive func() error
	// returns provides the values that a subsearch returns.
	returns func(*spl.Search) ([]Value, error)
	// fault is the first error, as opposed to a null result.
	fault error
}

func (s *scope) field(name string) Value {
	if s.bound != "" && name == s.bound {
		return s.value
	}
	return s.row.Get(name)
}

// program is a compiled expression.
type program func(*scope) Value

// compileNode compiles an expression. The parser has checked function names and the number of arguments.
func compileNode(n spl.Node) program {
	switch n := n.(type) {
	case *spl.Number:
		v := Number(n.Value)
		return func(*scope) Value { return v }
	case *spl.Text:
		v := Text(n.Value)
		return func(*scope) Value { return v }
	case *spl.Field:
		name := n.Name
		return func(s *scope) Value { return s.field(name) }
	case *spl.Unary:
		return compileUnary(n)
	case *spl.Binary:
		return compileBinary(n)
	case *spl.Member:
		return compileMember(compileNode(n.X), compileNodes(n.List))
	case *spl.Call:
		return compileCall(n)
	case *spl.SubValue:
		return compileSub(n)
	}
	return func(*scope) Value { return Null }
}

// compileSub runs the subsearch when its value is needed for the first time.
func compileSub(n *spl.SubValue) program {
	var known *Value
	return func(s *scope) Value {
		if known == nil {
			values, err := s.returns(n.Search)
			if err != nil {
				s.fail(err)
				return Null
			}
			v := Several(values...)
			known = &v
		}
		return *known
	}
}

func compileNodes(list []spl.Node) []program {
	out := make([]program, len(list))
	for i, n := range list {
		out[i] = compileNode(n)
	}
	return out
}

func compileUnary(n *spl.Unary) program {
	x := compileNode(n.X)
	if n.Op == "NOT" {
		return func(s *scope) Value { return not(x(s)) }
	}
	return func(s *scope) Value {
		if f, ok := x(s).Float(); ok {
			return Number(-f)
		}
		return Null
	}
}

// not returns the negation; null for null.
func not(v Value) Value {
	if v.kind != boolean {
		return Null
	}
	return truth(v.number == 0)
}

func compileBinary(n *spl.Binary) program {
	x, y := compileNode(n.X), compileNode(n.Y)
	switch n.Op {
	case "AND":
		return func(s *scope) Value { return and(x(s), func() Value { return y(s) }) }
	case "OR":
		return func(s *scope) Value {
			return not(and(not(x(s)), func() Value { return not(y(s)) }))
		}
	case "XOR":
		return func(s *scope) Value {
			a, b := x(s), y(s)
			if a.kind != boolean || b.kind != boolean {
				return Null
			}
			return truth(a.number != b.number)
		}
	case "LIKE":
		return like(x, y)
	case ".":
		return func(s *scope) Value { return concat(x(s), y(s)) }
	case "+", "-", "*", "/", "%":
		op := n.Op
		return func(s *scope) Value { return arithmetic(op, x(s), y(s)) }
	}
	op := n.Op
	return func(s *scope) Value { return s.compare(op, x(s), y(s)) }
}

// and returns false if one operand is false; otherwise null if one is null.
func and(a Value, second func() Value) Value {
	if a.kind == boolean && a.number == 0 {
		return a
	}
	b := second()
	switch {
	case b.kind == boolean && b.number == 0:
		return b
	case a.kind != boolean || b.kind != boolean:
		return Null
	}
	return truth(true)
}

// concat joins texts. For multivalue fields, each value is joined.
func concat(a, b Value) Value {
	switch {
	case a.IsNull() || b.IsNull():
		return Null
	case a.kind == several:
		return each(a, func(x Value) Value { return concat(x, b) })
	case b.kind == several:
		return each(b, func(x Value) Value { return concat(a, x) })
	}
	return Text(a.String() + b.String())
}

// each applies a function to each single value.
func each(v Value, f func(Value) Value) Value {
	if v.kind != several {
		if v.IsNull() {
			return Null
		}
		return f(v)
	}
	out := make([]Value, 0, len(v.list))
	for _, x := range v.list {
		out = append(out, f(x))
	}
	return Several(out...)
}

func arithmetic(op string, a, b Value) Value {
	x, isX := a.Float()
	y, isY := b.Float()
	if !isX || !isY {
		// + also joins texts.
		if op == "+" && !a.IsNull() && !b.IsNull() && a.kind != several && b.kind != several {
			return Text(a.String() + b.String())
		}
		return Null
	}
	switch op {
	case "+":
		return Number(x + y)
	case "-":
		return Number(x - y)
	case "*":
		return Number(x * y)
	}
	if y == 0 {
		return Null
	}
	if op == "/" {
		return Number(x / y)
	}
	return Number(math.Mod(x, y))
}

// ended reports whether the search must end, and sets the error.
func (s *scope) ended() bool {
	if s.fault == nil && s.alive != nil {
		s.fault = s.alive()
	}
	return s.fault != nil
}

// compare evaluates a comparison between multivalue fields until the search must end.
func (s *scope) compare(op string, a, b Value) Value {
	if a.kind != several || b.kind != several {
		return compare(op, a, b)
	}
	for _, x := range a.list {
		if s.ended() {
			return Null
		}
		if compare(op, x, b).isTrue() {
			return truth(true)
		}
	}
	return truth(false)
}

// compare compares case-sensitively; two numbers by their value. For multivalue fields one matching value is
// enough.
func compare(op string, a, b Value) Value {
	switch {
	case a.IsNull() || b.IsNull():
		return Null
	case a.kind == several || b.kind == several:
		for _, x := range a.Each() {
			for _, y := range b.Each() {
				if compare(op, x, y).isTrue() {
					return truth(true)
				}
			}
		}
		return truth(false)
	}
	c := compareValues(a, b)
	switch op {
	case "=":
		return truth(c == 0)
	case "!=":
		return truth(c != 0)
	case "<":
		return truth(c < 0)
	case "<=":
		return truth(c <= 0)
	case ">":
		return truth(c > 0)
	}
	return truth(c >= 0)
}

func compileMember(x program, list []program) program {
	return func(s *scope) Value {
		v := x(s)
		if v.IsNull() {
			return Null
		}
		for _, p := range list {
			if compare("=", v, p(s)).isTrue() {
				return truth(true)
			}
		}
		return truth(false)
	}
}

// like matches % with any characters and _ with one character, case-sensitively.
func like(x, pattern program) program {
	return func(s *scope) Value {
		v, p := x(s), pattern(s)
		if v.IsNull() || p.IsNull() {
			return Null
		}
		want := []rune(p.String())
		for _, single := range v.Each() {
			if likeRunes([]rune(single.String()), want) {
				return truth(true)
			}
		}
		return truth(false)
	}
}

func likeRunes(s, p []rune) bool {
	i, j, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case j < len(p) && p[j] == '%':
			star, mark = j, i
			j++
		case j+1 < len(p) && p[j] == '\\' && (p[j+1] == '%' || p[j+1] == '_') && s[i] == p[j+1]:
			i++
			j += 2
		case j < len(p) && (p[j] == '_' || p[j] == s[i]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(p) && p[j] == '%' {
		j++
	}
	return j == len(p)
}
