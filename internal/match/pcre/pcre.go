// Package pcre matches Perl-compatible regular expressions, as in Splunk's commands and functions.
//
// A pattern that Go's regexp supports runs there, in linear time. Other patterns (lookaround, back
// references) run in a backtracking engine with a time limit for every match: exceeding it is [ErrTimeout],
// never "no match".
package pcre

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// Timeout limits one match by backtracking.
const Timeout = 2 * time.Second

// ErrTimeout is wrapped by the errors of matches that took too long.
var ErrTimeout = errors.New("the match took too long")

// Regexp is a compiled pattern. It is safe for concurrent use.
type Regexp struct {
	text   string
	linear *regexp.Regexp
	back   *regexp2.Regexp
	names  []string
	// dollar: the pattern has a $, which also matches before a line feed at the end.
	dollar bool
}

// Compile compiles a pattern.
func Compile(text string) (*Regexp, error) {
	r := &Regexp{text: text, dollar: strings.Contains(text, "$")}
	// Named groups are numbered together with the others, from the left, as in Perl.
	back, err := regexp2.Compile(lineEnd(text), regexp2.RE2, regexp2.OptionMaintainCaptureOrder())
	if err != nil {
		return nil, fmt.Errorf("the pattern %q does not compile: %w", text, err)
	}
	back.MatchTimeout = Timeout
	r.back = back
	if linear, err := regexp.Compile(text); err == nil {
		r.linear = linear
		r.names = linear.SubexpNames()
		return r, nil
	}
	for n, name := range back.GetGroupNames() {
		if name == strconv.Itoa(back.GetGroupNumbers()[n]) { // the group has no name
			name = ""
		}
		r.names = append(r.names, name)
	}
	return r, nil
}

// lineEnd rewrites each $ so that it also matches before a line feed at the end. Perl's $ does, but not the $
// of the engine in this mode. If a flag m may change its meaning, the $ stays unchanged.
func lineEnd(text string) string {
	if !strings.Contains(text, "$") || multiLine(text) {
		return text
	}
	var b strings.Builder
	inClass := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			b.WriteByte(c)
			i++
		case c == '[':
			inClass = true
		case c == ']':
			inClass = false
		case c == '$' && !inClass:
			b.WriteString(`(?=\n?\z)`)
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// multiLine reports whether the pattern sets the flag m.
func multiLine(text string) bool {
	for {
		i := strings.Index(text, "(?")
		if i < 0 {
			return false
		}
		text = text[i+2:]
		flags := text[:len(text)-len(strings.TrimLeft(text, "imsxUn-"))]
		if strings.Contains(flags, "m") {
			return true
		}
	}
}

// String returns the pattern.
func (r *Regexp) String() string { return r.text }

// Names returns the names of the groups by number, "" for groups without one; 0 is the whole match.
func (r *Regexp) Names() []string { return r.names }

// inGo reports whether Go's engine gives the same result for s as Perl.
func (r *Regexp) inGo(s string) bool {
	return r.linear != nil && (!r.dollar || !strings.HasSuffix(s, "\n"))
}

// Match reports whether the pattern matches anywhere in s.
func (r *Regexp) Match(s string) (bool, error) {
	if r.inGo(s) {
		return r.linear.MatchString(s), nil
	}
	ok, err := r.back.MatchString(s)
	return ok, r.timeout(err)
}

// Group is the text of a group in a match; Start is -1 for a group that did not take part.
type Group struct {
	Text       string
	Start, End int
}

// Find returns the groups of the first n matches, of all matches if n is 0. Offsets are in bytes.
func (r *Regexp) Find(s string, n int) ([][]Group, error) {
	if n <= 0 {
		n = -1
	}
	if r.inGo(s) {
		var out [][]Group
		for _, loc := range r.linear.FindAllStringSubmatchIndex(s, n) {
			groups := make([]Group, len(loc)/2)
			for i := range groups {
				groups[i] = Group{Start: loc[2*i], End: loc[2*i+1]}
				if loc[2*i] >= 0 {
					groups[i].Text = s[loc[2*i]:loc[2*i+1]]
				}
			}
			out = append(out, groups)
		}
		return out, nil
	}
	return r.findBack(s, n)
}

func (r *Regexp) findBack(s string, n int) ([][]Group, error) {
	var out [][]Group
	m, err := r.back.FindStringMatch(s)
	for m != nil && err == nil && n != 0 {
		var groups []Group
		for _, g := range m.Groups() {
			group := Group{Start: -1, End: -1}
			if len(g.Captures) > 0 {
				start, length := g.ByteRange()
				group = Group{g.String(), start, start + length}
			}
			groups = append(groups, group)
		}
		out = append(out, groups)
		n--
		m, err = r.back.FindNextMatch(m)
	}
	return out, r.timeout(err)
}

// Replace replaces the first n matches by with, all matches if n is 0. In with, \1 stands for a group, \0 and
// & (with amp) for the whole match.
func (r *Regexp) Replace(s, with string, n int, amp bool) (string, error) {
	matches, err := r.Find(s, n)
	if err != nil || len(matches) == 0 {
		return s, err
	}
	var b strings.Builder
	last := 0
	for _, m := range matches {
		b.WriteString(s[last:m[0].Start])
		expand(&b, with, m, amp)
		last = m[0].End
	}
	b.WriteString(s[last:])
	return b.String(), nil
}

func expand(b *strings.Builder, with string, m []Group, amp bool) {
	for i := 0; i < len(with); i++ {
		c := with[i]
		switch {
		case c == '\\' && i+1 < len(with) && with[i+1] >= '0' && with[i+1] <= '9':
			i++
			if n := int(with[i] - '0'); n < len(m) {
				b.WriteString(m[n].Text)
			}
		case c == '\\' && i+1 < len(with):
			i++
			switch with[i] {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
				b.WriteByte('\r')
			default:
				b.WriteByte(with[i])
			}
		case c == '&' && amp:
			b.WriteString(m[0].Text)
		default:
			b.WriteByte(c)
		}
	}
}

func (r *Regexp) timeout(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("match the pattern %q within %s: %w", r.text, Timeout, ErrTimeout)
}
