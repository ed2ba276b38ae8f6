package splunk

import (
	"math"

	"tocsin/internal/translate/spl"
)

// continuous adds rows for missing intervals of a field. Intervals are computed as by bin.
type continuous struct {
	bins *binned
	spec *spl.Makecontinuous
	next stage
}

func newContinuous(r *run, c *spl.Makecontinuous, next stage) stage {
	bins := c.Bins
	if bins == 0 {
		bins = 100
	}
	b := &spl.Bin{Field: c.Field, Bins: bins, Start: c.Start, End: c.End}
	return &continuous{&binned{
		run: r, spec: b, to: c.Field.Text, rows: kept{account: r.account("makecontinuous")}, least: math.Inf(1), most: math.Inf(-1),
	}, c, next}
}

func (s *continuous) row(row Row) error { return s.bins.row(row) }

func (s *continuous) end() error {
	least, most := s.bins.least, s.bins.most
	if least <= most {
		if s.spec.Start != nil {
			least = *s.spec.Start
		}
		if s.spec.End != nil {
			most = *s.spec.End
		}
	}
	step := spl.TimeSpan{N: 1}
	switch {
	case s.spec.Span != nil:
		step = *s.spec.Span
	case least <= most:
		step = s.bins.step()
	}
	at, steps := s.floor(least, step), 0
	// fill passes on rows for the intervals before x.
	fill := func(x float64) error {
		for ; at < x && steps < maxSteps; steps++ {
			if err := s.bins.run.alive(); err != nil {
				return err
			}
			if err := s.next.row(Row{s.spec.Field.Text: Number(at)}); err != nil {
				return err
			}
			at = s.after(at, step)
		}
		return nil
	}
	rows := sortedBy(s.bins.rows.rows, s.spec.Field.Text)
	for _, i := range rows {
		row := s.bins.rows.take(i)
		if x, ok := row.Get(s.spec.Field.Text).Float(); ok {
			x = s.floor(x, step)
			row.set(s.spec.Field.Text, Number(x))
			if err := fill(x); err != nil {
				return err
			}
			at = max(at, s.after(x, step))
		}
		if err := s.next.row(row); err != nil {
			return err
		}
	}
	if s.spec.End != nil {
		if err := fill(most); err != nil {
			return err
		}
	}
	s.bins.rows.account.close()
	return s.next.end()
}

// floor returns the start of the interval of x.
func (s *continuous) floor(x float64, step spl.TimeSpan) float64 {
	if s.spec.Field.Text == "_time" {
		return s.bins.run.floorTime(x, step)
	}
	n, ok := step.Seconds()
	if !ok || n <= 0 {
		return x
	}
	return math.Floor(x/n) * n
}

func (s *continuous) after(x float64, step spl.TimeSpan) float64 {
	if t, ok := moment(x, s.bins.run.loc); ok && s.spec.Field.Text == "_time" {
		return Epoch(spl.Step(t, step))
	}
	n, ok := step.Seconds()
	if !ok || n <= 0 {
		n = 1
	}
	return x + n
}
