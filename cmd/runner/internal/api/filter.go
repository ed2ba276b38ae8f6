package api

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"tocsin/internal/run/health"
)

// RuleFilter selects and orders rules.
type RuleFilter struct {
	// Text must occur in the name, the id, the path or a tag, whatever the case of its letters.
	Text              string
	States, Severity  []string
	Technique, Runner string
	// Sort is what comes first: state, name, next or alerts.
	Sort string
}

// RuleSorts are the orders of rules.
var RuleSorts = []string{"state", "name", "next", "alerts"}

// RuleFilterOf reads a filter.
func RuleFilterOf(q url.Values) RuleFilter {
	return RuleFilter{
		Text: strings.TrimSpace(q.Get("q")), States: filled(q["state"]), Severity: filled(q["severity"]), Runner: strings.TrimSpace(q.Get("runner")), Technique: strings.TrimSpace(q.Get("technique")),
		Sort: q.Get("sort"),
	}
}

// Select returns the rules that a filter selects, in its order. The rules are not changed.
func (f RuleFilter) Select(all []Rule) []Rule {
	out := make([]Rule, 0, len(all))
	for i := range all {
		if f.meets(&all[i]) {
			out = append(out, all[i])
		}
	}
	far := time.Unix(1<<40, 0)
	next := func(r *Rule) time.Time {
		if r.NextRun == nil {
			return far
		}
		return *r.NextRun
	}
	ranks := map[State]int{}
	for i, s := range States {
		ranks[s] = i
	}
	slices.SortStableFunc(out, func(a, b Rule) int {
		switch f.Sort {
		case "name":
			return 0 // that is their order
		case "next":
			return next(&a).Compare(next(&b))
		case "alerts":
			return cmp.Compare(b.Alerts, a.Alerts)
		}
		return cmp.Compare(ranks[a.State], ranks[b.State])
	})
	return out
}

func (f RuleFilter) meets(r *Rule) bool {
	if len(f.States) > 0 && !slices.Contains(f.States, string(r.State)) {
		return false
	}
	if len(f.Severity) > 0 && !slices.Contains(f.Severity, r.Severity) {
		return false
	}
	if f.Technique != "" && !slices.Contains(r.Techniques, f.Technique) {
		return false
	}
	return (f.Runner == "" || f.Runner == r.Owner) && has(f.Text, append([]string{r.Name, r.ID, r.Path}, r.Tags...)...)
}

// has reports whether a text occurs in any of several, whatever the case of its letters.
func has(text string, in ...string) bool {
	if text == "" {
		return true
	}
	text = strings.ToLower(text)
	return slices.ContainsFunc(in, func(one string) bool { return strings.Contains(strings.ToLower(one), text) })
}

// StateFilter selects states of the service.
type StateFilter struct {
	// Text must occur in the subject, the text, or the id or the name of the rule, whatever the case of its letters.
	Text                      string
	Status, Severity, OfKinds []string
	Rule, Runner              string
	// Since is the time since which a state must have been there.
	Since time.Time
}

// StatesSince is how long ago a state may have ended, unless a request says how long.
const StatesSince = "7d"

// StateFilterOf reads a filter.
func StateFilterOf(q url.Values, now time.Time) (f StateFilter, err error) {
	f = StateFilter{
		Text: strings.TrimSpace(q.Get("q")), Status: filled(q["status"]), Severity: filled(q["severity"]), OfKinds: filled(q["kind"]), Rule: strings.TrimSpace(q.Get("rule")), Runner: strings.TrimSpace(q.Get("runner")),
	}
	f.Since, err = TimeOf("since", cmp.Or(strings.TrimSpace(q.Get("since")), StatesSince), now)
	return f, err
}

// Select returns the states that a filter selects, in their order.
func (f StateFilter) Select(all []ServiceState) []ServiceState {
	out := make([]ServiceState, 0, len(all))
	for i := range all {
		if f.meets(&all[i]) {
			out = append(out, all[i])
		}
	}
	return out
}

func (f StateFilter) meets(s *ServiceState) bool {
	among := func(list []string, one string) bool { return len(list) == 0 || slices.Contains(list, one) }
	last := s.Since
	if s.Until != nil {
		last = *s.Until
	}
	return (s.Status == Phase(health.Open) || !last.Before(f.Since)) &&
		among(f.Status, string(s.Status)) && among(f.Severity, string(s.Severity)) && among(f.OfKinds, string(s.Kind)) &&
		(f.Rule == "" || f.Rule == s.RuleID || slices.Contains(s.Rules, f.Rule)) && (f.Runner == "" || slices.Contains(s.Runners, f.Runner)) &&
		has(f.Text, s.Subject, s.Text, s.RuleID, s.RuleName)
}

// SelectCoverage returns the coverage of the rules whose name or id has a text, of those with open slots alone if open. Those with the
// most open slots come first.
func SelectCoverage(all []CoverageOfOne, text string, open bool) []CoverageOfOne {
	out := make([]CoverageOfOne, 0, len(all))
	for _, one := range all {
		if has(text, one.Name, one.RuleID) && (!open || one.Open() > 0) {
			out = append(out, one)
		}
	}
	slices.SortStableFunc(out, func(a, b CoverageOfOne) int { return cmp.Compare(b.Open(), a.Open()) })
	return out
}

// CostSorts are the orders of costs.
var CostSorts = []string{"time", "alerts", "read", "age"}

// SortCosts returns costs in an order, the largest first, those of rules without a success as the oldest.
func SortCosts(all []Cost, by string) []Cost {
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b Cost) int {
		switch by {
		case "alerts":
			return cmp.Compare(b.AlertsADay, a.AlertsADay)
		case "read":
			return cmp.Compare(b.Read, a.Read)
		case "age":
			if a.LastSuccess == nil || b.LastSuccess == nil {
				return cmp.Compare(boolRank(a.LastSuccess != nil), boolRank(b.LastSuccess != nil))
			}
			return a.LastSuccess.Compare(*b.LastSuccess)
		}
		return cmp.Compare(b.Took, a.Took)
	})
	return out
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}
