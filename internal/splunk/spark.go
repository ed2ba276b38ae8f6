package splunk

import (
	"math"

	"tocsin/internal/translate/spl"
)

// spark aggregates in steps of time, for a line that is drawn of the results.
type spark struct {
	run   *run
	spec  spl.Agg
	step  spl.TimeSpan
	steps map[float64]accumulator
}

// sparkMark is the first value of a line, by which Splunk tells it from other lists.
const sparkMark = "##__SPARKLINE__##"

// sparkSteps is how many steps a line has at most when it does not say how long they are.
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

// result is a value for each step from the first to the last; 0 where there is none.
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
