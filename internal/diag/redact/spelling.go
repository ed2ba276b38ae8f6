package redact

import (
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// letter is a character that a format spells, and where the text has it, in bytes.
type letter struct {
	r        rune
	from, to int
}

// depth is how many formats may be one inside another.
const depth = 3

// readings returns a text as it is, and as each chain of formats reads it.
func readings(text string) [][]letter {
	plain := make([]letter, 0, len(text))
	for at, r := range text {
		_, size := utf8.DecodeRuneInString(text[at:])
		plain = append(plain, letter{r, at, at + size})
	}
	out := [][]letter{plain}
	last := out
	for range depth {
		var next [][]letter
		for _, in := range last {
			for _, f := range []format{{"%", percent}, {"%+", query}, {"&", entity}, {"\\", backslash}} {
				if read, changed := f.read(in); changed {
					next = append(next, read)
				}
			}
		}
		out, last = append(out, next...), next
	}
	return out
}

// format has escapes that begin with one of some characters.
type format struct {
	begin string
	// escape returns what the escape at the beginning of a text stands for, and how many characters it has; 0 if there is none.
	escape func(text []letter) (rune, int)
}

// read returns a text as a format reads it, and whether that differs from the text.
func (f format) read(text []letter) ([]letter, bool) {
	var out []letter
	changed := false
	for i := 0; i < len(text); {
		if strings.ContainsRune(f.begin, text[i].r) {
			if r, n := f.escape(text[i:]); n > 0 {
				out = append(out, letter{r, text[i].from, text[i+n-1].to})
				i, changed = i+n, true
				continue
			}
		}
		out = append(out, text[i])
		i++
	}
	return out, changed
}

// percent reads the escapes of a URL.
func percent(text []letter) (rune, int) { return escapedBytes(text, "%") }

// escapedBytes reads a character each byte of which is two hexadecimal digits after a sign.
func escapedBytes(text []letter, sign string) (rune, int) {
	var bytes []byte
	for n := 0; len(bytes) < utf8.UTFMax && n+len(sign) < len(text) && textOf(text[n:n+len(sign)]) == sign; {
		b, ok := hex(text[n+len(sign):], 2)
		if !ok {
			break
		}
		bytes, n = append(bytes, byte(b)), n+len(sign)+2
		if r, size := utf8.DecodeRune(bytes); size == len(bytes) && (r != utf8.RuneError || size > 1) {
			return r, n
		}
	}
	return 0, 0
}

// query reads the escapes of the query of a URL.
func query(text []letter) (rune, int) {
	if text[0].r == '+' {
		return ' ', 1
	}
	return percent(text)
}

// longestEntity is the length of the longest entity that is read, as &#x10FFFF; is.
const longestEntity = 10

// entity reads the entities of HTML.
func entity(text []letter) (rune, int) {
	for n := range min(len(text), longestEntity) {
		if text[n].r != ';' {
			continue
		}
		plain := html.UnescapeString(textOf(text[:n+1]))
		if r, size := utf8.DecodeRuneInString(plain); size == len(plain) {
			return r, n + 1
		}
		break
	}
	return 0, 0
}

// simple are the escapes of a letter.
var simple = map[rune]rune{'n': '\n', 't': '\t', 'r': '\r', 'a': '\a', 'b': '\b', 'f': '\f', 'v': '\v', '"': '"', '\'': '\'', '\\': '\\', '/': '/'}

// backslash reads the escapes of JSON and of Go.
func backslash(text []letter) (rune, int) {
	if len(text) < 2 {
		return 0, 0
	}
	if r, ok := simple[text[1].r]; ok {
		return r, 2
	}
	switch text[1].r {
	case 'x':
		return escapedBytes(text, `\x`)
	case 'u':
		return escapedUTF16(text)
	case 'U':
		if n, ok := hex(text[2:], 8); ok {
			return rune(n), 10
		}
	}
	return 0, 0
}

// escapedUTF16 reads \u00fc, and the two of a character beyond.
func escapedUTF16(text []letter) (rune, int) {
	first, ok := hex(text[2:], 4)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(rune(first)) {
		return rune(first), 6
	}
	if len(text) < 12 || text[6].r != '\\' || text[7].r != 'u' {
		return 0, 0
	}
	second, ok := hex(text[8:], 4)
	if !ok {
		return 0, 0
	}
	return utf16.DecodeRune(rune(first), rune(second)), 12
}

// hex returns the number of so many hexadecimal digits.
func hex(text []letter, digits int) (uint64, bool) {
	if len(text) < digits {
		return 0, false
	}
	n, err := strconv.ParseUint("0x"+textOf(text[:digits]), 0, 32)
	return n, err == nil && text[0].r != '_'
}

func textOf(letters []letter) string {
	var out strings.Builder
	for _, l := range letters {
		out.WriteRune(l.r)
	}
	return out.String()
}

// spelled returns where a text has a secret. White space is as good as other: messages are shown with single spaces.
func spelled(text []letter, secret string) []span {
	wanted := []rune(strings.Join(strings.Fields(secret), " "))
	var out []span
	for i := range text {
		if end := spelledAt(text, i, wanted); end > i {
			out = append(out, span{text[i].from, text[end-1].to})
		}
	}
	return out
}

// spelledAt returns where the secret that begins at a place ends; 0 if there is none.
func spelledAt(text []letter, at int, wanted []rune) int {
	for _, r := range wanted {
		if r == ' ' {
			begun := at
			for at < len(text) && unicode.IsSpace(text[at].r) {
				at++
			}
			if at == begun {
				return 0
			}
			continue
		}
		if at == len(text) || text[at].r != r {
			return 0
		}
		at++
	}
	return at
}
