package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/cmd/runner/internal/api"
	"tocsin/cmd/runner/internal/logs"
	"tocsin/internal/ledger"
	"tocsin/internal/ledger/coverage"
	"tocsin/internal/rule"
	"tocsin/internal/rule/attack"
	"tocsin/internal/run/service"
)

// surveyed is what the ledger says of the last day, reduced to what is shown.
type surveyed struct {
	api.Coverage

	byRule map[string]ruleSurvey
	gaps   api.Gaps
	costs  api.Costs
	// begun reports whether the ledger has any record.
	begun bool
}

// ruleSurvey is what the ledger says of a rule.
type ruleSurvey struct {
	api.CoverageOfOne

	known       bool
	lastCovered *time.Time
	// failing: the latest slot that was run is not covered, and error says why.
	failing bool
	error   string
	lag     ledger.Lag
	gaps    []api.Gap
}

const (
	// heatParts is the number of parts of a heat map: half an hour each.
	heatParts = 48
	// maxGaps is how many gaps are kept, maxGapsOfOne how many of a rule.
	maxGaps      = 5000
	maxGapsOfOne = 20
)

// survey reads the ledger.
func (s *statusPage) survey(ctx context.Context) (surveyed, error) {
	t := timeRange{Settle: 2 * time.Minute}
	o, err := t.options(s.clock.Passed())
	if err != nil {
		return surveyed{}, err
	}
	o.Buckets = heatParts
	rules := s.ruleList()
	more, err := before(ctx, s.backend.ledger, s.others().broken)
	if err != nil {
		return surveyed{}, err
	}
	var rows []coverage.Row
	var costs []coverage.Cost
	for part := range slices.Chunk(append(asked(rules, service.Waits(rules, s.cmd.Spread)), more...), coverage.Chunk) {
		store := &readOnce{Store: s.backend.ledger}
		some, err := coverage.Read(ctx, store, part, o)
		if err != nil {
			return surveyed{}, err //nolint:wrapcheck // it names the ledger
		}
		cost, err := coverage.Costs(ctx, store, part, o)
		if err != nil {
			return surveyed{}, err //nolint:wrapcheck // it names the ledger
		}
		rows, costs = append(rows, some...), append(costs, cost...)
	}
	begun, err := coverage.Begun(ctx, s.backend.ledger, rows)
	if err != nil {
		return surveyed{}, err //nolint:wrapcheck // it names the ledger
	}
	out := reduced(rows, begun, o)
	out.costs = costsOf(costs, o)
	return out, nil
}

// readOnce remembers the pages that were read last: coverage and costs are made of the same.
type readOnce struct {
	ledger.Store

	asked string
	pages []ledger.Page
}

// Pages implements [ledger.Store].
func (r *readOnce) Pages(ctx context.Context, ids []string, from, to time.Time) ([]ledger.Page, error) {
	asked := fmt.Sprintf("%q %s %s", ids, from, to)
	if r.asked == asked {
		return r.pages, nil
	}
	pages, err := r.Store.Pages(ctx, ids, from, to)
	if err == nil {
		r.asked, r.pages = asked, pages
	}
	return pages, err //nolint:wrapcheck // it is the store's
}

