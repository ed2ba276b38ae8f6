package kql

import (
	"fmt"
	"strings"
)

// String writes the query in a canonical form: one space between words, values of the same field as
// a list, no parentheses that precedence makes redundant. Parsing it gives the same tree.
func (q *Query) String() string {
	if q.Where == nil {
		return ""
	}
	return Print(q.Where)
}

// Precedence levels, the lowest first.
const (
	precOr = iota
	precAnd
	precNot
	precPrimary
)

// Print writes a condition.
func Print(n Node) string { return printAt(n, precOr, nil) }

// printAt writes a condition in a context that needs parentheses around operators of lower
// precedence. In a list of values, field is the list's field.
func printAt(n Node, prec int, field *Value) string {
	text, own := printNode(n, field)
	if own < prec {
		return "(" + text + ")"
	}
	return text
}

func printNode(n Node, field *Value) (text string, prec int) {
	switch n := n.(type) {
	case *Is:
		if n.Field == nil || field != nil {
			return printValue(n.Value), precPrimary
		}
		return printValue(n.Field) + ":" + printValue(n.Value), precPrimary
	case *Range:
		return printValue(n.Field) + " " + n.Op + " " + printValue(n.Value), precPrimary
	case *Nested:
		return printValue(n.Path) + ":{ " + Print(n.X) + " }", precPrimary
	case *Not:
		return "not " + printAt(n.X, precPrimary, field), precNot
	case *Logic:
		return printLogic(n, field)
	}
	panic(fmt.Sprintf("kql: no text for %T", n))
}

func printLogic(n *Logic, field *Value) (string, int) {
	if field == nil {
		if common := commonField(n); common != nil {
			text, _ := printLogic(n, common)
			return printValue(common) + ":(" + text + ")", precPrimary
		}
	}
	own := precOr
	if n.Op == "and" {
		own = precAnd
	}
	parts := make([]string, len(n.Xs))
	for i, x := range n.Xs {
		parts[i] = printAt(x, own+1, field) // An operand with the same operator was parenthesised.
	}
	return strings.Join(parts, " "+n.Op+" "), own
}

// commonField returns the field that all tests of a condition have; nil when they differ.
func commonField(n Node) *Value {
	switch n := n.(type) {
	case *Is:
		return n.Field
	case *Not:
		return commonField(n.X)
	case *Logic:
		first := commonField(n.Xs[0])
		for _, x := range n.Xs[1:] {
			if f := commonField(x); first == nil || f == nil || !f.equal(first) {
				return nil
			}
		}
		return first
	}
	return nil
}

func printValue(v *Value) string {
	if v.Kind == Quoted {
		return quote(v.Text())
	}
	parts := make([]string, len(v.Parts))
	for i, part := range v.Parts {
		parts[i] = escape(part)
	}
	if text := strings.Join(parts, "*"); text != "" {
		return text
	}
	return `\n` // Trimming the blanks leaves the empty text.
}

// control holds the characters with their own escape.
var control = map[rune]string{'\t': `\t`, '\r': `\r`, '\n': `\n`}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		b.WriteString(printRune(r, `"\`))
	}
	b.WriteByte('"')
	return b.String()
}

func printRune(r rune, escaped string) string {
	switch text, ok := control[r]; {
	case ok:
		return text
	case strings.ContainsRune(escaped, r):
		return `\` + string(r)
	case r < ' ' || r == 0x7F:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return string(r)
}

// escape writes unquoted text. Words that look like keywords are always escaped, even where they
// would not be read as such.
func escape(s string) string {
	var b strings.Builder
	for i, r := range s {
		if keyword := keywordIn(s, i); keyword == "not" {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		} else if keyword != "" {
			b.WriteByte('\\')
		}
		b.WriteString(printRune(r, special))
	}
	return b.String()
}

// keywordIn returns the keyword that begins at i and ends with a word; "not" may begin anywhere.
func keywordIn(s string, i int) string {
	for _, word := range []string{"not", "or", "and"} {
		end := i + len(word)
		if end > len(s) || !strings.EqualFold(s[i:end], word) || end < len(s) && spaces(s[end:]) == 0 {
			continue
		}
		if word == "not" || i == 0 || strings.TrimRight(s[:i], space) != s[:i] {
			return word
		}
	}
	return ""
}
