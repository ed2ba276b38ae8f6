package pushdown

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/diag/failure"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/splunk"
)

var _ splunk.Grouper = (*Events)(nil)

// grouping is a grouping of a search, bound to fields.
type grouping struct {
	by, fields []mapping.Field
	times      bool
	// unless is the condition of events whose values are in other fields or not indexed. If there is one such event, all
	// events must be read.
	unless condition.Or
}

// Grouping returns the request that counts the groups of a search; false if the index may lack values that rows have.
func (p *Plan) Grouping(g splunk.Grouping) (search.GroupRequest, bool) {
	bound, ok := p.group(g)
	if !ok {
		return search.GroupRequest{}, false
	}
	return search.GroupRequest{Request: p.Request, By: bound.by, NoTimes: !g.Times, Missing: g.Missing}, true
}

// group binds the fields of a grouping.
func (p *Plan) group(g splunk.Grouping) (grouping, bool) {
	out := grouping{times: g.Times}
	if !p.countable || p.Nothing {
		return out, false
	}
	if f, ok := p.Target.Fields.Field(p.Request.Time.Field); ok && f.Type == mapping.DateNanos {
		return out, false // its aggregations are to the millisecond
	}
	for _, x := range p.leftOut {
		out.unless = append(out.unless, x)
	}
	add := func(names []string, to *[]mapping.Field) bool {
		for _, name := range names {
			f, others, ok := p.indexed(name)
			hidden := lowerer{view: p.View, fields: p.Target.Fields, exact: true}
			noted := hidden.hidden(name)
			if !ok || !hidden.exact {
				return false
			}
			out.unless = append(out.unless, noted...)
			*to = append(*to, f)
			for _, other := range others {
				out.unless = append(out.unless, condition.And{condition.Exists{Field: other.Name}, condition.Not{X: condition.Exists{Field: f.Name}}})
			}
		}
		return true
	}
	return out, add(g.By, &out.by) && add(g.Fields, &out.fields)
}

// indexed returns the field whose indexed values are the values of rows under a name: a field of unchanged texts or of
// whole numbers. An event without this field may have the value in one of the others.
func (p *Plan) indexed(name string) (f mapping.Field, others []mapping.Field, ok bool) {
	// Rows have values that no index has: sourcetype and the like even if the event has none, and nulls in arrays of
	// objects.
	if p.View.selectors[name] || strings.Contains(name, "{}") {
		return f, nil, false
	}
	var found []mapping.Field
	several := false
	for _, place := range p.View.where(name) {
		for _, n := range place.Names {
			ways := p.View.values(n, p.Target.Fields)
			if len(ways) > 1 {
				return f, nil, false
			}
			field, mapped := p.Target.Fields.Field(n)
			if len(ways) == 1 && p.View.object(field) {
				return f, nil, false // an object in some indices
			}
			if !mapped || len(ways) == 0 || slices.ContainsFunc(found, func(x mapping.Field) bool { return x.Name == field.Name }) {
				continue
			}
			if place.Lower || place.Values != nil || place.Base && n != fieldmap.Bare(name) {
				return f, nil, false
			}
			several = several || place.All
			found = append(found, field)
		}
	}
	if len(found) == 0 || several && len(found) > 1 {
		return f, nil, false
	}
	f, others = found[0], found[1:]
	guarded := len(p.View.Sources) < 2 && (p.View.Model != "" || p.guarded)
	plain := (f.Type == mapping.Keyword || f.Type == mapping.Wildcard || whole(f)) &&
		f.Normalizer == "" && f.NullValue == nil && f.Path == "" && f.Nested == "" && f.Opaque == "" && !f.Keyed
	return f, others, plain && (guarded || f.Name == fieldmap.Bare(name) && len(others) == 0)
}

// whole reports whether a field has whole numbers. Rows have them in the form of the index ([Plan.Document]).
func whole(f mapping.Field) bool {
	return f.Type.Family() == mapping.FamilyInteger && f.Type != mapping.UnsignedLong
}

// integers returns the names, of those given, that are stored in a single field of whole numbers.
func (p *Plan) integers(names []string) (out []string) {
	for _, name := range names {
		if f, others, ok := p.indexed(name); ok && whole(f) && len(others) == 0 {
			out = append(out, name)
		}
	}
	return out
}