// reduced keeps of rows what is shown.
func reduced(rows []coverage.Row, begun bool, o coverage.Options) surveyed {
	out := surveyed{begun: begun, byRule: make(map[string]ruleSurvey, len(rows))}
	out.From, out.To, out.Step = o.From.UTC(), o.To.UTC(), o.To.Sub(o.From).Seconds()/heatParts
	out.Sums = make([]api.CoverageSum, heatParts)
	for i := range out.Sums {
		out.Sums[i].From = o.From.Add(time.Duration(i) * o.To.Sub(o.From) / heatParts).UTC()
	}
	out.Rules = make([]api.CoverageOfOne, 0, len(rows))
	for _, r := range rows {
		one := surveyOf(r)
		for i, b := range r.Buckets[:min(len(r.Buckets), heatParts)] {
			out.Sums[i].Add(countsOf(b.Counts))
		}
		out.byRule[r.RuleID] = one
		out.Rules = append(out.Rules, one.CoverageOfOne)
	}
	slices.SortStableFunc(out.Rules, func(a, b api.CoverageOfOne) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	out.Total = len(out.Rules)
	all := append(coverage.Unknown(rows, begun, o), coverage.Gaps(rows)...)
	out.gaps = api.Gaps{Total: len(all), Gaps: gapsOf(all[:min(len(all), maxGaps)]), Vacancies: []api.Vacancy{}}
	for _, v := range coverage.Vacancies(rows) {
		out.gaps.Vacancies = append(out.gaps.Vacancies, api.Vacancy{Pattern: v.Pattern, Rules: v.Rules, Vacant: v.Vacant, Since: v.Since.UTC(), Met: v.Met})
	}
	return out
}

func surveyOf(r coverage.Row) ruleSurvey {
	one := ruleSurvey{known: r.Known, lastCovered: r.LastCovered, lag: r.Lag, error: logs.Blank(r.LastError), gaps: gapsOf(r.Gaps[max(0, len(r.Gaps)-maxGapsOfOne):])}
	one.CoverageOfOne = api.CoverageOfOne{
		RuleID: r.RuleID, Name: r.Name, Counts: countsOf(r.Counts), OldestOpen: r.OldestOpen, Lateness: r.Lateness.Seconds(), LastError: one.error,
	}
	var heat strings.Builder
	for _, b := range r.Buckets {
		m := ' '
		if b.Slots() > 0 {
			m = b.Mark()
		}
		heat.WriteRune(m)
	}
	one.Heat = heat.String()
	for _, g := range r.Gaps {
		if g.Attempts > 0 && (r.LastCovered == nil || g.To.After(*r.LastCovered)) {
			one.failing = true
		}
	}
	return one
}

func countsOf(c coverage.Counts) api.Counts {
	return api.Counts{Covered: c.Covered, Planned: c.Planned, Failed: c.Failed, Queued: c.Queued, GivenUp: c.GivenUp, Vacant: c.Vacant}
}

func gapsOf(list []coverage.Gap) []api.Gap {
	out := make([]api.Gap, len(list))
	for i, g := range list {
		out[i] = api.Gap{
			RuleID: g.RuleID, Name: g.Name, From: inUTC(g.From), To: inUTC(g.To), Slots: g.Slots, Status: g.Status, Attempts: g.Attempts, Reason: g.Reason, Error: logs.Blank(g.Error),
		}
	}
	return out
}

// inUTC returns a time in UTC, nil for the zero time.
func inUTC(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// asOf says when a kept answer was made.
func asOf(at time.Time, err error) api.AsOf {
	a := api.AsOf{At: at.UTC()}
	if err != nil {
		a.Stale = api.ProblemOf(err, logs.Blank).Error()
	}
	return a
}

// Coverage implements [api.Source].
func (s *statusPage) Coverage(ctx context.Context) (api.Coverage, error) {
	taken, err := s.covered.Get(ctx)
	if err != nil {
		return api.Coverage{}, err
	}
	out := taken.Value.Coverage
	out.AsOf = asOf(taken.At, taken.Err)
	return out, nil
}

// Gaps implements [api.Source].
func (s *statusPage) Gaps(ctx context.Context) (api.Gaps, error) {
	taken, err := s.covered.Get(ctx)
	if err != nil {
		return api.Gaps{}, err
	}
	out := taken.Value.gaps
	out.AsOf = asOf(taken.At, taken.Err)
	return out, nil
}

// costsOf returns what rules cost, judged by the budgets.
func costsOf(costs []coverage.Cost, o coverage.Options) api.Costs {
	judge := topCmd{BudgetTime: budgetTime, BudgetAlerts: budgetAlerts}
	out := api.Costs{From: o.From.UTC(), To: o.To.UTC(), Total: len(costs), Costs: make([]api.Cost, len(costs))}
	for i, c := range costs {
		r := judge.row(c, o)
		out.Costs[i] = api.Cost{
			RuleID: c.RuleID, Name: c.Name, Runs: c.Runs, Failed: c.Failed, Took: r.Took, Mean: r.Mean, Longest: r.Longest, Share: r.Share, Read: c.Read, Alerts: c.Alerts,
			AlertsADay: c.AlertsADay, Suppressed: c.Suppressed, LastSuccess: c.LastSuccess, Over: r.Over,
		}
	}
	return out
}

// Costs implements [api.Source].
func (s *statusPage) Costs(ctx context.Context) (api.Costs, error) {
	taken, err := s.covered.Get(ctx)
	if err != nil {
		return api.Costs{}, err
	}
	out := taken.Value.costs
	out.AsOf = asOf(taken.At, taken.Err)
	return out, nil
}

// Rules implements [api.Source].
func (s *statusPage) Rules(ctx context.Context) (api.Rules, error) {
	taken, err := s.rules.Get(ctx)
	if err != nil {
		return api.Rules{}, err
	}
	covered, err := s.covered.Get(ctx)
	if err != nil {
		return api.Rules{}, err
	}
	return api.Rules{AsOf: asOf(covered.At, covered.Err), Total: len(taken.Value), Rules: taken.Value}, nil
}

// allRules returns all rules by name.
func (s *statusPage) allRules(ctx context.Context) ([]api.Rule, error) {
	covered, err := s.covered.Get(ctx)
	if err != nil {
		return nil, err
	}
	alerts := make(map[string]int64, len(covered.Value.costs.Costs))
	for _, c := range covered.Value.costs.Costs {
		alerts[c.RuleID] = c.Alerts
	}
	running, others := s.ruleList(), s.others()
	ids := make([]string, len(running))
	for i, r := range running {
		ids[i] = r.ID()
	}
	last, outdated := s.runner.latest.of(ids), s.again.outdatedRules()
	var runners []string
	if s.member != nil {
		runners = s.member.Runners()
	}
	now := s.clock.Passed()
	out := make([]api.Rule, 0, len(running))
	for _, r := range running {
		one := ruleOf(r.Plan.Rule())
		one.Schedule, one.Owner, one.NextRun, one.Alerts = r.Schedule, s.ownerOf(runners, r.ID()), inUTC(r.Slots.Next(now)), alerts[r.ID()]
		seen := covered.Value.byRule[r.ID()]
		one.Slots, one.LastOK = seen.Counts, seen.lastCovered
		one.State, one.Problem, one.LastRun = stateOf(seen, last[r.ID()], one.Owner == s.id, outdated[r.ID()])
		out = append(out, one)
	}
	for state, list := range map[api.State][]*rule.Rule{api.Disabled: others.disabled, api.Correlated: others.silent, api.Broken: others.broken} {
		for _, r := range list {
			if state == api.Broken && outdated[r.ID] { // it runs as it was
				continue
			}
			one := ruleOf(r)
			one.State, one.Schedule = state, r.Schedule()
			if state == api.Broken {
				one.Problem = "the rule has errors: runner check says which"
			}
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b api.Rule) int {
		if by := strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)); by != 0 {
			return by
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, nil
}

// stateOf returns how a running rule is, why, and when it last ran. last is its last execution here, which counts if the rule is this
// runner's.
func stateOf(seen ruleSurvey, last lastRun, own, outdated bool) (state api.State, why string, at *time.Time) {
	at = seen.lastCovered
	known := own && !last.Slot.IsZero()
	if known && (at == nil || last.Slot.After(*at)) {
		at = &last.Slot
	}
	switch {
	case known && last.Problem != "" && last.Status != "succeeded":
		return api.Failing, last.Problem, at
	case !known && seen.failing:
		return api.Failing, seen.error, at
	case outdated:
		return api.Outdated, "the files have errors now: runner check says which", at
	case seen.Open() > 0:
		why := fmt.Sprintf("%d open slots", seen.Open())
		if seen.OldestOpen != nil {
			why += ", the oldest of " + seen.OldestOpen.UTC().Format(time.RFC3339)
		}
		return api.Behind, why, at
	case known && last.Vacant, !known && seen.Vacant > 0 && seen.lastCovered == nil:
		return api.Vacant, "no index matches the rule's patterns", at
	case !known && (!seen.known || seen.All() == 0):
		return api.New, "", at
	}
	return api.OK, "", at
}

// ruleOf returns what a rule says of itself.
func ruleOf(r *rule.Rule) api.Rule {
	one := api.Rule{
		ID: r.ID, Name: r.Name, Type: string(r.Type), Language: string(r.Language), Severity: string(r.Severity), RiskScore: r.RiskScore, Path: r.Path,
		Tags: append([]string{}, r.Tags...), Techniques: []string{},
	}
	for _, t := range techniquesOf(r) {
		one.Techniques = append(one.Techniques, t.ID)
	}
	return one
}

// techniquesOf returns the techniques of a rule, with the parents of sub-techniques.
func techniquesOf(r *rule.Rule) []api.Named {
	out := []api.Named{}
	add := func(id, name string) {
		if !slices.ContainsFunc(out, func(n api.Named) bool { return n.ID == id }) {
			out = append(out, api.Named{ID: id, Name: name})
		}
	}
	for _, t := range attack.Count([]*rule.Rule{r}, attack.Latest).Techniques {
		add(t.Technique.ID, t.Technique.Name)
	}
	return out
}

// outdatedRules returns the ids of rules that have errors now and run as before.
func (r *reloading) outdatedRules() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.outdated // a reload replaces it
}

// latestSlots is how many slots of a rule are shown.
const latestSlots = 20

// Rule implements [api.Source].
func (s *statusPage) Rule(ctx context.Context, id string) (api.RuleDetail, error) {
	all, err := s.rules.Get(ctx)
	if err != nil {
		return api.RuleDetail{}, err
	}
	i := slices.IndexFunc(all.Value, func(r api.Rule) bool { return r.ID == id })
	r := s.modelOf(id)
	if i < 0 || r == nil {
		return api.RuleDetail{}, api.NotFound("there is no rule with this id")
	}
	covered, err := s.covered.Get(ctx)
	if err != nil {
		return api.RuleDetail{}, err
	}
	seen := covered.Value.byRule[id]
	out := api.RuleDetail{
		Rule: all.Value[i], Description: r.Description, Query: r.Query.Value, Indices: append([]string{}, r.Reads()...), References: append([]string{}, r.References...),
		Threat: techniquesOf(r), Heat: seen.Heat, Gaps: append([]api.Gap{}, seen.gaps...),
	}
	if seen.lag.P99 > 0 {
		out.Lag = lagText(seen.lag)
	}
	now := s.clock.Passed()
	latest, err := s.Slots(ctx, id, now.Add(-defaultRange), now)
	if err != nil {
		return out, err
	}
	out.Latest = latest[:min(len(latest), latestSlots)]
	return out, nil
}

// modelOf returns a loaded rule; nil if there is none with the id.
func (s *statusPage) modelOf(id string) *rule.Rule {
	for _, r := range s.ruleList() {
		if r.ID() == id {
			return r.Plan.Rule()
		}
	}
	others := s.others()
	for _, r := range slices.Concat(others.disabled, others.silent, others.broken) {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// Slots implements [api.Source].
func (s *statusPage) Slots(ctx context.Context, id string, from, to time.Time) ([]api.Slot, error) {
	if s.modelOf(id) == nil {
		return nil, api.NotFound("there is no rule with this id")
	}
	done, err := s.ask(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	pages, err := s.backend.ledger.Pages(ctx, []string{id}, ledger.Day(from), ledger.Day(to))
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	out := []api.Slot{}
	for _, p := range pages {
		for _, e := range p.Entries {
			if !e.Slot.Before(from) && !e.Slot.After(to) {
				out = append(out, slotOf(e))
			}
		}
	}
	slices.SortFunc(out, func(a, b api.Slot) int { return b.Slot.Compare(a.Slot) })
	return out, nil
}

func slotOf(e ledger.Entry) api.Slot {
	return api.Slot{
		Slot: e.Slot.UTC(), Status: e.Status.String(), Attempts: e.Attempts, Read: e.Read, Hits: e.Hits, Created: e.Created, Existing: e.Duplicates, Folded: e.Suppressed,
		Took: e.Took.Seconds(), Ended: inUTC(e.EndedBy()), Reason: e.Reason.String(), Error: logs.Blank(e.Error),
	}
}

// Attack implements [api.Source].
func (s *statusPage) Attack(context.Context) (api.Attack, error) {
	var rules []*rule.Rule
	for _, r := range s.ruleList() {
		rules = append(rules, r.Plan.Rule())
	}
	m := attack.Count(append(rules, s.others().silent...), attack.Latest)
	out := api.Attack{Version: m.Version, Rules: m.Rules, Without: len(m.Without), TacticOnly: len(m.TacticOnly), Tactics: []api.Tactic{}, Techniques: []api.Technique{}}
	for _, t := range m.Tactics {
		out.Tactics = append(out.Tactics, api.Tactic{Named: api.Named{ID: t.ID, Name: t.Name}, Rules: t.Rules, Techniques: t.Techniques, Known: t.Known})
	}
	for _, t := range m.Techniques {
		one := api.Technique{Named: api.Named{ID: t.Technique.ID, Name: t.Technique.Name}, TacticID: t.Tactic.ID, RuleIDs: ruleIDs(t.Rules)}
		if t.Technique.Parent != nil {
			one.Parent = t.Technique.Parent.ID
		}
		out.Techniques = append(out.Techniques, one)
	}
	return out, nil
}

// maxProblems is how many problems the overview names.
const maxProblems = 20

// Overview implements [api.Source].
func (s *statusPage) Overview(ctx context.Context) (api.Overview, error) {
	for _, ask := range []func(){s.covered.Ask, s.checked.Ask, s.counts.Ask, s.latest.Ask} { // together
		ask()
	}
	rules, err := s.Rules(ctx)
	if err != nil {
		return api.Overview{}, err
	}
	covered, err := s.covered.Get(ctx)
	if err != nil {
		return api.Overview{}, err
	}
	checked, err := s.checked.Get(ctx)
	if err != nil {
		return api.Overview{}, err
	}
	out := api.Overview{
		AsOf: rules.AsOf, Version: version(), Namespace: s.global.Namespace, Events: s.backend.name, Started: s.started.UTC(), Ready: checked.Value == nil, Problems: []string{},
		Open: map[api.Gravity]int{}, Rules: map[api.State]int{}, Alerts: map[string]int{}, Runners: 1,
	}
	if states, err := s.States(ctx); err == nil {
		out.Open = states.Open
	} else {
		out.Problems = append(out.Problems, api.ProblemOf(err, logs.Blank).Error())
	}
	for i := range rules.Rules {
		out.Rules[rules.Rules[i].State]++
	}
	for _, c := range covered.Value.Sums {
		out.Slots.Add(c.Counts)
	}
	if s.member != nil {
		out.Runners = len(s.member.Runners())
	}
	if counts, err := s.counts.Get(ctx); err == nil {
		for _, p := range counts.Value.Parts {
			for severity, n := range p.BySeverity {
				out.Alerts[severity] += n
			}
		}
	} else {
		out.Problems = append(out.Problems, "alerts cannot be counted: "+api.ProblemOf(err, logs.Blank).Error())
	}
	if checked.Value != nil {
		out.Problems = append(out.Problems, logs.Blank(checked.Value.Error()))
	}
	if note := s.noteOf(s.again)(); note != "" {
		out.Problems = append(out.Problems, strings.Split(logs.Blank(note), "\n")...)
	}
	if n := out.Rules[api.Failing]; n > 0 {
		out.Problems = append(out.Problems, count(n, "rule")+" failing")
	}
	for _, v := range covered.Value.gaps.Vacancies {
		if v.Met {
			out.Problems = append(out.Problems, fmt.Sprintf("no index matches %s since %s; it had data before", v.Pattern, v.Since.Format(time.RFC3339)))
		}
	}
	if out.Stale != "" {
		out.Problems = append(out.Problems, "the ledger cannot be read: "+out.Stale)
	}
	if more := len(out.Problems) - maxProblems; more > 0 {
		out.Problems = append(out.Problems[:maxProblems], fmt.Sprintf("and %d more, as /readyz says", more))
	}
	return out, nil
}
