package steps

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/sequence"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// Reads returns the one search for the events of all steps.
func (g *groupSearch) Reads(w window.Window) []query.Read {
	if w.Empty() || g.idle() {
		return nil
	}
	return []query.Read{{Request: g.request(g.reach(w)), SearchOnly: len(g.computed) > 0}}
}

// reach returns the window that must be read to find the sequences that are decided within w: it begins earlier by the
// maximum span.
func (g *groupSearch) reach(w window.Window) window.Window {
	w.From = w.From.Add(-g.steps.MaxSpan)
	return w
}

// idle reports whether there is nothing to search.
func (g *groupSearch) idle() bool {
	return len(g.target.Indices) == 0 || g.where == condition.Expr(condition.Const(false))
}

// Execute passes on the sequences that were decided within the window: by their last event, or by the end of the wait for
// an event that must be missing. Sequences that a later event may still invalidate are left to a later window, which reads
// them again as a whole.
func (g *groupSearch) Execute(ctx context.Context, src query.Source, w window.Window, visit query.Visit) (query.Result, error) {
	if w.Empty() {
		return query.Result{Exact: true}, nil
	}
	s := stream{group: g, shelf: search.NewShelf(src.Events, src.Room), visit: visit, limits: query.NewPipes(g.plan.Parsed.Limits()), from: nanos(w.From), horizon: nanos(w.To)}
	if g.plan.Time.Field != g.plan.orderBy {
		s.from = math.MinInt64 // the window refers to another time than the sequence
	}
	return s.run(ctx, src.Events, g.request(g.reach(w)))
}

// AdHoc implements [query.AdHoc]. It does not wait for events after the window.
func (g *groupSearch) AdHoc(ctx context.Context, src query.Source, w window.Window, size int) (query.Answer, error) {
	limits := query.Sized(g.plan.Parsed.Limits(), size)
	if g.steps.Sample {
		limits[0].Last = false
	}
	var hits []query.Hit
	s := stream{group: g, shelf: search.NewShelf(src.Events, src.Room), limits: query.NewPipes(limits), from: math.MinInt64, horizon: math.MaxInt64, visit: func(h []query.Hit) (bool, error) {
		hits = append(hits, h...)
		return true, nil
	}}
	_, err := s.run(ctx, src.Events, g.request(w))
	return query.Answer{Hits: hits}, err
}

// stream is one read of events through the matcher.
type stream struct {
	group         *groupSearch
	shelf         *search.Shelf
	visit         query.Visit
	limits        *query.Pipes
	from, horizon int64
	ready         []query.Hit // completed, not yet passed on
	ended         bool
}

func (s *stream) run(ctx context.Context, events search.Events, r search.Request) (query.Result, error) {
	result := query.Result{Result: search.Result{Total: -1}, Exact: true}
	if s.group.idle() {
		return result, s.group.partialErr
	}
	take, finish := s.sequences()
	if s.group.steps.Sample {
		take, finish = s.samples()
	}
	found, err := events.Search(ctx, r, func(page []event.Event) (bool, error) {
		for i := range page {
			more, err := s.offer(&page[i], take)
			if err != nil || !more {
				return false, err
			}
		}
		return s.handOut(ctx)
	})
	result.Took, result.Pages = found.Took, found.Pages
	if err != nil && failure.KindOf(err) != failure.Partial {
		return result, err //nolint:wrapcheck // the searcher names what it did
	}
	if !s.ended {
		result.Undecided = finish()
	}
	if visitErr := s.last(ctx); visitErr != nil {
		return result, visitErr
	}
	return result, errors.Join(err, s.group.partialErr)
}

// offer decodes an event and passes it to the matcher with the steps that it matches.
func (s *stream) offer(e *event.Event, take func(sequence.Event[*event.Event], []sequence.Fit) (bool, error)) (bool, error) {
	doc, err := e.Document()
	if err != nil {
		return false, &failure.Error{Kind: failure.Rejected, Op: "read the events of " + s.group.plan.Label(), Err: err}
	}
	fits := s.group.fits(doc)
	o, timed := s.group.ordinal(doc)
	if !s.group.steps.Sample {
		if !timed {
			return true, nil
		}
		if err := s.group.oneOrder(doc); err != nil && len(fits) > 0 {
			return false, &failure.Error{Kind: failure.Rejected, Op: fmt.Sprintf("order event %s/%s of %s", e.Index, e.ID, s.group.plan.Label()), Err: err}
		}
	}
	var kept *event.Event
	if len(fits) > 0 {
		lean := *e
		lean.Fields = only(e.Fields, s.group.computed)
		kept = s.shelf.Keep(lean)
	}
	more, err := take(sequence.Event[*event.Event]{Ordinal: o, Ref: kept}, fits)
	return more, s.group.tooMany(err)
}

