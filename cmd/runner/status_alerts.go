package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/cmd/runner/internal/api"
	"tocsin/cmd/runner/internal/logs"
	"tocsin/internal/alert"
	"tocsin/internal/alert/workflow"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/run/verdict"
	"tocsin/internal/search"
)

const (
	// keptAlerts is how many of the latest alerts are kept for those that ask for no others.
	keptAlerts = 50
	// maxEvents is how many events behind an alert are read.
	maxEvents = api.MaxExplained
	// writtenAt is the field of the time at which an alert was written.
	writtenAt = search.DefaultTimestamp
)

// alone is true of alerts that are no building blocks: a sequence counts once.
var alone = condition.Not{X: condition.Exists{Field: groupIndex}}

// countAlerts counts the alerts of the last day.
func (s *statusPage) countAlerts(ctx context.Context) (api.AlertCounts, error) {
	step := defaultRange / heatParts
	// The parts begin at full half hours, so that they stay the same from one count to the next.
	to := time.Now().UTC().Truncate(step).Add(step)
	a, said := s.hushed()
	flags := alertFlags{Since: since{moment{to.Add(-defaultRange)}}}
	f, err := flags.filter(ctx, a, s.backend, false, alone)
	if err != nil {
		return api.AlertCounts{}, blamed(err, said)
	}
	counts, err := alert.CountByTime(ctx, s.backend.alerts, f, step, heatParts)
	if err != nil {
		return api.AlertCounts{}, fmt.Errorf("count alerts: %w", err)
	}
	out := api.AlertCounts{From: to.Add(-defaultRange), To: to, Step: step.Seconds(), Parts: make([]api.AlertCount, len(counts))}
	for i, c := range counts {
		by := map[string]int{}
		for severity, n := range c.BySeverity {
			if !slices.Contains(api.Severities, severity) {
				severity = "other"
			}
			by[severity] += int(n)
		}
		out.Parts[i] = api.AlertCount{From: c.From, BySeverity: by}
	}
	return out, nil
}

// AlertCounts implements [api.Source].
func (s *statusPage) AlertCounts(ctx context.Context) (api.AlertCounts, error) {
	taken, err := s.counts.Get(ctx)
	if err != nil {
		return api.AlertCounts{}, err
	}
	out := taken.Value
	out.AsOf = asOf(taken.At, taken.Err)
	return out, nil
}

// Alerts implements [api.Source].
func (s *statusPage) Alerts(ctx context.Context, q api.AlertQuery) (api.Alerts, error) {
	plain := q.Where == "" && q.After == "" && q.Since.IsZero() && !q.Blocks && len(q.Severity)+len(q.Rules)+len(q.Hosts)+len(q.Users) == 0
	if plain && q.Limit <= keptAlerts {
		taken, err := s.latest.Get(ctx)
		if err != nil {
			return api.Alerts{}, err
		}
		return firstAlerts(taken.Value, q.Limit), nil
	}
	done, err := s.ask(ctx)
	if err != nil {
		return api.Alerts{}, err
	}
	defer done()
	return s.listAlerts(ctx, q)
}

// firstAlerts returns a shorter page of the same list.
func firstAlerts(all api.Alerts, most int) api.Alerts {
	if most > 0 && most < len(all.Alerts) {
		all.Alerts = all.Alerts[:most]
		all.Next = cursorAt(all.Alerts[most-1])
	}
	return all
}

// cursor is the place of an alert in a listing.
type cursor struct {
	written time.Time
	id      string
}

func cursorAt(a api.Alert) string {
	if a.Written == nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(a.Written.UnixNano(), 10) + " " + a.ID))
}

func readCursor(text string) (cursor, error) {
	wrong := api.Invalid("after is not the next of a page")
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return cursor{}, wrong
	}
	at, id, _ := strings.Cut(string(data), " ")
	n, err := strconv.ParseInt(at, 10, 64)
	if err != nil || id == "" {
		return cursor{}, wrong
	}
	return cursor{time.Unix(0, n).UTC(), id}, nil
}

