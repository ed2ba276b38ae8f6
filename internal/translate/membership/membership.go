// Package membership determines which events belong to a source, or a log source, of the field map. It parses the condition
// in KQL and lowers it under the mapping of the indices.
package membership

import (
	"sync"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/kql"
)

// Check is a [fieldmap.Check] of the conditions of sources.
func Check(s fieldmap.Source) diag.List {
	if s.Where.Value == "" {
		return nil
	}
	_, diags := kql.Parse(s.Where)
	return diags
}

// Names returns the fields that the condition of a source tests.
func Names(s fieldmap.Source) []string {
	if s.Where.Value == "" {
		return nil
	}
	p, _ := parse(s.Where)
	if p == nil {
		return nil
	}
	return p.names
}

// parsed is a condition that was parsed, with the fields that it tests.
type parsed struct {
	query *kql.Query
	names []string
}

// known holds the conditions that were parsed without a diagnostic, by their text: thousands of rules share the few of the
// field maps, and each is lowered under every mapping.
var known sync.Map

// parse parses a condition. It is nil when a diagnostic is an error.
func parse(where diag.Text) (*parsed, diag.List) {
	if p, ok := known.Load(where.Value); ok {
		return p.(*parsed), nil //nolint:forcetypeassert // nothing else is stored
	}
	q, diags := kql.Parse(where)
	if q == nil {
		return nil, diags
	}
	p := &parsed{q, q.Names()}
	if len(diags) == 0 {
		known.Store(where.Value, p)
	}
	return p, diags
}

// Condition returns the condition of a source's events. Tests of unmapped fields are false, and now is the slot. The
// condition is nil when a diagnostic is an error.
func Condition(s fieldmap.Source, fields mapping.Fields, slot time.Time) (condition.Expr, diag.List) {
	where, diags := lower(s.Where, fields, false)
	if where == nil {
		return nil, diags
	}
	where, _ = condition.AsOf(where, fields, slot)
	return where, diags
}

// Of is true of events of a log source that are kept in one way, as [Condition] is of those of a source; now is left to
// who knows the slot. Fields that no index has are not reported: a condition names those of each way in which events may
// be kept, and indices have those of one.
func Of(e fieldmap.Events, fields mapping.Fields) (condition.Expr, diag.List) {
	var all condition.And
	var diags diag.List
	for _, where := range e.Where {
		one, faults := lower(where, fields, true)
		diags = append(diags, faults...)
		if one == nil {
			return nil, diags
		}
		all = append(all, one)
	}
	return condition.Simplify(all), diags
}

func lower(where diag.Text, fields mapping.Fields, quiet bool) (condition.Expr, diag.List) {
	if where.Value == "" {
		return condition.Const(true), nil
	}
	p, diags := parse(where)
	if p == nil {
		return nil, diags
	}
	x, diags := kql.Lower(p.query, where, kql.Options{Fields: fields, IgnoreUnmapped: true, Quiet: quiet})
	if x == nil {
		return nil, diags
	}
	return wholeValues(x, fields), diags
}

// NamesOf are the fields that the conditions of events of a log source test.
func NamesOf(e fieldmap.Events) []string {
	var out []string
	for _, where := range e.Where {
		out = append(out, Names(fieldmap.Source{Where: where})...)
	}
	return out
}

// wholeValues replaces tests of analysed text by tests of its keyword field, if there is one, as the conditions of sources
// mean whole values.
func wholeValues(x condition.Expr, fields mapping.Fields) condition.Expr {
	exact := func(name string) (string, bool) {
		f, ok := fields.Field(name)
		if !ok || f.Type.Family() != mapping.FamilyText || f.Exact == "" {
			return "", false
		}
		_, ok = fields.Field(f.Exact)
		return f.Exact, ok
	}
	return condition.Map(x, func(x condition.Expr) condition.Expr {
		switch x := x.(type) {
		case condition.Match:
			if name, ok := exact(x.Field); ok {
				x.Field = name
				return x
			}
		case condition.QueryString:
			if name, ok := exact(x.Field); ok {
				return condition.Wildcard{Field: name, Pattern: x.Pattern}
			}
		}
		return x
	})
}

// Impossible reports whether no event can match a condition, because fields that it needs are not mapped.
func Impossible(x condition.Expr, fields mapping.Fields) bool {
	x = condition.Map(x, func(x condition.Expr) condition.Expr {
		if l, is := x.(condition.LeftOut); is && l.Unmapped != "" {
			return x
		}
		names := condition.Fields(x)
		for _, name := range names {
			if _, mapped := fields.Field(name); mapped || mapping.IsMetadata(name) {
				return x
			}
		}
		if len(names) == 0 {
			return x
		}
		return condition.Const(false)
	})
	return condition.Simplify(x) == condition.Expr(condition.Const(false))
}
