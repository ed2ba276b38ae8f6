package steps

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/sequence"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// Inquire implements [query.Inquirer]: how far the sequences of the event have come.
func (g *groupSearch) Inquire(ctx context.Context, src query.Source, w window.Window, e *event.Event) ([]query.Near, error) {
	doc, err := e.Document()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the event
	}
	var groups []*followed
	for _, f := range g.fits(doc) {
		for _, key := range f.Keys {
			if !slices.ContainsFunc(groups, func(o *followed) bool { return o.key.Compare(key) == 0 }) {
				groups = append(groups, &followed{search: g, event: e.Ref(), key: key, fits: f.Step, furthest: -1, present: map[int]bool{}})
			}
		}
	}
	if len(groups) == 0 {
		return []query.Near{{Text: "the event lacks a value of the fields of by, and is in no sequence", Steps: len(g.missing)}}, nil
	}
	if err := g.follow(ctx, src.Events, w, groups); err != nil {
		return nil, err
	}
	var out []query.Near
	for _, f := range groups {
		out = append(out, f.near())
	}
	return out, nil
}

// followed is what became of one event under one key.
type followed struct {
	search *groupSearch
	event  event.Ref
	key    sequence.Key
	// fits is a step that the event fits.
	fits int
	// furthest is the last step that a sequence with the event has reached, -1 if none; last are its events.
	furthest int
	last     []*sequence.Event[*event.Event]
	// failed is what hindered the sequence, or the event, last.
	failed  *sequence.Progress[*event.Event]
	reached bool
	// present are the steps of a sample that have events.
	present map[int]bool
}

