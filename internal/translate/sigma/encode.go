package sigma

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"unicode/utf16"
)

// utf16Bytes returns a text in UTF-16.
func utf16Bytes(s string, order binary.AppendByteOrder, mark bool) string {
	var out []byte
	if mark {
		out = order.AppendUint16(out, 0xfeff)
	}
	for _, unit := range utf16.Encode([]rune(s)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

func base64Text(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// offsets are the places where the stable part of a base64 text begins and ends, by how many bytes
// stand before the value and by what is left of the length in groups of three.
var (
	offsetBegin = [3]int{0, 2, 3}
	offsetEnd   = [3]int{0, 3, 2}
)

// base64Offsets returns what base64 makes of a text at each of the three places at which it may stand
// in a longer one, without what the bytes beside it have a part in. A text too short to leave anything
// at a place has nothing there.
func base64Offsets(s string) []string {
	var out []string
	for shift := range 3 {
		padded := append(bytes.Repeat([]byte{' '}, shift), s...)
		encoded := base64.StdEncoding.EncodeToString(padded)
		from, to := offsetBegin[shift], len(encoded)-offsetEnd[len(padded)%3]
		if from < to {
			out = append(out, encoded[from:to])
		}
	}
	return out
}
