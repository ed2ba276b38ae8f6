package splunk

import (
	"cmp"
	"math"

	"tocsin/internal/translate/spl"
)

// predicted forecasts fields once all rows are known, and adds rows for future values.
type predicted struct {
	next stage
	run  *run
	spec *spl.Predict
	rows kept
}

func (s *predicted) row(row Row) error { return s.rows.add(row) }

func (s *predicted) end() error {
	n := len(s.rows.rows)
	out := make([]forecast, len(s.spec.Fields))
	for i, f := range s.spec.Fields {
		series := make([]float64, max(0, n-s.spec.Holdback))
		for j := range series {
			x, ok := s.rows.rows[j].Get(f.Field.Text).Float()
			if !ok {
				x = math.NaN()
			}
			series[j] = x
		}
		if err := s.rows.account.hold(16 * (n + s.spec.Future)); err != nil {
			return err
		}
		if err := s.run.alive(); err != nil {
			return err
		}
		out[i] = foretell(series, s.spec.Method, s.spec.Period, s.spec.Holdback+s.spec.Future)
	}
	step, last := s.pace()
	err := s.rows.drain(func(j int, row Row) error {
		for i, f := range s.spec.Fields {
			s.set(row, f, out[i], j)
		}
		return s.next.row(row)
	})
	if err != nil {
		return err
	}
	for j := n; n > 0 && j < n+s.spec.Future; j++ {
		if err := s.run.alive(); err != nil {
			return err
		}
		row := Row{}
		if step > 0 {
			row["_time"] = Number(last + step*float64(j-n+1))
		}
		for i, f := range s.spec.Fields {
			s.set(row, f, out[i], j)
		}
		if err := s.next.row(row); err != nil {
			return err
		}
	}
	s.rows.account.close()
	return s.next.end()
}

// pace returns the interval between the last two rows, and the time of the last row; 0 if rows have no times.
func (s *predicted) pace() (step, last float64) {
	if n := len(s.rows.rows); n > 1 {
		a, isA := s.rows.rows[n-2]["_time"].Float()
		b, isB := s.rows.rows[n-1]["_time"].Float()
		if isA && isB && b > a {
			return b - a, b
		}
	}
	return 0, 0
}

// set adds the forecast of a row and its confidence bounds.
func (s *predicted) set(row Row, f spl.Forecast, all forecast, j int) {
	if j >= len(all.values) || math.IsNaN(all.values[j]) {
		return
	}
	x := all.values[j]
	// The bounds widen with the distance into the future.
	spread := all.spread * math.Sqrt(float64(max(1, j-all.known+1)))
	row.set(f.As, Number(x))
	upper := cmp.Or(f.UpperAs, "upper"+formatNumber(s.spec.Upper)+"("+f.As+")")
	lower := cmp.Or(f.LowerAs, "lower"+formatNumber(s.spec.Lower)+"("+f.As+")")
	row.set(upper, Number(x+spread*deviations(s.spec.Upper)))
	row.set(lower, Number(x-spread*deviations(s.spec.Lower)))
}

// deviations returns the number of standard deviations around the mean that contain a share of all values.
func deviations(percent float64) float64 { return math.Sqrt2 * math.Erfinv(percent/100) }

// forecast has the forecast of each row from the earlier rows; known is the number of known rows, spread the
// standard deviation of the errors.
type forecast struct {
	values []float64
	known  int
	spread float64
}

// foretell smooths a series by level, trend and season, depending on the method, with the weights that minimise
// the error.
func foretell(series []float64, method string, period, ahead int) forecast {
	if method == "LLP5" {
		return blend(foretell(series, "LLT", 0, ahead), foretell(series, "LLP", period, ahead))
	}
	trends, seasons := []float64{0}, []float64{0}
	switch method {
	case "LLT":
		trends = []float64{0.05, 0.2, 0.5}
	case "LLP":
		if period == 0 {
			period = season(series)
		}
		if period > 1 {
			seasons = []float64{0.05, 0.2, 0.5}
		}
	}
	best := forecast{spread: math.Inf(1)}
	for _, level := range []float64{0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1} {
		for _, trend := range trends {
			for _, seasonal := range seasons {
				if f := smooth(series, level, trend, seasonal, period, ahead); f.spread < best.spread || best.values == nil {
					best = f
				}
			}
		}
	}
	return best
}

// smooth forecasts each value from the earlier values, by exponential smoothing.
func smooth(series []float64, level, trend, seasonal float64, period, ahead int) forecast {
	n := len(series)
	f := forecast{values: make([]float64, n+ahead), known: n}
	cycle := make([]float64, max(1, period))
	at, slope, begun := 0.0, 0.0, false
	mistakes, count := 0.0, 0.0
	for i := range f.values {
		phase := i % len(cycle)
		expected := at + slope + cycle[phase]
		if f.values[i] = expected; !begun {
			f.values[i] = math.NaN()
		}
		if i >= n || math.IsNaN(series[i]) {
			if begun {
				at += slope
			}
			continue
		}
		x := series[i]
		if !begun {
			at, begun = x, true
			continue
		}
		mistake := x - expected
		mistakes += mistake * mistake
		count++
		at += slope + level*mistake
		slope += level * trend * mistake
		if seasonal > 0 {
			cycle[phase] += seasonal * (1 - level) * mistake
		}
	}
	if count > 0 {
		f.spread = math.Sqrt(mistakes / count)
	}
	return f
}

// blend combines two forecasts, weighted by their errors.
func blend(a, b forecast) forecast {
	wa, wb := b.spread*b.spread, a.spread*a.spread
	if wa+wb == 0 {
		wa, wb = 1, 1
	}
	out := forecast{values: make([]float64, len(a.values)), known: a.known}
	for i := range out.values {
		out.values[i] = (wa*a.values[i] + wb*b.values[i]) / (wa + wb)
	}
	out.spread = math.Sqrt((wa*a.spread*a.spread + wb*b.spread*b.spread) / (wa + wb))
	return out
}

// maxSeason is the longest season that is tried.
const maxSeason = 400

// season returns the lag with the highest autocorrelation; 0 without a season.
func season(series []float64) int {
	var mean, n float64
	for _, x := range series {
		if !math.IsNaN(x) {
			mean += x
			n++
		}
	}
	if mean /= n; n < 4 {
		return 0
	}
	like := func(lag int) float64 {
		var both, all float64
		for i, x := range series {
			if math.IsNaN(x) {
				continue
			}
			all += (x - mean) * (x - mean)
			if i >= lag && !math.IsNaN(series[i-lag]) {
				both += (x - mean) * (series[i-lag] - mean)
			}
		}
		if all == 0 {
			return 0
		}
		return both / all
	}
	best, most := 0, 0.3
	for lag := 2; lag <= min(len(series)/2, maxSeason); lag++ {
		if l := like(lag); l > most && l > like(lag-1) {
			best, most = lag, l
		}
	}
	return best
}
