package condition

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// gramSize is how many bytes of a literal are looked for first: at every place of a text its next
// bytes are looked up at once, however many literals there are.
const gramSize = 4

// grams finds which of many literals stand in a text. The zero value knows none.
type grams struct {
	// filter has a bit for hashes of grams that are there; shift leaves as many bits of a hash as it has.
	filter []uint64
	shift  uint8
	by     map[uint32][]gramOf
}

// gramOf is a literal that a gram is a part of, and where; and the tests that may hold of a text with it.
type gramOf struct {
	literal string
	offset  int
	tests   []int32
}

func gramAt(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }

func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func hashGram(gram uint32, shift uint8) uint32 { return gram * 0x9e3779b1 >> (shift & 31) }

// newGrams takes literals with the place of the gram that each is found by.
func newGrams(literals []gramOf) grams {
	if len(literals) == 0 {
		return grams{}
	}
	// Some sixty bits for each gram, so that few others are taken for one.
	size := max(bits.Len(uint(len(literals)))+6, 10)
	g := grams{by: map[uint32][]gramOf{}, filter: make([]uint64, 1<<size/64), shift: uint8(32 - size)}
	for _, l := range literals {
		gram := gramAt(bytesOf(l.literal), l.offset)
		g.by[gram] = append(g.by[gram], l)
		h := hashGram(gram, g.shift)
		g.filter[h/64] |= 1 << (h % 64)
	}
	return g
}

// each calls found for the tests of every literal in a text, more than once where it stands there
// more than once.
func (g *grams) each(s string, found func(tests []int32)) {
	filter, shift := g.filter, g.shift
	for b := bytesOf(s); len(b) >= gramSize; b = b[1:] {
		gram := gramAt(b, 0)
		h := hashGram(gram, shift)
		if filter[h/64]>>(h%64)&1 == 0 {
			continue
		}
		for _, l := range g.by[gram] {
			start := len(s) - len(b) - l.offset
			if start >= 0 && start+len(l.literal) <= len(s) && s[start:start+len(l.literal)] == l.literal {
				found(l.tests)
			}
		}
	}
}
