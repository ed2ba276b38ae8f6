package rule

import (
	"slices"

	"tocsin/internal/diag"
)

// Owned divides diagnostics of a loader among rules. There may be thousands of both, so they are looked up by file.
type Owned struct {
	all    diag.List
	byFile map[string][]int
	taken  []bool
}

// NewOwned returns diagnostics of which no rule has taken any.
func NewOwned(all diag.List) *Owned {
	o := &Owned{all: all, byFile: map[string][]int{}, taken: make([]bool, len(all))}
	for i, d := range all {
		o.byFile[d.File] = append(o.byFile[d.File], i)
	}
	return o
}

// Take returns the diagnostics about a rule, in order, and removes them.
func (o *Owned) Take(r *Rule) diag.List {
	var mine diag.List
	of := o.byFile[r.Path]
	of = slices.DeleteFunc(of, func(i int) bool {
		if !r.Owns(o.all[i]) {
			return false
		}
		mine, o.taken[i] = append(mine, o.all[i]), true
		return true
	})
	o.byFile[r.Path] = of
	return mine
}

// Left returns the diagnostics that no rule has taken, in order.
func (o *Owned) Left() diag.List {
	var left diag.List
	for i, d := range o.all {
		if !o.taken[i] {
			left = append(left, d)
		}
	}
	return left
}
