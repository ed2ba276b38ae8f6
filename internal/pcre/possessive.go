package pcre

import "strings"

// possessive writes quantifiers that give nothing back, a++ and its like, as groups that do not: the engine
// that has Perl's other features does not know them.
func possessive(text string) string {
	if !strings.Contains(text, "+") {
		return text
	}
	var out []byte
	atom := 0      // where the last thing that can be repeated begins in out
	var open []int // where the groups that are open begin
	for i := 0; i < len(text); {
		n := quantifier(text[i:])
		switch {
		case n > 0 && i > 0:
			out = append(out, text[i:i+n]...)
			if i += n; i < len(text) && text[i] == '+' {
				out = append(out[:atom:atom], "(?>"+string(out[atom:])+")"...)
				i++
			} else if i < len(text) && text[i] == '?' {
				out = append(out, '?')
				i++
			}
			continue
		case text[i] == '(':
			open = append(open, len(out))
			atom = len(out)
			// What tells the kind of the group is no quantifier.
			if strings.HasPrefix(text[i:], "(?") {
				out = append(out, "(?"...)
				i += 2
				continue
			}
		case text[i] == ')':
			if len(open) > 0 {
				atom, open = open[len(open)-1], open[:len(open)-1]
			}
		default:
			atom = len(out)
		}
		n = single(text[i:])
		out = append(out, text[i:i+n]...)
		i += n
	}
	return string(out)
}

// quantifier is the length of the quantifier that a text begins with; 0 without one.
func quantifier(s string) int {
	switch s[0] {
	case '*', '+', '?':
		return 1
	case '{':
		end := strings.IndexByte(s, '}')
		if end > 1 && strings.Trim(s[1:end], "0123456789,") == "" && s[1] != ',' {
			return end + 1
		}
	}
	return 0
}

// single is the length of the character, escape or class that a text begins with.
func single(s string) int {
	switch s[0] {
	case '\\':
		return min(2, len(s))
	case '[':
		i := 1
		if strings.HasPrefix(s[i:], "^") {
			i++
		}
		if strings.HasPrefix(s[i:], "]") {
			i++
		}
		for i < len(s) && s[i] != ']' {
			switch {
			case s[i] == '\\':
				i++
			case strings.HasPrefix(s[i:], "[:"):
				if end := strings.Index(s[i:], ":]"); end > 0 {
					i += end + 1
				}
			}
			i++
		}
		return min(i+1, len(s))
	}
	return 1
}
