package correlation_test

import (
	"math/big"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/correlation"
)

// drawSpec draws a correlation; the bounds are near what few hits reach.
func drawSpec(t *rapid.T) correlation.Spec {
	s := correlation.Spec{
		Type:  rapid.SampledFrom(correlation.Types).Draw(t, "type"),
		Span:  time.Duration(rapid.IntRange(1, 6).Draw(t, "span")),
		Rules: rapid.IntRange(1, 4).Draw(t, "rules"),
	}
	for range rapid.IntRange(1, 2).Draw(t, "bounds") {
		s.Compare = append(s.Compare, correlation.Comparison{
			Op: rapid.SampledFrom(correlation.Operators).Draw(t, "op"), Value: big.NewRat(rapid.Int64Range(0, 12).Draw(t, "bound"), rapid.Int64Range(1, 2).Draw(t, "halves")),
		})
	}
	if s.Type.IsTemporal() && rapid.Bool().Draw(t, "expression") {
		s.Compare, s.Expr = nil, func(there []bool) bool {
			return there[0] && !there[len(there)-1] || len(there) > 2 && there[1] && there[2]
		}
	}
	if s.Type == correlation.ValuePercentile {
		s.Percentile = big.NewRat(rapid.Int64Range(0, 200).Draw(t, "percentile"), 2)
	}
	return s
}

// drawHits draws events, each with the rules that match it.
func drawHits(t *rapid.T, rules int) []correlation.Hit {
	var out []correlation.Hit
	for e := range rapid.IntRange(0, 12).Draw(t, "events") {
		at := rapid.Int64Range(0, 15).Draw(t, "at")
		values := rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "2.5", "0.1", "x", "-3", "1e1"}), 0, 2).Draw(t, "values")
		for rule := range rules {
			if rapid.IntRange(0, 2).Draw(t, "matches") == 0 {
				out = append(out, correlation.Hit{At: at, Rule: rule, Event: e, Values: values})
			}
		}
	}
	return out
}

// TestFindIsAsDefined compares the sliding windows with windows that are each judged from nothing.
func TestFindIsAsDefined(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		hits := drawHits(t, spec.Rules)
		want := judged(spec, hits)
		hits = rapid.Permutation(hits).Draw(t, "order")
		var got []int64
		spec.Find(hits, func(c correlation.Completion) bool {
			got = append(got, c.At)
			for _, h := range c.Hits {
				if h.At > c.At || h.At < c.At-int64(spec.Span) {
					t.Fatalf("a window that ends at %d has a hit of %d", c.At, h.At)
				}
			}
			return true
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v\n%+v\n%s", spec, hits, diff)
		}
	})
}

// judged returns the times of windows that meet the condition, by its definition.
func judged(s correlation.Spec, hits []correlation.Hit) []int64 {
	var counted []correlation.Hit
	for _, h := range hits {
		if s.Type == correlation.ValueCount && len(h.Values) == 0 || s.Type.IsNumeric() && len(numbersOf(h)) == 0 {
			continue
		}
		counted = append(counted, h)
	}
	var out []int64
	for at := range int64(16) {
		var window []correlation.Hit
		ends := false
		for _, h := range counted {
			if at-int64(s.Span) <= h.At && h.At <= at {
				window, ends = append(window, h), ends || h.At == at
			}
		}
		if ends && meets(s, window) {
			out = append(out, at)
		}
	}
	return out
}

func numbersOf(h correlation.Hit) []*big.Rat {
	var out []*big.Rat
	for _, v := range h.Values {
		if n, ok := new(big.Rat).SetString(v); ok {
			out = append(out, n)
		}
	}
	return out
}

