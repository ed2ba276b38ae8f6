package eql

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/lregexp"
)

// program evaluates an expression for one combination of field values: row[i] is a value of the
// i-th field, nil if the document has none. Logic is three-valued, with nil for null.
type program func(row []scalar) (scalar, error)

// errDivision is wrapped by integer division by zero.
var errDivision = errors.New("division by zero")

// assembler compiles expressions whose operands were checked.
type assembler struct {
	// column maps a field to its index in the row; other fields are null.
	column map[string]int
}

func (a assembler) node(n Node) (program, error) {
	switch n := n.(type) {
	case *Literal:
		return func([]scalar) (scalar, error) { return n.Value, nil }, nil
	case *Field:
		return a.field(n), nil
	case *Negative:
		return a.arithmetic("-", &Literal{Value: int64(0)}, n.X)
	case *Arithmetic:
		return a.arithmetic(n.Op, n.X, n.Y)
	case *Comparison:
		return a.comparison(n)
	case *In:
		return a.in(n)
	case *Match:
		return a.match(n)
	case *Not:
		return a.not(n.X)
	case *Logic:
		return a.logic(n)
	case *Call:
		return a.call(n)
	}
	return nil, fmt.Errorf("no program for %T", n)
}

func (a assembler) nodes(list []Node) ([]program, error) {
	out := make([]program, len(list))
	for i, n := range list {
		p, err := a.node(n)
		if err != nil {
			return nil, err
		}
		out[i] = p
	}
	return out, nil
}

func (a assembler) field(n *Field) program {
	i, ok := a.column[n.Name]
	if !ok {
		return func([]scalar) (scalar, error) { return nil, nil } //nolint:nilnil // null is a value
	}
	return func(row []scalar) (scalar, error) { return row[i], nil }
}

func (a assembler) not(x Node) (program, error) {
	p, err := a.node(x)
	if err != nil {
		return nil, err
	}
	return func(row []scalar) (scalar, error) {
		v, err := p(row)
		b, isBool := v.(bool)
		if err != nil || !isBool {
			return nil, err
		}
		return !b, nil
	}, nil
}

func (a assembler) logic(n *Logic) (program, error) {
	members, err := a.nodes(n.Xs)
	if err != nil {
		return nil, err
	}
	deciding := n.Op == "or"
	return func(row []scalar) (scalar, error) {
		result := scalar(!deciding)
		for _, m := range members {
			v, err := m(row)
			if err != nil {
				return nil, err
			}
			if v == deciding {
				return deciding, nil
			}
			if v == nil {
				result = nil
			}
		}
		return result, nil
	}, nil
}

func (a assembler) comparison(n *Comparison) (program, error) {
	operands, err := a.nodes([]Node{n.X, n.Y})
	if err != nil {
		return nil, err
	}
	nullTest := isNullLiteral(n.X) || isNullLiteral(n.Y)
	return func(row []scalar) (scalar, error) {
		x, err := operands[0](row)
		if err != nil {
			return nil, err
		}
		y, err := operands[1](row)
		if err != nil {
			return nil, err
		}
		if nullTest || x == nil || y == nil {
			return compareNull(n.Op, x, y, nullTest), nil
		}
		return compareScalars(n.Op, x, y), nil
	}, nil
}

func isNullLiteral(n Node) bool {
	l, ok := n.(*Literal)
	return ok && l.Value == nil
}

// compareNull: only a literal null can be compared with; a missing value makes the comparison null.
func compareNull(op string, x, y scalar, nullTest bool) scalar {
	if !nullTest {
		return nil
	}
	switch op {
	case "==":
		return x == nil && y == nil
	case "!=":
		return x != nil || y != nil
	}
	return nil
}

// compareScalars compares two values that are not null; values of different kinds are unequal.
func compareScalars(op string, x, y scalar) bool {
	order, ok := compareLiterals(x, y)
	switch op {
	case "==":
		return ok && order == 0
	case "!=":
		return !ok || order != 0
	case "<":
		return ok && order < 0
	case "<=":
		return ok && order <= 0
	case ">":
		return ok && order > 0
	}
	return ok && order >= 0
}

