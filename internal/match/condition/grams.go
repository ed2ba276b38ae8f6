package condition

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"unsafe"
)

// gramSize is the number of bytes of a literal that are looked for first. At every position of a
// text the next bytes are looked up once, however many literals there are. A shorter literal is a
// gram of its own, down to minGram bytes: shorter ones occur in most texts.
const (
	gramSize = 4
	minGram  = 2
)

// grams finds which of many literals occur in a text, by grams of one size. The zero value is
// empty.
type grams struct {
	size int
	// filter has a bit for each hash of an existing gram; shift reduces a hash to the size of
	// filter.
	filter []uint64
	shift  uint8
	// slots map grams to literals.
	slots    []gramSlot
	literals []gramOf
}

// gramSlot is the range of a gram's literals; an empty range is an empty slot.
type gramSlot struct{ gram, first, end uint32 }

// gramOf is a literal, and the tests that may hold for a text with it.
type gramOf struct {
	literal
	tests []int32
}

// size returns the gram size of a literal.
func (l literal) size() int { return min(len(l.text), gramSize) }

func (l literal) gram() uint32 { return gramAt(bytesOf(l.text)[l.offset:], l.size()) }

// gramAt returns the gram at the start of some bytes.
func gramAt(b []byte, size int) uint32 {
	if size == gramSize {
		return binary.LittleEndian.Uint32(b)
	}
	gram := uint32(binary.LittleEndian.Uint16(b))
	if size > minGram {
		gram |= uint32(b[minGram]) << 16
	}
	return gram
}

func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) } //nolint:gosec // they are only read

func hashGram(gram uint32, shift uint8) uint32 { return gram * 0x9e3779b1 >> (shift & 31) }

// wanted is a test with the literal that leads to it, and the literal's gram.
type wanted struct {
	literal
	gram uint32
	test int32
}

// newGrams builds the index of tests whose grams have one size. The order of tests does not matter.
func newGrams(size int, tests []wanted) grams {
	if len(tests) == 0 {
		return grams{}
	}
	slices.SortFunc(tests, func(a, b wanted) int {
		if a.gram != b.gram {
			return cmp.Compare(a.gram, b.gram)
		}
		return cmp.Or(strings.Compare(a.text, b.text), cmp.Compare(a.offset, b.offset), cmp.Compare(a.test, b.test))
	})
	g := grams{size: size}
	for i, t := range tests {
		if i == 0 || t.literal != tests[i-1].literal {
			g.literals = append(g.literals, gramOf{literal: t.literal})
		}
		last := &g.literals[len(g.literals)-1]
		last.tests = append(last.tests, t.test)
	}
	// Some sixty bits for each gram, so that there are few false positives.
	hash := max(bits.Len(uint(len(g.literals)))+6, 10)
	g.filter, g.shift = make([]uint64, 1<<hash/64), uint8(32-hash)
	g.slots = make([]gramSlot, 2<<bits.Len(uint(len(g.literals))))
	for first := 0; first < len(g.literals); {
		gram, end := g.literals[first].gram(), first+1
		for end < len(g.literals) && g.literals[end].gram() == gram {
			end++
		}
		h := hashGram(gram, g.shift)
		g.filter[h/64] |= 1 << (h % 64)
		i := g.slot(gram)
		for g.slots[i].end > 0 {
			i = (i + 1) & (len(g.slots) - 1)
		}
		g.slots[i] = gramSlot{gram, uint32(first), uint32(end)}
		first = end
	}
	return g
}

func (g *grams) slot(gram uint32) int { return int(gram*0x85ebca6b>>8) & (len(g.slots) - 1) }

// of returns the literals of a gram.
func (g *grams) of(gram uint32) []gramOf {
	for i := g.slot(gram); ; i = (i + 1) & (len(g.slots) - 1) {
		if s := g.slots[i]; s.end == 0 || s.gram == gram {
			return g.literals[s.first:s.end]
		}
	}
}

// each calls found with the tests of every literal in a text, once for each occurrence.
func (g *grams) each(s string, found func(tests []int32)) {
	filter, shift, size := g.filter, g.shift, g.size
	for b := bytesOf(s); len(b) >= size; b = b[1:] {
		gram := gramAt(b, size)
		h := hashGram(gram, shift)
		if filter[h/64]>>(h%64)&1 == 0 {
			continue
		}
		for _, l := range g.of(gram) {
			start := len(s) - len(b) - l.offset
			if start >= 0 && start+len(l.text) <= len(s) && s[start:start+len(l.text)] == l.text {
				found(l.tests)
			}
		}
	}
}
