package query

import (
	"slices"
	"time"

	"tocsin/internal/rule"
	"tocsin/internal/search/indexname"
)

// Merging says how slots of a rule may be combined. Everything that runs several slots of a rule follows it: catch-up, the
// search for late events, and backfills.
type Merging struct {
	// Ordered: the alerts of a slot depend on the alerts of earlier slots, so slots must run in order.
	Ordered bool
	// Apart: each alert is about one event, whichever window finds it, so slots can run concurrently. An event that
	// several slots find becomes an alert of the first slot to run.
	Apart bool
	// Together reports whether one run over the windows of two slots and all slots between them finds what their own
	// runs would find. It is nil if slots of the rule can never be combined.
	Together func(a, b time.Time) bool
	// Alike reports whether the searches of two slots and of all slots between them differ in their windows only.
	Alike func(a, b time.Time) bool
	// OfNow: the rule's conditions refer to the current time, so no two slots are alike.
	OfNow bool
	// Late: the rule can be run again over late events only.
	Late bool
}

// CatchUp returns how missed slots of a plan's rule may be combined. Slots can share a run only if each alert is about one
// event, and if nothing in the rule depends on the slot: date math with now, exceptions that expire, dates in index names.
//
// Slots of a rule type that is not known here run one at a time, in any order.
func CatchUp(p Plan) Merging {
	r := p.Rule()
	m := Merging{OfNow: dependsOnNow(p)}
	m.Alike = func(a, b time.Time) bool { return !m.OfNow && sameExceptions(r, a, b) && sameNames(r, a, b) }
	switch s := r.AlertSuppression; {
	case s != nil:
		// Suppression per execution combines hits of one window; suppression over a time also combines hits of earlier
		// runs. New terms always depend on earlier runs.
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

// Eventwise is a plan whose hits are single events from the rule's own indices.
type Eventwise interface {
	Plan
	// Apart reports whether an event is a hit whichever window finds it: no pipe selects the first or last events of a
	// window.
	Apart() bool
	// ByOwnTime reports whether windows refer to the events' own time only. Only then can late events be recognised.
	ByOwnTime() bool
}

// dependsOnNow reports whether a plan's conditions may change from slot to slot. A plan without the method is assumed to
// change.
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
