package splunk

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/search/tables"
	"tocsin/internal/translate/spl"
)

// density is a model of how the values of each field are distributed, for each combination of values of by:
// normally about their mean, or decreasing from the minimum.
type density struct {
	fields, by []string
	decays     bool
	shares     spl.Shares
	groups     map[string]spread
}

type spread struct{ n, mean, m2, least float64 }

// usualShare is the default share of values that are outliers.
const usualShare = 0.01

func (m *density) key(row Row, field string) (string, bool) {
	parts := []string{field}
	for _, name := range m.by {
		v := row.Get(name)
		if v.IsNull() {
			return "", false
		}
		parts = append(parts, v.String())
	}
	return strings.Join(parts, "\x00"), true
}

// learn adds the values of a row, and returns approximately how many more bytes the model takes.
func (m *density) learn(row Row) int {
	held := 0
	for _, field := range m.fields {
		key, ok := m.key(row, field)
		x, isNumber := row.Get(field).Float()
		if !ok || !isNumber {
			continue
		}
		s, known := m.groups[key]
		if !known {
			held += len(key) + 64
			s.least = x
		}
		s.least = min(s.least, x)
		s.n++
		d := x - s.mean
		s.mean += d / s.n
		s.m2 += d * (x - s.mean)
		m.groups[key] = s
	}
	return held
}

// judge reports whether a row is an outlier, and the bounds. A row of an unknown group is not an outlier.
func (m *density) judge(row Row, shares spl.Shares) {
	if shares == (spl.Shares{}) {
		shares = m.shares
	}
	if shares == (spl.Shares{}) {
		shares.Both = usualShare
	}
	for _, field := range m.fields {
		x, isNumber := row.Get(field).Float()
		key, _ := m.key(row, field)
		s := m.groups[key]
		if !isNumber {
			continue
		}
		outlier := 0.0
		if s.n >= 2 {
			low, high := s.bounds(shares)
			if m.decays {
				low, high = s.decay(shares)
			}
			if x < low || x > high {
				outlier = 1
			}
			row.set("BoundaryRanges", Several(Text("-Infinity:"+formatNumber(low)), Text(formatNumber(high)+":Infinity")))
		}
		row.set("IsOutlier("+field+")", Number(outlier))
	}
}

// bounds returns the values outside of which the share of outliers is.
func (s spread) bounds(shares spl.Shares) (low, high float64) {
	deviation := math.Sqrt(s.m2 / s.n)
	lower, upper := shares.Lower, shares.Upper
	if lower == 0 && upper == 0 {
		lower, upper = shares.Both/2, shares.Both/2
	}
	low, high = math.Inf(-1), math.Inf(1)
	if lower > 0 {
		low = s.mean + deviation*math.Sqrt2*math.Erfinv(2*lower-1)
	}
	if upper > 0 {
		high = s.mean - deviation*math.Sqrt2*math.Erfinv(2*upper-1)
	}
	return low, high
}

// decay returns the bounds for values that decrease from the minimum: rare values are above.
func (s spread) decay(shares spl.Shares) (low, high float64) {
	share := shares.Upper
	if share == 0 {
		share = shares.Both
	}
	if share == 0 {
		return math.Inf(-1), math.Inf(1)
	}
	return math.Inf(-1), s.least - (s.mean-s.least)*math.Log(share)
}

// modelKey returns the name under which a model is stored. No lookup has such a name.
func modelKey(name string) string { return "__mlspl_" + name }

// table returns the model as a table: a row with its settings, and one row for each group.
func (m *density) table(now time.Time) tables.Table {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	t := tables.Table{Columns: []string{"key", "n", "mean", "m2", "least"}, Updated: now.UTC(), Rows: [][]string{
		{strings.Join(m.fields, "\x00"), number(m.shares.Both), number(m.shares.Lower), number(m.shares.Upper), number(map[bool]float64{true: 1}[m.decays])},
		{strings.Join(m.by, "\x00"), "", "", "", ""},
	}}
	for key, s := range m.groups {
		t.Rows = append(t.Rows, []string{key, number(s.n), number(s.mean), number(s.m2), number(s.least)})
	}
	return t
}

var errNoModel = errors.New("it is no model that fit has made")

func densityOf(t tables.Table) (*density, error) {
	if len(t.Rows) < 2 {
		return nil, errNoModel
	}
	numbers := func(row []string) (out [4]float64, err error) {
		if len(row) != 5 {
			return out, errNoModel
		}
		for i := range out {
			if out[i], err = strconv.ParseFloat(row[i+1], 64); err != nil {
				return out, errNoModel
			}
		}
		return out, nil
	}
	shares, err := numbers(t.Rows[0])
	if err != nil {
		return nil, err
	}
	m := &density{fields: strings.Split(t.Rows[0][0], "\x00"), shares: spl.Shares{Both: shares[0], Lower: shares[1], Upper: shares[2]}, decays: shares[3] == 1, groups: map[string]spread{}}
	if t.Rows[1][0] != "" {
		m.by = strings.Split(t.Rows[1][0], "\x00")
	}
	for _, row := range t.Rows[2:] {
		x, err := numbers(row)
		if err != nil {
			return nil, err
		}
		m.groups[row[0]] = spread{x[0], x[1], x[2], x[3]}
	}
	return m, nil
}

// fitted trains the model with all rows before it judges them.
type fitted struct {
	next  stage
	run   *run
	spec  *spl.Fit
	model *density
	rows  kept
}

func newFitted(r *run, c *spl.Fit, next stage) stage {
	m := &density{shares: c.Shares, decays: c.Decays, groups: map[string]spread{}}
	for _, n := range c.Fields {
		m.fields = append(m.fields, n.Text)
	}
	for _, n := range c.By {
		m.by = append(m.by, n.Text)
	}
	return &fitted{next, r, c, m, kept{account: r.account("fit")}}
}

func (s *fitted) row(row Row) error {
	if err := s.rows.account.hold(s.model.learn(row)); err != nil {
		return err
	}
	return s.rows.add(row)
}

func (s *fitted) end() error {
	if s.spec.Model != "" && s.run.env.Tables != nil {
		err := s.run.env.Tables.Write(s.run.ctx, modelKey(s.spec.Model), func(tables.Table, bool) (tables.Table, error) {
			return s.model.table(s.run.window.Now), nil
		})
		if err != nil {
			return fmt.Errorf("run fit: %w", err)
		}
	}
	err := s.rows.drain(func(_ int, row Row) error {
		s.model.judge(row, s.spec.Shares)
		return s.next.row(row)
	})
	if err != nil {
		return err
	}
	s.rows.account.close()
	return s.next.end()
}

// applied judges rows by a stored model. A missing model is an error.
func (r *run) applied(c *spl.Apply, next stage) stage {
	var model *density
	return &perRow{next, r, func(row Row) (bool, error) {
		if model == nil {
			var err error
			if model, err = r.readModel(c.Model.Text); err != nil {
				return false, fmt.Errorf("run apply: the model %s: %w", c.Model.Text, err)
			}
		}
		model.judge(row, c.Shares)
		return true, nil
	}}
}

func (r *run) readModel(name string) (*density, error) {
	if r.env.Tables == nil {
		return nil, errors.New("no models are kept here")
	}
	t, found, err := r.env.Tables.Read(r.ctx, modelKey(name))
	switch {
	case err != nil:
		return nil, err //nolint:wrapcheck // The caller says which model.
	case !found:
		return nil, errors.New("it is not there: a search with fit makes it")
	}
	return densityOf(t)
}
