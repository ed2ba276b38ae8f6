package main

import (
	"context"
	"net/http"

	"tocsin/cmd/runner/internal/api"
	"tocsin/cmd/runner/internal/logs"
	"tocsin/internal/run/health"
)

// States implements [api.Source]. It is the board that also the log, the metrics and /readyz tell of.
func (s *statusPage) States(context.Context) (api.ServiceStates, error) {
	known := s.health.board.Known()
	if known.Agreed.IsZero() && known.Err == nil {
		return api.ServiceStates{}, api.NewProblem(http.StatusServiceUnavailable, "the states of the service are not known yet, try again in a moment")
	}
	at := known.Agreed
	if at.IsZero() {
		at = s.started // what this runner has found itself
	}
	name := func(id string) string {
		name, _ := s.health.ruleNamed(id)
		return name
	}
	return shownStates(known, asOf(at, known.Err), name), nil
}

// shownStates returns states as they are shown; name returns the name of a rule, "" if there is none with the id.
func shownStates(known health.Known, as api.AsOf, name func(id string) string) api.ServiceStates {
	out := api.ServiceStates{AsOf: as, Open: map[api.Gravity]int{}, Total: len(known.Episodes), States: make([]api.ServiceState, len(known.Episodes))}
	for i, e := range known.Episodes {
		d := health.Describe(e.Kind)
		one := api.ServiceState{
			Kind: api.Kind(e.Kind), Subject: logs.Blank(e.Subject), Status: api.Phase(e.Phase), Severity: api.Gravity(d.Severity), RuleID: e.Rule(), Text: logs.Blank(e.Text), Meaning: d.Meaning, Advice: d.Advice,
			Since: e.Since.UTC(), Until: inUTC(e.Until), Count: e.Episode, Rules: append([]string{}, e.Rules...), Runners: append([]string{}, e.Runners...),
		}
		if one.RuleID != "" {
			one.RuleName = name(one.RuleID)
		}
		if e.Phase == health.Open {
			out.Open[one.Severity]++
		}
		out.States[i] = one
	}
	return out
}
