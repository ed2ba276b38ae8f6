package condition_test

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
)

// traced makes an inner node of a trace, with the result that follows from its parts.
func traced(op condition.Op, parts ...condition.Trace) condition.Trace {
	t := condition.Trace{Text: string(op), Op: op, Parts: parts}
	t.Holds = holds(t, nil)
	return t
}

// holds evaluates a trace in which some clauses have the other result.
func holds(t condition.Trace, flipped map[string]bool) bool {
	isTrue := func(p condition.Trace) bool { return holds(p, flipped) }
	switch t.Op {
	case condition.OpAnd:
		return !slices.ContainsFunc(t.Parts, func(p condition.Trace) bool { return !isTrue(p) })
	case condition.OpOr:
		return slices.ContainsFunc(t.Parts, isTrue)
	case condition.OpNot:
		return !isTrue(t.Parts[0])
	}
	return t.Holds != flipped[t.Text]
}

// testsOf returns the texts of the leaves of a trace, each once, and the number of leaves.
func testsOf(t condition.Trace) (texts []string, n int) {
	if t.Op == "" {
		return []string{t.Text}, 1
	}
	for _, p := range t.Parts {
		some, more := testsOf(p)
		for _, text := range some {
			if !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
		n += more
	}
	return texts, n
}

// fewest returns the size of the smallest set of clauses whose change changes the result, by trying all sets; -1 if
// there is none.
func fewest(t condition.Trace, texts []string) int {
	best := -1
	for set := range 1 << len(texts) {
		size := bits.OnesCount(uint(set))
		if best >= 0 && size >= best {
			continue
		}
		flipped := map[string]bool{}
		for i, text := range texts {
			flipped[text] = set>>i&1 == 1
		}
		if holds(t, flipped) != t.Holds {
			best = size
		}
	}
	return best
}

// drawTrace draws a trace of at most room leaves, which are of the given number of different tests.
func drawTrace(t *rapid.T, room *int, depth int, results []bool) condition.Trace {
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	if depth == 0 || *room < 2 || kind == 0 {
		*room--
		i := rapid.IntRange(0, len(results)-1).Draw(t, "leaf")
		return condition.Trace{Text: fmt.Sprintf("test %d", i), Holds: results[i]}
	}
	if kind == 1 {
		return traced(condition.OpNot, drawTrace(t, room, depth-1, results))
	}
	var parts []condition.Trace
	for range rapid.IntRange(1, 5).Draw(t, "parts") {
		if *room > 0 {
			parts = append(parts, drawTrace(t, room, depth-1, results))
		}
	}
	return traced(rapid.SampledFrom([]condition.Op{condition.OpAnd, condition.OpOr}).Draw(t, "op"), parts...)
}

// checkDecided requires of a trace of at most twelve clauses that the deciding clauses are a smallest set whose change
// changes the result.
func checkDecided(t interface{ Fatalf(string, ...any) }, trace condition.Trace) {
	texts, _ := testsOf(trace)
	d := condition.Decide(trace)
	flipped := map[string]bool{}
	for _, c := range d.Clauses {
		flipped[c.Text] = true
	}
	want := fewest(trace, texts)
	if want < 0 {
		if len(d.Clauses) > 0 {
			t.Fatalf("nothing changes the result, and yet %v", d.Clauses)
		}
		return
	}
	if len(flipped) != len(d.Clauses) || len(d.Clauses) != want || !d.Smallest {
		t.Fatalf("%d deciding clauses (smallest: %t), want %d: %v of %+v", len(d.Clauses), d.Smallest, want, d.Clauses, trace)
	}
	if holds(trace, flipped) == trace.Holds {
		t.Fatalf("the deciding clauses %v do not change the result of %+v", d.Clauses, trace)
	}
	if again := condition.Decide(d.Trace); !cmp.Equal(again, d) {
		t.Fatalf("the second answer differs: %s", cmp.Diff(d, again))
	}
}

// The deciding clauses are a smallest set, on any tree of up to twelve leaves, tests that are repeated among them.
func TestDecideIsSmallest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		results := rapid.SliceOfN(rapid.Bool(), 1, 12).Draw(t, "results")
		room := 12
		checkDecided(t, drawTrace(t, &room, 4, results))
	})
}

