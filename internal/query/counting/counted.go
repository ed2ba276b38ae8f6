package counting

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/tally"
	"tocsin/internal/translate"
)

// countPlan is the common part of the rule types that count groups of events.
type countPlan struct {
	binding.Query
	// by are the fields of the groups, distinct the fields whose different values are counted.
	by, distinct []groupField
}

// groupField is a field of a rule, with its name and key in the rule and the field that is counted.
type groupField struct {
	name, key string
	field     mapping.Field
	// mapped is false if no index has the field. Then there are no groups.
	mapped bool
}

// Strategy is Aggregation.
func (p *countPlan) Strategy() query.Strategy { return query.Aggregation }

// Rereads implements [query.Rereader]: events that an earlier alert counted are not counted again.
func (*countPlan) Rereads() (alerts, risk bool) { return true, false }

// planCounts parses the query of a rule that counts.
func planCounts(r *rule.Rule, by, distinct []groupField) (*countPlan, diag.List) {
	if diags := binding.Unsupported(r); len(diags) > 0 {
		return nil, diags
	}
	q, diags := translate.Parse(r.Language, r.Query, translate.Options{})
	if q == nil {
		return nil, diags
	}
	if q.Shape() != translate.Events || len(q.Limits()) > 0 {
		return nil, append(diags, r.Report(diag.Error, "rule/query-shape", "rule.query", "a rule of type %s counts single events: its query must not be a sequence, a sample or have pipes", r.Type))
	}
	return &countPlan{Query: binding.New(r, q, query.TimeRange(r), ""), by: by, distinct: distinct}, diags
}

// prepare binds the plan to the mappings of its indices; the result is nil when a diagnostic is an error.
func (p *countPlan) prepare(ctx context.Context, src query.Source) (*counted, diag.List, error) {
	target, partialErr, err := p.resolve(ctx, src)
	if err != nil {
		return nil, nil, err
	}
	_, indexed := search.As[search.Grouper](src.Events)
	c, diags := p.bind(target, src.At, indexed)
	if c == nil {
		return nil, diags, partialErr
	}
	c.partialErr = partialErr
	return c, diags, nil
}

// suppose binds the plan to the types of ECS.
func (p *countPlan) suppose(at time.Time) (*counted, diag.List) {
	return binding.Assume(p.Rule(), at, func(t search.Target, at time.Time) (*counted, diag.List) { return p.bind(t, at, true) })
}

// resolve also resolves the fields of the groups.
func (p *countPlan) resolve(ctx context.Context, src query.Source) (target search.Target, partialErr, err error) {
	names := []string{binding.OwnRule}
	for _, f := range slices.Concat(p.by, p.distinct) {
		names = append(names, f.name)
	}
	read := src.Window
	if p.Rule().NewTerms != nil {
		read = query.Hull(read, historyOf(p.Rule(), src.At, read))
	}
	return p.Resolve(ctx, src, read, names...)
}

// counted is a countPlan bound to mappings.
type counted struct {
	plan         *countPlan
	target       search.Target
	where        *binding.Where
	names        query.Names
	by, distinct []groupField
	// computed are the fields that must be requested for alerts.
	computed []string
	// inMemory: groups can be counted only in memory, from the documents.
	inMemory bool
	// partialErr is the failure to read the mapping of some indices.
	partialErr error
}

// bind binds the query and the fields. indexed: the backend can count indexed values, including the values of fields that
// are not in the source of a document.
func (p *countPlan) bind(target search.Target, at time.Time, indexed bool) (*counted, diag.List) {
	w, diags := p.Where(target, at)
	if w == nil {
		return nil, diags
	}
	if own := exactName(target.Fields, binding.OwnRule); own != "" {
		whole := condition.And{w.Whole, condition.Not{X: condition.Term{Field: own, Value: p.Rule().ID}}}
		var err error
		if w, err = p.Bind(condition.Simplify(whole), target); err != nil {
			return nil, append(diags, p.Rule().Report(diag.Error, "rule/condition", "rule.query", "%v", err))
		}
	}
	c := &counted{plan: p, target: target, where: w, names: p.Names(at), computed: p.Computed(target.Fields)}
	b := fieldBinder{rule: p.Rule(), fields: target.Fields, indexed: indexed}
	c.by, c.distinct = b.all(p.by), b.all(p.distinct)
	c.inMemory = b.mixed
	if diags = append(diags, b.diags...); b.diags.HasErrors() {
		return nil, diags
	}
	return c, diags
}

