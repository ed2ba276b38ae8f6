package condition

import (
	"net/netip"
	"slices"
	"unsafe"

	"tocsin/internal/match/mapping"
)

// columnCache caches what was computed of a column: the values, their texts, the folded texts, and the
// networks that contain them. The numbers are the numbers of the document for which each part is
// valid.
type columnCache struct {
	fetched, read, lowered, located uint32
	values                          []mapping.Value
	texts, folded                   []string
	// own is a buffer for folded, which is texts when there is nothing to fold.
	own []string
}

func (m *Matching) values(c int32) []mapping.Value {
	column := &m.columns[c]
	if column.fetched != m.count {
		column.fetched, column.values = m.count, m.document.Column(int(c))
	}
	return column.values
}

func (m *Matching) texts(c int32) []string {
	column := &m.columns[c]
	if column.read != m.count {
		column.read, column.texts = m.count, m.document.Texts(int(c))
	}
	return column.texts
}

// foldedTexts returns the texts of a column with their ASCII letters lowercased.
func (m *Matching) foldedTexts(c int32) []string {
	column := &m.columns[c]
	if column.lowered == m.count {
		return column.folded
	}
	texts := m.texts(c)
	column.lowered, column.folded = m.count, texts
	copied := false
	for i := range len(texts) {
		at := firstUpper(texts[i])
		if at == len(texts[i]) {
			continue
		}
		if !copied {
			column.own, copied = slices.Grow(column.own[:0], len(texts))[:len(texts)], true
			copy(column.own, texts)
			column.folded = column.own
		}
		column.folded[i] = m.fold(texts[i], at)
	}
	return column.folded
}

// fold lowercases a text into the document's buffer.
func (m *Matching) fold(text string, at int) string {
	start := len(m.folded)
	m.folded = appendFolded(m.folded, text, at)
	b := m.folded[start:]
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // what is appended later does not change it
}

// locate evaluates all address tests of a column.
func (m *Matching) locate(c int32) {
	column := &m.columns[c]
	if column.located == m.count {
		return
	}
	column.located = m.count
	for _, v := range m.values(c) {
		if addr, ok := v.Address(); ok {
			m.locateOne(c, addr)
		}
	}
}

func (m *Matching) locateOne(c int32, addr netip.Addr) {
	m.graph.networks[c].each(addr, func(n int32) { m.answer(n, true) })
}
