package lregexp

import (
	"strconv"
	"strings"
)

// angle parses the rest of <n-m>. Bounds may be in any order; if they have the same length, it is the number
// of digits, else leading zeros are optional.
func (p *parser) angle() *node {
	start := p.pos
	name := p.until('>')
	low, high, ok := strings.Cut(name, "-")
	from, err1 := strconv.ParseInt(low, 10, 32) // Java's int
	to, err2 := strconv.ParseInt(high, 10, 32)
	switch {
	case !ok && p.opts.Flags&Automaton != 0:
		p.fail(start, "no automaton is named "+strconv.Quote(name))
	case ok && p.opts.Flags&Interval == 0:
		p.fail(start, "- in the name of an automaton")
	case err1 != nil || err2 != nil || strings.Contains(high, "-"):
		p.fail(start, "expected two integers below 2147483648, as in <1-12>")
	}
	if p.err != nil {
		return text()
	}
	width := 0
	if len(low) == len(high) {
		width = len(low)
	}
	return interval(int(min(from, to)), int(max(from, to)), width)
}

// interval matches the numbers low to high with width digits, or with any number of leading zeros.
func interval(low, high, width int) *node {
	if width > 0 {
		return between(padded(low, width), padded(high, width))
	}
	var subs []*node
	for next := 0; low <= high; low = next { // one part for each number of digits
		next = 10
		for next <= low {
			next *= 10
		}
		subs = append(subs, between(strconv.Itoa(low), strconv.Itoa(min(high, next-1))))
	}
	return concat(repeat(one(span{'0', '0'}), 0, unlimited), union(subs...))
}

func padded(n, width int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, width-len(s))) + s
}

// between matches the numbers low to high, given with the same number of digits.
func between(low, high string) *node {
	var subs []*node
	for low != "" && low[0] == high[0] {
		subs = append(subs, digit(low[0], low[0]))
		low, high = low[1:], high[1:]
	}
	if low != "" {
		subs = append(subs, split(low, high))
	}
	return concat(subs...)
}

// split matches low to high if their first digits differ: the rest of low's decade, the whole decades
// between, and the beginning of high's.
func split(low, high string) *node {
	rest := len(low) - 1
	zeros, nines := strings.Repeat("0", rest), strings.Repeat("9", rest)
	first, last := low[0], high[0]
	var subs []*node
	if low[1:] != zeros {
		subs = append(subs, concat(digit(first, first), between(low[1:], nines)))
		first++
	}
	if high[1:] != nines {
		subs = append(subs, concat(digit(last, last), between(zeros, high[1:])))
		last--
	}
	if first <= last {
		subs = append(subs, concat(digit(first, last), repeat(digit('0', '9'), rest, rest)))
	}
	return union(subs...)
}

func digit(from, to byte) *node { return one(span{rune(from), rune(to)}) }
