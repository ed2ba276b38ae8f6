package condition

import "math/bits"

// textTable finds the tests that want a text of a column. Most texts are wanted by none: to find that
// out takes one look at one place, whatever the number of texts.
type textTable struct {
	slots   []textSlot
	entries []textEntry
}

// textSlot is a hash and the number of its entry, one more; 0 is no entry.
type textSlot struct{ hash, entry uint32 }

type textEntry struct {
	columnText
	tests []int32
}

func newTextTable(tests map[columnText][]int32) textTable {
	t := textTable{slots: make([]textSlot, 2<<bits.Len(uint(len(tests))))}
	for key, of := range tests {
		t.entries = append(t.entries, textEntry{key, of})
		h := t.hash(key.column, key.text)
		i := t.slot(h)
		for t.slots[i].entry != 0 {
			i = (i + 1) % len(t.slots)
		}
		t.slots[i] = textSlot{uint32(h), uint32(len(t.entries))}
	}
	return t
}

func (*textTable) hash(column int32, text string) uint64 {
	return hashFolded(text) + uint64(column)*0x9e3779b97f4a7c15
}

func (t *textTable) slot(h uint64) int { return int(h >> 32 & uint64(len(t.slots)-1)) }

// find returns the tests that want a text, folded.
func (t *textTable) find(column int32, text string) []int32 {
	h := t.hash(column, text)
	short := uint32(h)
	for i := t.slot(h); ; i = (i + 1) & (len(t.slots) - 1) {
		s := t.slots[i]
		if s.entry == 0 {
			return nil
		}
		if s.hash == short {
			if e := &t.entries[s.entry-1]; e.column == column && equalFolded(text, e.text) {
				return e.tests
			}
		}
	}
}
