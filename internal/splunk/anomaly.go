package splunk

import (
	"math"
	"slices"

	"tocsin/internal/translate/spl"
)

// anomalies finds rows with an unlikely combination of values, once all rows are known. The probability of a row
// is the product of the frequencies of its values. Numbers are counted in intervals of equal length.
type anomalies struct {
	next stage
	run  *run
	spec *spl.AnomalyDetection
	rows kept
}

func (s *anomalies) row(row Row) error { return s.rows.add(row) }

// tally counts the values of a field.
type tally struct {
	counts      map[string]float64
	numbers     bool
	least, step float64
	most        float64 // the largest count
}

func (t *tally) key(v Value) string {
	if !t.numbers || t.step == 0 {
		return v.String()
	}
	x, _ := v.Float()
	return formatNumber(math.Floor((x - t.least) / t.step))
}

func (s *anomalies) end() error {
	fields, err := s.tallies()
	if err != nil {
		return err
	}
	logs := make([]float64, len(s.rows.rows))
	causes := make([]string, len(logs))
	for i, row := range s.rows.rows {
		if err := s.run.alive(); err != nil {
			return err
		}
		rarest := math.Inf(1)
		for _, name := range s.names(row) {
			t := fields[name]
			if t == nil || row[name].IsNull() {
				continue
			}
			share := t.counts[t.key(first(row[name]))] / float64(len(logs))
			logs[i] += math.Log(share)
			if share < rarest {
				rarest, causes[i] = share, name
			}
		}
	}
	bound := s.bound(logs)
	err = s.rows.drain(func(i int, row Row) error {
		if logs[i] >= bound {
			if s.spec.Annotate {
				return s.next.row(row)
			}
			return nil
		}
		t := fields[causes[i]]
		share := t.counts[t.key(first(row[causes[i]]))] / float64(len(logs))
		row.set("log_event_prob", Number(logs[i]))
		row.set("probable_cause", Text(causes[i]))
		row.set("probable_cause_freq", Number(share))
		row.set("max_freq", Number(t.most/float64(len(logs))))
		return s.next.row(row)
	})
	if err != nil {
		return err
	}
	s.rows.account.close()
	return s.next.end()
}

// bound returns the logarithm of the probability below which a row is anomalous: far below the interquartile
// range.
func (s *anomalies) bound(logs []float64) float64 {
	if s.spec.Share > 0 {
		return math.Log(s.spec.Share)
	}
	if len(logs) == 0 {
		return math.Inf(-1)
	}
	ordered := slices.Sorted(slices.Values(logs))
	at := func(share float64) float64 { return ordered[min(int(share*float64(len(ordered))), len(ordered)-1)] }
	return at(0.25) - 1.5*(at(0.75)-at(0.25))
}

// tallies counts the values of each field.
func (s *anomalies) tallies() (map[string]*tally, error) {
	values := map[string][]Value{}
	for _, row := range s.rows.rows {
		for _, name := range s.names(row) {
			if v := first(row[name]); !v.IsNull() {
				values[name] = append(values[name], v)
			}
		}
	}
	out := map[string]*tally{}
	for name, list := range values {
		if err := s.run.alive(); err != nil {
			return nil, err
		}
		t := &tally{counts: map[string]float64{}, numbers: true}
		least, most := math.Inf(1), math.Inf(-1)
		for _, v := range list {
			x, ok := v.Float()
			t.numbers = t.numbers && ok
			least, most = min(least, x), max(most, x)
		}
		// The usual number of intervals for so many values.
		t.least, t.step = least, (most-least)/math.Ceil(1+math.Log2(float64(len(list))))
		held := 0
		for _, v := range list {
			key := t.key(v)
			if t.counts[key]++; t.counts[key] == 1 {
				held += len(key) + 48
			}
			t.most = max(t.most, t.counts[key])
		}
		if err := s.rows.account.hold(held + 16*len(list)); err != nil {
			return nil, err
		}
		out[name] = t
	}
	return out, nil
}

// names returns the fields to examine: all fields if none is named.
func (s *anomalies) names(row Row) []string {
	if len(s.spec.Names) == 0 {
		return row.matching("*")
	}
	var out []string
	for _, n := range s.spec.Names {
		out = append(out, row.matching(n.Text)...)
	}
	return out
}