// exactName returns the name under which a field's whole values are indexed; "" if they are not, or if the field is
// unknown.
func exactName(fields mapping.Fields, name string) string {
	f, mapped := fields.Field(name)
	switch {
	case mapped && f.Type.Family() == mapping.FamilyString:
		return name
	case mapped && f.Type.Family() == mapping.FamilyText:
		return f.Exact
	}
	return ""
}

// Target returns the indices that the rule's patterns match.
func (c *counted) Target() search.Target { return c.target }

// Trace evaluates the condition on one document.
func (c *counted) Trace(_ context.Context, d condition.Document) (condition.Trace, error) {
	return c.where.Trace(c.target.Fields, d) //nolint:wrapcheck // it names the field
}

// nothing reports whether no event can be in a group.
func (c *counted) nothing() bool {
	unmapped := slices.ContainsFunc(c.by, func(f groupField) bool { return !f.mapped })
	return len(c.target.Indices) == 0 || c.where.Nothing() || unmapped
}

// request returns the request that counts the groups of one window.
func (c *counted) request(w window.Window) search.GroupRequest {
	time := c.plan.Time
	time.Window = w
	r := search.GroupRequest{Request: search.Request{
		Patterns: c.names.Of(w), Where: c.where.Pushed, Time: time, FieldTypes: c.target.Fields,
	}}
	for _, f := range c.by {
		r.By = append(r.By, f.field)
	}
	for _, f := range c.distinct {
		r.Distinct = append(r.Distinct, f.field)
	}
	return r
}

// read returns the search for the events of a window's groups. It pays only together with searches of other rules: alone,
// aggregation is cheaper.
func (c *counted) read(r search.GroupRequest) []query.Read {
	if r.Time.Window.Empty() || c.nothing() || !c.countable() {
		return nil
	}
	return []query.Read{{Request: r.Request, ScanOnly: true}}
}

// countable reports whether the values of the groups can be read from the source of events.
func (c *counted) countable() bool {
	for _, f := range slices.Concat(c.by, c.distinct) {
		if mapping.InMemory(c.target.Fields, f.field.Name) != nil || f.field.Type.Family() == mapping.FamilyText {
			return false
		}
	}
	return true
}

// finder is how a rule type makes hits of groups. Both steps return a partial failure separately from other errors, as
// what was found still counts.
type finder struct {
	// choose returns the groups of a page that may become hits.
	choose func([]search.Group) (chosen []search.Group, partialErr, err error)
	// hits makes hits of chosen groups. It gets size groups at most, and fewer if their events are large.
	hits func([]search.Group) (hits []query.Hit, partialErr, err error)
	size int
}

// find counts the groups of a request page by page, and passes on the hits of each page.
func (c *counted) find(ctx context.Context, events search.Events, r search.GroupRequest, f finder, visit query.Visit) (query.Result, error) {
	result := query.Result{Result: search.Result{Total: -1}, Exact: true}
	if r.Time.Window.Empty() || c.nothing() {
		result.Total = 0
		return result, c.partialErr
	}
	var partialErr error
	size := query.NextFetch(0, 0)
	found, err := c.groups(ctx, events, r, func(page []search.Group) (bool, error) {
		chosen, some, err := f.choose(page)
		partialErr = cmp.Or(partialErr, some)
		if err != nil {
			return false, err
		}
		for len(chosen) > 0 {
			chunk := chosen[:min(f.size, size, len(chosen))]
			chosen = chosen[len(chunk):]
			hits, some, err := f.hits(chunk)
			partialErr = cmp.Or(partialErr, some)
			if err != nil {
				return false, err
			}
			size = query.NextFetch(len(chunk), query.HitBytes(hits))
			if len(hits) == 0 {
				continue
			}
			if more, err := visit(hits); err != nil || !more {
				return false, err
			}
		}
		return true, nil
	})
	result.Took, result.Pages = found.Took, found.Pages
	if err != nil && failure.KindOf(err) != failure.Partial {
		return result, err
	}
	return result, errors.Join(err, partialErr, c.partialErr)
}

