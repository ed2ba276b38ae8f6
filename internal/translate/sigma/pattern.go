package sigma

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// pattern is a text with wildcards, in parts.
type pattern []part

// part is a literal, or one of the wildcards.
type part struct {
	kind    partKind
	literal string
}

type partKind uint8

const (
	literal partKind = iota
	// anyOne stands for one character, anyMany for any number of them.
	anyOne
	anyMany
	// dash stands for a character by which an option begins.
	dash
)

// readPattern reads a text as rules write it: a backslash takes the next character only if that is a
// wildcard or a backslash.
func readPattern(s string) pattern {
	var p pattern
	var b strings.Builder
	wild := func(kind partKind) {
		p = p.add(b.String()).append(kind)
		b.Reset()
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`*?\`, s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		case c == '*':
			wild(anyMany)
		case c == '?':
			wild(anyOne)
		default:
			b.WriteByte(c)
		}
	}
	return p.add(b.String())
}

// plain is a pattern without wildcards.
func plain(s string) pattern { return pattern{}.add(s) }

// add appends a literal.
func (p pattern) add(s string) pattern {
	if s == "" {
		return p
	}
	if n := len(p); n > 0 && p[n-1].kind == literal {
		p = append(pattern{}, p...)
		p[n-1].literal += s
		return p
	}
	return append(p, part{kind: literal, literal: s})
}

// append appends a wildcard; one of any length needs no second.
func (p pattern) append(kind partKind) pattern {
	if n := len(p); kind == anyMany && n > 0 && p[n-1].kind == anyMany {
		return p
	}
	return append(p, part{kind: kind})
}

// join appends another pattern.
func (p pattern) join(o pattern) pattern {
	p = append(pattern{}, p...)
	for _, x := range o {
		if x.kind == literal {
			p = p.add(x.literal)
		} else {
			p = p.append(x.kind)
		}
	}
	return p
}

// open lets anything stand before or behind.
func (p pattern) open(before, behind bool) pattern {
	var out pattern
	if before {
		out = out.append(anyMany)
	}
	out = out.join(p)
	if behind {
		out = out.append(anyMany)
	}
	return out
}

// whole returns the text of a pattern without wildcards.
func (p pattern) whole() (string, bool) {
	switch {
	case len(p) == 0:
		return "", true
	case len(p) == 1 && p[0].kind == literal:
		return p[0].literal, true
	}
	return "", false
}

func (p pattern) has(kind partKind) bool {
	for _, x := range p {
		if x.kind == kind {
			return true
		}
	}
	return false
}

// anything reports whether the pattern is one star.
func (p pattern) anything() bool { return len(p) == 1 && p[0].kind == anyMany }

// literals returns the texts of the pattern together.
func (p pattern) literals() string {
	var b strings.Builder
	for _, x := range p {
		b.WriteString(x.literal)
	}
	return b.String()
}

// windash lets each dash or slash that begins an option be any of the dashes.
func (p pattern) windash() pattern {
	var out pattern
	before := rune(-1)
	for _, x := range p {
		if x.kind != literal {
			out, before = append(out, x), -1
			continue
		}
		var b strings.Builder
		for at, r := range x.literal {
			next := rune(-1)
			if rest := x.literal[at+len(string(r)):]; rest != "" {
				next, _ = utf8.DecodeRuneInString(rest)
			}
			if (r == '-' || r == '/') && !isWord(before) && isWord(next) {
				out = append(out.add(b.String()), part{kind: dash})
				b.Reset()
			} else {
				b.WriteRune(r)
			}
			before = r
		}
		out = out.add(b.String())
	}
	return out
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// wildcard writes the pattern as a wildcard query has it.
func (p pattern) wildcard() string {
	var b strings.Builder
	for _, x := range p {
		switch x.kind {
		case anyOne:
			b.WriteByte('?')
		case anyMany:
			b.WriteByte('*')
		default:
			b.WriteString(wildcardSpecial.Replace(x.literal))
		}
	}
	return b.String()
}

var wildcardSpecial = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)

// lucene writes the pattern as a regular expression of Lucene's. With fold, letters beyond ASCII stand
// for themselves in all cases.
func (p pattern) lucene(fold bool) string {
	var b strings.Builder
	for _, x := range p {
		switch x.kind {
		case anyOne:
			b.WriteByte('.')
		case anyMany:
			b.WriteString(".*")
		case dash:
			b.WriteString(`[\-/–—―]`)
		default:
			for _, r := range x.literal {
				writeLucene(&b, r, fold)
			}
		}
	}
	return b.String()
}

func writeLucene(b *strings.Builder, r rune, fold bool) {
	if !fold || r < utf8.RuneSelf || !hasCase(r) {
		luceneRune(b, r)
		return
	}
	// Those of one lower case, as a normalizer folds them.
	b.WriteByte('[')
	luceneRune(b, r)
	for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
		if unicode.ToLower(o) == unicode.ToLower(r) {
			luceneRune(b, o)
		}
	}
	b.WriteByte(']')
}

// luceneRune escapes what is no letter, digit or blank: every such character may be escaped.
func luceneRune(b *strings.Builder, r rune) {
	if r > ' ' && r < utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' {
		b.WriteByte('\\')
	}
	b.WriteRune(r)
}

func hasCase(r rune) bool { return unicode.SimpleFold(r) != r }

// casedBeyond reports whether a literal has letters beyond ASCII that have a case.
func (p pattern) casedBeyond() bool {
	for _, x := range p {
		for _, r := range x.literal {
			if r >= utf8.RuneSelf && hasCase(r) {
				return true
			}
		}
	}
	return false
}

// String writes the pattern as rules do, and a dash in a way that no rule can: equal texts are equal patterns.
func (p pattern) String() string {
	var b strings.Builder
	for _, x := range p {
		switch x.kind {
		case literal:
			b.WriteString(wildcardSpecial.Replace(x.literal))
		case anyOne:
			b.WriteByte('?')
		case anyMany:
			b.WriteByte('*')
		case dash:
			b.WriteString(`\-`) // No literal is written so: its backslashes are doubled.
		}
	}
	return b.String()
}
