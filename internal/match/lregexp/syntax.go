package lregexp

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is the maximum nesting of groups, complements and repetitions; a pattern within Elasticsearch's
// 1000 characters cannot reach it.
const maxDepth = 1000

// parser is a recursive descent parser. The operators, from the loosest to the tightest: union, intersection,
// concatenation, repetition, complement, atom. The first error is kept and moves the parser to the end of the
// pattern, where every method returns soon.
type parser struct {
	src    string
	origin []int // see collapse
	pos    int
	opts   Options
	depth  int
	err    error
}

func parse(pattern string, opts Options) (*node, error) {
	src, origin := collapse(pattern)
	p := &parser{src: src, origin: origin, opts: opts}
	if src == "" {
		return text(), nil
	}
	tree := p.union()
	if p.more() {
		p.fail(p.pos, "unbalanced )")
	}
	return tree, p.err
}

func (p *parser) stop(err error) {
	if p.err == nil {
		p.err = err
	}
	p.pos = len(p.src)
}

func (p *parser) fail(offset int, message string) {
	if p.origin != nil {
		offset = p.origin[offset]
	}
	p.stop(&SyntaxError{Offset: offset, Message: message})
}

func (p *parser) more() bool { return p.pos < len(p.src) }

// at reports whether the next character is one of the given ASCII characters.
func (p *parser) at(chars string) bool {
	return p.more() && strings.IndexByte(chars, p.src[p.pos]) >= 0
}

