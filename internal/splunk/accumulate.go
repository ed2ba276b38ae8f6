package splunk

import (
	"math"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// accumulator takes the values of one aggregation of one group. Add returns approximately how many more bytes it
// holds.
type accumulator interface {
	add(v Value, at float64) int
	result() Value
}

// accumulators has a constructor for each function name.
var accumulators = map[string]func(a spl.Agg) accumulator{
	"count":  func(spl.Agg) accumulator { return new(counter) },
	"dc":     func(spl.Agg) accumulator { return &distinct{} },
	"values": func(spl.Agg) accumulator { return &distinct{list: true} },
	"list":   func(spl.Agg) accumulator { return new(listing) },
	"sum":    func(spl.Agg) accumulator { return &moments{f: sumOf} },
	"sumsq":  func(spl.Agg) accumulator { return &moments{f: func(m *moments) float64 { return m.squares }} },
	"avg":    func(spl.Agg) accumulator { return &moments{f: func(m *moments) float64 { return m.sum / m.n }} },
	"var":    func(spl.Agg) accumulator { return &moments{f: func(m *moments) float64 { return m.variance(1) }} },
	"varp":   func(spl.Agg) accumulator { return &moments{f: func(m *moments) float64 { return m.variance(0) }} },
	"stdev": func(spl.Agg) accumulator {
		return &moments{f: func(m *moments) float64 { return math.Sqrt(m.variance(1)) }}
	},
	"stdevp": func(spl.Agg) accumulator {
		return &moments{f: func(m *moments) float64 { return math.Sqrt(m.variance(0)) }}
	},
	"min":           func(spl.Agg) accumulator { return &extremes{sign: -1} },
	"max":           func(spl.Agg) accumulator { return &extremes{sign: 1} },
	"range":         func(spl.Agg) accumulator { return new(ranging) },
	"earliest":      func(spl.Agg) accumulator { return &timed{sign: -1} },
	"latest":        func(spl.Agg) accumulator { return &timed{sign: 1} },
	"earliest_time": func(spl.Agg) accumulator { return &timed{sign: -1, time: true} },
	"latest_time":   func(spl.Agg) accumulator { return &timed{sign: 1, time: true} },
	"first":         func(spl.Agg) accumulator { return &arrival{first: true} },
	"last":          func(spl.Agg) accumulator { return new(arrival) },
	"mode":          func(spl.Agg) accumulator { return &frequencies{} },
	"rate":          func(spl.Agg) accumulator { return new(rising) },
	"estdc_error":   func(spl.Agg) accumulator { return new(noError) },
	"per_second":    func(spl.Agg) accumulator { return &moments{f: sumOf} },
	"per_minute":    func(spl.Agg) accumulator { return &moments{f: sumOf} },
	"per_hour":      func(spl.Agg) accumulator { return &moments{f: sumOf} },
	"per_day":       func(spl.Agg) accumulator { return &moments{f: sumOf} },
	"median":        func(spl.Agg) accumulator { return &ranks{percent: 50, median: true} },
}

// accumulator returns the accumulator of an aggregation of a search.
func (r *run) accumulator(a spl.Agg) accumulator {
	if a.Inner != nil {
		return newSpark(r, a)
	}
	return newAccumulator(a)
}

// newAccumulator returns the accumulator of an aggregation. Percentiles are parsed from the function name.
func newAccumulator(a spl.Agg) accumulator {
	if f, ok := accumulators[a.Func]; ok {
		return f(a)
	}
	return &ranks{percent: a.Percent}
}

// Aggregates returns the names of the supported functions of stats, sorted.
func Aggregates() []string {
	var names []string
	for name := range accumulators {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

type counter struct{ n float64 }

func (c *counter) add(Value, float64) int { c.n++; return 0 }
func (c *counter) result() Value          { return Number(c.n) }

// distinct keeps each different text once.
type distinct struct {
	seen map[string]struct{}
	list bool
}

func (d *distinct) add(v Value, _ float64) int {
	s := v.String()
	if _, ok := d.seen[s]; ok {
		return 0
	}
	if d.seen == nil {
		d.seen = map[string]struct{}{}
	}
	d.seen[s] = struct{}{}
	return len(s) + 48
}

func (d *distinct) result() Value {
	if !d.list {
		return Number(float64(len(d.seen)))
	}
	texts := make([]string, 0, len(d.seen))
	for s := range d.seen {
		texts = append(texts, s)
	}
	slices.Sort(texts)
	return Texts(texts)
}

// maxList is the maximum number of values that list keeps.
const maxList = 100

type listing struct{ values []Value }

func (l *listing) add(v Value, _ float64) int {
	if len(l.values) == maxList {
		return 0
	}
	l.values = append(l.values, v)
	return v.size()
}

func (l *listing) result() Value { return Several(l.values...) }

// moments sums numbers and the squares of their distance from the first one, which keeps small differences exact.
type moments struct {
	n, sum, squares float64
	mean, m2        float64
	f               func(*moments) float64
}

func sumOf(m *moments) float64 { return m.sum }

func (m *moments) add(v Value, _ float64) int {
	x, ok := v.Float()
	if !ok {
		return 0
	}
	m.n++
	m.sum += x
	m.squares += x * x
	d := x - m.mean
	m.mean += d / m.n
	m.m2 += d * (x - m.mean)
	return 0
}

// variance returns the variance; 0 for a single value.
func (m *moments) variance(less float64) float64 {
	if m.n <= less {
		return 0
	}
	return m.m2 / (m.n - less)
}

func (m *moments) result() Value {
	if m.n == 0 {
		return Null
	}
	return finite(m.f(m))
}

// extremes keeps the minimum or maximum: by number if all values are numbers, otherwise by text.
type extremes struct {
	sign         int
	number, text Value
	mixed        bool
}

func (e *extremes) add(v Value, _ float64) int {
	before := len(e.number.text) + len(e.text.text)
	if _, ok := v.Float(); ok {
		if e.number.IsNull() || e.sign*compareValues(v, e.number) > 0 {
			e.number = v
		}
	} else {
		e.mixed = true
	}
	if e.text.IsNull() || e.sign*strings.Compare(v.String(), e.text.String()) > 0 {
		e.text = v
	}
	return len(e.number.text) + len(e.text.text) - before
}

func (e *extremes) result() Value {
	if e.mixed {
		return e.text
	}
	return e.number
}

type ranging struct {
	least, most float64
	any         bool
}

func (r *ranging) add(v Value, _ float64) int {
	x, ok := v.Float()
	switch {
	case !ok:
	case !r.any:
		r.least, r.most, r.any = x, x, true
	default:
		r.least, r.most = min(r.least, x), max(r.most, x)
	}
	return 0
}

func (r *ranging) result() Value {
	if !r.any {
		return Null
	}
	return Number(r.most - r.least)
}

// timed keeps the value of the earliest or latest event.
type timed struct {
	sign  float64
	time  bool
	value Value
	at    float64
}

func (t *timed) add(v Value, at float64) int {
	before := len(t.value.text)
	if t.value.IsNull() || t.sign*at > t.sign*t.at {
		t.value, t.at = v, at
	}
	return len(t.value.text) - before
}

func (t *timed) result() Value {
	if t.time && !t.value.IsNull() {
		return Number(t.at)
	}
	return t.value
}

// noError is the result of estdc_error. It is 0, because distinct values are counted exactly.
type noError struct{}

func (*noError) add(Value, float64) int { return 0 }
func (*noError) result() Value          { return Number(0) }

// rising is the rate of a counter per second, from the earliest event to the latest.
type rising struct {
	any             bool
	first, last     float64
	firstAt, lastAt float64
}

func (r *rising) add(v Value, at float64) int {
	x, ok := v.Float()
	if !ok {
		return 0
	}
	if !r.any || at < r.firstAt {
		r.first, r.firstAt = x, at
	}
	if !r.any || at > r.lastAt {
		r.last, r.lastAt = x, at
	}
	r.any = true
	return 0
}

func (r *rising) result() Value {
	if r.lastAt <= r.firstAt {
		return Null
	}
	return finite((r.last - r.first) / (r.lastAt - r.firstAt))
}

// arrival keeps the first or last value in order of arrival.
type arrival struct {
	first bool
	value Value
}

func (a *arrival) add(v Value, _ float64) int {
	before := len(a.value.text)
	if !a.first || a.value.IsNull() {
		a.value = v
	}
	return len(a.value.text) - before
}

func (a *arrival) result() Value { return a.value }

// frequencies counts each value.
type frequencies struct{ counts map[string]int }

func (f *frequencies) add(v Value, _ float64) int {
	if f.counts == nil {
		f.counts = map[string]int{}
	}
	s := v.String()
	f.counts[s]++
	if f.counts[s] == 1 {
		return len(s) + 48
	}
	return 0
}

// result returns the most frequent value; of several, the first in alphabetical order.
func (f *frequencies) result() Value {
	best, most := "", 0
	for s, n := range f.counts {
		if n > most || n == most && s < best {
			best, most = s, n
		}
	}
	if most == 0 {
		return Null
	}
	return Text(best)
}

// ranks keeps all numbers, for percentiles by the nearest rank.
type ranks struct {
	percent float64
	median  bool
	numbers []float64
}

func (r *ranks) add(v Value, _ float64) int {
	x, ok := v.Float()
	if !ok {
		return 0
	}
	r.numbers = append(r.numbers, x)
	return 8
}

func (r *ranks) result() Value {
	n := len(r.numbers)
	if n == 0 {
		return Null
	}
	slices.Sort(r.numbers)
	if r.median {
		return Number(r.numbers[n/2]) // The upper median.
	}
	rank := int(math.Ceil(r.percent / 100 * float64(n)))
	return Number(r.numbers[min(max(rank, 1), n)-1])
}
