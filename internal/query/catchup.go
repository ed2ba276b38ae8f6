package query

import (
	"slices"
	"time"

	"tocsin/internal/rule"
	"tocsin/internal/search/indexname"
)

// Merging says which slots of a rule one run may stand for. It is decided here for whoever has several
// of them to run: catch-up, second looks for late events, backfills and what these read ahead.
type Merging struct {
	// Ordered: the alerts of a slot depend on those of the slots before, so that an older one has to come
	// first.
	Ordered bool
	// Apart: each alert is about one event, whichever window it is found in, so that slots can be run side by
	// side. An event that several find is an alert of the one that is run first.
	Apart bool
	// Together reports whether one run over the windows of two slots, as of either, finds what the runs of
	// both would, and likewise of the slots between them. It is nil where no two slots are.
	Together func(a, b time.Time) bool
	// Alike reports whether two slots, and those between them, ask for the same but for their windows.
	Alike func(a, b time.Time) bool
	// OfNow: no two slots do, as what the rule asks for is about now.
	OfNow bool
	// Late: the rule can be run again over the events alone that came late.
	Late bool
}

// CatchUp says what may be done with slots of a plan's rule that were not run at their time. Only alerts
// that are about one event, whichever window it is found in, can be found for several slots at once, and
// only while nothing that the rule asks for depends on the slot: date math about now, exceptions that
// expire, dates in the names of indices.
//
// A rule type that is not known here is neither ordered nor merged: its slots are run one by one.
func CatchUp(p Plan) Merging {
	r := p.Rule()
	m := Merging{OfNow: dependsOnNow(p)}
	m.Alike = func(a, b time.Time) bool { return !m.OfNow && sameExceptions(r, a, b) && sameNames(r, a, b) }
	switch s := r.AlertSuppression; {
	case s != nil:
		// Within a run, hits of the same window are folded; within a time, also those of runs before. What is
		// new is told by what was found before, however it is folded.
		m.Ordered = s.Duration > 0 || r.Type == rule.TypeNewTerms
		return m
	case r.Type == rule.TypeThreshold, r.Type == rule.TypeNewTerms:
		m.Ordered = true
		return m
	}
	events, ok := p.(Eventwise)
	if !ok || !events.Apart() {
		return m
	}
	m.Apart = true
	m.Late = events.ByOwnTime()
	if !m.OfNow {
		m.Together = m.Alike
	}
	return m
}

// Eventwise is a plan whose hits are single events, and events of the place that the rule's patterns name.
type Eventwise interface {
	Plan
	// Apart reports whether an event is a hit whichever window it is found in: no pipe takes the first or the last
	// events of a window.
	Apart() bool
	// ByOwnTime reports whether windows are about the events' own time only, so that it is known which came late.
	ByOwnTime() bool
}

// dependsOnNow reports whether a plan's conditions may be others at another slot. Of a plan that does not say so,
// nothing is known.
func dependsOnNow(p Plan) bool {
	known, ok := p.(interface{ DependsOnNow() bool })
	return !ok || known.DependsOnNow()
}

// sameExceptions reports whether the same exceptions are in force at two moments.
func sameExceptions(r *rule.Rule, a, b time.Time) bool {
	return !slices.ContainsFunc(r.Exceptions, func(i *rule.ExceptionItem) bool { return i.InForce(a) != i.InForce(b) })
}

// sameNames reports whether two slots read the same indices.
func sameNames(r *rule.Rule, a, b time.Time) bool {
	return indexname.Same(r.Index, a, r.Window(a), b, r.Window(b))
}
