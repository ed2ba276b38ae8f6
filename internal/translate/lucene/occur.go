package lucene

import "tocsin/internal/diag"

// occur is the role of a clause in its list.
type occur int

const (
	optional occur = iota
	required
	prohibited
)

// occurs returns the roles of a list's clauses, evaluated in order. AND makes the clauses on both
// sides required, OR has no effect: `a OR b AND c` requires b and c. If clauses are joined by AND
// by default, OR makes both sides optional.
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

// sorted are the clauses of a list by their roles.
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

// warnOptional warns of clauses that affect only the score.
func (l *lowerer) warnOptional(nodes []Node) {
	for _, n := range nodes {
		l.warn(n.Pos(), CodeOptional, "%s changes nothing: the clauses beside it are required, this one is not; write parentheses around what belongs together", Print(n))
	}
}

func (l *lowerer) warn(s diag.Span, code, format string, args ...any) {
	l.diags = append(l.diags, l.text.Report(diag.Warning, code, s, format, args...))
}
