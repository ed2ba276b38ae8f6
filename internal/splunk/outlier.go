package splunk

import (
	"math"
	"slices"

	"tocsin/internal/translate/spl"
)

// outliers finds values far outside the interquartile range, once all rows are known.
type outliers struct {
	next stage
	run  *run
	spec *spl.Outlier
	rows kept
}

func (s *outliers) row(row Row) error { return s.rows.add(row) }

// fence holds the bounds of the values of a field.
type fence struct{ low, high float64 }

func (s *outliers) end() error {
	numbers := map[string][]float64{}
	for _, row := range s.rows.rows {
		for _, name := range s.names(row) {
			if x, ok := row[name].Float(); ok {
				numbers[name] = append(numbers[name], x)
			}
		}
	}
	fences := map[string]fence{}
	for name, list := range numbers {
		if err := s.rows.account.hold(8 * len(list)); err != nil {
			return err
		}
		if err := s.run.alive(); err != nil {
			return err
		}
		slices.Sort(list)
		at := func(share float64) float64 { return list[min(int(share*float64(len(list))), len(list)-1)] }
		far := s.spec.Times * (at(0.75) - at(0.25))
		f := fence{math.Inf(-1), at(0.75) + far}
		if s.spec.Lower {
			f.low = at(0.25) - far
		}
		fences[name] = f
	}
	err := s.rows.drain(func(_ int, row Row) error {
		for _, name := range s.names(row) {
			x, ok := row[name].Float()
			f := fences[name]
			if !ok || x >= f.low && x <= f.high {
				continue
			}
			if s.spec.Remove {
				return nil
			}
			v := Number(min(max(x, f.low), f.high))
			if s.spec.Mark {
				v = Text("000" + v.String())
			}
			row.set(name, v)
		}
		return s.next.row(row)
	})
	if err != nil {
		return err
	}
	s.rows.account.close()
	return s.next.end()
}

// names returns the fields to examine: all fields if none is named.
func (s *outliers) names(row Row) []string {
	if len(s.spec.Names) == 0 {
		return row.matching("*")
	}
	var out []string
	for _, n := range s.spec.Names {
		out = append(out, row.matching(n.Text)...)
	}
	return out
}
