package splunk

import (
	"fmt"
	"strings"

	"tocsin/internal/match/pcre"
	"tocsin/internal/translate/spl"
)

// perRow is a command that makes at most one row from each row.
type perRow struct {
	next stage
	run  *run
	// change returns false to drop the row.
	change func(Row) (bool, error)
}

func (s *perRow) row(row Row) error {
	keep, err := s.change(row)
	if err != nil || !keep {
		return err
	}
	return s.next.row(row)
}

func (s *perRow) end() error { return s.next.end() }

// mutate is a perRow that drops no rows and cannot fail.
func (r *run) mutate(next stage, change func(Row)) stage {
	return &perRow{next, r, func(row Row) (bool, error) {
		change(row)
		return true, nil
	}}
}

// stage returns the stage of one command.
func (r *run) stage(c spl.Stage, next stage) (stage, error) {
	switch c := c.(type) {
	case *spl.Find:
		where, err := r.resolve(c.X)
		if err != nil {
			return nil, err
		}
		p := compileExpr(where, same)
		return &perRow{next, r, func(row Row) (bool, error) { return p(row), nil }}, nil
	case *spl.Where:
		p, s := compileNode(c.X), r.scope()
		return &perRow{next, r, func(row Row) (bool, error) {
			v, err := s.eval(p, row)
			return v.isTrue(), err
		}}, nil
	case *spl.Eval:
		return r.eval(c, next), nil
	case *spl.Aggregate:
		return r.aggregate(c, next), nil
	case *spl.Rename:
		return r.mutate(next, renamer(c.Pairs)), nil
	case *spl.Table:
		return &perRow{next, r, keeper(c.Names, false)}, nil
	case *spl.Fields:
		if c.Remove {
			return r.mutate(next, remover(c.Names)), nil
		}
		return &perRow{next, r, keeper(c.Names, true)}, nil
	case *spl.Fillnull:
		return r.fillnull(c, next), nil
	case *spl.Dedup:
		return newDedup(r, c, next), nil
	case *spl.Sort:
		return newSorted(r, c, next), nil
	case *spl.Rex:
		return r.rex(c, next)
	case *spl.Regex:
		return r.regex(c, next)
	case *spl.Bin:
		return r.bin(c, next), nil
	case *spl.Convert:
		return r.mutate(next, r.converter(c)), nil
	case *spl.Lookup:
		return r.lookup(c, next)
	case *spl.InputLookup:
		return &appended{next: next, run: r, more: func(out stage) error { return r.inputLookup(c, out) }}, nil
	default:
		return r.otherStage(c, next)
	}
}

// otherStage returns the stages of less frequent commands.
func (r *run) otherStage(c spl.Stage, next stage) (stage, error) {
	switch c := c.(type) {
	case *spl.Mvexpand:
		return &expanded{next, c}, nil
	case *spl.Makemv:
		return r.makemv(c, next)
	case *spl.Nomv:
		return r.mutate(next, func(row Row) {
			if v := row.Get(c.Field.Text); !v.IsNull() {
				row.set(row.key(c.Field.Text), Text(v.String()))
			}
		}), nil
	case *spl.Mvcombine:
		return &combined{next: next, spec: c, rows: kept{account: r.account("mvcombine")}, at: map[string]int{}}, nil
	case *spl.Spath:
		return r.mutate(next, spather(c)), nil
	case *spl.FromJSON:
		return r.mutate(next, fromJSON(c)), nil
	case *spl.Xmlkv:
		return r.mutate(next, xmlkv(c)), nil
	case *spl.Extract:
		return r.mutate(next, extractor(c)), nil
	case *spl.Replace:
		return r.mutate(next, replacer(c)), nil
	case *spl.Foreach:
		return newEachField(r, c, next), nil
	case *spl.Join:
		return r.join(c, next)
	case *spl.Append:
		if c.Pipe {
			return &appendedPipe{next: next, run: r, spec: c, rows: kept{account: r.account("appendpipe")}}, nil
		}
		return &appended{next: next, run: r, more: func(out stage) error { return r.search(c.Sub, rowsOnly{out}) }}, nil
	case *spl.Transaction:
		return newTransactions(r, c, next), nil
	case *spl.IPLocation:
		return r.mutate(next, r.locator(c)), nil
	case *spl.Head:
		if c.Tail {
			return &tail{next: next, n: c.N, rows: kept{account: r.account("tail")}}, nil
		}
		return newHead(r, c, next), nil
	case *spl.Top:
		return newTop(r, c, next), nil
	case *spl.AddTotals:
		return &totals{next: next, spec: c, account: r.account("addtotals"), sums: Row{}}, nil
	case *spl.Reverse:
		return &tail{next: next, n: -1, rows: kept{account: r.account("tail")}}, nil
	case *spl.Return:
		return &returned{next: next, spec: c}, nil
	case *spl.Format:
		return &formatted{next: next, spec: c, account: r.account("format")}, nil
	case *spl.Map:
		return &mapped{next: next, run: r, spec: c}, nil
	}
	return r.rareStage(c, next)
}

