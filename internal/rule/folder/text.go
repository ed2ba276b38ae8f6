package folder

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// NotText says why a content is not UTF-8 text, as rules must be; "" if it may be. Programs write UTF-16 with
// or without a byte order mark.
func NotText(content string) string {
	head := content[:min(len(content), textHead)]
	switch {
	case byteOrder(head) != nil:
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

// MarkedUTF16 reports whether a text begins with a byte order mark of UTF-16.
func MarkedUTF16(content string) bool {
	return strings.HasPrefix(content, "\xff\xfe") || strings.HasPrefix(content, "\xfe\xff")
}

// FromUTF16 decodes a text that is UTF-16, with its byte order mark if it has one. Any other text is returned as it is.
func FromUTF16(content string) string {
	order := byteOrder(content)
	if order == nil {
		return content
	}
	units := make([]uint16, len(content)/2)
	for i := range units {
		units[i] = order.Uint16([]byte(content[2*i : 2*i+2]))
	}
	return string(utf16.Decode(units))
}

// byteOrder returns the byte order of a text that is UTF-16, by its first two bytes: without a mark, one of them is zero.
// It is nil for any other text.
func byteOrder(content string) binary.ByteOrder {
	if len(content) < 2 {
		return nil
	}
	switch a, b := content[0], content[1]; {
	case a == 0xff && b == 0xfe, a != 0 && b == 0:
		return binary.LittleEndian
	case a == 0xfe && b == 0xff, a == 0 && b != 0:
		return binary.BigEndian
	}
	return nil
}
