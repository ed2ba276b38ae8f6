package lregexp

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// Literals returns lists of texts: of each list, one text occurs in every matching value, if the ASCII letters
// of both are lowercased. There may be none.
func (r *Regexp) Literals() [][]string { return r.literals }

const (
	// maxTexts is the length up to which a list is worth something: beyond it, most values have one of its texts.
	maxTexts = 32
	// maxLiteral is the length in bytes up to which texts grow by what follows them.
	maxLiteral = 64
)

// literals is what is known of the strings that match a node.
type literals struct {
	// whole lists all of them, lowercased; nil if they are too many to list.
	whole []string
	// lists are as in [Regexp.Literals]. Whole is another such list.
	lists [][]string
}

func literalsOf(tree *node) [][]string {
	l := tree.literals()
	return l.all()
}

// all returns the lists, and whole if it says something.
func (l literals) all() [][]string {
	if len(l.whole) == 0 || slices.Contains(l.whole, "") {
		return l.lists
	}
	return append(slices.Clip(l.lists), l.whole)
}

func (n *node) literals() literals {
	switch n.op {
	case opSet:
		return literals{whole: n.set.lowered()}
	case opText, opConcat:
		return concatLiterals(n.subs)
	case opUnion:
		return unionLiterals(n.subs)
	case opAnd:
		var out literals
		for _, sub := range n.subs {
			out.lists = append(out.lists, sub.literals().all()...)
		}
		return out
	case opRepeat:
		l := n.subs[0].literals()
		switch {
		case n.min == 1 && n.max == 1:
			return l
		case n.min > 0:
			return literals{lists: l.all()}
		case n.max == 1 && l.whole != nil:
			return literals{whole: withTexts(l.whole, "")}
		}
	case opNot:
	}
	return literals{}
}

// concatLiterals follows one part by the next as long as what they are together can be listed.
func concatLiterals(subs []*node) literals {
	var out literals
	run := []string{""}
	cut := func() {
		out.lists = literals{run, out.lists}.all()
		out.whole = nil
	}
	parted := false
	for _, sub := range subs {
		l := sub.literals()
		out.lists = append(out.lists, l.lists...)
		if next := product(run, l.whole); next != nil {
			run = next
			continue
		}
		cut()
		parted = true
		if run = l.whole; run == nil {
			run = []string{""}
		}
	}
	if parted {
		cut()
	} else {
		out.whole = run
	}
	return out
}

// product returns each text of a followed by each of b; nil if they are too many or too long to be worth it.
func product(a, b []string) []string {
	if b == nil || len(a)*len(b) > maxTexts || len(longest(a))+len(longest(b)) > maxLiteral {
		return nil
	}
	out := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = withTexts(out, x+y)
		}
	}
	return out
}

// unionLiterals joins what is known of each: their best lists.
func unionLiterals(subs []*node) literals {
	var whole, one []string
	listed, known := true, true
	for _, sub := range subs {
		l := sub.literals()
		if listed = listed && l.whole != nil; listed {
			whole = withTexts(whole, l.whole...)
		}
		if best := bestOf(l.all()); best != nil {
			one = withTexts(one, best...)
		} else {
			known = false
		}
	}
	switch {
	case len(subs) == 0: // no string
		return literals{}
	case listed && len(whole) <= maxTexts:
		return literals{whole: whole}
	case known && len(one) <= maxTexts:
		return literals{lists: [][]string{one}}
	}
	return literals{}
}

// bestOf returns the list of which the shortest text is longest; nil if there is none.
func bestOf(lists [][]string) []string {
	if len(lists) == 0 {
		return nil
	}
	return slices.MaxFunc(lists, func(a, b []string) int {
		return cmp.Or(cmp.Compare(len(shortest(a)), len(shortest(b))), cmp.Compare(len(b), len(a)))
	})
}

func shortest(texts []string) string {
	return slices.MinFunc(texts, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
}

func longest(texts []string) string {
	return slices.MaxFunc(texts, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
}

// withTexts adds texts that are not there yet.
func withTexts(to []string, texts ...string) []string {
	for _, t := range texts {
		if !slices.Contains(to, t) {
			to = append(to, t)
		}
	}
	return to
}

// lowered lists the characters of a set, its ASCII letters in lower case; nil if they are too many, or read from bytes
// that are no character.
func (s charset) lowered() []string {
	var out []string
	for _, span := range s {
		if span.hi-span.lo > 2*maxTexts {
			return nil
		}
		for c := span.lo; c <= span.hi; c++ {
			if c == utf8.RuneError {
				return nil
			}
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
				out = withTexts(out, string(c))
				c -= 'a' - 'A'
				continue
			}
			out = withTexts(out, string(c))
		}
	}
	if len(out) == 0 || len(out) > maxTexts {
		return nil
	}
	return out
}