func meets(s correlation.Spec, window []correlation.Hit) bool {
	events, values, there := map[int]bool{}, map[string]bool{}, make([]bool, s.Rules)
	var numbers []*big.Rat
	sum := new(big.Rat)
	for _, h := range window {
		if !events[h.Event] {
			for _, n := range numbersOf(h) {
				numbers = append(numbers, n)
				sum.Add(sum, n)
			}
		}
		events[h.Event], there[h.Rule] = true, true
		for _, v := range h.Values {
			values[v] = true
		}
	}
	n := 0
	for _, is := range there {
		if is {
			n++
		}
	}
	slices.SortFunc(numbers, func(a, b *big.Rat) int { return a.Cmp(b) })
	var x *big.Rat
	switch s.Type {
	case correlation.EventCount:
		x = big.NewRat(int64(len(events)), 1)
	case correlation.ValueCount:
		x = big.NewRat(int64(len(values)), 1)
	case correlation.Temporal:
		if x = big.NewRat(int64(n), 1); s.Expr != nil {
			return s.Expr(there)
		}
	case correlation.TemporalOrdered:
		if s.Expr != nil {
			return s.Expr(there) && longest(window, there) == n
		}
		x = big.NewRat(int64(longest(window, slices.Repeat([]bool{true}, s.Rules))), 1)
	case correlation.ValueSum:
		x = sum
	case correlation.ValueAvg:
		x = new(big.Rat).Quo(sum, big.NewRat(int64(len(numbers)), 1))
	case correlation.ValueMedian:
		x = between(numbers, big.NewRat(1, 2))
	case correlation.ValuePercentile:
		x = between(numbers, new(big.Rat).Quo(s.Percentile, big.NewRat(100, 1)))
	}
	for _, c := range s.Compare {
		order := x.Cmp(c.Value)
		ok := map[string]bool{"gt": order > 0, "gte": order >= 0, "lt": order < 0, "lte": order <= 0, "eq": order == 0, "neq": order != 0}[c.Op]
		if !ok {
			return false
		}
	}
	return true
}

// longest returns the most rules that match in the order of the list at times that never go back, by trying all.
func longest(window []correlation.Hit, among []bool) int {
	var from func(rule int, after int64) int
	from = func(rule int, after int64) int {
		if rule == len(among) {
			return 0
		}
		best := from(rule+1, after)
		for _, h := range window {
			if h.Rule == rule && h.At >= after {
				best = max(best, 1+from(rule+1, h.At))
			}
		}
		return best
	}
	return from(0, -1)
}

// between interpolates at a part of the way through sorted numbers.
func between(sorted []*big.Rat, part *big.Rat) *big.Rat {
	at, _ := new(big.Rat).Mul(part, big.NewRat(int64(len(sorted)-1), 1)).Float64()
	i := int(at + 1e-9)
	if i == len(sorted)-1 {
		return sorted[i]
	}
	rest := new(big.Rat).Sub(new(big.Rat).Mul(part, big.NewRat(int64(len(sorted)-1), 1)), big.NewRat(int64(i), 1))
	return new(big.Rat).Add(sorted[i], rest.Mul(rest, new(big.Rat).Sub(sorted[i+1], sorted[i])))
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1": "1", "\t0.1\n": "1/10", "-2.50": "-5/2", "1e3": "1000", "+4": "4", "9007199254740993": "9007199254740993",
		"": "", "x": "", "NaN": "", "Inf": "", "0x10": "", "1_0": "", "1/2": "", "1e999": "", "1e-999999999": "0",
	} {
		got := ""
		if n, ok := correlation.Number(text); ok {
			got = n.RatString()
		}
		if got != want {
			t.Errorf("Number(%q) = %q, want %q", text, got, want)
		}
	}
}

// BenchmarkFind slides over many hits of one group.
func BenchmarkFind(b *testing.B) {
	for _, kind := range correlation.Types {
		b.Run(string(kind), func(b *testing.B) {
			s := correlation.Spec{Type: kind, Span: 1000, Rules: 3, Percentile: big.NewRat(95, 1), Compare: []correlation.Comparison{{Op: "gte", Value: big.NewRat(1<<40, 1)}}}
			for b.Loop() {
				hits := make([]correlation.Hit, 10_000)
				for i := range hits {
					hits[i] = correlation.Hit{At: int64(i), Rule: i % 3, Event: i, Values: []string{strconv.Itoa(i % 100)}}
				}
				s.Find(hits, func(correlation.Completion) bool { return true })
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/hit")
		})
	}
}