// rareStage returns the stages of rare commands.
func (r *run) rareStage(c spl.Stage, next stage) (stage, error) {
	switch c := c.(type) {
	case *spl.Accum:
		return r.mutate(next, accumulated(c)), nil
	case *spl.Delta:
		return r.differing(c, next), nil
	case *spl.Autoregress:
		return r.regressed(c, next), nil
	case *spl.Filldown:
		return r.filledDown(c, next), nil
	case *spl.Uniq:
		return r.unlikeLast(next), nil
	case *spl.Trendline:
		return r.trended(c, next), nil
	case *spl.Strcat:
		return r.mutate(next, joinedTexts(c)), nil
	case *spl.Rangemap:
		return r.mutate(next, ranger(c)), nil
	case *spl.ToJSON:
		return r.mutate(next, jsonWriter(c)), nil
	case *spl.Fieldformat, *spl.Noop:
		return next, nil
	case *spl.AddInfo:
		return r.mutate(next, r.informed()), nil
	case *spl.Makecontinuous:
		return newContinuous(r, c, next), nil
	case *spl.Chart:
		return newChart(r, c, next), nil
	case *spl.Xyseries:
		return &xyseries{next, c, kept{account: r.account("xyseries")}, map[string]int{}}, nil
	case *spl.Untable:
		return &untabled{next, c}, nil
	case *spl.Transpose:
		return &transposed{next, c, kept{account: r.account("transpose")}}, nil
	case *spl.AppendCols:
		return r.appendCols(c, next)
	case *spl.Tstats:
		return &appended{next: next, run: r, more: func(out stage) error { return r.tstats(c, out) }}, nil
	case *spl.Union:
		return &appended{next: next, run: r, more: func(out stage) error { return r.union(c, out) }}, nil
	case *spl.OutputLookup:
		return newOutputLookup(r, c, next), nil
	case *spl.Collect:
		return &collected{next: next, run: r, spec: c}, nil
	case *spl.Fit:
		return newFitted(r, c, next), nil
	case *spl.Apply:
		return r.applied(c, next), nil
	case *spl.Predict:
		return &predicted{next: next, run: r, spec: c, rows: kept{account: r.account("predict")}}, nil
	case *spl.AnomalyDetection:
		return &anomalies{next: next, run: r, spec: c, rows: kept{account: r.account("anomalydetection")}}, nil
	case *spl.XPath:
		return r.mutate(next, xpath(c)), nil
	case *spl.Multikv:
		return &tabled{next, r, c}, nil
	case *spl.Outlier:
		return &outliers{next: next, run: r, spec: c, rows: kept{account: r.account("outlier")}}, nil
	}
	return nil, fmt.Errorf("run %s: it takes no rows", c.Command())
}

func (r *run) eval(c *spl.Eval, next stage) stage {
	programs := make([]program, len(c.Sets))
	for i, set := range c.Sets {
		programs[i] = compileNode(set.X)
	}
	s := r.scope()
	return &perRow{next, r, func(row Row) (bool, error) {
		for i, p := range programs {
			v, err := s.eval(p, row)
			if err != nil {
				return false, err
			}
			if err := r.fits("eval", v); err != nil {
				return false, err
			}
			name := c.Sets[i].Field.Text
			if c.Sets[i].Computed {
				if name = computedName(name, row); name == "" {
					continue
				}
			}
			row.set(row.key(name), v)
		}
		return true, nil
	}}
}

// computedName replaces field names in braces with the fields' values; "" if a field is missing.
func computedName(name string, row Row) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(name, "{")
		if b.WriteString(before); !ok {
			return b.String()
		}
		field, after, _ := strings.Cut(rest, "}")
		if field == "" {
			b.WriteString("{}")
		} else {
			v := row.Get(field)
			if v.IsNull() {
				return ""
			}
			b.WriteString(v.String())
		}
		name = after
	}
}

func (r *run) regex(c *spl.Regex, next stage) (stage, error) {
	re, err := pcre.Compile(c.Pattern.Value)
	if err != nil {
		return nil, err
	}
	return &perRow{next, r, func(row Row) (bool, error) {
		matched := false
		for _, x := range fieldOrRaw(row, c.Field).Each() {
			ok, err := re.Match(x.String())
			if err != nil {
				return false, err
			}
			matched = matched || ok
		}
		return matched != c.Negate, nil
	}}, nil
}

// fieldOrRaw returns a field. _raw may have one of its Elasticsearch names.
func fieldOrRaw(row Row, name string) Value {
	if name == "_raw" {
		for _, f := range rawFields {
			if v, ok := row[f]; ok {
				return v
			}
		}
	}
	return row.Get(name)
}
