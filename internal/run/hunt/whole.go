package hunt

import (
	"context"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search"
	"tocsin/internal/search/planner"
)

// idle reports whether the shared read has shown that a rule can have no hits.
func (t *target) idle() bool { return t.candidates != nil && t.candidates.Hits == 0 }

// runWhole runs rules over the whole range in one go: those that are not run slot by slot, and that the shared read has
// not answered.
func (h *hunt) runWhole(ctx context.Context) {
	var left []*target
	for _, t := range h.targets {
		if t.bySlot || t.done {
			continue
		}
		if t.idle() {
			t.done = true
			continue
		}
		left = append(left, t)
	}
	w := h.report.Range
	src := h.source(w.To, w)
	pipeline.Each(max(h.Concurrency, 1), left, func(t *target) { t.prepare(ctx, src) })
	var needs []planner.Need
	for _, t := range left {
		if t.done {
			continue
		}
		t.guard(func() error {
			for _, r := range readsOf(t.prepared, w) {
				needs = append(needs, planner.Need{Request: r.Request, ScanOnly: r.ScanOnly, SearchOnly: r.SearchOnly})
			}
			return nil
		})
	}
	answers, _ := h.Planner.Answer(ctx, h.events, needs)
	src.Events = answers
	pipeline.Each(max(h.Concurrency, 1), left, func(t *target) {
		if !t.done && ctx.Err() == nil {
			t.execute(ctx, src)
		}
	})
}

// execute counts the hits of the whole range.
func (t *target) execute(ctx context.Context, src query.Source) {
	t.Tally = Tally{}
	t.guard(func() error {
		result, err := t.prepared.Execute(ctx, src, src.Window, func(hits []query.Hit) (bool, error) {
			for i := range hits {
				at, err := timeOf(&hits[i])
				if err != nil {
					return false, err
				}
				t.Add(at)
			}
			return true, nil
		})
		for _, text := range result.Warnings {
			t.warn(text)
		}
		return err //nolint:wrapcheck // it names the rule
	})
	t.done = true
}

// timeOf returns the time of a hit: of its event, or of the first event of a group; zero if that has none.
func timeOf(h *query.Hit) (time.Time, error) {
	e := &h.Event
	if h.Group != nil {
		if !h.Group.At.IsZero() {
			return h.Group.At, nil
		}
		present := h.Group.Present()
		if len(present) == 0 {
			return time.Time{}, nil
		}
		e = &present[0]
	}
	doc, err := e.Document()
	if err != nil {
		return time.Time{}, &failure.Error{Kind: failure.Rejected, Op: "read the time of a hit", Err: err}
	}
	at, _, err := mapping.ParseDate(event.First(doc.Source, search.DefaultTimestamp), "")
	if err != nil {
		return time.Time{}, nil //nolint:nilerr // a hit without a time
	}
	return at.Truncate(time.Millisecond), nil // as precise as a date
}
