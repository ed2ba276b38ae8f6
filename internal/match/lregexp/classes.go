package lregexp

import (
	"slices"
	"sort"
	"unicode"
)

// span is the code points lo to hi, both included.
type span struct{ lo, hi rune }

// charset is a set of code points: sorted spans that neither overlap nor touch.
type charset []span

// newSet sorts and joins spans.
func newSet(spans ...span) charset {
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo - b.lo) })
	var set charset
	for _, s := range spans {
		if n := len(set); n > 0 && s.lo <= set[n-1].hi+1 {
			set[n-1].hi = max(set[n-1].hi, s.hi)
			continue
		}
		set = append(set, s)
	}
	return set
}

// negate returns the code points that are not in the set.
func (set charset) negate() charset {
	var out charset
	from := rune(0)
	for _, s := range set {
		if s.lo > from {
			out = append(out, span{from, s.lo - 1})
		}
		from = s.hi + 1
	}
	if from <= unicode.MaxRune {
		out = append(out, span{from, unicode.MaxRune})
	}
	return out
}

// The named sets. Lucene's are ASCII only, and its \s has neither \f nor \v.
var (
	anyChar = newSet(span{0, unicode.MaxRune})
	digits  = newSet(span{'0', '9'})
	spaces  = newSet(span{' ', ' '}, span{'\t', '\n'}, span{'\r', '\r'})
	words   = newSet(span{'a', 'z'}, span{'A', 'Z'}, span{'0', '9'}, span{'_', '_'})

	predefined = map[byte]charset{
		'd': digits, 's': spaces, 'w': words,
		'D': digits.negate(), 'S': spaces.negate(), 'W': words.negate(),
	}
)

// classes divides the code points into numbered classes, such that every set of a pattern contains all of a
// class or nothing of it: class i begins at starts[i] and ends before the next one.
type classes struct {
	starts []rune
	ascii  [128]uint16 // the class of each ASCII character, the usual case
}

// newClasses returns the classes for all sets in the tree.
func newClasses(tree *node) *classes {
	c := &classes{starts: []rune{0}}
	tree.eachSet(func(set charset) {
		for _, s := range set {
			c.starts = append(c.starts, s.lo)
			if s.hi < unicode.MaxRune {
				c.starts = append(c.starts, s.hi+1)
			}
		}
	})
	slices.Sort(c.starts)
	c.starts = slices.Compact(c.starts)
	for r := range c.ascii {
		c.ascii[r] = uint16(c.search(rune(r)))
	}
	return c
}

func (c *classes) count() int { return len(c.starts) }

// of returns the class of a code point.
func (c *classes) of(r rune) int {
	if r < rune(len(c.ascii)) {
		return int(c.ascii[r])
	}
	return c.search(r)
}

func (c *classes) search(r rune) int {
	return sort.Search(len(c.starts), func(i int) bool { return c.starts[i] > r }) - 1
}

// width returns the number of code points of a class.
func (c *classes) width(class int) int {
	if class == len(c.starts)-1 {
		return int(unicode.MaxRune-c.starts[class]) + 1
	}
	return int(c.starts[class+1] - c.starts[class])
}
