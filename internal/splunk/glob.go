package splunk

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// glob is a pattern in which stars match any characters.
type glob struct {
	parts []string
	fold  bool
}

func newGlob(pattern string, fold bool) glob {
	if fold {
		pattern = strings.ToLower(pattern)
	}
	return glob{strings.Split(pattern, "*"), fold}
}

func (g glob) match(s string) bool {
	if g.fold {
		s = toLower(s)
	}
	if len(g.parts) == 1 {
		return s == g.parts[0]
	}
	last := g.parts[len(g.parts)-1]
	if !strings.HasPrefix(s, g.parts[0]) {
		return false
	}
	s = s[len(g.parts[0]):]
	for _, part := range g.parts[1 : len(g.parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, last)
}

// toLower is strings.ToLower without a copy if the text is in lower case already.
func toLower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			return strings.ToLower(s)
		}
	}
	return s
}

// network parses a network; an address without a prefix length is an error.
func network(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		return netip.Prefix{}, false
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}

func inNetwork(p netip.Prefix, s string) bool {
	a, err := netip.ParseAddr(strings.TrimSpace(s))
	return err == nil && p.Contains(a.Unmap())
}