// settle rewrites whole numbers of a row in the form of the index.
func (p *Plan) settle(row splunk.Row) {
	for _, name := range p.wholes {
		values := row.Get(name).Each()
		if len(values) == 0 {
			continue
		}
		out := make([]splunk.Value, 0, len(values))
		for _, v := range values {
			if x, ok := v.Float(); ok {
				v = splunk.Text(strconv.FormatInt(int64(x), 10))
			}
			out = append(out, v)
		}
		row[name] = splunk.Several(out...)
	}
}

// Groups counts groups by aggregations, if the condition is exact and the index has all values of the events.
func (e *Events) Groups(ctx context.Context, s splunk.Scan, g splunk.Grouping, visit func(splunk.Part) error) (bool, error) {
	grouper, can := search.As[search.Grouper](e.Search)
	counter, counts := search.As[search.Counter](e.Search)
	if !can || !counts {
		return false, nil
	}
	asking := *e
	asking.Also = slices.Concat(g.By, g.Fields)
	plan, diags, err := asking.Plan(ctx, s)
	if err != nil {
		return true, err
	}
	if plan == nil {
		return true, diags.Err()
	}
	bound, ok := plan.group(g)
	if !ok || plan.PartialErr != nil || e.known(plan.Request) {
		return false, nil //nolint:nilerr // reading the events will report what is wrong
	}
	if all, err := bound.whole(ctx, counter, plan.Request); err != nil || !all {
		return err != nil, err
	}
	// Until the first group is passed on, a failed aggregation can be replaced by counting in memory.
	begun := false
	var stopped error
	groups := func(r search.GroupRequest, field int) error {
		_, err := grouper.Groups(ctx, r, func(page []search.Group) (bool, error) {
			begun = true
			for _, group := range page {
				if err := visit(part(group, field)); err != nil {
					stopped = err
					return false, err
				}
			}
			return true, nil
		})
		return err //nolint:wrapcheck // it names the search
	}
	request := search.GroupRequest{Request: plan.Request, By: bound.by, NoTimes: !bound.times, Missing: g.Missing}
	err = groups(request, -1)
	if !begun && (errors.Is(err, search.ErrUngroupable) || failure.KindOf(err) == failure.Rejected) {
		return false, nil
	}
	for i, f := range bound.fields {
		if err != nil {
			break
		}
		request.By, request.NoTimes = append(slices.Clip(bound.by), f), true
		err = groups(request, i)
	}
	if stopped != nil {
		err = stopped
	}
	return true, err
}

// part converts a group of an aggregation.
func part(g search.Group, field int) splunk.Part {
	p := splunk.Part{Field: field, Count: float64(g.Count), First: splunk.Epoch(g.First), Last: splunk.Epoch(g.Last)}
	for i, key := range g.Key {
		value := splunk.Text(key)
		if i < len(g.Absent) && g.Absent[i] {
			value = splunk.Null
		}
		p.By = append(p.By, value)
	}
	if field >= 0 {
		last := len(p.By) - 1
		p.Value, p.By = p.By[last], p.By[:last]
	}
	return p
}

// known reports whether the events of a request have been read already, so that counting in memory needs no request.
func (e *Events) known(r search.Request) bool {
	k, ok := e.Search.(interface{ Knows(r search.Request) bool })
	return ok && k.Knows(r)
}

// whole reports whether the fields of the index have all values of all events. Values that are too long or malformed are
// not indexed; _ignored has their fields.
func (g grouping) whole(ctx context.Context, counter search.Counter, r search.Request) (bool, error) {
	var names []any
	for _, list := range [][]mapping.Field{g.by, g.fields} {
		for _, f := range list {
			names = append(names, f.Name)
		}
	}
	unless := append(slices.Clip(g.unless), condition.Terms{Field: "_ignored", Values: names})
	r.Where = condition.Simplify(condition.And{r.Where, unless})
	n, err := counter.Count(ctx, r)
	if err != nil {
		return false, fmt.Errorf("look for values that are not indexed: %w", err)
	}
	return n == 0, nil
}
