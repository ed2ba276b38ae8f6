package splunk

import (
	"math"
	"time"

	"tocsin/internal/translate/spl"
)

// bin rounds values down to intervals of a given length, or of a length that gives at most a number of intervals.
func (r *run) bin(c *spl.Bin, next stage) stage {
	to := c.Field.Text
	if c.As != "" {
		to = c.As
	}
	if c.Span == nil {
		return &binned{next: next, run: r, spec: c, to: to, rows: kept{account: r.account("bin")}, least: math.Inf(1), most: math.Inf(-1)}
	}
	from := r.aligned(c)
	return r.mutate(next, func(row Row) {
		v := row.Get(c.Field.Text)
		if !v.IsNull() {
			row.set(to, each(v, func(x Value) Value { return r.floorFrom(x, *c.Span, c.Field.Text == "_time", from) }))
		}
	})
}

// aligned returns the time at which an interval starts; 0 if it is not set, and for days and longer.
func (r *run) aligned(c *spl.Bin) float64 {
	if step, ok := c.Span.Seconds(); !ok || step >= 86400 || c.Span.Unit == "d" {
		return 0
	}
	switch c.Align {
	case "":
		return 0
	case "earliest":
		if r.span.Earliest.IsZero() {
			return 0
		}
		return Epoch(r.span.Earliest)
	case "latest":
		return Epoch(r.span.Latest)
	}
	if x, ok := parseNumber(c.Align); ok {
		return x
	}
	m, err := spl.ParseRelative(c.Align)
	if err != nil {
		return 0
	}
	return Epoch(m.Apply(r.span.Now))
}

// floorFrom is floor for intervals of which one starts at a given time.
func (r *run) floorFrom(v Value, span spl.TimeSpan, isTime bool, from float64) Value {
	x, ok := v.Float()
	if from == 0 || !ok || !isTime {
		return r.floor(v, span, isTime)
	}
	step, _ := span.Seconds()
	return Number(from + math.Floor((x-from)/step+1e-9)*step)
}

// floor rounds a value down to its interval. Times are rounded from the epoch, days and longer by the calendar;
// other fields become a range.
func (r *run) floor(v Value, span spl.TimeSpan, isTime bool) Value {
	x, ok := v.Float()
	if !ok {
		return v
	}
	if isTime {
		return Number(r.floorTime(x, span))
	}
	if span.Unit == "log" {
		return logRange(x, span)
	}
	step, ok := span.Seconds()
	if !ok || step <= 0 {
		return v
	}
	low := math.Floor(x/step) * step
	return Text(formatNumber(low) + "-" + formatNumber(low+step))
}

// logRange returns the range of a number in intervals that grow by a factor.
func logRange(x float64, span spl.TimeSpan) Value {
	if x <= 0 {
		return Number(x)
	}
	power := math.Floor(math.Log(x/span.N)/math.Log(span.Base) + 1e-9)
	low := span.N * math.Pow(span.Base, power)
	return Text(formatNumber(low) + "-" + formatNumber(low*span.Base))
}

func (r *run) floorTime(x float64, span spl.TimeSpan) float64 {
	t, ok := moment(x, r.loc)
	if !ok {
		return x
	}
	n := int(max(1, span.N))
	if span.Snap != "" {
		if m, err := spl.ParseRelative("@" + span.Snap); err == nil {
			return Epoch(m.Apply(t))
		}
	}
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
		// Days are counted in local time.
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

// binned chooses the interval length once all rows are known: the smallest of 1, 10, 100 and so on that gives at
// most the wanted number of intervals.
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

// timeSteps are the possible interval lengths of times.
var timeSteps = []spl.TimeSpan{
	{N: 1, Unit: "s"},
	{N: 5, Unit: "s"},
	{N: 10, Unit: "s"},
	{N: 30, Unit: "s"},
	{N: 1, Unit: "m"},
	{N: 5, Unit: "m"},
	{N: 10, Unit: "m"},
	{N: 30, Unit: "m"},
	{N: 1, Unit: "h"},
	{N: 1, Unit: "d"},
	{N: 1, Unit: "mon"},
}

// timeStep returns the shortest interval that gives at most bins intervals between two times.
func timeStep(least, most float64, bins int, shortest float64) spl.TimeSpan {
	for _, step := range timeSteps {
		n, ok := step.Seconds()
		if ok && n >= shortest && math.Floor(most/n)-math.Floor(least/n) < float64(max(1, bins)) {
			return step
		}
	}
	return timeSteps[len(timeSteps)-1]
}

func (s *binned) step() spl.TimeSpan {
	least, most, shortest := s.least, s.most, 0.0
	if s.spec.Start != nil {
		least = min(least, *s.spec.Start)
	}
	if s.spec.End != nil {
		most = max(most, *s.spec.End)
	}
	if s.spec.Least != nil {
		shortest, _ = s.spec.Least.Seconds()
	}
	if s.spec.Field.Text == "_time" {
		return timeStep(least, most, s.spec.Bins, shortest)
	}
	step := 1e-6
	for step < 1e18 && (step < shortest || math.Floor(most/step)-math.Floor(least/step) >= float64(max(1, s.spec.Bins))) {
		step *= 10
	}
	return spl.TimeSpan{N: step}
}

func (s *binned) end() error {
	step := spl.TimeSpan{N: 1}
	if s.least <= s.most {
		step = s.step()
	}
	err := s.rows.drain(func(_ int, row Row) error {
		v := row.Get(s.spec.Field.Text)
		if !v.IsNull() {
			row.set(s.to, each(v, func(x Value) Value { return s.run.floor(x, step, s.spec.Field.Text == "_time") }))
		}
		return s.next.row(row)
	})
	if err != nil {
		return err
	}
	return s.next.end()
}