// groups counts groups by aggregation, or in memory if an aggregation would give other results or if the events have been
// read already.
func (c *counted) groups(ctx context.Context, events search.Events, r search.GroupRequest, visit search.GroupVisit) (search.Result, error) {
	if known, ok := events.(interface{ Knows(search.Request) bool }); ok && c.countable() && known.Knows(r.Request) {
		return tally.Groups(ctx, events, r, tally.Options{Admit: c.where.Admit}, visit) //nolint:wrapcheck // it names what it did
	}
	grouper, indexed := search.As[search.Grouper](events)
	if indexed && c.where.Exact && !c.inMemory {
		result, err := grouper.Groups(ctx, r, visit)
		if !errors.Is(err, search.ErrUngroupable) {
			return result, err //nolint:wrapcheck // the searcher names what it did
		}
	}
	if indexed {
		names := append(c.where.Fields(), r.Time.Field)
		if r.Time.Fallback != "" {
			names = append(names, r.Time.Fallback)
		}
		for _, f := range slices.Concat(r.By, r.Distinct) {
			names = append(names, f.Name)
		}
		r.Fields = binding.Joined(r.Fields, names)
	}
	return tally.Groups(ctx, events, r, tally.Options{Admit: c.where.Admit}, visit) //nolint:wrapcheck // it names what it did
}

// collect returns all groups of a request, and a partial failure separately from other errors.
func (c *counted) collect(ctx context.Context, events search.Events, r search.GroupRequest) (groups []search.Group, partialErr, err error) {
	_, err = c.groups(ctx, events, r, func(page []search.Group) (bool, error) {
		groups = append(groups, page...)
		return true, nil
	})
	if err != nil && failure.KindOf(err) == failure.Partial {
		return groups, err, nil
	}
	return groups, nil, err
}

// instance returns the kibana.alert.instance.id of a group. It depends on the rule and on the fields and their values, and
// not on the order of the fields.
func (c *counted) instance(key []string) string {
	pairs := make([][2]string, len(key))
	for i, f := range c.by {
		pairs[i] = [2]string{f.name, key[i]}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	parts := []string{string(c.plan.Rule().Type), c.plan.Rule().ID}
	for _, p := range pairs {
		parts = append(parts, p[0], p[1])
	}
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// past returns the earlier alerts about groups, by instance.
func (c *counted) past(ctx context.Context, src query.Source, groups []search.Group, since time.Time) (map[string][]query.Past, error) {
	if src.History == nil || len(groups) == 0 {
		return nil, nil
	}
	instances := make([]string, len(groups))
	for i, g := range groups {
		instances[i] = c.instance(g.Key)
	}
	known, err := src.History.Past(ctx, c.plan.Rule().ID, instances, since)
	by := map[string][]query.Past{}
	for _, p := range known {
		by[p.Instance] = append(by[p.Instance], p)
	}
	return by, err //nolint:wrapcheck // the history names what it read
}

// explain returns an explanation with everything that counting plans have in common.
func (c *counted) explain(w window.Window, request search.GroupRequest) query.Explanation {
	e := c.plan.Explanation(w, request.Patterns, request)
	e.Strategy = c.plan.Strategy()
	e.Condition, e.Exact = c.where.Whole.String(), c.where.Exact
	if !c.where.Exact {
		e.Pushed = c.where.Pushed.String()
	}
	for _, f := range c.by {
		e.GroupBy = append(e.GroupBy, f.field.Name)
	}
	return e
}
