package splunk

import (
	"crypto/md5"  //nolint:gosec // What the function is called.
	"crypto/sha1" //nolint:gosec // What the function is called.
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"tocsin/internal/match/pcre"
	"tocsin/internal/translate/spl"
)

// textual returns a function of one text; for a multivalue field it is applied to each value.
func textual(f func(string) string) function {
	return func(_ *scope, a []Value) Value {
		return each(a[0], func(v Value) Value { return Text(f(v.String())) })
	}
}

// trimmer trims characters: blanks and tabs by default.
func trimmer(cut func(s, set string) string) function {
	return func(_ *scope, a []Value) Value {
		set := " \t"
		if len(a) > 1 {
			set = a[1].String()
		}
		return each(a[0], func(v Value) Value { return Text(cut(v.String(), set)) })
	}
}

var textFunctions = map[string]function{
	"lower": textual(strings.ToLower),
	"upper": textual(strings.ToUpper),
	"trim":  trimmer(strings.Trim),
	"ltrim": trimmer(strings.TrimLeft),
	"rtrim": trimmer(strings.TrimRight),
	"len": func(_ *scope, a []Value) Value {
		return each(a[0], func(v Value) Value { return Number(float64(utf8.RuneCountInString(v.String()))) })
	},
	"substr":    substr,
	"printf":    printf,
	"urldecode": textual(urldecode),
	"md5":       textual(func(s string) string { sum := md5.Sum([]byte(s)); return hex.EncodeToString(sum[:]) }),  //nolint:gosec // As above.
	"sha1":      textual(func(s string) string { sum := sha1.Sum([]byte(s)); return hex.EncodeToString(sum[:]) }), //nolint:gosec // As above.
	"sha256":    textual(func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }),
	"sha512":    textual(func(s string) string { sum := sha512.Sum512([]byte(s)); return hex.EncodeToString(sum[:]) }),
}

// substr counts from 1, or from the end if the index is negative.
func substr(_ *scope, a []Value) Value {
	from, ok := a[1].Float()
	if !ok {
		return Null
	}
	length := -1.0
	if len(a) > 2 {
		if length, ok = a[2].Float(); !ok {
			return Null
		}
	}
	return each(a[0], func(v Value) Value {
		runes := []rune(v.String())
		start := int(from) - 1
		if from < 0 {
			start = max(0, len(runes)+int(from))
		}
		start = min(max(start, 0), len(runes))
		end := len(runes)
		if length >= 0 && float64(start)+length < float64(end) {
			end = start + int(length)
		}
		return Text(string(runes[start:end]))
	})
}

// urldecode decodes escapes such as %41; invalid escapes are not changed.
func urldecode(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.WriteByte(c[0])
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// patternOf returns a function that compiles the pattern of an argument. A constant pattern is compiled once.
func patternOf(n spl.Node, arg program) func(*scope) *pcre.Regexp {
	if t, ok := n.(*spl.Text); ok {
		re, err := pcre.Compile(t.Value)
		return func(s *scope) *pcre.Regexp {
			if err != nil {
				s.fail(err)
			}
			return re
		}
	}
	known := map[string]*pcre.Regexp{}
	return func(s *scope) *pcre.Regexp {
		v := arg(s)
		if v.IsNull() {
			return nil
		}
		text := v.String()
		re, ok := known[text]
		if !ok {
			// An invalid pattern in data matches nothing: it is not a mistake in the search.
			re, _ = pcre.Compile(text)
			if len(known) < maxPatterns {
				known[text] = re
			}
		}
		return re
	}
}

// maxPatterns is the maximum number of computed patterns that are cached.
const maxPatterns = 1000

func (s *scope) matches(re *pcre.Regexp, text string) bool {
	ok, err := re.Match(text)
	if err != nil {
		s.fail(err)
	}
	return ok
}

func compileMatch(args []program, n *spl.Call) program {
	pattern := patternOf(n.Args[1], args[1])
	return func(s *scope) Value {
		v := args[0](s)
		re := pattern(s)
		if v.IsNull() || re == nil {
			return Null
		}
		for _, x := range v.Each() {
			if s.matches(re, x.String()) {
				return truth(true)
			}
		}
		return truth(false)
	}
}

func compileReplaceCall(args []program, n *spl.Call) program {
	pattern := patternOf(n.Args[1], args[1])
	return func(s *scope) Value {
		v, with := args[0](s), args[2](s)
		re := pattern(s)
		if v.IsNull() || with.IsNull() || re == nil {
			return Null
		}
		return each(v, func(x Value) Value {
			out, err := re.Replace(x.String(), with.String(), 0, false)
			if err != nil {
				s.fail(err)
			}
			return Text(out)
		})
	}
}

// compileFind returns the index of the first matching value.
func compileFind(args []program, n *spl.Call) program {
	pattern := patternOf(n.Args[1], args[1])
	return func(s *scope) Value {
		re := pattern(s)
		if re == nil {
			return Null
		}
		for i, x := range args[0](s).Each() {
			if s.matches(re, x.String()) {
				return Number(float64(i))
			}
		}
		return Null
	}
}