// accept takes an ASCII character if it is the next one.
func (p *parser) accept(c byte) bool {
	if p.more() && p.src[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// acceptFor takes the character of an optional operator if one of the flags is on.
func (p *parser) acceptFor(flags Flags, c byte) bool {
	return p.opts.Flags&flags != 0 && p.accept(c)
}

func (p *parser) expect(c byte) {
	if !p.accept(c) {
		p.fail(p.pos, "expected "+string(c))
	}
}

// nested parses a part one level deeper.
func (p *parser) nested(part func() *node) *node {
	if p.depth++; p.depth > maxDepth {
		p.stop(ErrTooComplex)
	}
	defer func() { p.depth-- }()
	return part()
}

func (p *parser) union() *node {
	subs := []*node{p.intersection()}
	for p.accept('|') {
		subs = append(subs, p.intersection())
	}
	return union(subs...)
}

func (p *parser) intersection() *node {
	subs := []*node{p.concatenation()}
	for p.acceptFor(Intersection, '&') {
		subs = append(subs, p.concatenation())
	}
	return intersect(subs...)
}

// concatenation parses at least one part: an operator at its start is an ordinary character, so that `a||b`
// is a or |b, and a missing part is an error.
func (p *parser) concatenation() *node {
	end := ")|"
	if p.opts.Flags&Intersection != 0 {
		end = ")|&"
	}
	subs := []*node{p.repetition()}
	for p.more() && !p.at(end) {
		subs = append(subs, p.repetition())
	}
	return sequence(subs)
}

func (p *parser) repetition() *node {
	n := p.complement()
	for level := p.depth; ; level++ {
		switch {
		case level > maxDepth:
			p.stop(ErrTooComplex)
			return n
		case p.accept('?'):
			n = repeat(n, 0, 1)
		case p.accept('*'):
			n = repeat(n, 0, unlimited)
		case p.accept('+'):
			n = repeat(n, 1, unlimited)
		case p.accept('{'):
			n = p.bounds(n)
		default:
			return n
		}
	}
}

// bounds parses the rest of {n}, {n,} or {n,m}; the lower bound is required.
func (p *parser) bounds(n *node) *node {
	start := p.pos
	low := p.integer()
	high := low
	if p.accept(',') {
		high = unlimited
		if p.at("0123456789") {
			high = p.integer()
		}
	}
	p.expect('}')
	if high != unlimited && high < low {
		p.fail(start, "repetition bounds out of order")
	}
	return repeat(n, low, high)
}

func (p *parser) integer() int {
	start := p.pos
	for p.at("0123456789") {
		p.pos++
	}
	n, err := strconv.ParseInt(p.src[start:p.pos], 10, 32) // Java's int
	if err != nil {
		p.fail(start, "expected an integer below 2147483648")
	}
	return int(n)
}

func (p *parser) complement() *node {
	if p.acceptFor(Complement, '~') {
		return &node{op: opNot, subs: []*node{p.nested(p.complement)}}
	}
	return p.atom()
}

func (p *parser) atom() *node {
	switch {
	case p.accept('['):
		return p.class()
	case p.accept('.'):
		return oneOf(anyChar)
	case p.acceptFor(Empty, '#'):
		return union()
	case p.acceptFor(AnyString, '@'):
		return repeat(oneOf(anyChar), 0, unlimited)
	case p.accept('"'):
		return p.quoted()
	case p.accept('('):
		return p.group()
	case p.acceptFor(Automaton|Interval, '<'):
		return p.angle()
	}
	if n := p.named(); n != nil {
		return n
	}
	return p.letter(p.char())
}

// group parses the rest of a group; () is empty text, any other empty part is an error.
func (p *parser) group() *node {
	if p.accept(')') {
		return text()
	}
	n := p.nested(p.union)
	p.expect(')')
	return n
}

// quoted parses the rest of "...", in which no character is special, not even a backslash.
func (p *parser) quoted() *node {
	var chars []*node
	for _, c := range p.until('"') {
		chars = append(chars, one(p.fold(c)...))
	}
	return text(chars...)
}

// until takes everything up to and including a closing character.
func (p *parser) until(c byte) string {
	n := strings.IndexByte(p.src[p.pos:], c)
	if n < 0 {
		p.fail(len(p.src), "expected "+string(c))
		return ""
	}
	before := p.src[p.pos : p.pos+n]
	p.pos += n + 1
	return before
}

// class parses the rest of [...]; its first item may be a ]. A class of one character is text.
func (p *parser) class() *node {
	negated := p.accept('^')
	items := []*node{p.classItem()}
	for p.more() && !p.at("]") {
		items = append(items, p.classItem())
	}
	p.expect(']')
	if len(items) == 1 && !negated {
		return items[0]
	}
	var spans []span
	for _, item := range items {
		if item.op == opText {
			item = item.subs[0]
		}
		spans = append(spans, item.set...)
	}
	set := newSet(spans...)
	if negated {
		set = set.negate()
	}
	return oneOf(set)
}

// classItem parses a character, a range or a named class.
func (p *parser) classItem() *node {
	if n := p.named(); n != nil {
		return n
	}
	start := p.pos
	lo := p.char()
	if !p.accept('-') {
		return p.letter(lo)
	}
	hi := p.char()
	if lo > hi {
		p.fail(start, fmt.Sprintf("range from %q to %q is out of order", lo, hi))
	}
	return one(span{lo, hi})
}

// named parses a class such as \d, if it comes next. A backslash before any other ASCII letter is an error.
// \\ is complete in itself: in [...] it does not begin a range.
func (p *parser) named() *node {
	if !p.at(`\`) || p.pos+1 == len(p.src) {
		return nil
	}
	c := p.src[p.pos+1]
	var n *node
	switch set, ok := predefined[c]; {
	case ok:
		n = oneOf(set)
	case c == '\\':
		n = p.letter('\\')
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		p.fail(p.pos, `unknown class \`+string(c))
		return one()
	default:
		return nil
	}
	p.pos += 2
	return n
}

// char takes one character, escaped or not.
func (p *parser) char() rune {
	p.accept('\\')
	if !p.more() {
		p.fail(p.pos, "unexpected end")
		return 0
	}
	r, size := utf8.DecodeRuneInString(p.src[p.pos:])
	p.pos += size
	return r
}

// letter returns the text of one character of the pattern.
func (p *parser) letter(r rune) *node { return text(one(p.fold(r)...)) }

// fold returns the code points that one character of the pattern matches.
func (p *parser) fold(r rune) []span {
	lower := r | 0x20
	if !p.opts.CaseInsensitive || lower < 'a' || lower > 'z' {
		return []span{{r, r}}
	}
	upper := lower - 0x20
	return []span{{upper, upper}, {lower, lower}}
}
