package splunk

import (
	"math"

	"tocsin/internal/translate/spl"
)

// spark aggregates in time intervals, for a sparkline.
type spark struct {
	run   *run
	spec  spl.Agg
	step  spl.TimeSpan
	steps map[float64]accumulator
}

// sparkMark is the first value of a sparkline; it distinguishes sparklines from other lists in Splunk.
const sparkMark = "##__SPARKLINE__##"

// sparkSteps is the maximum number of intervals of a sparkline without a span.
const sparkSteps = 100

func newSpark(r *run, a spl.Agg) accumulator {
	s := &spark{run: r, spec: *a.Inner, steps: map[float64]accumulator{}, step: spl.TimeSpan{N: 1, Unit: "h"}}
	switch {
	case a.Step != nil:
		s.step = *a.Step
	case !r.span.Earliest.IsZero() && !r.span.Latest.IsZero():
		s.step = timeStep(Epoch(r.span.Earliest), Epoch(r.span.Latest), sparkSteps, 0)
	}
	return s
}

func (s *spark) add(v Value, at float64) int {
	from, held := s.run.floorTime(at, s.step), 0
	if s.steps[from] == nil {
		if len(s.steps) == maxSteps {
			return 0
		}
		s.steps[from] = newAccumulator(s.spec)
		held = 150
	}
	return held + s.steps[from].add(v, at)
}

// result returns a value for each interval from the first to the last; 0 for empty intervals.
func (s *spark) result() Value {
	first, last := math.Inf(1), math.Inf(-1)
	for from := range s.steps {
		first, last = min(first, from), max(last, from)
	}
	list := []Value{Text(sparkMark)}
	for from := first; from <= last && len(list) <= maxSteps; {
		v := Number(0)
		if a := s.steps[from]; a != nil && !a.result().IsNull() {
			v = a.result()
		}
		list = append(list, v)
		t, ok := moment(from, s.run.loc)
		if !ok {
			break
		}
		from = Epoch(spl.Step(t, s.step))
	}
	return Several(list...)
}