// listAlerts lists a page of alerts, the newest first.
func (s *statusPage) listAlerts(ctx context.Context, q api.AlertQuery) (api.Alerts, error) {
	a, said := s.hushed()
	flags := alertFlags{Since: since{moment{q.Since}}, Severity: q.Severity, Rule: q.Rules, Host: q.Hosts, User: q.Users, Where: q.Where}
	if err := flags.check(false); err != nil {
		return api.Alerts{}, blamed(err, said)
	}
	var more []condition.Expr
	if !q.Blocks {
		more = append(more, alone)
	}
	var from cursor
	if q.After != "" {
		var err error
		if from, err = readCursor(q.After); err != nil {
			return api.Alerts{}, err
		}
		more = append(more, condition.Range{Field: writtenAt, Lte: from.written.Format(time.RFC3339Nano)})
	}
	f, err := flags.filter(ctx, a, s.backend, false, more...)
	if err != nil {
		return api.Alerts{}, blamed(err, said)
	}
	var warnings []string
	if text := strings.TrimSpace(said.String()); text != "" {
		warnings = []string{ofRequest(text)}
	}
	f.Newest = true
	most := q.Limit
	if most <= 0 {
		most = api.DefaultLimit
	}
	// Alerts of one run have one time, so that those before the place that is asked for may be many: then more are read.
	for f.Limit = most + 1 + keptAlerts; ; f.Limit *= 8 {
		found, visited, err := s.pageOf(ctx, f, from, most+1)
		if err != nil {
			return api.Alerts{}, err
		}
		if len(found) > most {
			out := api.Alerts{Alerts: found[:most], Warnings: warnings}
			out.Next = cursorAt(found[most-1])
			return out, nil
		}
		if visited < f.Limit {
			return api.Alerts{Alerts: found, Warnings: warnings}, nil
		}
	}
}

// pageOf lists the alerts behind a place, and says how many were visited.
func (s *statusPage) pageOf(ctx context.Context, f alert.Filter, from cursor, most int) (found []api.Alert, visited int, err error) {
	found = []api.Alert{}
	skipping := from.id != ""
	err = s.backend.alerts.List(ctx, f, func(d alert.Document) (bool, error) {
		visited++
		if skipping {
			if d.ID == from.id {
				skipping = false
				return true, nil
			}
			if at := alert.TimeOf(d.Source, writtenAt); !at.Before(from.written) {
				return true, nil
			}
			skipping = false // the alert is not there any more
		}
		found = append(found, alertOf(d))
		return len(found) < most, nil
	})
	if err != nil {
		err = fmt.Errorf("list alerts: %w", err)
	}
	return found, visited, err
}

// alertOf returns an alert as lists show it.
func alertOf(d alert.Document) api.Alert {
	first := func(names ...string) string {
		for _, name := range names {
			if text := event.First(d.Source, name); text != "" {
				return text
			}
		}
		return ""
	}
	also, _ := strconv.ParseInt(first("kibana.alert.suppression.docs_count"), 10, 64) // 0 is right where it is none
	return api.Alert{
		ID: d.ID, Index: d.Index, Time: inUTC(timeOf(d, originalTime)), Written: inUTC(timeOf(d, writtenAt)), Severity: first(alert.SeverityField), RiskScore: first(riskScore),
		RuleID: first(alert.RuleIDField), Rule: first(alert.RuleNameField), Reason: first("kibana.alert.reason"), Host: first(hostFields...), User: first(userFields...),
		Status: first("kibana.alert.workflow_status"), StatusBy: first(workflow.UserField), StatusAt: inUTC(timeOf(d, workflow.ChangedField)), Techniques: techniques(d.Source), Group: first(groupID), Block: isMember(d), Also: also,
	}
}

func timeOf(d alert.Document, field string) time.Time { return alert.TimeOf(d.Source, field) }

// alertByID reads an alert.
func (s *statusPage) alertByID(ctx context.Context, id string) (alert.Document, error) {
	doc, err := s.backend.alerts.Get(ctx, id)
	if errors.Is(err, alert.ErrNotFound) {
		return doc, api.NotFound("there is no alert with this id")
	}
	return doc, err //nolint:wrapcheck // it names the alert
}

// alertsByID finds alerts, with all alerts of their sequences. If one is not there, none is found. An id is whole, not its first characters.
func (s *statusPage) alertsByID(ctx context.Context, ids []string) (selection, error) {
	if slices.Contains(ids, "") {
		return selection{}, api.Invalid("an id is empty")
	}
	docs, err := s.backend.alerts.GetAll(ctx, ids)
	if err != nil {
		return selection{}, fmt.Errorf("find the alerts to change: %w", err)
	}
	var named chosen
	for _, id := range ids {
		d, found := docs[id]
		if !found {
			return selection{}, api.NotFound(fmt.Sprintf("there is no alert with the id %q: none was changed", id))
		}
		named.add(d)
	}
	a, _ := s.hushed()
	return named.whole(ctx, a, s.backend)
}

