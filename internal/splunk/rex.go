package splunk

import (
	"fmt"
	"strconv"
	"strings"

	"tocsin/internal/match/pcre"
	"tocsin/internal/translate/spl"
)

func (r *run) rex(c *spl.Rex, next stage) (stage, error) {
	if c.Sed {
		change, err := sed(c.Pattern.Value)
		if err != nil {
			return nil, err
		}
		return &perRow{next, r, func(row Row) (bool, error) {
			var fault error
			v := each(fieldOrRaw(row, c.Field), func(x Value) Value {
				out, err := change(x.String())
				if err != nil {
					fault = err
				}
				return Text(out)
			})
			if !v.IsNull() {
				row.set(row.key(c.Field), v)
			}
			return true, fault
		}}, nil
	}
	re, err := pcre.Compile(c.Pattern.Value)
	if err != nil {
		return nil, err
	}
	return &perRow{next, r, func(row Row) (bool, error) { return true, extractGroups(row, c, re) }}, nil
}

// extractGroups sets the fields of named groups. With several matches, or a multivalue field, each group has
// several values.
func extractGroups(row Row, c *spl.Rex, re *pcre.Regexp) error {
	names := re.Names()
	taken := make([][]Value, len(names))
	var offsets []string
	left := c.MaxMatch
	for _, x := range fieldOrRaw(row, c.Field).Each() {
		matches, err := re.Find(x.String(), left)
		if err != nil {
			return err
		}
		for _, m := range matches {
			for i, g := range m {
				if i < len(names) && names[i] != "" && g.Start >= 0 {
					taken[i] = append(taken[i], Text(g.Text))
					if c.Offset != "" {
						offsets = append(offsets, names[i]+"="+strconv.Itoa(g.Start)+"-"+strconv.Itoa(g.End-1))
					}
				}
			}
		}
		if left > 0 {
			if left -= len(matches); left <= 0 {
				break
			}
		}
	}
	byName := map[string][]Value{}
	for i, values := range taken {
		if len(values) > 0 {
			byName[names[i]] = append(byName[names[i]], values...)
		}
	}
	for name, values := range byName {
		row.set(name, Several(values...))
	}
	if len(offsets) > 0 {
		row.set(c.Offset, Text(strings.Join(offsets, "&")))
	}
	return nil
}

// sed compiles s/pattern/new/flags, with the flags g, i and the number of a match, and y/abc/xyz/. Several
// commands, separated by blanks or semicolons, run one after the other.
func sed(text string) (func(string) (string, error), error) {
	var steps []func(string) (string, error)
	rest := strings.TrimSpace(text)
	for rest != "" {
		parts, flags, tail, ok := cutSed(rest)
		if !ok {
			return nil, fmt.Errorf("run rex: %q is no expression such as s/pattern/new/g", text)
		}
		step, err := sedStep(rest[0], parts, flags)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
		rest = strings.TrimLeft(tail, " \t\n;")
	}
	return func(s string) (string, error) {
		for _, step := range steps {
			var err error
			if s, err = step(s); err != nil {
				return s, err
			}
		}
		return s, nil
	}, nil
}

// cutSed splits at the delimiter, which is the character after the command.
func cutSed(s string) (parts [2]string, flags, rest string, ok bool) {
	if len(s) < 4 || s[0] != 's' && s[0] != 'y' {
		return parts, "", "", false
	}
	delim := s[1]
	at := 2
	for i := range parts {
		var b strings.Builder
		for at < len(s) && s[at] != delim {
			if s[at] == '\\' && at+1 < len(s) {
				if s[at+1] != delim {
					b.WriteByte('\\')
				}
				at++
			}
			b.WriteByte(s[at])
			at++
		}
		if at >= len(s) {
			return parts, "", "", false
		}
		parts[i] = b.String()
		at++
	}
	end := at
	for end < len(s) && (s[end] == 'g' || s[end] == 'i' || s[end] >= '0' && s[end] <= '9') {
		end++
	}
	return parts, s[at:end], s[end:], true
}

func sedStep(command byte, parts [2]string, flags string) (func(string) (string, error), error) {
	if command == 'y' {
		from, to := []rune(parts[0]), []rune(parts[1])
		if len(from) != len(to) {
			return nil, fmt.Errorf("run rex: the two sides of y/%s/%s/ differ in length", parts[0], parts[1])
		}
		table := map[rune]rune{}
		for i, r := range from {
			table[r] = to[i]
		}
		return func(s string) (string, error) {
			return strings.Map(func(r rune) rune {
				if t, ok := table[r]; ok {
					return t
				}
				return r
			}, s), nil
		}, nil
	}
	pattern := parts[0]
	if strings.Contains(flags, "i") {
		pattern = "(?i)" + pattern
	}
	re, err := pcre.Compile(pattern)
	if err != nil {
		return nil, err
	}
	n := 1
	if strings.Contains(flags, "g") {
		n = 0
	}
	nth := 0
	for _, c := range strings.Trim(flags, "gi") {
		nth = min(nth*10+int(c-'0'), 1<<20)
	}
	if nth == 0 {
		return func(s string) (string, error) { return re.Replace(s, parts[1], n, true) }, nil
	}
	return func(s string) (string, error) { return replaceNth(re, s, parts[1], nth) }, nil
}

// replaceNth replaces only the nth match.
func replaceNth(re *pcre.Regexp, s, with string, nth int) (string, error) {
	matches, err := re.Find(s, nth)
	if err != nil || len(matches) < nth {
		return s, err
	}
	start := matches[nth-1][0].Start
	out, err := re.Replace(s[start:], with, 1, true)
	return s[:start] + out, err
}
