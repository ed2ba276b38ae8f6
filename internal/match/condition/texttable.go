package condition

import "math/bits"

// textTable finds the tests that want a text of a column. Most texts are wanted by no test: that
// takes a single probe, whatever the number of texts.
type textTable struct {
	slots   []textSlot
	entries []textEntry
	// tests holds the tests of entries with a single test.
	tests []int32
}

// textSlot is a hash and its entry's number plus one; 0 means empty.
type textSlot struct{ hash, entry uint32 }

// textEntry is a folded text and its tests.
type textEntry struct {
	column int32
	text   string
	tests  []int32
}

// newTextTable returns a table with room for the texts of the given tests.
func newTextTable(g *graph, tests []int32) textTable {
	n := 0
	for _, test := range tests {
		if t := g.testOf(g.leafOf(test)); t != nil {
			n += len(t.equal)
		}
	}
	return textTable{slots: make([]textSlot, 2<<bits.Len(uint(n))), entries: make([]textEntry, 0, n), tests: make([]int32, 0, n)}
}

// add adds texts of a test. The total must not exceed the table's room.
func (t *textTable) add(column int32, texts []string, test int32) {
	for _, text := range texts {
		folded := foldASCII(text)
		h := t.hash(column, folded)
		i := t.slot(h)
		for ; t.slots[i].entry != 0; i = (i + 1) & (len(t.slots) - 1) {
			if e := t.entry(i); e.column == column && e.text == folded {
				if last := len(e.tests) - 1; e.tests[last] != test { // Two texts may fold to one.
					e.tests = append(e.tests, test)
				}
				break
			}
		}
		if t.slots[i].entry == 0 {
			t.tests = append(t.tests, test)
			own := t.tests[len(t.tests)-1:]
			t.entries = append(t.entries, textEntry{column, folded, own[:1:1]})
			t.slots[i] = textSlot{uint32(h), uint32(len(t.entries))}
		}
	}
}

func (t *textTable) entry(slot int) *textEntry { return &t.entries[t.slots[slot].entry-1] }

func (*textTable) hash(column int32, text string) uint64 {
	return hashFolded(text) + uint64(column)*0x9e3779b97f4a7c15
}

func (t *textTable) slot(h uint64) int { return int(h >> 32 & uint64(len(t.slots)-1)) }

// find returns the tests that want a text, whatever its case.
func (t *textTable) find(column int32, text string) []int32 {
	h := t.hash(column, text)
	short := uint32(h)
	for i := t.slot(h); ; i = (i + 1) & (len(t.slots) - 1) {
		s := t.slots[i]
		if s.entry == 0 {
			return nil
		}
		if s.hash == short {
			if e := t.entry(i); e.column == column && equalFolded(text, e.text) {
				return e.tests
			}
		}
	}
}