func (a assembler) in(n *In) (program, error) {
	x, err := a.node(n.X)
	if err != nil {
		return nil, err
	}
	values, err := a.nodes(n.Values)
	if err != nil {
		return nil, err
	}
	return func(row []scalar) (scalar, error) {
		v, err := x(row)
		if err != nil || v == nil {
			return nil, err
		}
		for _, value := range values {
			w, err := value(row)
			if err != nil {
				return nil, err
			}
			if w != nil && equalScalars(v, w, n.Fold) {
				return !n.Negated, nil
			}
		}
		return n.Negated, nil
	}, nil
}

func equalScalars(v, w scalar, fold bool) bool {
	s, ok := v.(string)
	t, both := w.(string)
	if fold && ok && both {
		return lower(s) == lower(t)
	}
	return compareScalars("==", v, w)
}

// lower folds case in scripts and constants; queries fold ASCII only.
func lower(s string) string { return strings.ToLower(s) }

func (a assembler) match(n *Match) (program, error) {
	x, err := a.node(n.X)
	if err != nil {
		return nil, err
	}
	var tests []func(string) bool
	for _, p := range n.Patterns {
		test, err := patternTest(n.Op, p)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	return func(row []scalar) (scalar, error) {
		v, err := x(row)
		s, isString := v.(string)
		if err != nil || !isString {
			return nil, err
		}
		for _, test := range tests {
			if test(s) {
				return true, nil
			}
		}
		return false, nil
	}, nil
}

// patternTest compiles one pattern of :, like or regex.
func patternTest(op string, p *Literal) (func(string) bool, error) {
	pattern, ok := p.Value.(string)
	if !ok {
		return nil, fmt.Errorf("pattern %s is no string", Print(p))
	}
	fold := op == ":" || strings.HasSuffix(op, "~")
	if strings.HasPrefix(op, "regex") {
		re, err := lregexp.Compile(pattern, lregexp.Options{Flags: lregexp.All, CaseInsensitive: fold})
		if err != nil {
			return nil, fmt.Errorf("regex %q: %w", pattern, err)
		}
		return re.Match, nil
	}
	return condition.WildcardTest(strings.ReplaceAll(pattern, `\`, `\\`), fold), nil
}

func (a assembler) arithmetic(op string, x, y Node) (program, error) {
	operands, err := a.nodes([]Node{x, y})
	if err != nil {
		return nil, err
	}
	return func(row []scalar) (scalar, error) {
		v, err := operands[0](row)
		if err != nil || v == nil {
			return nil, err
		}
		w, err := operands[1](row)
		if err != nil || w == nil {
			return nil, err
		}
		return calculate(op, v, w)
	}, nil
}

// calculate follows Java: an operation on two whole numbers gives a whole number.
func calculate(op string, x, y scalar) (scalar, error) {
	if a, ok := x.(int64); ok {
		if b, ok := y.(int64); ok {
			return calculateWhole(op, a, b)
		}
	}
	a, okA := toFloat(x)
	b, okB := toFloat(y)
	if !okA || !okB {
		return nil, fmt.Errorf("%v %s %v: both must be numbers", x, op, y)
	}
	switch op {
	case "+":
		return a + b, nil
	case "-":
		return a - b, nil
	case "*":
		return a * b, nil
	case "/":
		return a / b, nil
	}
	return math.Mod(a, b), nil
}

func calculateWhole(op string, a, b int64) (scalar, error) {
	switch op {
	case "+":
		return a + b, nil
	case "-":
		return a - b, nil
	case "*":
		return a * b, nil
	}
	if b == 0 {
		return nil, fmt.Errorf("%d %s 0: %w", a, op, errDivision)
	}
	if op == "/" {
		return a / b, nil
	}
	return a % b, nil
}
