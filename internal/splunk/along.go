package splunk

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/translate/spl"
)

// accumulated sets a field to the running total of its rows. A row without a number is not changed.
func accumulated(c *spl.Accum) func(Row) {
	sum := 0.0
	return func(row Row) {
		if x, ok := row.Get(c.Field.Text).Float(); ok {
			sum += x
			row.set(row.key(c.As), Number(sum))
		}
	}
}

// trail holds the values of a field in the last rows, the newest last.
type trail struct {
	account *account
	most    int
	values  []Value
}

func (t *trail) add(v Value) error {
	if len(t.values) == t.most {
		t.account.release(t.values[0].size())
		t.values = append(t.values[:0:0], t.values[1:]...)
	}
	t.values = append(t.values, v)
	return t.account.hold(v.size())
}

// back returns the value of the field n rows before.
func (t *trail) back(n int) Value {
	if n > len(t.values) {
		return Null
	}
	return t.values[len(t.values)-n]
}

// differing sets the difference to an earlier row if both have a number.
func (r *run) differing(c *spl.Delta, next stage) stage {
	past := &trail{account: r.account("delta"), most: c.Back}
	return &perRow{next, r, func(row Row) (bool, error) {
		v := row.Get(c.Field.Text)
		x, isX := v.Float()
		if y, isY := past.back(c.Back).Float(); isX && isY {
			row.set(c.As, Number(x-y))
		}
		return true, past.add(v)
	}}
}

// regressed sets the values of earlier rows.
func (r *run) regressed(c *spl.Autoregress, next stage) stage {
	past := &trail{account: r.account("autoregress"), most: c.To}
	return &perRow{next, r, func(row Row) (bool, error) {
		v := row.Get(c.Field.Text)
		for n := c.From; n <= c.To; n++ {
			name := c.As
			if name == "" {
				name = c.Field.Text + "_p" + formatNumber(float64(n))
			}
			row.set(name, past.back(n))
		}
		return true, past.add(v)
	}}
}

// filledDown sets missing fields to the last value of an earlier row.
func (r *run) filledDown(c *spl.Filldown, next stage) stage {
	held, last := r.account("filldown"), Row{}
	wanted := func(name string) bool {
		for _, n := range c.Names {
			if _, ok := captures(n.Text, name); ok {
				return true
			}
		}
		return len(c.Names) == 0
	}
	return &perRow{next, r, func(row Row) (bool, error) {
		for name, v := range row {
			if wanted(name) {
				if err := held.hold(v.size() - last[name].size()); err != nil {
					return false, err
				}
				last[name] = v
			}
		}
		for name, v := range last {
			if row[name].IsNull() {
				row[name] = v
			}
		}
		return true, nil
	}}
}

// unlikeLast drops rows with the same values as the previous row. Events are compared by their text.
func (r *run) unlikeLast(next stage) stage {
	last, seen := "", false
	return &perRow{next, r, func(row Row) (bool, error) {
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(row)) {
			if !hidden(name) || name == "_raw" {
				b.WriteString(name + "\x00" + row[name].String() + "\x00")
			}
		}
		same := seen && b.String() == last
		last, seen = b.String(), true
		return !same, nil
	}}
}

// trended sets moving averages. A row with too few rows before it has no value.
func (r *run) trended(c *spl.Trendline, next stage) stage {
	pasts := make([]*trail, len(c.Trends))
	exponential := make([]float64, len(c.Trends))
	seen := make([]int, len(c.Trends))
	for i, t := range c.Trends {
		pasts[i] = &trail{account: r.account("trendline"), most: t.Over}
	}
	return &perRow{next, r, func(row Row) (bool, error) {
		for i, t := range c.Trends {
			v := row.Get(t.Field.Text)
			x, ok := v.Float()
			if !ok {
				continue
			}
			if err := pasts[i].add(v); err != nil {
				return false, err
			}
			if seen[i]++; seen[i] == 1 {
				exponential[i] = x
			} else {
				exponential[i] += (x - exponential[i]) * 2 / float64(t.Over+1)
			}
			if seen[i] < t.Over {
				continue
			}
			average := exponential[i]
			if t.Func != "ema" {
				average = pasts[i].average(t.Func == "wma")
			}
			row.set(t.As, Number(average))
		}
		return true, nil
	}}
}

// average returns the mean of all values, or their mean weighted by 1, 2, 3 and so on.
func (t *trail) average(weighted bool) float64 {
	sum, weights := 0.0, 0.0
	for i, v := range t.values {
		w := 1.0
		if weighted {
			w = float64(i + 1)
		}
		x, _ := v.Float()
		sum += w * x
		weights += w
	}
	return sum / weights
}
