package page

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tocsin/cmd/runner/internal/api"
	"tocsin/internal/run/verdict"
)

// The numbers of rows of a page.
const (
	ruleRows     = 100
	stateRows    = 50
	coverageRows = 60
	alertRows    = 50
	fewRows      = 8
)

type overviewData struct {
	api.Overview

	States []stateCount
	Chart  alertChart
	Heat   sumStrip
	Worst  []api.Rule
	Latest []api.Alert
	// AlertsProblem is why there are no alerts to show.
	AlertsProblem string
	AlertTotal    int
	BySeverity    []severityCount
	RuleTotal     int
}

type severityCount struct {
	Severity string
	Alerts   int
}

type stateCount struct {
	State api.State
	Rules int
}

func (p *Page) overview(r *http.Request) (any, string, error) {
	o, err := p.Source.Overview(r.Context())
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is the Source's
	}
	rules, err := p.Source.Rules(r.Context())
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is the Source's
	}
	d := overviewData{Overview: o, RuleTotal: len(rules.Rules)}
	for _, s := range api.States {
		if o.Rules[s] > 0 {
			d.States = append(d.States, stateCount{s, o.Rules[s]})
		}
	}
	for _, n := range o.Alerts {
		d.AlertTotal += n
	}
	for _, s := range api.Severities {
		if o.Alerts[s] > 0 {
			d.BySeverity = append(d.BySeverity, severityCount{s, o.Alerts[s]})
		}
	}
	var amiss []string
	for _, s := range api.States {
		if s == api.New || s == api.OK {
			break
		}
		amiss = append(amiss, string(s))
	}
	d.Worst = api.Of(api.Page{Limit: fewRows}, api.RuleFilter{States: amiss}.Select(rules.Rules))
	if c, err := p.Source.Coverage(r.Context()); err == nil {
		d.Heat = newSumStrip(c)
	}
	// What is amiss with the alerts must not hide the rest.
	counts, err := p.Source.AlertCounts(r.Context())
	if err == nil {
		d.Chart = newAlertChart(counts)
		var latest api.Alerts
		latest, err = p.Source.Alerts(r.Context(), api.AlertQuery{Limit: fewRows})
		d.Latest = latest.Alerts
	}
	if err != nil {
		d.AlertsProblem = api.ProblemOf(err, p.Redact).Error()
	}
	return d, "", nil
}

type rulesData struct {
	api.Rules

	Filter     api.RuleFilter
	States     []api.State
	Severities []string
	Sorts      []string
	Pager      pager
}

// pager are the addresses of the pages beside the one that is shown.
type pager struct {
	From, To, Total int
	Previous, Next  string
}

// newPager returns the pager of a page of a list.
func newPager(r *http.Request, at api.Page, total int) pager {
	g := pager{From: min(at.Offset+1, total), To: min(at.Offset+at.Limit, total), Total: total}
	link := func(offset int) string {
		q := r.URL.Query()
		q.Del("notice")
		q.Set("offset", strconv.Itoa(offset))
		return r.URL.Path + "?" + q.Encode()
	}
	if at.Offset > 0 {
		g.Previous = link(max(0, at.Offset-at.Limit))
	}
	if at.Offset+at.Limit < total {
		g.Next = link(at.Offset + at.Limit)
	}
	return g
}

func (p *Page) rules(r *http.Request) (any, string, error) {
	q := r.URL.Query()
	at, err := api.PageOf(q, ruleRows)
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is a problem
	}
	all, err := p.Source.Rules(r.Context())
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is the Source's
	}
	f := api.RuleFilterOf(q)
	found := f.Select(all.Rules)
	all.Rules = api.Of(at, found)
	return rulesData{Rules: all, Filter: f, States: api.States, Severities: api.Severities, Sorts: api.RuleSorts, Pager: newPager(r, at, len(found))}, "", nil
}

type ruleData struct {
	api.RuleDetail

	Strip strip
	// Event is the event that was asked about, Verdicts what was said of it.
	Event    string
	Verdicts []verdict.Verdict
	// Unexplained is why nothing was said.
	Unexplained string
}

func (p *Page) rule(r *http.Request) (any, string, error) {
	d, err := p.Source.Rule(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is the Source's
	}
	return ruleData{RuleDetail: d, Strip: newStrip(d.Heat)}, d.Name, nil
}

// explain shows a rule with what it says of an event.
func (p *Page) explain(r *http.Request) (any, string, error) {
	if err := r.ParseForm(); err != nil {
		return nil, "", asked(err)
	}
	id := r.PathValue("id")
	d, err := p.Source.Rule(r.Context(), id)
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is the Source's
	}
	out := ruleData{RuleDetail: d, Strip: newStrip(d.Heat), Event: r.PostForm.Get("event")}
	text := strings.TrimSpace(out.Event)
	if !json.Valid([]byte(text)) {
		out.Unexplained = "The event is not JSON."
		return out, d.Name, nil
	}
	out.Verdicts, err = p.Source.Explain(r.Context(), api.Question{RuleID: id, Event: json.RawMessage(text)})
	if err != nil {
		out.Unexplained = api.ProblemOf(err, p.Redact).Error()
	}
	return out, d.Name, nil
}

type coverageData struct {
	api.Coverage

	Text      string
	Open      bool
	Sum       sumStrip
	Rows      []coverageRow
	Gaps      api.Gaps
	Pager     pager
	GapsShown []api.Gap
}

type coverageRow struct {
	api.CoverageOfOne

	Strip strip
}

