package correlation

import (
	"cmp"
	"math/big"
	"slices"
	"time"
)

// Type is what a correlation counts.
type Type string

// The types of the specification, and value_median, which implementations have besides.
const (
	EventCount      Type = "event_count"
	ValueCount      Type = "value_count"
	Temporal        Type = "temporal"
	TemporalOrdered Type = "temporal_ordered"
	ValueSum        Type = "value_sum"
	ValueAvg        Type = "value_avg"
	ValuePercentile Type = "value_percentile"
	ValueMedian     Type = "value_median"
)

// Types are all types.
var Types = []Type{EventCount, ValueCount, Temporal, TemporalOrdered, ValueSum, ValueAvg, ValuePercentile, ValueMedian}

// IsTemporal reports whether the type is about which rules matched.
func (t Type) IsTemporal() bool { return t == Temporal || t == TemporalOrdered }

// IsNumeric reports whether the type computes a number from numbers.
func (t Type) IsNumeric() bool {
	return t == ValueSum || t == ValueAvg || t == ValuePercentile || t == ValueMedian
}

// Comparison is a bound: gt, gte, lt, lte, eq or neq.
type Comparison struct {
	Op    string
	Value *big.Rat
}

// Operators are the operators of comparisons.
var Operators = []string{"gt", "gte", "lt", "lte", "eq", "neq"}

// Holds reports whether a number is within the bound.
func (c Comparison) Holds(x *big.Rat) bool {
	order := x.Cmp(c.Value)
	switch c.Op {
	case "gt":
		return order > 0
	case "gte":
		return order >= 0
	case "lt":
		return order < 0
	case "lte":
		return order <= 0
	case "neq":
		return order != 0
	}
	return order == 0
}

// Spec is a correlation without the rules' own conditions.
type Spec struct {
	Type Type
	// Span is the length of a window; a hit exactly Span before its end is in it.
	Span time.Duration
	// Rules is the number of rules. The order of temporal_ordered is that of their numbers.
	Rules int
	// Compare are bounds, all of which must hold of what is counted.
	Compare []Comparison
	// Expr, if not nil, decides a temporal type in place of Compare: from which rules matched.
	Expr func(matched []bool) bool
	// Percentile is that of value_percentile, from 0 to 100.
	Percentile *big.Rat
}

// Hit is an event that a rule matched.
type Hit struct {
	// At is the time, in nanoseconds since 1970.
	At int64
	// Rule is the number of the rule.
	Rule int
	// Event tells events apart. An event that several rules matched is several hits with one number.
	Event int
	// Values are the values that are counted: texts, of which numeric types read those that are numbers. A hit without any is no
	// hit of a type that counts values.
	Values []string
}

// Completion is a window that meets the condition.
type Completion struct {
	// At is the time of its last hits, in nanoseconds.
	At int64
	// Hits are its hits, in order of time: a part of the sorted hits, which nothing changes any more.
	Hits []Hit
	// Value is what was counted, for people; "" if an expression decided.
	Value string
}

// Find visits the windows of a group that meet the condition, in order of time, until visit returns false. It sorts
// hits.
func (s *Spec) Find(hits []Hit, visit func(Completion) bool) {
	s.Windows(hits, func(c Completion, meets bool) bool { return !meets || visit(c) })
}

// Windows visits all windows of a group that end with a hit, those that do not meet the condition among them, in order of
// time, until visit returns false. It sorts hits.
func (s *Spec) Windows(hits []Hit, visit func(c Completion, meets bool) bool) {
	counted, numbers := s.counted(hits)
	slices.SortStableFunc(counted, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Event, b.Event))
	})
	w := s.window(numbers)
	first := 0
	for last := 0; last < len(counted); {
		at := counted[last].At
		for ; last < len(counted) && counted[last].At == at; last++ {
			w.add(&counted[last])
		}
		for counted[first].At < at-int64(s.Span) {
			w.remove(&counted[first])
			first++
		}
		meets, value := w.meets(at - int64(s.Span))
		if !visit(Completion{At: at, Hits: counted[first:last], Value: value}, meets) {
			return
		}
	}
}

// counted returns the hits that count, and of numeric types the numbers of each event.
func (s *Spec) counted(hits []Hit) ([]Hit, map[int][]*big.Rat) {
	switch {
	case s.Type == ValueCount:
		return slices.DeleteFunc(hits, func(h Hit) bool { return len(h.Values) == 0 }), nil
	case !s.Type.IsNumeric():
		return hits, nil
	}
	numbers := make(map[int][]*big.Rat, len(hits))
	return slices.DeleteFunc(hits, func(h Hit) bool {
		of, known := numbers[h.Event]
		if !known {
			for _, v := range h.Values {
				if n, ok := Number(v); ok {
					of = append(of, n)
				}
			}
			numbers[h.Event] = of
		}
		return len(of) == 0
	}), numbers
}
