package correlating

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// Execute passes on the first completion of each group and bucket in which one completes within the window. A hit's identity is the
// group and the bucket: whoever finds it, with whatever events, finds the same alert.
func (b *bound) Execute(ctx context.Context, src query.Source, w window.Window, visit query.Visit) (query.Result, error) {
	if w.Empty() {
		return query.Result{Exact: true}, nil
	}
	x := b.execution(src)
	partial := errors.Join(b.read(ctx, src, w, x), b.partialErr)
	if failure.KindOf(partial) != failure.Partial && partial != nil {
		return x.result, partial
	}
	if x.untimed > 0 {
		x.result.Warnings = append(x.result.Warnings, fmt.Sprintf("%d events have no time that can be compared, and were left out", x.untimed))
	}
	if partial != nil && !b.plan.root.grows() {
		return x.result, partial // fewer events could meet a condition that all of them do not
	}
	found := b.first(x, w)
	for part := range slices.Chunk(found, atOnce) {
		hits, err := b.hits(ctx, x, part)
		if err != nil {
			return x.result, errors.Join(err, partial)
		}
		if more, err := visit(hits); err != nil || !more {
			return x.result, errors.Join(err, partial)
		}
	}
	return x.result, partial
}

// atOnce is how many alerts are made at once: each has up to [mostMembers] events.
const atOnce = 10

func (b *bound) execution(src query.Source) *execution {
	x := &execution{shelf: search.NewShelf(src.Events, src.Room), numbers: map[event.Ref]int{}}
	x.result.Total, x.result.Exact = -1, true
	_, x.rereads = search.As[search.Documents](src.Events)
	for i := range b.leaves {
		b.leaves[i].found = nil
	}
	return x
}

// grows reports whether more events can only make more windows meet the condition.
func (n *node) grows() bool {
	if n.Spec.Expr != nil || n.Spec.Type.IsNumeric() {
		return false
	}
	for _, c := range n.Spec.Compare {
		if c.Op != "gt" && c.Op != "gte" {
			return false
		}
	}
	return !slices.ContainsFunc(n.members, func(m member) bool { return m.inner != nil && !m.inner.grows() })
}

// first returns the first completion of each group and bucket that has one within the window, in order of time.
func (b *bound) first(x *execution, w window.Window) []completion {
	type place struct {
		group  string
		bucket int64
	}
	firsts := map[place]*completion{}
	wanted := map[place]bool{}
	var order []place
	x.completions(b.plan.root, func(c completion) {
		at := time.Unix(0, c.at)
		p := place{search.KeyName(c.group), bucket(at, b.plan.root.Spec.Span).UnixNano()}
		if firsts[p] == nil {
			firsts[p] = &c
			order = append(order, p)
		}
		wanted[p] = wanted[p] || !at.Before(w.From) && (w.To.IsZero() || at.Before(w.To))
	})
	var out []completion
	for _, p := range order {
		if wanted[p] {
			out = append(out, *firsts[p])
		}
	}
	slices.SortStableFunc(out, func(a, b completion) int {
		return cmp.Or(cmp.Compare(a.at, b.at), slices.Compare(a.group, b.group))
	})
	return out
}

// mostMembers is the maximum number of events of an alert: the last ones.
const mostMembers = 500

// hits makes hits of completions, with the sources of their events.
func (b *bound) hits(ctx context.Context, x *execution, found []completion) ([]query.Hit, error) {
	out := make([]query.Hit, len(found))
	var all []*event.Event
	for i, c := range found {
		events := x.events(c.members)
		out[i] = b.hit(c, events)
		for _, h := range events[max(0, len(events)-mostMembers):] {
			e := h.event
			if e == nil {
				e = &event.Event{Index: h.ref.Index, ID: h.ref.ID}
			}
			out[i].Group.Events = append(out[i].Group.Events, e)
			all = append(all, e)
		}
	}
	whole, err := x.shelf.Whole(ctx, all)
	if err != nil {
		return nil, fmt.Errorf("of %s: %w", b.plan.label(), err)
	}
	for i := range whole {
		if search.Away(&whole[i]) {
			b.forget()
			return nil, fmt.Errorf("of %s: %w", b.plan.label(), search.Gone(&whole[i]))
		}
	}
	next := 0
	for _, h := range out {
		for i := range h.Group.Events {
			h.Group.Events[i] = &whole[next]
			next++
		}
	}
	return out, nil
}

