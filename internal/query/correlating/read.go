package correlating

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// bound is a Plan bound to the mappings of a moment, and to a window.
type bound struct {
	plan   *Plan
	window window.Window
	at     time.Time
	target search.Target
	leaves []boundLeaf
	// partialErr is the failure to resolve some indices.
	partialErr error
}

// boundLeaf is a leaf bound to mappings, with what is kept of what the window needs.
type boundLeaf struct {
	query.Prepared
	leaf  *leaf
	state state
	// kept are the hits of needed before read; the rest is read. found are all, after a successful read.
	kept  []hit
	read  window.Window
	found *stretch
}

func (l *leaf) bind(p query.Prepared, needed window.Window, from time.Time) boundLeaf {
	b := boundLeaf{Prepared: p, leaf: l, state: stateOf(p.Target(), asked(p, needed))}
	b.read = needed
	b.kept, b.read.From = l.kept.before(needed, from, b.state)
	return b
}

// asked stands for the condition of a rule: if it changes, the rule finds other events.
func asked(p query.Prepared, w window.Window) string {
	r, ok := p.(query.Reader)
	if !ok {
		return p.Explain(w).Condition
	}
	var keys []string
	for _, read := range r.Reads(w) {
		keys = append(keys, read.Key())
	}
	return search.KeyName(keys)
}

// resolve finds the indices of all rules, for alerts.
func (b *bound) resolve(ctx context.Context, src query.Source) error {
	names := query.NamesAt(b.plan.rule.Index, src.At)
	patterns, err := names.Over(b.plan.reach(src.Window))
	if err == nil {
		b.target, err = src.Events.Resolve(ctx, patterns, b.plan.names)
	}
	if err != nil {
		err = fmt.Errorf("resolve the indices of %s: %w", b.plan.label(), err)
		if failure.KindOf(err) != failure.Partial || len(b.target.Indices) == 0 {
			return err
		}
		b.partialErr = err
	}
	// What is amiss with patterns each rule says by its own.
	b.target.Missing, b.target.Partly = nil, nil
	for _, l := range b.leaves {
		for _, m := range l.Target().Missing {
			if !slices.Contains(b.target.Missing, m) {
				b.target.Missing = append(b.target.Missing, m)
			}
		}
		for _, u := range l.Target().Partly {
			if !slices.ContainsFunc(b.target.Partly, func(o search.Unread) bool { return o.Name == u.Name }) {
				b.target.Partly = append(b.target.Partly, u)
			}
		}
	}
	if len(b.target.Indices) == 0 {
		b.target.Fields = mapping.Assumed()
	}
	return nil
}

// Target returns the indices of all rules.
func (b *bound) Target() search.Target { return b.target }

// OfNow reports whether a rule changes from slot to slot.
func (b *bound) OfNow() bool {
	return slices.ContainsFunc(b.leaves, func(l boundLeaf) bool {
		m, ok := l.Prepared.(interface{ OfNow() bool })
		return ok && m.OfNow()
	})
}

// windowOf is what is read of a leaf to decide a window.
func (b *bound) windowOf(i int, w window.Window) window.Window {
	if w == b.window && !w.From.IsZero() {
		return b.leaves[i].read
	}
	return window.Window{From: b.plan.from(w)[i], To: w.To}
}

// Reads returns the searches of all rules.
func (b *bound) Reads(w window.Window) []query.Read {
	var out []query.Read
	for i, l := range b.leaves {
		if r, ok := l.Prepared.(query.Reader); ok {
			out = append(out, r.Reads(b.windowOf(i, w))...)
		}
	}
	return out
}

// mostHits bounds the hits of an execution.
const mostHits = 1_000_000

// read reads the hits of every leaf that a window needs.
func (b *bound) read(ctx context.Context, src query.Source, w window.Window, x *execution) error {
	var partial error
	total := 0
	for i := range b.leaves {
		l := &b.leaves[i]
		hits, complete, err := b.readLeaf(ctx, src, i, w, x, mostHits-total)
		if err != nil {
			if failure.KindOf(err) != failure.Partial {
				return err
			}
			partial = errors.Join(partial, err)
		}
		total += len(hits)
		x.hits = append(x.hits, hits)
		if err == nil && complete && w == b.window {
			l.found = &stretch{Window: window.Window{From: b.plan.from(w)[i], To: w.To}, hits: hits, state: l.state}
		}
	}
	return partial
}

// readLeaf returns the hits of a leaf in order of time, those that are kept among them. complete: they can be kept in turn.
func (b *bound) readLeaf(ctx context.Context, src query.Source, i int, w window.Window, x *execution, most int) (hits []hit, complete bool, err error) {
	l := &b.leaves[i]
	read := b.windowOf(i, w)
	if w == b.window {
		hits = slices.Clone(l.kept)
	}
	of := src
	of.Window = read
	reader := newReader(l.leaf.columns, l.Target().Fields)
	timeField := l.leaf.plan.Rule().TimeFields()[0]
	complete = true
	result, err := l.Execute(ctx, of, read, func(page []query.Hit) (bool, error) {
		for k := range page {
			h, timed, err := reader.read(&page[k].Event, timeField)
			switch {
			case err != nil:
				return false, &failure.Error{Kind: failure.Rejected, Op: "read the events of rule " + l.leaf.name, Err: err}
			case !timed:
				x.untimed++
				continue
			case len(hits) >= most:
				return false, tooMany(l.leaf.name)
			}
			if !x.rereads || h.ref.Index == "" || h.ref.ID == "" {
				h.event = x.shelf.Keep(page[k].Event)
				complete = false
			}
			hits = append(hits, h)
		}
		return ctx.Err() == nil, ctx.Err()
	})
	x.result.Took += result.Took
	x.result.Pages += result.Pages
	x.result.Seen += max(result.Seen, 0)
	x.result.Warnings = append(x.result.Warnings, result.Warnings...)
	slices.SortStableFunc(hits, func(a, b hit) int { return a.compare(&b) })
	return hits, complete, err
}

func tooMany(name string) error {
	return &failure.Error{
		Kind: failure.Partial, Op: "correlate the events of rule " + name,
		Reason: fmt.Sprintf("more than %d events lie within the timespan: narrow the rule or its timespan", mostHits),
	}
}

// Keep implements [query.Keeper].
func (b *bound) Keep() {
	for i := range b.leaves {
		if s := b.leaves[i].found; s != nil {
			b.leaves[i].leaf.kept.keep(*s, b.plan.room)
		}
	}
}
