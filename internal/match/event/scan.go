package event

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Special results of the functions of this file, which otherwise return positions.
const (
	// broken: the text is not JSON.
	broken = -1
	// repeated: an object has a key twice; the last one counts.
	repeated = -2
)

// maxDepth is the maximum depth of values in encoding/json.
const maxDepth = 10000

// Bytes of a word, for tests of eight at a time.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special sets the high bit of the lowest byte of a word that ends a run of plain characters in a string: a
// quote, a backslash or a control character. Marks above the lowest one may be wrong.
func special(w uint64) uint64 {
	quote := w ^ '"'*ones
	slash := w ^ '\\'*ones
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-' '*ones)&^w) & highs
}

func blanks(d []byte, i int) int {
	for i < len(d) && (d[i] == ' ' || d[i] == '\n' || d[i] == '\r' || d[i] == '\t') {
		i++
	}
	return i
}

// text is a JSON string without its quotes, not decoded.
type text struct {
	start, end int
	// escaped: it contains backslashes. wide: it may contain bytes beyond ASCII.
	escaped, wide bool
}

// scanText reads a string whose opening quote is before i, and returns the position after the closing quote.
func scanText(d []byte, i int) (text, int) {
	t := text{start: i}
	var seen uint64
	for {
		for i+8 <= len(d) {
			w := binary.LittleEndian.Uint64(d[i:])
			seen |= w
			if m := special(w); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		for i < len(d) && d[i] != '"' && d[i] != '\\' && d[i] >= ' ' {
			seen |= uint64(d[i])
			i++
		}
		switch {
		case i >= len(d) || d[i] < ' ':
			return t, broken
		case d[i] == '"':
			t.end, t.wide = i, seen&highs != 0
			return t, i + 1
		}
		t.escaped = true
		if i = skipEscape(d, i+1); i < 0 {
			return t, broken
		}
	}
}

// skipEscape skips the part of an escape after the backslash.
func skipEscape(d []byte, i int) int {
	if i >= len(d) {
		return broken
	}
	switch d[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if _, ok := hex4(d, i+1); ok {
			return i + 5
		}
	}
	return broken
}

// hex4 parses four hexadecimal digits.
func hex4(d []byte, i int) (rune, bool) {
	if i+4 > len(d) {
		return 0, false
	}
	var r rune
	for _, c := range d[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendText appends a scanned string, decoded as by encoding/json: invalid UTF-8 and unpaired surrogates
// become U+FFFD.
func appendText(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\\':
			dst, i = appendEscape(dst, s, i+1)
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, size := utf8.DecodeRune(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
		}
	}
	return dst
}

func appendEscape(dst, s []byte, i int) ([]byte, int) {
	switch c := s[i]; c {
	case 'b':
		return append(dst, '\b'), i + 1
	case 'f':
		return append(dst, '\f'), i + 1
	case 'n':
		return append(dst, '\n'), i + 1
	case 'r':
		return append(dst, '\r'), i + 1
	case 't':
		return append(dst, '\t'), i + 1
	case 'u':
		r, _ := hex4(s, i+1)
		i += 5
		if utf16.IsSurrogate(r) {
			pair := rune(utf8.RuneError)
			if i+6 <= len(s) && s[i] == '\\' && s[i+1] == 'u' {
				low, _ := hex4(s, i+2)
				pair = utf16.DecodeRune(r, low)
			}
			if r = pair; r != utf8.RuneError {
				i += 6
			}
		}
		return utf8.AppendRune(dst, r), i
	default:
		return append(dst, c), i + 1
	}
}

// skipNumber reads a number and returns the position after it.
func skipNumber(d []byte, i int) int {
	if i < len(d) && d[i] == '-' {
		i++
	}
	switch {
	case i >= len(d):
		return broken
	case d[i] == '0':
		i++
	default:
		if i = skipDigits(d, i); i < 0 {
			return broken
		}
	}
	if i < len(d) && d[i] == '.' {
		if i = skipDigits(d, i+1); i < 0 {
			return broken
		}
	}
	if i < len(d) && (d[i] == 'e' || d[i] == 'E') {
		i++
		if i < len(d) && (d[i] == '+' || d[i] == '-') {
			i++
		}
		return skipDigits(d, i)
	}
	return i
}

// skipDigits requires at least one digit.
func skipDigits(d []byte, i int) int {
	start := i
	for i < len(d) && '0' <= d[i] && d[i] <= '9' {
		i++
	}
	if i == start {
		return broken
	}
	return i
}

// skipWord reads true, false or null.
func skipWord(d []byte, i int, word string) int {
	if len(d)-i < len(word) || string(d[i:i+len(word)]) != word {
		return broken
	}
	return i + len(word)
}

// skipValue skips a value, but checks its syntax.
func skipValue(d []byte, i, depth int) int {
	if i >= len(d) {
		return broken
	}
	switch d[i] {
	case '"':
		_, i = scanText(d, i+1)
		return i
	case '{':
		return skipMembers(d, i+1, depth+1)
	case '[':
		return skipElements(d, i+1, depth+1)
	case 't':
		return skipWord(d, i, "true")
	case 'f':
		return skipWord(d, i, "false")
	case 'n':
		return skipWord(d, i, "null")
	}
	return skipNumber(d, i)
}

func skipMembers(d []byte, i, depth int) int {
	if depth > maxDepth {
		return broken
	}
	if i = blanks(d, i); i < len(d) && d[i] == '}' {
		return i + 1
	}
	for {
		_, at := nextKey(d, i)
		if at < 0 {
			return at
		}
		if i = skipValue(d, at, depth); i < 0 {
			return i
		}
		more := false
		if i, more = nextMember(d, i, '}'); i < 0 || !more {
			return i
		}
	}
}

func skipElements(d []byte, i, depth int) int {
	if depth > maxDepth {
		return broken
	}
	if i = blanks(d, i); i < len(d) && d[i] == ']' {
		return i + 1
	}
	for {
		if i = skipValue(d, i, depth); i < 0 {
			return i
		}
		more := false
		if i, more = nextMember(d, i, ']'); i < 0 || !more {
			return i
		}
	}
}

// nextKey reads a key and its colon, and returns the position of the value.
func nextKey(d []byte, i int) (text, int) {
	if i >= len(d) || d[i] != '"' {
		return text{}, broken
	}
	key, i := scanText(d, i+1)
	if i < 0 {
		return key, i
	}
	if i >= len(d) || d[i] != ':' {
		if i = blanks(d, i); i >= len(d) || d[i] != ':' {
			return key, broken
		}
	}
	if i++; i < len(d) && d[i] <= ' ' {
		i = blanks(d, i)
	}
	return key, i
}

// nextMember reads the separator after a member. After a comma it returns the position of the next member,
// else the end of the object or array.
func nextMember(d []byte, i int, end byte) (int, bool) {
	if i < len(d) && d[i] <= ' ' {
		i = blanks(d, i)
	}
	switch {
	case i >= len(d):
		return broken, false
	case d[i] == end:
		return i + 1, false
	case d[i] != ',':
		return broken, false
	}
	if i++; i < len(d) && d[i] <= ' ' {
		i = blanks(d, i)
	}
	return i, true
}
