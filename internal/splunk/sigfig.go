package splunk

import (
	"math"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// measured is a number with its precision: decimal places and significant figures.
type measured struct {
	x       float64
	places  int
	figures int
	known   bool
}

// exactly is the precision of values without limited figures, such as results of other functions.
const exactly = 15

// compileSigfig rounds the result of arithmetic to its significant figures: a product has the figures of its least
// precise factor, a sum the decimal places of its least precise term.
func compileSigfig(args []program, n *spl.Call) program {
	measure := measureNode(n.Args[0], args[0])
	return func(s *scope) Value {
		m := measure(s)
		if !m.known {
			return Null
		}
		if m.x == 0 {
			return Number(0)
		}
		figures := min(m.figures, m.places+1+int(math.Floor(math.Log10(math.Abs(m.x)))))
		factor := math.Pow(10, float64(figures-1)-math.Floor(math.Log10(math.Abs(m.x))))
		return finite(math.Round(m.x*factor) / factor)
	}
}

func measureNode(n spl.Node, value program) func(*scope) measured {
	b, ok := n.(*spl.Binary)
	if !ok || !slices.Contains([]string{"+", "-", "*", "/"}, b.Op) {
		literal, isLiteral := n.(*spl.Number)
		return func(s *scope) measured {
			v := value(s)
			x, known := v.Float()
			switch {
			case isLiteral:
				return measuredText(literal.Text, x)
			case v.kind == text && known:
				return measuredText(v.text, x)
			}
			return measured{x, exactly, exactly, known}
		}
	}
	left, right := measureNode(b.X, compileNode(b.X)), measureNode(b.Y, compileNode(b.Y))
	return func(s *scope) measured {
		p, q := left(s), right(s)
		x, known := arithmetic(b.Op, Number(p.x), Number(q.x)).Float()
		out := measured{x, exactly, exactly, known && p.known && q.known}
		if b.Op == "*" || b.Op == "/" {
			out.figures = min(p.figures, q.figures)
		} else {
			out.places = min(p.places, q.places)
		}
		return out
	}
}

// measuredText counts the significant figures of a written number.
func measuredText(s string, x float64) measured {
	s = strings.TrimLeft(strings.TrimSpace(s), "+-")
	whole, fraction, _ := strings.Cut(s, ".")
	return measured{x, len(fraction), len(strings.TrimLeft(whole+fraction, "0")), true}
}
