package sigma

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"
)

func quoted(s string) string { return regexp.QuoteMeta(s) }

// luceneOf writes a regular expression that is found anywhere as one of Lucene's, which is about whole
// values and knows no anchors: they stand at the ends of alternatives, or it cannot be written. The
// other is exact: it holds of the same texts.
func luceneOf(source string) (string, bool) {
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return "", false
	}
	w := luceneWriter{}
	var out []string
	for _, one := range alternativesOf(tree) {
		w.b.Reset()
		w.alternative(one)
		out = append(out, w.b.String())
	}
	if w.failed {
		return "", false
	}
	if len(out) == 1 {
		return out[0], true
	}
	return "(" + strings.Join(out, "|") + ")", true
}

// alternativesOf parts an expression into those of which one has to be found, with their groups opened.
func alternativesOf(re *syntax.Regexp) []*syntax.Regexp {
	switch re.Op { //nolint:exhaustive // the others are one alternative
	case syntax.OpCapture:
		return alternativesOf(re.Sub[0])
	case syntax.OpAlternate:
		var out []*syntax.Regexp
		for _, sub := range re.Sub {
			out = append(out, alternativesOf(sub)...)
		}
		return out
	}
	return []*syntax.Regexp{re}
}

type luceneWriter struct {
	b      strings.Builder
	failed bool
}

// alternative writes one, open at the ends at which it has no anchor.
func (w *luceneWriter) alternative(re *syntax.Regexp) {
	subs := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		subs = re.Sub
	}
	begin, end := 0, len(subs)
	for begin < end && subs[begin].Op == syntax.OpBeginText {
		begin++
	}
	// What ends the text ends it before a line break in no case: Go's $ is the end.
	for end > begin && subs[end-1].Op == syntax.OpEndText {
		end--
	}
	if begin == 0 {
		w.b.WriteString(".*")
	}
	for _, sub := range subs[begin:end] {
		w.node(sub)
	}
	if end == len(subs) {
		w.b.WriteString(".*")
	}
}

func (w *luceneWriter) node(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		w.b.WriteString("()")
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			w.literal(r, re.Flags&syntax.FoldCase != 0)
		}
	case syntax.OpCharClass:
		w.class(re.Rune)
	case syntax.OpAnyCharNotNL:
		w.b.WriteString("[^\n]")
	case syntax.OpAnyChar:
		w.b.WriteByte('.')
	case syntax.OpCapture:
		w.group(re.Sub[0])
	case syntax.OpStar:
		w.repeated(re.Sub[0], '*')
	case syntax.OpPlus:
		w.repeated(re.Sub[0], '+')
	case syntax.OpQuest:
		w.repeated(re.Sub[0], '?')
	case syntax.OpRepeat:
		w.group(re.Sub[0])
		switch {
		case re.Max < 0:
			fmt.Fprintf(&w.b, "{%d,}", re.Min)
		case re.Max == re.Min:
			fmt.Fprintf(&w.b, "{%d}", re.Min)
		default:
			fmt.Fprintf(&w.b, "{%d,%d}", re.Min, re.Max)
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			w.node(sub)
		}
	case syntax.OpAlternate:
		w.b.WriteByte('(')
		for i, sub := range re.Sub {
			if i > 0 {
				w.b.WriteByte('|')
			}
			w.node(sub)
		}
		w.b.WriteByte(')')
	default:
		// Anchors within, and borders of words.
		w.failed = true
	}
}

func (w *luceneWriter) group(re *syntax.Regexp) {
	w.b.WriteByte('(')
	w.node(re)
	w.b.WriteByte(')')
}

func (w *luceneWriter) repeated(re *syntax.Regexp, with byte) {
	w.group(re)
	w.b.WriteByte(with)
}

func (w *luceneWriter) literal(r rune, fold bool) {
	if !fold || !hasCase(r) {
		luceneRune(&w.b, r)
		return
	}
	w.b.WriteByte('[')
	luceneRune(&w.b, r)
	for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
		luceneRune(&w.b, o)
	}
	w.b.WriteByte(']')
}

// class writes ranges of characters.
func (w *luceneWriter) class(ranges []rune) {
	if len(ranges) == 0 {
		w.failed = true // nothing matches
		return
	}
	w.b.WriteByte('[')
	if len(ranges) > 2 && ranges[0] == 0 && ranges[len(ranges)-1] == unicode.MaxRune {
		w.b.WriteByte('^')
		for i := 1; i+1 < len(ranges); i += 2 {
			w.span(ranges[i]+1, ranges[i+1]-1)
		}
	} else {
		for i := 0; i < len(ranges); i += 2 {
			w.span(ranges[i], ranges[i+1])
		}
	}
	w.b.WriteByte(']')
}

func (w *luceneWriter) span(from, to rune) {
	luceneRune(&w.b, from)
	if to > from {
		w.b.WriteByte('-')
		luceneRune(&w.b, to)
	}
}
