package spl

import (
	"strings"
)

// String returns the search in canonical form. Parsing it gives the same tree.
func (s *Search) String() string {
	parts := make([]string, len(s.Stages))
	for i, stage := range s.Stages {
		parts[i] = stage.String()
	}
	text := strings.Join(parts, " | ")
	if len(s.Stages) > 0 {
		if _, isFind := s.Stages[0].(*Find); !isFind {
			text = "| " + text
		}
	}
	return text
}

// Quote returns a text in double quotes.
func Quote(s string) string { return quote(s) }

// quote returns a text in double quotes.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		// A backslash is doubled only if it would otherwise escape the next character.
		if s[i] == '"' || s[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String() + `"`
}

// words are the words that a name cannot be without quotes.
var words = map[string]bool{
	"by": true, "as": true, "in": true, "with": true, "where": true, "from": true, "output": true, "outputnew": true, "groupby": true,
	"and": true, "or": true, "not": true, "xor": true, "like": true, "sortby": true, "eval": true, "search": true,
	"datamodel": true, "case": true, "term": true,
}

// String writes the name as commands take it.
func (n Name) String() string { return printName(n.Text) }

func printName(s string) string {
	plain := s != "" && !words[strings.ToLower(s)] && s[0] != '-' && s[0] != '+'
	for i := range len(s) {
		plain = plain && (isLetter(s[i]) || i > 0 && isDigit(s[i]) || strings.IndexByte("*._{}:-@#", s[i]) >= 0 && (i > 0 || s[i] == '*' || s[i] == '_'))
	}
	if plain {
		return s
	}
	return quote(s)
}

// String writes the value in quotes; stars keep their meaning.
func (v Value) String() string {
	text := quote(v.Text)
	if !v.Quoted && plainValue(v.Text) {
		text = v.Text
	}
	if v.Exact {
		return "CASE(" + text + ")"
	}
	return text
}

func plainValue(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) && strings.IndexByte("*._:/-%", s[i]) < 0 {
			return false
		}
	}
	return s != "" && !words[strings.ToLower(s)]
}

// String writes the members with AND, members of lower precedence in parentheses.
func (a *And) String() string { return printMembers(a.Xs, " AND ") }

// String writes the members with OR.
func (o *Or) String() string { return printMembers(o.Xs, " OR ") }

func printMembers(xs []Expr, op string) string {
	parts := make([]string, len(xs))
	for i, x := range xs {
		parts[i] = x.String()
		switch x.(type) {
		case *And, *Or:
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, op)
}

// String writes NOT and the operand.
func (n *Not) String() string {
	switch n.X.(type) {
	case *And, *Or:
		return "NOT (" + n.X.String() + ")"
	}
	return "NOT " + n.X.String()
}

// String writes field, operator and value.
func (c *Compare) String() string { return c.Field.String() + c.Op + c.Value.String() }

// String writes field IN (values).
func (i *In) String() string {
	parts := make([]string, len(i.Values))
	for j, v := range i.Values {
		parts[j] = v.String()
	}
	return i.Field.String() + " IN (" + strings.Join(parts, ", ") + ")"
}

// String writes the word or phrase.
func (t *Term) String() string { return t.Value.String() }

// String writes the star.
func (e *Every) String() string {
	if e.Index {
		return "index=*"
	}
	return "*"
}

// String writes the search in brackets.
func (s *Subsearch) String() string { return "[" + s.Search.inner() + "]" }

// inner writes a search in the form it has in brackets.
func (s *Search) inner() string {
	text := s.String()
	if len(s.Stages) > 0 {
		if f, isFind := s.Stages[0].(*Find); isFind && f.X != nil {
			return "search " + strings.TrimPrefix(text, "search ")
		}
	}
	return text
}

// rank returns the precedence of a node.
func rank(n Node) int {
	switch n := n.(type) {
	case *Binary:
		switch n.Op {
		case "XOR":
			return 1
		case "OR":
			return 2
		case "AND":
			return 3
		case ".":
			return 6
		case "+", "-":
			return 7
		case "*", "/", "%":
			return 8
		}
		return 5
	case *Unary:
		if n.Op == "NOT" {
			return 4
		}
		return 9
	case *Member:
		return 5
	}
	return 10
}

// operand writes a node, in parentheses if its precedence is lower than least.
func operand(n Node, least int) string {
	if rank(n) < least {
		return "(" + n.String() + ")"
	}
	return n.String()
}

// String writes the number as it was written.
func (n *Number) String() string { return n.Text }

// String writes the text in double quotes.
func (t *Text) String() string { return quote(t.Value) }

// String writes the name, in single quotes if necessary.
func (f *Field) String() string {
	if plainName(f.Name) && !words[strings.ToLower(f.Name)] {
		return f.Name
	}
	return singleQuoted(f.Name)
}

func singleQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// typed writes kind(name), quoted as a whole if necessary.
func typed(kind, name string) string {
	if text := kind + "(" + name + ")"; printName(name) != name {
		return quote(text)
	}
	return kind + "(" + name + ")"
}

// String writes operator and operand.
func (u *Unary) String() string {
	if u.Op == "NOT" {
		return "NOT " + operand(u.X, 4)
	}
	return u.Op + operand(u.X, 9)
}

// String writes the operands with the operator between them.
func (b *Binary) String() string {
	r := rank(b)
	op := " " + b.Op + " "
	return operand(b.X, r) + op + operand(b.Y, r+1)
}

// String writes operand IN (list).
func (m *Member) String() string { return operand(m.X, 5) + " IN (" + printNodes(m.List) + ")" }

// String writes name(arguments).
func (c *Call) String() string { return c.Name + "(" + printNodes(c.Args) + ")" }

func printNodes(nodes []Node) string {
	parts := make([]string, len(nodes))
	for i, n := range nodes {
		parts[i] = n.String()
	}
	return strings.Join(parts, ", ")
}

// String writes the length as span= takes it.
func (s TimeSpan) String() string {
	text := decimal(s.N) + s.Unit
	if s.Unit == "log" {
		text += decimal(s.Base)
	}
	if s.Snap != "" {
		text += "@" + s.Snap
	}
	return text
}
