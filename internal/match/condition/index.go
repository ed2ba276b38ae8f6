package condition

// index leads from the values of a document to the tests that may hold for them.
type index struct {
	columns []indexed
	// texts holds the whole texts that lead to tests.
	texts textTable
}

// indexed is the part of an index for the values of one column.
type indexed struct {
	any bool
	// lengths has a bit for each length of a whole text that leads to a test; the last bit is for
	// all greater lengths.
	lengths uint64
	// grams lead from folded texts to tests, one entry for each gram size in use. gated do where a leaf holds.
	grams []grams
	gated []gatedGrams
	// numbers lead to tests that compare with numbers.
	numbers map[number][]int32
	// filled are tests that may hold for any value.
	filled []int32
}

// gatedGrams lead to tests that matter only where a leaf holds.
type gatedGrams struct {
	gate  int32
	grams []grams
}

// sized are the literals of a column by the size of their grams.
type sized [gramSize + 1][]wanted

func (s *sized) add(r *rates, n int32) {
	for _, found := range r.found[r.graph.leafOf(n).test] {
		of := &s[found.size()]
		*of = append(*of, wanted{found, found.gram(), n})
	}
}

func (s *sized) grams() []grams {
	var out []grams
	for size, of := range s {
		if len(of) > 0 {
			out = append(out, newGrams(size, of))
		}
	}
	return out
}

// newIndex returns an index that leads to tests, each given once, and to gated ones in order of their gates. texts is the
// table of their texts if it exists already.
func newIndex(r *rates, tests []int32, behind []gated, texts *textTable) index {
	g := r.graph
	x := index{columns: make([]indexed, len(g.columns))}
	if texts != nil {
		x.texts = *texts
	} else {
		x.texts = newTextTable(g, tests)
	}
	literals := make([]sized, len(g.columns))
	for _, n := range tests {
		l := g.leafOf(n)
		c := &x.columns[l.column]
		c.any = true
		switch t := g.testOf(l); {
		case t != nil && t.equal != nil:
			if texts == nil {
				x.texts.add(l.column, t.equal, n)
			}
			for _, text := range t.equal {
				c.lengths |= lengthBit(text)
			}
		case t != nil && len(r.found[l.test]) > 0:
			literals[l.column].add(r, n)
		case l.numbers != none:
			c.addNumbers(g.numbers[l.numbers], n)
		default:
			c.filled = append(c.filled, n)
		}
	}
	for i := range x.columns {
		x.columns[i].grams = literals[i].grams()
	}
	for len(behind) > 0 {
		gate, columns := behind[0].gate, map[int32]*sized{}
		for ; len(behind) > 0 && behind[0].gate == gate; behind = behind[1:] {
			column := g.leafOf(behind[0].test).column
			if columns[column] == nil {
				columns[column] = &sized{}
			}
			columns[column].add(r, behind[0].test)
		}
		for column, s := range columns {
			c := &x.columns[column]
			c.any, c.gated = true, append(c.gated, gatedGrams{gate, s.grams()})
		}
	}
	return x
}

func (c *indexed) addNumbers(numbers []number, test int32) {
	if c.numbers == nil {
		c.numbers = map[number][]int32{}
	}
	for _, n := range numbers {
		tests := c.numbers[n]
		if last := len(tests) - 1; last < 0 || tests[last] != test {
			c.numbers[n] = append(tests, test)
		}
	}
}

// lengthBit returns the bit of a text's length, which does not depend on case.
func lengthBit(text string) uint64 { return 1 << min(len(text), 63) }

// lead calls found with the tests that may hold for the document's values of a column, possibly
// more than once.
func (x *index) lead(m *Matching, c int32, found func(tests []int32)) {
	at := &x.columns[c]
	if len(at.filled) > 0 {
		found(at.filled)
	}
	if at.lengths != 0 {
		for _, text := range m.texts(c) {
			if at.lengths&lengthBit(text) != 0 {
				if tests := x.texts.find(c, text); len(tests) > 0 {
					found(tests)
				}
			}
		}
	}
	if len(at.grams) > 0 {
		for _, text := range m.foldedTexts(c) {
			for i := range at.grams {
				at.grams[i].each(text, found)
			}
		}
	}
	for i := range at.gated {
		if !m.holds(at.gated[i].gate) {
			continue
		}
		for _, text := range m.foldedTexts(c) {
			for j := range at.gated[i].grams {
				at.gated[i].grams[j].each(text, found)
			}
		}
	}
	if at.numbers != nil {
		for _, v := range m.values(c) {
			if n, ok := numberOf(v, m.graph.columns[c]); ok {
				found(at.numbers[n])
			}
		}
	}
}
