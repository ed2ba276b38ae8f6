package query

import "tocsin/internal/rule"

// CatchUp says what may be done with slots of a plan's rule that were not run at their time.
// Mergeable: one run over the windows of several slots finds what the runs of each would. That is so
// where an alert is about one event, whichever window it is found in. Ordered: the alerts of a slot
// depend on those of the slots before, so that an older one has to come first.
//
// A rule type that is not known here is neither: its slots are run one by one.
func CatchUp(p Plan) (mergeable, ordered bool) {
	r := p.Rule()
	switch s := r.AlertSuppression; {
	case s != nil:
		// Within a run, hits of the same window are folded; within a time, also those of runs before.
		return false, s.Duration > 0
	case r.Type == rule.TypeThreshold, r.Type == rule.TypeNewTerms:
		return false, true
	}
	events, ok := p.(*eventPlan)
	// Pipes take the first or last events of a window. An exception may expire between two slots.
	return ok && len(events.query.Limits()) == 0 && len(r.ExceptionsList) == 0, false
}
