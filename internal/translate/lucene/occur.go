package lucene

import "tocsin/internal/diag"

// occur is what a clause is to its list.
type occur int

const (
	optional occur = iota
	required
	prohibited
)

// occurs tells what the clauses of a list are, in the order in which they are read. AND makes the
// clauses on both its sides required, and OR nothing at all: `a OR b AND c` requires b and c. Where
// clauses are joined by AND unless they say otherwise, OR makes both its sides optional.
func occurs(l *List, joined bool) []occur {
	out := make([]occur, len(l.Clauses))
	for i, c := range l.Clauses {
		if i > 0 && out[i-1] != prohibited {
			switch {
			case c.Conj == ConjAnd:
				out[i-1] = required
			case c.Conj == ConjOr && joined:
				out[i-1] = optional
			}
		}
		switch {
		case c.Mod == ModProhibited:
			out[i] = prohibited
		case joined && c.Conj != ConjOr, !joined && (c.Mod == ModRequired || c.Conj == ConjAnd):
			out[i] = required
		}
	}
	return out
}

// sorted are the clauses of a list by what they are to it.
type sorted struct{ required, optional, prohibited []Node }

func sortClauses(l *List, joined bool) sorted {
	var s sorted
	for i, o := range occurs(l, joined) {
		x := l.Clauses[i].X
		switch o {
		case required:
			s.required = append(s.required, x)
		case prohibited:
			s.prohibited = append(s.prohibited, x)
		case optional:
			s.optional = append(s.optional, x)
		}
	}
	return s
}

// idle warns of what changes no result: clauses that only count for the score.
func (l *lowerer) idle(nodes []Node) {
	for _, n := range nodes {
		l.warn(n.Pos(), CodeOptional, "%s changes nothing: the clauses beside it are required, this one is not; write parentheses around what belongs together", Print(n))
	}
}

func (l *lowerer) warn(s diag.Span, code, format string, args ...any) {
	l.diags = append(l.diags, l.text.Report(diag.Warning, code, s, format, args...))
}
