package condition

import "slices"

// gated is a test that is found by a text, and another without which it leads to nothing: that there are values
// which the index leaves out, in whose place others of the source are tested, or that an event is of a log source whose
// rules look for texts anywhere in it.
type gated struct{ gate, test int32 }

// behindGate gates the tests of an And's anchor, which is that of the part at: all of them by the part that tells
// whether there are values that the index leaves out, and those of a whole source, of which there is much, by the part
// that holds most seldom.
func (a *anchoring) behindGate(x anchor, parts []int32, at int) anchor {
	leftOut, rarest := none, none
	for i, p := range parts {
		if i == at {
			continue
		}
		if l := a.graph.leafOf(p); l != nil && l.kind == existsAtom && a.graph.columns[l.column].LeftOut {
			leftOut = p
		}
		if a.costs.rate[p] < half && a.graph.costs[p] <= mostGate && (rarest == none || a.costs.rate[p] < a.costs.rate[rarest]) {
			rarest = p
		}
	}
	if leftOut == none && rarest == none {
		return x
	}
	var tests []int32
	x.gated = slices.Clone(x.gated)
	for _, n := range x.tests {
		gate := none
		if l := a.graph.leafOf(n); l != nil && l.test != none && a.graph.testOf(l).equal == nil && len(a.rates.found[l.test]) > 0 {
			if gate = leftOut; a.graph.columns[l.column].IsWhole() {
				gate = rarest
			}
		}
		if gate != none {
			x.gated = append(x.gated, gated{gate, n})
		} else {
			tests = append(tests, n)
		}
	}
	x.tests = tests
	return x
}

const (
	// costByte is the cost of looking for texts at one byte; a byte of a whole source has to be read besides.
	costByte, costWholeByte = 0.1, 0.5
	// mostGate is the cost of a gate, which is evaluated for each document: a few comparisons of whole texts.
	mostGate = 3
	// mostShares is how often what texts cost is divided: those who leave make them dearer for the others.
	mostShares = 3
)

// share divides the cost of going through the texts of each column among the tests that are found by a text in
// them. It reports whether one has to bear so much that another anchor may be better: few look for something in
// texts that are long or have to be put together.
func (a *anchoring) share() (matters bool) {
	finders := make([]int, len(a.shares))
	for _, n := range a.tests {
		if l := a.graph.leafOf(n); l.test != none && len(a.rates.found[l.test]) > 0 {
			finders[l.column]++
		}
	}
	for c, n := range finders {
		if n == 0 {
			continue
		}
		cost := costByte
		if a.graph.columns[c].IsWhole() {
			cost = costWholeByte
		}
		before := a.shares[c]
		a.shares[c] = cost * a.seen.bytesOf(int32(c)) / float64(n)
		matters = matters || a.shares[c] > max(before, costEqual/100.0)
	}
	return matters
}