// Alert implements [api.Source].
func (s *statusPage) Alert(ctx context.Context, id string) (api.AlertDetail, error) {
	done, err := s.ask(ctx)
	if err != nil {
		return api.AlertDetail{}, err
	}
	defer done()
	doc, err := s.alertByID(ctx, id)
	if err != nil {
		return api.AlertDetail{}, err
	}
	out := api.AlertDetail{Alert: alertOf(doc), Document: doc.Source, Events: []api.Event{}, Blocks: []api.Alert{}}
	blocks, err := s.blocksOf(ctx, doc)
	if err != nil {
		return out, err
	}
	for _, b := range blocks {
		out.Blocks = append(out.Blocks, alertOf(b))
	}
	events, missing, err := s.eventsOf(ctx, doc)
	switch {
	case err != nil:
		out.Missing = "The events cannot be read: " + api.ProblemOf(err, logs.Blank).Error()
	case missing > 0:
		out.Missing = count(missing, "event") + " behind the alert cannot be read any more, or are not shown because there are many."
	}
	for i, e := range events {
		step := 0
		if len(events) > 1 {
			step = i + 1
		}
		out.Events = append(out.Events, eventOf(e, step))
	}
	return out, nil
}

// blocksOf returns the building blocks of an alert of a group.
func (s *statusPage) blocksOf(ctx context.Context, doc alert.Document) ([]alert.Document, error) {
	group := event.First(doc.Source, groupID)
	if group == "" || isMember(doc) {
		return nil, nil
	}
	a, _ := s.hushed()
	t := newAlertTable(a, s.backend)
	t.page = []alert.Document{doc}
	groups, err := t.members(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(groups[group], func(d alert.Document) bool { return !isMember(d) }), nil
}

// eventsOf returns the events behind an alert by time, and how many are missing. Alerts are no events, unless there is nothing else.
func (s *statusPage) eventsOf(ctx context.Context, doc alert.Document) (events []event.Event, missing int, err error) {
	a, _ := s.hushed()
	// Building blocks of this alert, and what stands for no document, have no index.
	all := slices.DeleteFunc(behind(doc), func(r event.Ref) bool { return r.Index == "" })
	refs := slices.DeleteFunc(slices.Clone(all), func(r event.Ref) bool { return alert.OfAlerts(r.Index) })
	if len(refs) == 0 {
		refs = all
	}
	events, err = (&explainCmd{}).readable(ctx, a, s.backend, refs[:min(len(refs), maxEvents)])
	at := map[string]time.Time{}
	for _, e := range events {
		at[e.Index+"\x00"+e.ID] = eventTime(e)
	}
	slices.SortStableFunc(events, func(a, b event.Event) int { return at[a.Index+"\x00"+a.ID].Compare(at[b.Index+"\x00"+b.ID]) })
	return events, max(0, len(refs)-len(events)), err
}

func eventTime(e event.Event) time.Time {
	var source map[string]any
	if json.Unmarshal(e.Source, &source) != nil {
		return time.Time{}
	}
	at, _, err := mapping.ParseDate(event.First(source, search.DefaultTimestamp), "")
	if err != nil {
		return time.Time{}
	}
	return at
}

// eventOf returns an event as it is shown.
func eventOf(e event.Event, step int) api.Event {
	out := api.Event{Index: e.Index, ID: e.ID, Time: inUTC(eventTime(e)), Step: step, Source: bytes.Clone(e.Source)}
	var source map[string]any
	if json.Unmarshal(e.Source, &source) != nil {
		out.Source = json.RawMessage("null")
		return out
	}
	var words []string
	for _, names := range [][]string{
		{"event.category"},
		{"event.action", "event.type"},
		{"process.name", "file.path", "file.name", "registry.path", "dns.question.name", "url.full"},
		{"process.command_line", "destination.ip", "source.ip"},
		{"user.name"},
		{"host.name"},
	} {
		for _, name := range names {
			if text := event.First(source, name); text != "" {
				words = append(words, text)
				break
			}
		}
	}
	out.Title = strings.Join(words, " · ")
	if out.Title == "" {
		out.Title = e.ID
	}
	return out
}

// planOf returns the plan of a loaded rule by its id or name; nil if there is none that can run.
func (s *statusPage) planOf(ref string) query.Plan {
	var all []query.Plan
	for _, r := range s.ruleList() {
		all = append(all, r.Plan)
	}
	all = append(all, s.others().idle...)
	for _, is := range []func(query.Plan) string{func(p query.Plan) string { return p.Rule().ID }, func(p query.Plan) string { return p.Rule().Name }} {
		if i := slices.IndexFunc(all, func(p query.Plan) bool { return is(p) == ref }); i >= 0 {
			return all[i]
		}
	}
	return nil
}

// ChangeAlerts implements [api.Source].
func (s *statusPage) ChangeAlerts(ctx context.Context, c api.Change) (api.Changed, error) {
	action := workflow.Action{
		Status: c.Status, Reason: c.Reason, AddTags: c.AddTags, RemoveTags: c.RemoveTags, Assign: c.Assign, Unassign: c.Unassign, By: c.By, At: time.Now(),
	}
	if err := action.Check(); err != nil {
		return api.Changed{}, api.Invalid(err.Error())
	}
	found, err := s.alertsByID(ctx, c.IDs)
	if err != nil {
		return api.Changed{}, err
	}
	result, err := workflow.Apply(ctx, s.backend.alerts, found.ids, action)
	if settled, ok := s.backend.alerts.(workflow.Settler); ok && result.Changed > 0 {
		if late := settled.Settle(context.WithoutCancel(ctx)); late != nil { // the next refresh shows them
			s.global.log.Debug("the changes are not visible at once", "error", late)
		}
	}
	s.latest.Expire()
	if err != nil {
		return api.Changed{}, fmt.Errorf("change alerts: %w", err)
	}
	return api.Changed(result), nil
}

// ExplainAlert implements [api.Source].
func (s *statusPage) ExplainAlert(ctx context.Context, id string, most int) ([]verdict.Verdict, error) {
	done, err := s.ask(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	doc, err := s.alertByID(ctx, id)
	if err != nil {
		return nil, err
	}
	plan := s.planOf(event.First(doc.Source, alert.RuleIDField))
	if plan == nil {
		return nil, api.Conflict("the rule of the alert is not loaded")
	}
	events, _, err := s.eventsOf(ctx, doc)
	if err != nil {
		return nil, err
	}
	subjects := subjectsOf(events[:min(len(events), most)])
	if len(subjects) == 0 {
		if subjects, err = asEvent(doc, behind(doc)); err != nil {
			return nil, err
		}
	}
	a, said := s.hushed()
	found, err := (&explainCmd{}).verdicts(ctx, a, s.backend, plan, subjects, nil)
	return shownVerdicts(found), blamed(err, said)
}

// Explain implements [api.Source].
func (s *statusPage) Explain(ctx context.Context, q api.Question) ([]verdict.Verdict, error) {
	switch {
	case q.RuleID == "":
		return nil, api.Invalid("rule_id is missing")
	case (len(q.Event) == 0) == (q.ID == ""), (q.ID == "") != (q.Index == ""):
		return nil, api.Invalid("give the event, or its index and id")
	case q.ID != "" && s.backend.events == nil:
		return nil, api.Conflict("there are no events to look for it")
	}
	plan := s.planOf(q.RuleID)
	if plan == nil {
		return nil, api.NotFound("there is no rule with this id or name that can run")
	}
	done, err := s.ask(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	a, said := s.hushed()
	c := &explainCmd{ID: q.ID}
	if q.At != nil {
		c.At = moment{*q.At}
	}
	if q.Index != "" {
		c.Index = strings.Split(q.Index, ",")
	}
	if len(q.Event) > 0 {
		c.Event, a.in = "-", bytes.NewReader(q.Event)
	}
	b := *s.backend
	b.closers = nil
	defer func() { _ = b.close() }()
	subjects, files, err := c.subjects(ctx, a, &b)
	if err != nil {
		return nil, blamed(err, said)
	}
	found, err := c.verdicts(ctx, a, &b, plan, subjects, files)
	return shownVerdicts(found), blamed(err, said)
}

// shownVerdicts has lists where there is nothing.
func shownVerdicts(all []verdict.Verdict) []verdict.Verdict {
	if all == nil {
		return []verdict.Verdict{}
	}
	return all
}