// forget drops what is kept, because events of it are gone.
func (b *bound) forget() {
	for _, l := range b.leaves {
		l.leaf.kept.drop(b.plan.room)
	}
}

// hit is the hit of a completion, without its events.
func (b *bound) hit(c completion, events []*hit) query.Hit {
	root := b.plan.root
	at := time.Unix(0, c.at).UTC()
	begin := bucket(at, root.Spec.Span)
	key := []string{string(rule.TypeCorrelation), root.Spec.Span.String(), search.FormatTime(begin)}
	h := query.Hit{Group: &query.Group{JoinKeys: []any{}, At: at, Values: map[string]string{}}}
	terms := []any{}
	for i, name := range root.GroupBy {
		key = append(key, name, c.group[i])
		h.Group.JoinKeys = append(h.Group.JoinKeys, c.group[i])
		h.Group.Values[name] = c.group[i]
		terms = append(terms, map[string]any{"field": name, "value": c.group[i]})
	}
	h.Key = key
	h.Facts = map[string]any{
		"tocsin.correlation.type":   string(root.Spec.Type),
		"tocsin.correlation.group":  terms,
		"tocsin.correlation.events": int64(len(events)),
		"tocsin.correlation.to":     search.FormatTime(at),
	}
	if len(events) > 0 {
		h.Facts["tocsin.correlation.from"] = search.FormatTime(time.Unix(0, events[0].at))
	}
	if c.value != "" {
		h.Facts["tocsin.correlation.value"] = c.value
	}
	return h
}

// Explain shows every rule, and when a group becomes an alert.
func (b *bound) Explain(w window.Window) query.Explanation {
	p := b.plan
	r := p.rule
	e := query.Explanation{
		RuleID: r.ID, Name: r.Name, Type: string(r.Type), Language: string(r.Language), Strategy: p.Strategy(),
		Window: p.reach(w).String(), TimeField: search.DefaultTimestamp, Indices: r.Index, Query: r.Query.Value, MaxSpan: query.Seconds(p.root.Spec.Span),
		GroupBy: p.root.GroupBy, AlertWhen: p.root.String(), Exact: true,
	}
	for i, l := range b.leaves {
		of := l.Explain(window.Window{From: p.from(w)[i], To: w.To})
		e.Steps = append(e.Steps, query.ExplainedStep{Condition: l.leaf.name + ": " + of.Condition})
		e.Exact = e.Exact && of.Exact
		for _, f := range of.Fitted {
			e.Fitted = append(e.Fitted, l.leaf.name+": "+f)
		}
		if i == 0 {
			e.Request = of.Request
		}
	}
	e.Condition = p.root.String()
	e.ExplainScan(b)
	return e
}

// String says what the correlation finds.
func (n *node) String() string {
	var names []string
	for _, m := range n.members {
		if m.inner != nil {
			names = append(names, m.name+" ("+m.inner.String()+")")
		} else {
			names = append(names, m.name)
		}
	}
	var bounds []string
	for _, c := range n.Spec.Compare {
		bounds = append(bounds, c.Op+" "+c.Value.RatString())
	}
	if n.Spec.Expr != nil {
		bounds = []string{"its condition holds"}
	}
	text := string(n.Spec.Type) + " of " + strings.Join(names, ", ") + " " + strings.Join(bounds, " and ") + " within " + n.Spec.Span.String()
	if len(n.GroupBy) > 0 {
		text += " by " + strings.Join(n.GroupBy, ", ")
	}
	return text
}
