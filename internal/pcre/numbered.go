package pcre

import (
	"strconv"
	"strings"
)

// numbered writes each group that takes something with its number, as Perl counts: from the left, named or
// not. The engine that has Perl's other features counts those with a name behind all others. Names are by
// number; 0 is the whole match.
func numbered(text string) (out string, names []string) {
	names = []string{""}
	var b strings.Builder
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], `\k`) || strings.HasPrefix(text[i:], "(?P="):
			name, length := reference(text[i:])
			n := 0
			for j, known := range names {
				if known == name && name != "" {
					n = j
				}
			}
			if n == 0 {
				break
			}
			b.WriteString(`\k<` + strconv.Itoa(n) + ">")
			i += length
			continue
		case text[i] == '(':
			if name, length, takes := group(text[i:]); takes {
				b.WriteString("(?<" + strconv.Itoa(len(names)) + ">")
				names = append(names, name)
				i += length
				continue
			}
		}
		n := single(text[i:])
		b.WriteString(text[i : i+n])
		i += n
	}
	return b.String(), names
}

// group reads the begin of a group: the name that it has, and whether it takes what it matches.
func group(s string) (name string, length int, takes bool) {
	if !strings.HasPrefix(s, "(?") {
		return "", 1, !strings.HasPrefix(s, "(*")
	}
	rest := strings.TrimPrefix(s[2:], "P")
	end := map[byte]string{'<': ">", '\'': "'"}
	if rest == "" || end[rest[0]] == "" || strings.HasPrefix(rest, "<=") || strings.HasPrefix(rest, "<!") {
		return "", 0, false
	}
	name, _, ok := strings.Cut(rest[1:], end[rest[0]])
	return name, len(s) - len(rest) + len(name) + 2, ok
}

// reference reads \k<name>, \k'name', \k{name} or (?P=name).
func reference(s string) (name string, length int) {
	if rest, ok := strings.CutPrefix(s, "(?P="); ok {
		name, _, _ = strings.Cut(rest, ")")
		return name, len(name) + 5
	}
	if len(s) < 4 {
		return "", 0
	}
	end := map[byte]string{'<': ">", '\'': "'", '{': "}"}[s[2]]
	if end == "" {
		return "", 0
	}
	name, _, _ = strings.Cut(s[3:], end)
	return name, len(name) + 4
}
