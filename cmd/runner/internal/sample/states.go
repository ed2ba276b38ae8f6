package sample

import (
	"context"
	"fmt"
	"time"

	"tocsin/cmd/runner/internal/api"
	"tocsin/internal/run/health"
)

// States implements [api.Source]: a few that are there, and some that were.
func (s *Source) States(context.Context) (api.ServiceStates, error) {
	out := api.ServiceStates{AsOf: s.coverage.AsOf, Open: map[api.Gravity]int{}, States: s.states()}
	out.Total = len(out.States)
	for _, one := range out.States {
		if one.Status == api.Phase(health.Open) {
			out.Open[one.Severity]++
		}
	}
	return out, nil
}

func (s *Source) states() []api.ServiceState {
	var out []api.ServiceState
	add := func(k health.Kind, phase health.Phase, subject, text string, ago, lasted time.Duration) *api.ServiceState {
		d := health.Describe(k)
		one := api.ServiceState{
			Kind: api.Kind(k), Subject: s.Text(subject), Status: api.Phase(phase), Severity: api.Gravity(d.Severity), Text: s.Text(text), Meaning: d.Meaning, Advice: d.Advice,
			Since: Now.Add(-ago), Count: int64(1 + len(out)%4), Rules: []string{}, Runners: []string{},
		}
		if phase == health.Ended {
			until := one.Since.Add(lasted)
			one.Until = &until
		}
		out = append(out, one)
		return &out[len(out)-1]
	}
	for _, r := range s.rules {
		if r.State == api.Failing {
			one := add(health.RuleFailing, health.Open, "", fmt.Sprintf("rule %q: search failed: 3 of 12 shards failed: field data is disabled on [process.command_line]", r.Name), 49*time.Minute, 0)
			one.Subject, one.RuleID, one.RuleName, one.Rules = r.ID, r.ID, r.Name, []string{r.ID}
		}
	}
	add(health.PatternVacant, health.Open, "logs-kubernetes.audit-*", "no open index matches logs-kubernetes.audit-* any more", 5*time.Hour+22*time.Minute, 0).Rules = []string{"rule-0005", "rule-0025"}
	add(health.Undelivered, health.Open, "on-call", "4 notifications of route on-call could not be delivered", 26*time.Minute, 0).Runners = runnerIDs[:1]
	add(health.GivenUp, health.Happened, "service", "117 slots were given up: too old to catch up with", 31*time.Hour, 0)
	for i, r := range s.rules { // as many as a service with so many rules may have
		if i%20 == 11 {
			one := add(health.Gap, health.Ended, "", "12 slots of the rule stay open", time.Duration(i)*time.Minute, 40*time.Second)
			one.Subject, one.RuleID, one.RuleName = r.ID, r.ID, r.Name
		}
	}
	for i, d := range health.Kinds {
		if !d.Passing && !d.OfRule {
			add(d.Kind, health.Ended, fmt.Sprintf("subject-%d", i), "it was found on web-01: "+string(d.Kind), time.Duration(34+i)*time.Hour, time.Duration(1+i)*time.Minute)
		}
	}
	return out
}
