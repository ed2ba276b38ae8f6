package splunk

import (
	"math"
	"time"

	"tocsin/internal/translate/spl"
)

// bin puts values into steps: of a length that is given, or one that makes few enough of them.
func (r *run) bin(c *spl.Bin, next stage) stage {
	to := c.Field.Text
	if c.As != "" {
		to = c.As
	}
	if c.Span == nil {
		return &binned{next: next, run: r, spec: c, to: to, rows: kept{account: r.account("bin")}, least: math.Inf(1), most: math.Inf(-1)}
	}
	return r.mutate(next, func(row Row) {
		v := row.Get(c.Field.Text)
		if !v.IsNull() {
			row.set(to, each(v, func(x Value) Value { return r.floor(x, *c.Span, c.Field.Text == "_time") }))
		}
	})
}

// floor rounds a value down to its step. Times are rounded to steps from the epoch on, days and
// longer on the calendar; of other fields a step is a range.
func (r *run) floor(v Value, span spl.TimeSpan, isTime bool) Value {
	x, ok := v.Float()
	if !ok {
		return v
	}
	if isTime {
		return Number(r.floorTime(x, span))
	}
	step, ok := span.Seconds()
	if !ok || step <= 0 {
		return v
	}
	low := math.Floor(x/step) * step
	return Text(formatNumber(low) + "-" + formatNumber(low+step))
}

func (r *run) floorTime(x float64, span spl.TimeSpan) float64 {
	t, ok := moment(x, r.loc)
	if !ok {
		return x
	}
	n := int(max(1, span.N))
	switch span.Unit {
	case "mon":
		months := (t.Year()*12 + int(t.Month()) - 1) / n * n
		return Epoch(time.Date(months/12, time.Month(months%12+1), 1, 0, 0, 0, 0, r.loc))
	case "q":
		months := (t.Year()*12 + int(t.Month()) - 1) / (3 * n) * (3 * n)
		return Epoch(time.Date(months/12, time.Month(months%12+1), 1, 0, 0, 0, 0, r.loc))
	case "y":
		return Epoch(time.Date(t.Year()/n*n, 1, 1, 0, 0, 0, 0, r.loc))
	case "d", "w":
		days := n
		if span.Unit == "w" {
			days *= 7
		}
		// Days are counted on the wall clock.
		wall := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400
		first := wall - ((wall%int64(days))+int64(days))%int64(days)
		return Epoch(time.Date(1970, 1, 1+int(first), 0, 0, 0, 0, r.loc))
	}
	step, ok := span.Seconds()
	if !ok || step <= 0 {
		return x
	}
	return math.Floor(x/step+1e-9) * step
}

// binned finds the length of steps when all rows are there: the least of 1, 10, 100 … that makes no
// more steps than wanted.
type binned struct {
	next        stage
	run         *run
	spec        *spl.Bin
	to          string
	rows        kept
	least, most float64
}

func (s *binned) row(row Row) error {
	if x, ok := row.Get(s.spec.Field.Text).Float(); ok {
		s.least, s.most = min(s.least, x), max(s.most, x)
	}
	return s.rows.add(row)
}

// timeSteps are the lengths that steps in time may have.
var timeSteps = []float64{1, 5, 10, 30, 60, 300, 600, 1800, 3600, 86400, 30 * 86400}

func (s *binned) step() float64 {
	least, most := s.least, s.most
	if s.spec.Start != nil {
		least = min(least, *s.spec.Start)
	}
	if s.spec.End != nil {
		most = max(most, *s.spec.End)
	}
	fits := func(step float64) bool {
		return math.Floor(most/step)-math.Floor(least/step) < float64(max(1, s.spec.Bins))
	}
	if s.spec.Field.Text == "_time" {
		for _, step := range timeSteps {
			if fits(step) {
				return step
			}
		}
		return timeSteps[len(timeSteps)-1]
	}
	step := 1e-6
	for step < 1e18 && !fits(step) {
		step *= 10
	}
	return step
}

func (s *binned) end() error {
	step := 1.0
	if s.least <= s.most {
		step = s.step()
	}
	err := s.rows.drain(func(_ int, row Row) error {
		v := row.Get(s.spec.Field.Text)
		if !v.IsNull() {
			row.set(s.to, each(v, func(x Value) Value { return s.run.floor(x, spl.TimeSpan{N: step}, s.spec.Field.Text == "_time") }))
		}
		return s.next.row(row)
	})
	if err != nil {
		return err
	}
	return s.next.end()
}