// follow reads the events of a window once for all groups.
func (g *groupSearch) follow(ctx context.Context, events search.Events, w window.Window, groups []*followed) error {
	of := func(key sequence.Key) *followed {
		for _, f := range groups {
			if f.key.Compare(key) == 0 {
				return f
			}
		}
		return nil
	}
	m := sequence.New(sequence.Spec{Missing: g.missing, MaxSpan: g.steps.MaxSpan}, func(found sequence.Match[*event.Event]) bool {
		f := of(found.Key)
		f.reached = f.reached || f.within(found.Events)
		return true
	})
	m.Watch(func(p sequence.Progress[*event.Event]) {
		if f := of(p.Key); f != nil {
			f.take(p)
		}
	})
	_, err := events.Search(ctx, g.request(g.reach(w)), func(page []event.Event) (bool, error) {
		for i := range page {
			if err := g.offerTo(m, &page[i], of); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		return err //nolint:wrapcheck // the searcher names what it did
	}
	horizon := int64(math.MaxInt64)
	if !w.To.IsZero() {
		horizon = nanos(w.To)
	}
	m.Finish(horizon)
	return nil
}

// offerTo passes an event to the matcher under the keys that are followed.
func (g *groupSearch) offerTo(m *sequence.Matcher[*event.Event], e *event.Event, of func(sequence.Key) *followed) error {
	doc, err := e.Document()
	if err != nil {
		return &failure.Error{Kind: failure.Rejected, Op: "read the events of " + g.plan.Label(), Err: err}
	}
	var fits []sequence.Fit
	for _, f := range g.fits(doc) {
		keys := slices.DeleteFunc(slices.Clone(f.Keys), func(k sequence.Key) bool { return of(k) == nil })
		for _, k := range keys {
			of(k).present[f.Step] = true
		}
		if len(keys) > 0 {
			fits = append(fits, sequence.Fit{Step: f.Step, Keys: keys})
		}
	}
	o, timed := g.ordinal(doc)
	if g.steps.Sample || !timed || len(fits) == 0 {
		return nil
	}
	kept := *e
	kept.Source, kept.Fields = nil, nil // only its place is compared
	_, err = m.Add(sequence.Event[*event.Event]{Ordinal: o, Ref: &kept}, fits)
	return g.tooMany(err)
}

// within reports whether the event is one of these.
func (f *followed) within(events []*sequence.Event[*event.Event]) bool {
	return slices.ContainsFunc(events, func(e *sequence.Event[*event.Event]) bool { return e != nil && e.Ref.Ref() == f.event })
}

// take takes the progress of a sequence of the key.
func (f *followed) take(p sequence.Progress[*event.Event]) {
	own := p.Event != nil && p.Event.Ref.Ref() == f.event
	if !f.within(p.Before) && !own {
		return
	}
	if p.What != sequence.Advanced {
		f.failed = &p
		return
	}
	if p.Step > f.furthest {
		f.furthest, f.last, f.failed = p.Step, p.Before, nil
	}
}

// near says how far the sequence has come.
func (f *followed) near() query.Near {
	n := query.Near{Group: map[string]string{}, Reached: f.reached, Steps: len(f.search.missing), Step: f.furthest + 1}
	for i, k := range f.search.bound[0].step.Keys {
		if i < len(f.key) && !f.key[i].IsNull() {
			n.Group[k.Name] = f.key[i].String()
		}
	}
	switch {
	case f.search.steps.Sample:
		n.Text = f.sampled(&n)
	case f.reached:
		n.Text = fmt.Sprintf("all %d steps are there", n.Steps)
	case f.furthest < 0:
		n.Text = fmt.Sprintf("the event fits %s, and %s", f.name(f.fits), f.hindrance())
	default:
		n.Text = fmt.Sprintf("it stopped at step %d of %d, with the event of %s: %s", n.Step, n.Steps, moment(f.last[len(f.last)-1]), f.hindrance())
	}
	return n
}

// sampled says which events of a sample are there.
func (f *followed) sampled(n *query.Near) string {
	n.Step = len(f.present)
	if n.Reached = n.Step == n.Steps; n.Reached {
		return "every event of the sample is there"
	}
	var lacks []string
	for i := range n.Steps {
		if !f.present[i] {
			lacks = append(lacks, f.name(i))
		}
	}
	return fmt.Sprintf("%d of %d events of the sample are there: none of %s", n.Step, n.Steps, strings.Join(lacks, ", "))
}

func (f *followed) name(step int) string {
	if step == sequence.Until {
		return "until"
	}
	return fmt.Sprintf("step %d", step+1)
}

// moment is the time of an event.
func moment(e *sequence.Event[*event.Event]) string {
	return search.FormatTime(time.Unix(0, e.Ordinal.Time))
}

// hindrance says why the sequence came no further.
func (f *followed) hindrance() string {
	span := f.search.steps.MaxSpan
	if f.failed == nil {
		next := f.furthest + 1
		for next < len(f.search.missing) && f.search.missing[next] {
			next++
		}
		switch {
		case f.fits == sequence.Until:
			return "it ends sequences"
		case f.furthest < 0:
			return "it must not occur"
		case next >= len(f.search.missing):
			return "whether an event that must be missing occurs is not decided by the end of the window"
		case span > 0:
			return fmt.Sprintf("no event of %s followed within %s", f.name(next), span)
		}
		return fmt.Sprintf("no event of %s followed", f.name(next))
	}
	p := f.failed
	switch p.What {
	case sequence.TooLate:
		took := time.Duration(p.Event.Ordinal.Time - p.Before[0].Ordinal.Time)
		return fmt.Sprintf("the event of %s at %s came %s after the first one, %s more than the maxspan of %s", f.name(p.Step), moment(p.Event), took, took-span, span)
	case sequence.Ended:
		return fmt.Sprintf("an until event came before the event of %s at %s", f.name(p.Step), moment(p.Event))
	case sequence.Spoiled:
		return "an event occurred that must be missing"
	case sequence.Unpreceded, sequence.Advanced:
	}
	return fmt.Sprintf("no event of %s with the same values came before it", f.name(f.positive(p.Step)))
}

// positive returns the last step before a step that is not a missing event.
func (f *followed) positive(step int) int {
	step--
	for step > 0 && f.search.missing[step] {
		step--
	}
	return max(step, 0)
}