// only returns the values of some fields; nil if the search returned none.
func only(fields map[string][]any, names []string) map[string][]any {
	if fields == nil || len(names) == 0 {
		return nil
	}
	out := map[string][]any{}
	for _, name := range names {
		if values, ok := fields[name]; ok {
			out[name] = values
		}
	}
	return out
}

// sequences returns functions that feed and that finish a sequence matcher.
func (s *stream) sequences() (take func(sequence.Event[*event.Event], []sequence.Fit) (bool, error), finish func() int) {
	m := sequence.New(sequence.Spec{Missing: s.group.missing, MaxSpan: s.group.steps.MaxSpan}, func(m sequence.Match[*event.Event]) bool {
		return m.Decided < s.from || s.result(hit(m))
	})
	return m.Add, func() int { return m.Finish(s.horizon) }
}

// samples returns the same functions for a sampler, which has its results at the end.
func (s *stream) samples() (take func(sequence.Event[*event.Event], []sequence.Fit) (bool, error), finish func() int) {
	m := sequence.NewSampler[*event.Event](len(s.group.missing), s.group.plan.perKey, 0)
	take = func(e sequence.Event[*event.Event], fits []sequence.Fit) (bool, error) { return true, m.Add(e, fits) }
	return take, func() int {
		same := func(a, b *event.Event) bool { return a.Index == b.Index && a.ID == b.ID }
		for _, found := range m.Samples(same) {
			if !s.result(hit(found)) {
				break
			}
		}
		return 0
	}
}

// result adds a completed group, and reports whether more are needed.
func (s *stream) result(h query.Hit) bool {
	if !s.limits.None() {
		s.ended = !s.limits.Add(h)
		return !s.ended
	}
	s.ready = append(s.ready, h)
	return true
}

// handOut passes completed groups to the visitor, in several parts if they are large.
func (s *stream) handOut(ctx context.Context) (bool, error) {
	ready := s.ready
	s.ready = nil
	for len(ready) > 0 {
		part := ready[:s.atOnce(ready)]
		ready = ready[len(part):]
		if err := s.whole(ctx, part); err != nil {
			return false, err
		}
		more, err := s.visit(part)
		s.ended = s.ended || !more
		if err != nil || !more {
			return more, err
		}
	}
	return true, nil
}

// The limits of what is passed on at once: bytes of events, and events that must be read again, whose size is not known.
// One sequence may exceed them.
const (
	mostOfPart = 16 << 20
	mostAway   = 20
)

func (s *stream) atOnce(ready []query.Hit) int {
	bytes, away := 0, 0
	for i := range ready {
		bytes += ready[i].Size()
		for _, e := range ready[i].Group.Events {
			if e != nil && search.Away(e) {
				away++
			}
		}
		if i > 0 && (bytes > mostOfPart || away > mostAway) {
			return i
		}
	}
	return len(ready)
}

// whole reads the sources of the events of hits that are no longer in memory.
func (s *stream) whole(ctx context.Context, hits []query.Hit) error {
	var kept []*event.Event
	for _, h := range hits {
		for _, e := range h.Group.Events {
			if e != nil {
				kept = append(kept, e)
			}
		}
	}
	events, err := s.shelf.Whole(ctx, kept)
	for i := range events {
		if search.Away(&events[i]) {
			err = search.Gone(&events[i])
		}
	}
	if err != nil {
		return fmt.Errorf("of %s: %w", s.group.plan.Label(), err)
	}
	next := 0
	for _, h := range hits {
		for i, e := range h.Group.Events {
			if e != nil {
				h.Group.Events[i] = &events[next]
				next++
			}
		}
	}
	return nil
}

// last passes on the groups that were decided by the end of the stream.
func (s *stream) last(ctx context.Context) error {
	if !s.limits.None() {
		s.ready = s.limits.Result()
	}
	_, err := s.handOut(ctx)
	return err
}

// Explain shows the one search, and the steps.
func (g *groupSearch) Explain(w window.Window) query.Explanation {
	read := g.reach(w)
	r := g.request(read)
	e := g.plan.Explanation(read, r.Patterns, r)
	e.Condition = g.where.String()
	if g.steps.MaxSpan > 0 {
		e.MaxSpan = query.Seconds(g.steps.MaxSpan)
	}
	for _, b := range g.bound {
		step := query.ExplainedStep{Condition: b.step.Where.String(), Missing: b.step.Missing, Until: b.first == sequence.Until}
		if b.runs > 1 {
			step.Runs = b.runs
		}
		for _, k := range b.step.Keys {
			step.Keys = append(step.Keys, k.Name)
		}
		e.Steps = append(e.Steps, step)
	}
	e.ExplainScan(g)
	return e
}
