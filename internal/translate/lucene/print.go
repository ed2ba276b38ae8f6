package lucene

import "strings"

// String writes the query in a canonical form: AND, OR and NOT for &&, || and !, one space between
// tokens, a backslash only where one is needed. Parsing it gives the same tree.
func (q *Query) String() string {
	if q.Where == nil {
		return ""
	}
	return printList(q.Where)
}

func printList(l *List) string {
	var b strings.Builder
	for i, c := range l.Clauses {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString([]string{ConjNone: "", ConjAnd: "AND ", ConjOr: "OR "}[c.Conj])
		b.WriteString([]string{ModNone: "", ModRequired: "+", ModProhibited: "NOT "}[c.Mod])
		b.WriteString(Print(c.X))
	}
	return b.String()
}

// Print writes one node.
func Print(n Node) string {
	switch n := n.(type) {
	case *Group:
		return printField(n.Field) + "(" + printList(n.List) + ")" + printBoost(n.Boost)
	case *Range:
		return printField(n.Field) + printRange(n) + printBoost(n.Boost)
	case *Test:
		return printField(n.Field) + printValue(n) + n.Fuzzy + printBoost(n.Boost)
	}
	panic("lucene: unknown node type")
}

func printField(f *Field) string {
	switch {
	case f == nil:
		return ""
	case f.Name == "*":
		return "*:"
	}
	return escape(f.Name) + ":"
}

func printBoost(boost string) string {
	if boost == "" {
		return ""
	}
	return "^" + boost
}

func printValue(n *Test) string {
	switch n.Kind {
	case Sign:
		return n.Text + " " // Without a blank it is an operator.
	case Phrase:
		return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(n.Text) + `"`
	case Prefix:
		return escape(n.Text) + "*"
	case Regexp:
		return "/" + n.Text + "/"
	case Wildcard, Star:
		return n.Text
	default:
		return escape(n.Text)
	}
}

// escape writes a text as one word, even if it was several in a row: the meaning is the same.
func escape(s string) string {
	var b strings.Builder
	if _, isOperator := words[s]; isOperator {
		b.WriteByte('\\')
	}
	stop := special
	for _, r := range s {
		if strings.ContainsRune(stop, r) || r < ' ' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		stop = specialInside
	}
	return b.String()
}

func printRange(n *Range) string {
	low, high := "[", "]"
	if !n.LowIn {
		low = "{"
	}
	if !n.HighIn {
		high = "}"
	}
	return low + printBound(n.Low) + " TO " + printBound(n.High) + high
}

// printBound quotes a bound. If a backslash precedes a quote, it is hard to say which of them
// counts, so both are written by their number.
func printBound(s string) string {
	if s == "*" {
		return s
	}
	return `"` + strings.NewReplacer(`"`, `\u0022`, `\`, `\u005c`).Replace(s) + `"`
}
