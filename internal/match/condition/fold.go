package condition

import (
	"encoding/binary"
	"math/bits"
)

// foldASCII lowercases the ASCII letters only, as Lucene's case-insensitive queries do.
func foldASCII(s string) string {
	i := firstUpper(s)
	if i == len(s) {
		return s
	}
	return string(appendFolded(make([]byte, 0, len(s)), s, i))
}

// appendFolded appends the folded form of a text whose first uppercase letter is at i.
func appendFolded(dst []byte, s string, i int) []byte {
	start := len(dst)
	dst = append(dst, s...)
	b := dst[start+i:]
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		binary.LittleEndian.PutUint64(b, w+uppers(w)>>2) // From the high bit to the bit that differs between the cases.
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return dst
}

// uppers sets the high bit of each byte that is an uppercase ASCII letter.
func uppers(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	low := w &^ highs
	// A byte of low reaches the high bit from 'A' on, and with the other sum after 'Z'.
	return (low + (0x80-'A')*ones) &^ (low + (0x80-'Z'-1)*ones) &^ w & highs
}

// firstUpper returns the index of the first uppercase ASCII letter, the length when there is none.
func firstUpper(s string) int {
	i := 0
	for i+8 <= len(s) && uppers(load64(s, i)) == 0 {
		i += 8
	}
	for ; i < len(s); i++ {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			break
		}
	}
	return i
}

func load64(s string, i int) uint64 {
	return binary.LittleEndian.Uint64([]byte(s[i : i+8]))
}

// hashFolded returns a hash of a text with its ASCII letters lowercased.
func hashFolded(s string) uint64 {
	const mix = 0x9e3779b97f4a7c15
	h := uint64(len(s)) * mix
	b := bytesOf(s)
	for ; len(b) > 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		h = bits.RotateLeft64((h^(w+uppers(w)>>2))*mix, 29)
	}
	var w uint64
	for i, c := range b {
		w |= uint64(c) << (8 * i)
	}
	h = (h ^ (w + uppers(w)>>2)) * mix
	return h ^ h>>31
}

// equalFolded compares a text with a folded one, ignoring case.
func equalFolded(s, folded string) bool {
	if len(s) != len(folded) {
		return false
	}
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := load64(s, i)
		if w+uppers(w)>>2 != load64(folded, i) {
			return false
		}
	}
	for ; i < len(s); i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != folded[i] {
			return false
		}
	}
	return true
}
