package eql

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// String writes the query in a canonical form: one space between words, no parentheses that
// operator precedence makes redundant. Parsing it gives the same tree.
func (q *Query) String() string {
	var b strings.Builder
	switch {
	case q.Event != nil:
		b.WriteString(q.Event.String())
	case q.Sequence != nil:
		b.WriteString(q.Sequence.String())
	case q.Sample != nil:
		b.WriteString("sample" + printBy(q.Sample.By) + printTerms(q.Sample.Terms))
	}
	for _, p := range q.Pipes {
		b.WriteString(strings.TrimRight(" | "+p.Name+" "+printList(p.Args), " "))
	}
	return b.String()
}

// String writes `category where condition`.
func (q *EventQuery) String() string {
	category := "any"
	if !q.Any {
		category = q.Category
		if !plainName.MatchString(category) || keywords[category] {
			category = quote(category)
		}
	}
	return category + " where " + Print(q.Where)
}

// String writes the sequence on one line.
func (s *Sequence) String() string {
	text := "sequence" + printBy(s.By)
	if s.MaxSpan != nil {
		text += fmt.Sprintf(" with maxspan=%d%s", s.MaxSpan.Count, s.MaxSpan.Unit)
	}
	text += printTerms(s.Terms)
	if s.Until != nil {
		text += " until" + printTerms([]Term{*s.Until})
	}
	return text
}

func printTerms(terms []Term) string {
	var b strings.Builder
	for _, t := range terms {
		open := " ["
		if t.Missing {
			open = " !["
		}
		b.WriteString(open + t.Query.String() + "]" + printBy(t.By))
		if t.Runs != 1 {
			fmt.Fprintf(&b, " with runs=%d", t.Runs)
		}
	}
	return b.String()
}

func printBy(keys []Node) string {
	if len(keys) == 0 {
		return ""
	}
	return " by " + printList(keys)
}

func printList(nodes []Node) string {
	parts := make([]string, len(nodes))
	for i, n := range nodes {
		parts[i] = Print(n)
	}
	return strings.Join(parts, ", ")
}

// Precedence levels, the lowest first.
const (
	precOr = iota
	precAnd
	precNot
	precComparison
	precSum
	precProduct
	precSign
	precPredicate
	precPrimary
)

// Print writes an expression.
func Print(n Node) string { return printAt(n, precOr) }

// printAt writes an expression in a context that needs parentheses around operators of lower
// precedence.
func printAt(n Node, prec int) string {
	text, own := printNode(n)
	if own < prec {
		return "(" + text + ")"
	}
	return text
}

func printNode(n Node) (text string, prec int) {
	switch n := n.(type) {
	case *Literal:
		return printLiteral(n)
	case *Field:
		return printField(n), precPrimary
	case *Call:
		return printCall(n), precPrimary
	case *Negative:
		if _, ok := n.X.(*Literal); ok {
			return "-(" + Print(n.X) + ")", precSign
		}
		return "-" + printAt(n.X, precPrimary), precSign
	case *Arithmetic:
		own := precSum
		if n.Op == "*" || n.Op == "/" || n.Op == "%" {
			own = precProduct
		}
		return printAt(n.X, own) + " " + n.Op + " " + printAt(n.Y, own+1), own
	case *Comparison:
		return printAt(n.X, precSum) + " " + n.Op + " " + printAt(n.Y, precSum), precComparison
	case *In:
		return printIn(n), precPredicate
	case *Match:
		return printMatch(n), precPredicate
	case *Not:
		return "not " + printAt(n.X, precNot), precNot
	case *Logic:
		return printLogic(n)
	}
	panic(fmt.Sprintf("eql: no text for %T", n))
}

func printLogic(n *Logic) (string, int) {
	own := precOr
	if n.Op == "and" {
		own = precAnd
	}
	parts := make([]string, len(n.Xs))
	for i, x := range n.Xs {
		parts[i] = printAt(x, own+1) // an operand with the same operator was parenthesised
	}
	return strings.Join(parts, " "+n.Op+" "), own
}

func printLiteral(n *Literal) (string, int) {
	switch v := n.Value.(type) {
	case nil:
		return "null", precPrimary
	case string:
		return quote(v), precPrimary
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text, precPrimary
	case int64:
		return strconv.FormatInt(v, 10), precPrimary
	}
	return fmt.Sprint(n.Value), precPrimary
}

func printCall(n *Call) string {
	tilde := ""
	if n.Fold {
		tilde = "~"
	}
	return n.Name + tilde + "(" + printList(n.Args) + ")"
}

func printIn(n *In) string {
	op := " in"
	if n.Negated {
		op = " not in"
	}
	if n.Fold {
		op += "~"
	}
	return printAt(n.X, precPrimary) + op + " (" + printList(n.Values) + ")"
}

func printMatch(n *Match) string {
	parts := make([]string, len(n.Patterns))
	for i, p := range n.Patterns {
		parts[i], _ = printLiteral(p)
	}
	list := strings.Join(parts, ", ")
	if len(parts) > 1 {
		list = "(" + list + ")"
	}
	return printAt(n.X, precPrimary) + " " + n.Op + " " + list
}

var plainName = regexp.MustCompile(`^[A-Za-z_@][A-Za-z0-9_]*$`)

func printField(n *Field) string {
	name := n.Name
	for part := range strings.SplitSeq(n.Name, ".") {
		if !plainName.MatchString(part) || keywords[part] {
			name = "`" + strings.ReplaceAll(n.Name, "`", "``") + "`"
			break
		}
	}
	if n.Optional {
		return "?" + name
	}
	return name
}

// quote writes a string literal with EQL's escapes.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case '\b':
			b.WriteString(`\b`)
		case '\f':
			b.WriteString(`\f`)
		default:
			if r < 0x20 || r == 0x7F {
				fmt.Fprintf(&b, `\u{%02x}`, r)
				continue
			}
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
