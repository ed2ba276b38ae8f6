package correlating

import (
	"context"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/correlation"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// Input is a correlation with the rules that it is about.
type Input struct {
	Name string
	Spec correlation.Spec
	// GroupBy are the names of the fields of the group.
	GroupBy []string
	Members []Member
}

// Member is one of the rules: either of both is set.
type Member struct {
	Name string
	// Plan finds the events of a rule. A plan that occurs several times in a tree is read once.
	Plan query.Plan
	// Inner is a correlation, whose completions count as events.
	Inner *Input
	// Group and Counted say where events have the fields of the group, and those that are counted. For an inner correlation a
	// column is a field of its group: see [Of].
	Group, Counted []Column
}

// Column is where events of a rule have the values of a field.
type Column struct {
	// Name is what the rule calls the field: columns of a rule with equal names are the same.
	Name string
	// Fields are the names of fields that Texts may ask for; with stars they stand for any such name.
	Fields []string
	// Texts returns an event's values from the values of fields.
	Texts func(values func(field string) []string) []string
	// Of is the name of a field of the group of an inner correlation.
	Of string
}

// Of is the column of a field of an inner correlation's group.
func Of(name string) Column { return Column{Of: name} }

// Plan finds the completions of a correlation.
type Plan struct {
	rule   *rule.Rule
	root   *node
	leaves []*leaf
	names  []string
	room   *Room
}

// node is a correlation of the tree.
type node struct {
	Input
	members []member
}

// member is a leaf or a node, with the columns of its hits.
type member struct {
	name           string
	leaf           int
	inner          *node
	group, counted []int
}

// leaf is the plan of a rule, with the columns that are read of its events.
type leaf struct {
	name    string
	plan    query.Plan
	columns []Column
	kept    kept
}

// New plans a correlation. The rule has the index patterns of all leaves; room bounds what is kept between executions.
func New(r *rule.Rule, in Input, room *Room) *Plan {
	p := &Plan{rule: r, room: room}
	p.root = p.add(&in)
	names := r.AlertFields()
	for _, l := range p.leaves {
		names = append(names, l.fields()...)
	}
	slices.Sort(names)
	p.names = slices.Compact(names)
	return p
}

func (p *Plan) add(in *Input) *node {
	n := &node{Input: *in}
	for _, m := range in.Members {
		if m.Inner != nil {
			inner := p.add(m.Inner)
			n.members = append(n.members, member{m.Name, -1, inner, inner.columns(m.Group), inner.columns(m.Counted)})
			continue
		}
		at := slices.IndexFunc(p.leaves, func(l *leaf) bool { return l.plan == m.Plan })
		if at < 0 {
			at = len(p.leaves)
			p.leaves = append(p.leaves, &leaf{name: m.Name, plan: m.Plan})
		}
		l := p.leaves[at]
		n.members = append(n.members, member{m.Name, at, nil, l.add(m.Group), l.add(m.Counted)})
	}
	return n
}

// add adds columns and returns their numbers.
func (l *leaf) add(columns []Column) []int {
	out := make([]int, len(columns))
	for i, c := range columns {
		out[i] = slices.IndexFunc(l.columns, func(known Column) bool { return known.Name == c.Name })
		if out[i] < 0 {
			out[i] = len(l.columns)
			l.columns = append(l.columns, c)
		}
	}
	return out
}

func (l *leaf) fields() []string {
	var out []string
	for _, c := range l.columns {
		for _, f := range c.Fields {
			if !strings.Contains(f, "*") {
				out = append(out, f)
			}
		}
	}
	return out
}

// columns are the places of fields in the group of an inner correlation; -1 is one that it has not.
func (n *node) columns(columns []Column) []int {
	out := make([]int, len(columns))
	for i, c := range columns {
		out[i] = slices.Index(n.GroupBy, c.Of)
	}
	return out
}

// Rule returns the rule.
func (p *Plan) Rule() *rule.Rule { return p.rule }

// Strategy is Scan if the shared scan finds the events of all rules.
func (p *Plan) Strategy() query.Strategy {
	if slices.ContainsFunc(p.leaves, func(l *leaf) bool { return l.plan.Strategy() != query.Scan }) {
		return query.Search
	}
	return query.Scan
}

// Apart implements [query.Eventwise]: an alert is about a group and a bucket of time, whichever window decides it.
func (p *Plan) Apart() bool { return true }

// ByOwnTime implements [query.Eventwise]. Late events alone complete nothing: they count beside others.
func (p *Plan) ByOwnTime() bool { return false }

// DependsOnNow reports whether the condition of a rule may change from slot to slot.
func (p *Plan) DependsOnNow() bool {
	return slices.ContainsFunc(p.leaves, func(l *leaf) bool {
		known, ok := l.plan.(interface{ DependsOnNow() bool })
		return !ok || known.DependsOnNow()
	})
}

// Wants returns what Prepare will resolve.
func (p *Plan) Wants(at time.Time, w window.Window) (patterns, fields []string) {
	return query.NamesAt(p.rule.Index, at).Of(p.reach(w)), p.names
}

// reach is the range of time whose events decide a window.
func (p *Plan) reach(w window.Window) window.Window {
	for _, from := range p.from(w) {
		if from.Before(w.From) {
			w.From = from
		}
	}
	return w
}

// from returns, for each leaf, from when its events are needed to decide a window. The outermost correlation is decided from the
// beginning of the bucket in which the window begins: an alert is about the first completion of its bucket.
func (p *Plan) from(w window.Window) []time.Time {
	out := make([]time.Time, len(p.leaves))
	for i := range out {
		out[i] = w.From
	}
	if w.From.IsZero() {
		return out
	}
	var back func(n *node, from time.Time)
	back = func(n *node, from time.Time) {
		from = from.Add(-n.Spec.Span)
		for _, m := range n.members {
			if m.inner != nil {
				back(m.inner, from)
			} else if from.Before(out[m.leaf]) {
				out[m.leaf] = from
			}
		}
	}
	back(p.root, bucket(w.From, p.root.Spec.Span))
	return out
}

// bucket returns the beginning of the bucket of a time. Buckets are as long as the timespan and begin in 1970.
func bucket(t time.Time, span time.Duration) time.Time {
	nanos := t.UnixNano() % int64(span)
	if nanos < 0 {
		nanos += int64(span)
	}
	return t.Add(-time.Duration(nanos)).UTC()
}

// label names the rule in errors.
func (p *Plan) label() string { return "correlation " + p.rule.ID }

// Assume prepares every rule without a backend.
func (p *Plan) Assume(slot time.Time) (query.Prepared, diag.List) {
	b := &bound{plan: p, target: search.Target{Indices: p.rule.Index}}
	var diags diag.List
	for _, l := range p.leaves {
		prepared, more := l.plan.Assume(slot)
		if diags = append(diags, more...); prepared == nil {
			return nil, diags
		}
		b.target.Fields = prepared.Target().Fields
		b.leaves = append(b.leaves, boundLeaf{leaf: l, Prepared: prepared})
	}
	return b, diags
}

// Prepare binds every rule to the mappings of its indices.
func (p *Plan) Prepare(ctx context.Context, src query.Source) (query.Prepared, diag.List, error) {
	b := &bound{plan: p, window: src.Window, at: src.At}
	var diags diag.List
	for i, from := range p.from(src.Window) {
		of := src
		of.Window.From = from
		prepared, more, err := p.leaves[i].plan.Prepare(ctx, of)
		if diags = append(diags, more...); err != nil || prepared == nil {
			return nil, diags, err //nolint:wrapcheck // the plan names its rule
		}
		b.leaves = append(b.leaves, p.leaves[i].bind(prepared, window.Window{From: from, To: src.Window.To}, src.Window.From))
	}
	err := b.resolve(ctx, src)
	if err != nil {
		return nil, diags, err
	}
	return b, diags, nil
}
