package tally

import (
	"iter"
	"math"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/mapping"
)

// told is an event while it is told to its groups.
type told struct {
	event *event.Event
	doc   *event.Document
	times []time.Time
	// values are those of the fields whose different values are counted, once they were asked for.
	values [][]string
}

// distinct returns the different values of each of the fields.
func (t *told) distinct(fields []mapping.Field) [][]string {
	if t.values == nil {
		t.values = make([][]string, len(fields))
		for i, f := range fields {
			t.values[i] = texts(t.doc, f)
		}
	}
	return t.values
}

// combinations are the values of several fields: every choice of one of each is a key. There may be
// more than anybody could hold.
type combinations [][]string

// number is how many there are, the greatest int where they are more.
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

// each goes through the keys. A key is good until the next one.
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

// sets returns the test whether a key is one of them.
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
