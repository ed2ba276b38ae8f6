package correlation

import (
	"math"
	"slices"
)

// chains finds how many different rules matched in the order of the list. Hits of equal times are in order.
type chains struct {
	spec *Spec
	// start has, for each rule and length, the latest time at which a chain of so many rules begins whose last is the rule;
	// never if there is none.
	start [][]int64
}

const never = math.MinInt64

func newChains(s *Spec) *chains {
	c := &chains{spec: s, start: make([][]int64, s.Rules)}
	for i := range c.start {
		c.start[i] = slices.Repeat([]int64{never}, i+1)
	}
	return c
}

// add extends chains by a hit. Hits come in order of time, those of one time in the order of the list, so that each may follow the
// others of its time.
func (c *chains) add(h *Hit) {
	of := c.start[h.Rule]
	of[0] = max(of[0], h.At)
	for before := range h.Rule {
		for length, start := range c.start[before] {
			of[length+1] = max(of[length+1], start)
		}
	}
}

// remove does nothing: a chain that begins before the window is not of the window.
func (c *chains) remove(*Hit) {}

func (c *chains) meets(from int64) (bool, string) {
	longest := 0
	for _, of := range c.start {
		for length := len(of); length > longest; length-- {
			if of[length-1] != never && of[length-1] >= from {
				longest = length
			}
		}
	}
	return c.spec.compare(whole(longest))
}

// inOrder judges an expression: the rules that matched have to meet it, and to have matched in the order of the list.
type inOrder struct {
	spec *Spec
	hits []Hit
}

func (o *inOrder) add(h *Hit) { o.hits = append(o.hits, *h) }

func (o *inOrder) remove(*Hit) { o.hits = o.hits[1:] }

func (o *inOrder) meets(int64) (bool, string) {
	there := make([]bool, o.spec.Rules)
	for _, h := range o.hits {
		there[h.Rule] = true
	}
	if !o.spec.Expr(there) {
		return false, ""
	}
	after := int64(never)
	for rule, is := range there {
		if !is {
			continue
		}
		i := slices.IndexFunc(o.hits, func(h Hit) bool { return h.Rule == rule && h.At >= after })
		if i < 0 {
			return false, ""
		}
		after = o.hits[i].At
	}
	return true, ""
}
