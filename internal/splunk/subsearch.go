package splunk

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"tocsin/internal/translate/spl"
)

// maxSubsearch is the maximum number of rows of a subsearch that become a condition, as in Splunk.
const maxSubsearch = 10000

// resolve replaces the subsearches of a condition with their results: any of the rows, each with all of its
// fields.
func (r *run) resolve(x spl.Expr) (spl.Expr, error) {
	switch x := x.(type) {
	case *spl.And:
		xs, err := r.resolveAll(x.Xs)
		return &spl.And{Xs: xs}, err
	case *spl.Or:
		xs, err := r.resolveAll(x.Xs)
		return &spl.Or{Xs: xs}, err
	case *spl.Not:
		inner, err := r.resolve(x.X)
		return &spl.Not{X: inner, Span: x.Span}, err
	case *spl.Subsearch:
		return r.found(x)
	case *spl.SubCompare:
		return r.compared(x)
	}
	return x, nil
}

func (r *run) resolveAll(xs []spl.Expr) ([]spl.Expr, error) {
	out := make([]spl.Expr, len(xs))
	for i, x := range xs {
		y, err := r.resolve(x)
		if err != nil {
			return nil, err
		}
		out[i] = y
	}
	return out, nil
}

// nothing is a condition that matches no row.
func nothing(x spl.Expr) spl.Expr {
	return &spl.Not{X: &spl.Every{Span: x.Pos()}, Span: x.Pos()}
}

func (r *run) found(x *spl.Subsearch) (spl.Expr, error) {
	rows, err := r.rows(r.account("a subsearch"), x.Search, maxSubsearch)
	if err != nil {
		return nil, err
	}
	var rowsWanted []spl.Expr
	for _, row := range rows.rows {
		all, err := condition(row)
		if err != nil {
			return nil, err
		}
		if all != nil {
			rowsWanted = append(rowsWanted, all)
		}
	}
	switch len(rowsWanted) {
	case 0:
		return nothing(x), nil
	case 1:
		return rowsWanted[0], nil
	}
	return &spl.Or{Xs: rowsWanted}, nil
}

// returns holds the values that a subsearch returns with return $field; an error if its rows are not such values.
func (r *run) returns(s *spl.Search) ([]Value, error) {
	rows, err := r.rows(r.account("a subsearch"), s, maxSubsearch)
	if err != nil {
		return nil, err
	}
	var out []Value
	for _, row := range rows.rows {
		v := row.Get("search")
		if v.IsNull() && len(row) > 0 {
			return nil, errors.New("run a subsearch: in the place of a value it has to end with return $field")
		}
		out = append(out, v.Each()...)
	}
	return out, nil
}

// compared compares a field with the values that a subsearch returns. Without values no row matches.
func (r *run) compared(x *spl.SubCompare) (spl.Expr, error) {
	values, err := r.returns(x.Search)
	if err != nil {
		return nil, err
	}
	var tests []spl.Expr
	for _, v := range values {
		tests = append(tests, &spl.Compare{Field: x.Field, Op: x.Op, Value: spl.Value{Text: v.String(), Quoted: true, Span: x.Span}})
	}
	switch len(tests) {
	case 0:
		return nothing(x), nil
	case 1:
		return tests[0], nil
	}
	return &spl.Or{Xs: tests}, nil
}

// condition requires all fields of a row, except fields whose names start with an underscore. The fields search
// and query are parsed as conditions.
func condition(row Row) (spl.Expr, error) {
	var found []spl.Expr
	for _, name := range slices.Sorted(maps.Keys(row)) {
		if name[:1] == "_" {
			continue
		}
		var one []spl.Expr
		for _, v := range row[name].Each() {
			if name == "search" || name == "query" {
				x, err := spl.ParseCondition(v.String())
				if err != nil {
					return nil, fmt.Errorf("read the condition that a subsearch gives: %w", err)
				}
				if x != nil {
					one = append(one, x)
				}
				continue
			}
			one = append(one, &spl.Compare{Field: spl.Name{Text: name}, Op: "=", Value: spl.Value{Text: v.String(), Quoted: true}})
		}
		switch len(one) {
		case 0:
		case 1:
			found = append(found, one[0])
		default:
			found = append(found, &spl.Or{Xs: one})
		}
	}
	return all(found), nil
}

// returned is the command return: it returns fields of the first rows.
type returned struct {
	next stage
	spec *spl.Return
	n    int
}

func (s *returned) row(row Row) error {
	if s.n == s.spec.N {
		return errDone
	}
	s.n++
	out := Row{}
	for i, p := range s.spec.Pairs {
		v := row.Get(p.From.Text)
		if s.spec.Bare[i] {
			out.set("search", v)
			continue
		}
		out.set(p.To.Text, v)
	}
	return s.next.row(out)
}

func (s *returned) end() error { return s.next.end() }

// mapped runs a search for each row, with $field$ replaced.
type mapped struct {
	next stage
	run  *run
	spec *spl.Map
	n    int
}

func (s *mapped) row(row Row) error {
	if s.n == s.spec.Max {
		return nil
	}
	s.n++
	search, err := s.run.parseAgain("map", Tokens(s.spec.Template.Value, row, nil))
	if err != nil {
		return err
	}
	if diags := Check(search, s.run.env); diags.HasErrors() {
		return fmt.Errorf("run map: %w", diags.Err())
	}
	return s.run.search(search, rowsOnly{s.next})
}

func (s *mapped) end() error { return s.next.end() }

// rowsOnly passes rows on, but not the end of the rows.
type rowsOnly struct{ stage }

func (rowsOnly) end() error { return nil }
