package tally

import (
	"iter"
	"math"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// counted is an event that is being counted, with its values.
type counted struct {
	event *event.Event
	doc   *event.Document
	times []time.Time
	// values holds the values of the fields whose distinct values are counted; nil until they are
	// needed.
	values [][]string
}

// distinct returns the distinct values of each of the fields.
func (c *counted) distinct(fields []mapping.Field) [][]string {
	if c.values == nil {
		c.values = make([][]string, len(fields))
		for i, f := range fields {
			c.values[i] = texts(c.doc, f)
		}
	}
	return c.values
}

// combinations holds the values of several fields: every choice of one value of each field is a
// key. There may be too many to enumerate.
type combinations [][]string

// number returns the number of keys, capped at the greatest int.
func (c combinations) number() int {
	n := 1
	for _, values := range c {
		if n > math.MaxInt/max(1, len(values)) {
			return math.MaxInt
		}
		n *= len(values)
	}
	return n
}

// each yields the keys. A key is valid until the next one.
func (c combinations) each() iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		key := make([]string, len(c))
		var from func(i int) bool
		from = func(i int) bool {
			if i == len(c) {
				return yield(key)
			}
			for _, v := range c[i] {
				key[i] = v
				if !from(i + 1) {
					return false
				}
			}
			return true
		}
		from(0)
	}
}

// sets returns a function that reports whether a key is one of the combinations.
func (c combinations) sets() func(key []string) bool {
	sets := make([]map[string]struct{}, len(c))
	for i, values := range c {
		sets[i] = make(map[string]struct{}, len(values))
		for _, v := range values {
			sets[i][v] = struct{}{}
		}
	}
	return func(key []string) bool {
		for i, v := range key {
			if _, has := sets[i][v]; !has {
				return false
			}
		}
		return true
	}
}