// The same, with every test in one place: a set of leaves is then a set of clauses.
func TestDecideWithoutRepetition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		results := rapid.SliceOfN(rapid.Bool(), 12, 12).Draw(t, "results")
		room := 12
		trace := drawTrace(t, &room, 5, results)
		next := 0
		checkDecided(t, renamed(trace, &next))
	})
}

func renamed(t condition.Trace, next *int) condition.Trace {
	if t.Op == "" {
		*next++
		t.Text = fmt.Sprintf("leaf %d", *next)
		return t
	}
	t.Parts = slices.Clone(t.Parts)
	for i := range t.Parts {
		t.Parts[i] = renamed(t.Parts[i], next)
	}
	return t
}

func TestDecide(t *testing.T) {
	yes := func(text string) condition.Trace { return condition.Trace{Text: text, Holds: true} }
	no := func(text string) condition.Trace { return condition.Trace{Text: text} }
	and := func(parts ...condition.Trace) condition.Trace { return traced(condition.OpAnd, parts...) }
	or := func(parts ...condition.Trace) condition.Trace { return traced(condition.OpOr, parts...) }
	not := func(part condition.Trace) condition.Trace { return traced(condition.OpNot, part) }
	tests := []struct {
		name  string
		trace condition.Trace
		want  []string
	}{
		{"one of three fails", and(yes("a"), no("b"), yes("c")), []string{"b"}},
		{"two of three fail", and(no("a"), yes("b"), no("c")), []string{"a", "c"}},
		{"all hold", and(yes("a"), yes("b")), []string{"a"}},
		{"no alternative", or(and(no("a"), no("b")), no("c")), []string{"c"}},
		{"an alternative that the event has a value of", or(no("a"), condition.Trace{Text: "b", Values: []string{"x"}}, no("c")), []string{"b"}},
		{"an exclusion", and(yes("a"), not(yes("b"))), []string{"b"}},
		{"two alternatives hold", or(yes("a"), yes("b")), []string{"a", "b"}},
		{"a test in two places", or(and(yes("a"), yes("b")), and(yes("a"), yes("c"))), []string{"a"}},
		{"a test in two places, and another way", and(or(no("a"), no("b")), or(no("a"), no("c"))), []string{"a"}},
		{"a test and its opposite", and(no("a"), not(no("a")), no("b")), nil},
		{"equal words, different results", and(no("a"), yes("a")), []string{"a"}},
		{"a leaf with parts", and(condition.Trace{Text: "rows", Parts: []condition.Trace{no("a")}}, yes("b")), []string{"rows"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := condition.Decide(tt.trace)
			var got []string
			for _, c := range d.Clauses {
				got = append(got, c.Text)
			}
			if !cmp.Equal(got, tt.want) || !d.Smallest {
				t.Errorf("%v (smallest: %t), want %v", got, d.Smallest, tt.want)
			}
		})
	}
}

// A trace with very many repeated tests has an answer that changes the result, and does not claim more.
func TestDecideManyRepeated(t *testing.T) {
	var all []condition.Trace
	for i := range 40 {
		leaf := condition.Trace{Text: fmt.Sprintf("test %d", i)}
		all = append(all, traced(condition.OpOr, leaf, traced(condition.OpAnd, leaf, condition.Trace{Text: "never"})))
	}
	d := condition.Decide(traced(condition.OpAnd, all...))
	if len(d.Clauses) != 40 || d.Smallest {
		t.Errorf("%d clauses, smallest: %t", len(d.Clauses), d.Smallest)
	}
}
