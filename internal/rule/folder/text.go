package folder

import (
	"strings"
	"unicode/utf8"
)

// NotText says why a content is not UTF-8 text, as rules must be; "" if it may be. Programs write UTF-16 with
// or without a byte order mark.
func NotText(content string) string {
	head := content[:min(len(content), textHead)]
	switch {
	case UTF16(head) != NoUTF16:
		return "the file is UTF-16: save it as UTF-8"
	case strings.HasPrefix(head, "\x1f\x8b"), strings.HasPrefix(head, "PK\x03\x04"):
		return "the file is compressed: unpack it"
	case strings.IndexByte(head, 0) >= 0 && !utf8.ValidString(head):
		return "the file is not text"
	}
	return ""
}

// textHead is how many bytes at the beginning of a content are examined.
const textHead = 512

// UTF16Form is a form of UTF-16 text.
type UTF16Form int

// The forms; a marked text begins with a byte order mark.
const (
	NoUTF16 UTF16Form = iota
	LittleEndian
	BigEndian
	MarkedLittleEndian
	MarkedBigEndian
)

// UTF16 returns the form of a text from its first two bytes: without a mark, one of them is zero.
func UTF16(content string) UTF16Form {
	if len(content) < 2 {
		return NoUTF16
	}
	switch a, b := content[0], content[1]; {
	case a == 0xff && b == 0xfe:
		return MarkedLittleEndian
	case a == 0xfe && b == 0xff:
		return MarkedBigEndian
	case a != 0 && b == 0:
		return LittleEndian
	case a == 0 && b != 0:
		return BigEndian
	}
	return NoUTF16
}
