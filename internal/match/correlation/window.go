package correlation

import (
	"math/big"
	"slices"
	"sort"
)

// window is the hits of a sliding window, counted as the type counts them.
type window interface {
	add(h *Hit)
	remove(h *Hit)
	// meets judges the window that begins at from, and tells what was counted, whether it meets the condition or not.
	meets(from int64) (bool, string)
}

func (s *Spec) window(numbers map[int][]*big.Rat) window {
	switch s.Type {
	case ValueCount:
		return &distinct{spec: s, times: map[string]int{}}
	case Temporal:
		return &matched{spec: s, times: make([]int, s.Rules)}
	case TemporalOrdered:
		if s.Expr != nil {
			return &inOrder{spec: s}
		}
		return newChains(s)
	case ValueSum, ValueAvg:
		return &summed{spec: s, once: once{}, numbers: numbers, sum: new(big.Rat)}
	case ValuePercentile, ValueMedian:
		return &ranked{spec: s, once: once{}, numbers: numbers}
	case EventCount:
	}
	return &events{spec: s, once: once{}}
}

// compare holds the bounds against a number.
func (s *Spec) compare(x *big.Rat) (bool, string) {
	for _, c := range s.Compare {
		if !c.Holds(x) {
			return false, show(x)
		}
	}
	return true, show(x)
}

func whole(n int) *big.Rat { return new(big.Rat).SetInt64(int64(n)) }

// once counts the hits of each event, so that an event counts once however many rules matched it.
type once map[int]int

// first reports whether a hit is the first of its event.
func (o once) first(h *Hit) bool {
	o[h.Event]++
	return o[h.Event] == 1
}

// last reports whether no hit of the event is left.
func (o once) last(h *Hit) bool {
	if o[h.Event]--; o[h.Event] > 0 {
		return false
	}
	delete(o, h.Event)
	return true
}

// events counts events.
type events struct {
	spec *Spec
	once once
}

func (e *events) add(h *Hit)    { e.once.first(h) }
func (e *events) remove(h *Hit) { e.once.last(h) }

func (e *events) meets(int64) (bool, string) { return e.spec.compare(whole(len(e.once))) }

// distinct counts different values.
type distinct struct {
	spec  *Spec
	times map[string]int
}

func (d *distinct) add(h *Hit) {
	for _, v := range h.Values {
		d.times[v]++
	}
}

func (d *distinct) remove(h *Hit) {
	for _, v := range h.Values {
		if d.times[v]--; d.times[v] == 0 {
			delete(d.times, v)
		}
	}
}

func (d *distinct) meets(int64) (bool, string) { return d.spec.compare(whole(len(d.times))) }

// matched counts the rules that matched.
type matched struct {
	spec  *Spec
	times []int
}

func (m *matched) add(h *Hit)    { m.times[h.Rule]++ }
func (m *matched) remove(h *Hit) { m.times[h.Rule]-- }

func (m *matched) meets(int64) (bool, string) {
	there := make([]bool, len(m.times))
	n := 0
	for i, times := range m.times {
		if there[i] = times > 0; there[i] {
			n++
		}
	}
	if m.spec.Expr != nil {
		return m.spec.Expr(there), ""
	}
	return m.spec.compare(whole(n))
}

// summed adds numbers, or averages them.
type summed struct {
	spec    *Spec
	once    once
	numbers map[int][]*big.Rat
	sum     *big.Rat
	n       int
}

func (s *summed) add(h *Hit) {
	if s.once.first(h) {
		for _, x := range s.numbers[h.Event] {
			s.sum.Add(s.sum, x)
			s.n++
		}
	}
}

func (s *summed) remove(h *Hit) {
	if s.once.last(h) {
		for _, x := range s.numbers[h.Event] {
			s.sum.Sub(s.sum, x)
			s.n--
		}
	}
}

func (s *summed) meets(int64) (bool, string) {
	if s.spec.Type == ValueAvg {
		return s.spec.compare(new(big.Rat).Quo(s.sum, whole(s.n)))
	}
	return s.spec.compare(s.sum)
}

// ranked holds numbers in order.
type ranked struct {
	spec    *Spec
	once    once
	numbers map[int][]*big.Rat
	sorted  []*big.Rat
}

func (r *ranked) add(h *Hit) {
	if r.once.first(h) {
		for _, x := range r.numbers[h.Event] {
			r.sorted = slices.Insert(r.sorted, r.place(x), x)
		}
	}
}

func (r *ranked) remove(h *Hit) {
	if r.once.last(h) {
		for _, x := range r.numbers[h.Event] {
			at := r.place(x)
			r.sorted = slices.Delete(r.sorted, at, at+1)
		}
	}
}

func (r *ranked) place(x *big.Rat) int {
	return sort.Search(len(r.sorted), func(i int) bool { return r.sorted[i].Cmp(x) >= 0 })
}

func (r *ranked) meets(int64) (bool, string) {
	p := r.spec.Percentile
	if r.spec.Type == ValueMedian {
		p = big.NewRat(50, 1)
	}
	return r.spec.compare(percentile(r.sorted, p))
}

// percentile interpolates between the two numbers next to the rank p/100*(n-1).
func percentile(sorted []*big.Rat, p *big.Rat) *big.Rat {
	rank := new(big.Rat).Mul(p, big.NewRat(int64(len(sorted)-1), 100))
	below := new(big.Int).Quo(rank.Num(), rank.Denom())
	i := int(below.Int64())
	if i >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	part := new(big.Rat).Sub(rank, new(big.Rat).SetInt(below))
	step := new(big.Rat).Sub(sorted[i+1], sorted[i])
	return step.Add(sorted[i], step.Mul(step, part))
}