func (p *Page) coverage(r *http.Request) (any, string, error) {
	q := r.URL.Query()
	at, err := api.PageOf(q, coverageRows)
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is a problem
	}
	c, err := p.Source.Coverage(r.Context())
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is the Source's
	}
	gaps, err := p.Source.Gaps(r.Context())
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is the Source's
	}
	d := coverageData{Coverage: c, Text: strings.TrimSpace(q.Get("q")), Open: q.Get("open") != "", Sum: newSumStrip(c), Gaps: gaps, GapsShown: api.Of(api.Page{Limit: coverageRows}, gaps.Gaps)}
	found := api.SelectCoverage(c.Rules, d.Text, d.Open)
	for _, one := range api.Of(at, found) {
		d.Rows = append(d.Rows, coverageRow{one, newStrip(one.Heat)})
	}
	d.Pager = newPager(r, at, len(found))
	return d, "", nil
}

type alertsData struct {
	api.Alerts

	Query      url.Values
	Severities []string
	Older      string
	Newest     string
	Chart      alertChart
	Problem    string
}

func (p *Page) alerts(r *http.Request) (any, string, error) {
	q := r.URL.Query()
	d := alertsData{Query: q, Severities: api.Severities}
	if counts, err := p.Source.AlertCounts(r.Context()); err == nil {
		d.Chart = newAlertChart(counts)
	}
	asked, err := api.AlertQueryOf(q, p.Now(), alertRows)
	if err == nil {
		d.Alerts, err = p.Source.Alerts(r.Context(), asked)
	}
	if err != nil { // the form shows what was asked for
		d.Problem = api.ProblemOf(err, p.Redact).Error()
		return d, "", nil
	}
	link := func(after string) string {
		q := r.URL.Query()
		q.Set("after", after)
		if after == "" {
			q.Del("after")
		}
		return "/alerts?" + q.Encode()
	}
	if d.Next != "" {
		d.Older = link(d.Next)
	}
	if asked.After != "" {
		d.Newest = link("")
	}
	return d, "", nil
}

type alertData struct {
	api.AlertDetail

	Timeline timeline
	Shown    []shownEvent
	Fields   []field
	Verdicts []verdict.Verdict
	// More is how many further events can be explained.
	More int
	// Unexplained is why there is no explanation.
	Unexplained string
}

type shownEvent struct {
	api.Event

	Fields []field
}

func (p *Page) alert(r *http.Request) (any, string, error) {
	id := r.PathValue("id")
	a, err := p.Source.Alert(r.Context(), id)
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is the Source's
	}
	d := alertData{AlertDetail: a, Timeline: newTimeline(a.Events), Fields: fieldsOf(a.Document)}
	for _, e := range a.Events {
		var source map[string]any
		if json.Unmarshal(e.Source, &source) == nil {
			d.Shown = append(d.Shown, shownEvent{e, fieldsOf(source)})
		}
	}
	// Each event takes searches of its own: without being asked, one is explained.
	most := 1
	if r.URL.Query().Get("explain") == "all" {
		most = api.MaxExplained
	}
	d.More = max(0, len(a.Events)-most)
	d.Verdicts, err = p.Source.ExplainAlert(r.Context(), id, most)
	if err != nil {
		d.Unexplained = api.ProblemOf(err, p.Redact).Error()
	}
	return d, a.Rule, nil
}

type attackData struct {
	api.Attack

	Columns []attackColumn
}

type attackColumn struct {
	api.Tactic

	Cells []attackCell
}

type attackCell struct {
	api.Technique

	// Level is how many rules there are, from 1 for few to 4 for many.
	Level int
}

func (p *Page) attack(r *http.Request) (any, string, error) {
	m, err := p.Source.Attack(r.Context())
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is the Source's
	}
	d := attackData{Attack: m}
	for _, t := range m.Tactics {
		column := attackColumn{Tactic: t}
		for _, one := range m.Techniques {
			if one.TacticID == t.ID {
				column.Cells = append(column.Cells, attackCell{one, levelOf(len(one.RuleIDs))})
			}
		}
		// Sub-techniques stand below their parents.
		slices.SortStableFunc(column.Cells, func(a, b attackCell) int { return strings.Compare(a.ID, b.ID) })
		d.Columns = append(d.Columns, column)
	}
	return d, "", nil
}

// levelOf grades a number of rules.
func levelOf(rules int) int {
	level := 1
	for _, least := range []int{3, 10, 30} {
		if rules >= least {
			level++
		}
	}
	return level
}

type costsData struct {
	api.Costs

	Sort  string
	Sorts []string
	Rows  []costRow
	Pager pager
}

type costRow struct {
	api.Cost

	// Width is the length of the bar, in percent of the longest.
	Width float64
}

func (p *Page) costs(r *http.Request) (any, string, error) {
	q := r.URL.Query()
	at, err := api.PageOf(q, ruleRows)
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is a problem
	}
	c, err := p.Source.Costs(r.Context())
	if err != nil {
		return nil, "", err //nolint:wrapcheck // it is the Source's
	}
	d := costsData{Costs: c, Sort: q.Get("sort"), Sorts: api.CostSorts, Pager: newPager(r, at, len(c.Costs))}
	most := 0.0
	for _, one := range c.Costs {
		most = max(most, one.Took)
	}
	for _, one := range api.Of(at, api.SortCosts(c.Costs, d.Sort)) {
		row := costRow{Cost: one}
		if most > 0 {
			row.Width = 100 * one.Took / most
		}
		d.Rows = append(d.Rows, row)
	}
	return d, "", nil
}

func (p *Page) backfills(r *http.Request) (any, string, error) {
	b, err := p.Source.Backfills(r.Context())
	return b, "", err //nolint:wrapcheck // it is the Source's
}

func (p *Page) runners(r *http.Request) (any, string, error) {
	b, err := p.Source.Runners(r.Context())
	return b, "", err //nolint:wrapcheck // it is the Source's
}
