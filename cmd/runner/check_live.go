package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kong"

	"tocsin/cmd/runner/internal/report"
	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/reach"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/splunk/pushdown"
)

// details is the value of --details: "" without the flag, all if it has no value.
type details string

const allDetails details = "all"

// IsBool makes the value of the flag optional.
func (*details) IsBool() bool { return true }

// Decode implements [kong.MapperValue].
func (d *details) Decode(ctx *kong.DecodeContext) error {
	*d = allDetails
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	text := fmt.Sprint(ctx.Scan.Pop().Value)
	switch known := report.LiveKinds(); {
	case text == "true", text == string(allDetails):
	case text == "false", text == "":
		*d = ""
	case slices.Contains(known, text):
		*d = details(text)
	default:
		return fmt.Errorf("%s is not a kind: %s", text, strings.Join(known, ", "))
	}
	return nil
}

// checkers is the number of rules that are prepared at a time.
const checkers = 8

// presenceTimeout bounds the time for which the events are asked for the fields of the rules.
const presenceTimeout = 10 * time.Second

// write writes the report, with --live as a summary.
func (c *checkCmd) write(out io.Writer, a *app, r *report.Report) error {
	if !c.Live || a.global.Format != "text" {
		return r.Write(out, a.global.Format) //nolint:wrapcheck // it says what it was doing
	}
	return r.WriteLive(out, report.LiveOptions{ //nolint:wrapcheck // it says what it was doing
		All: c.Details == allDetails, Kind: reach.Kind(strings.Replace(string(c.Details), string(allDetails), "", 1)), Rules: c.Rule, Width: widthOf(a.out),
	})
}

// live adds to the report what the rules are under the current mappings: diagnostics, and whether they can match.
func (c *checkCmd) live(ctx context.Context, a *app, rules *planned) error {
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	now := time.Now()
	events := reach.Resolve(ctx, b.events, now, slices.Concat(rules.plans, rules.idle))
	l := &liveCheck{checkCmd: c, events: events, now: now, ruled: map[string]ruled{}}
	if err := l.decide(ctx, a, slices.Concat(rules.plans, rules.idle)); err != nil {
		return err
	}
	l.silence(ctx, a)
	rules.report = withLive(rules.report, l.ruled)
	rules.report.Here = &report.Here{Place: b.name, Within: l.within, Unseen: l.unseen}
	return b.incomplete
}

// ruled is what is found about a rule.
type ruled struct {
	diags    diag.List
	verdict  *reach.Verdict
	prepared query.Prepared
	rule     *rule.Rule
}

// liveCheck is the check of rules under the mappings of one moment.
type liveCheck struct {
	*checkCmd

	events search.Events
	now    time.Time

	mu sync.Mutex
	// locator finds the indices of the sources of the field map; made when first needed.
	locator *pushdown.Locator
	ruled   map[string]ruled // by id
	// within names the range of time of the events that were asked for fields; unseen is why some were not.
	within, unseen string
}

// decide prepares every rule and decides whether it can match.
func (l *liveCheck) decide(ctx context.Context, a *app, plans []query.Plan) error {
	bar := a.bars.add("rules", int64(len(plans)))
	defer bar.finish()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	next := make(chan query.Plan)
	for range min(checkers, len(plans)) {
		running.Go(func() {
			for plan := range next {
				found, err := l.prepare(ctx, plan)
				if err != nil {
					cancel(err)
					continue
				}
				l.mu.Lock()
				l.ruled[plan.Rule().ID] = found
				l.mu.Unlock()
				bar.step()
			}
		})
	}
	for _, plan := range plans {
		if ctx.Err() != nil {
			break
		}
		next <- plan
	}
	close(next)
	running.Wait()
	return context.Cause(ctx) //nolint:wrapcheck // it is the error of a rule
}

// silence asks which fields the events have.
func (l *liveCheck) silence(ctx context.Context, a *app) {
	if l.Seen <= 0 {
		return
	}
	p := reach.Presence{}
	if len(a.global.Events) == 0 || a.typed["seen"] {
		p.Window = window.Window{From: l.now.Add(-l.Seen), To: l.now}
		l.within = " of the last " + span(l.Seen)
	}
	for _, id := range slices.Sorted(maps.Keys(l.ruled)) {
		p.Add(l.ruled[id].prepared, l.ruled[id].verdict)
	}
	ctx, cancel := context.WithTimeout(ctx, presenceTimeout)
	defer cancel()
	if err := p.Ask(ctx, l.events); err != nil {
		l.unseen = err.Error()
	}
	p.Decide(l.within)
	for id, r := range l.ruled {
		for _, cause := range r.verdict.Silent {
			r.diags = append(r.diags, r.rule.Report(diag.Note, "check/no-event", "rule.query", "nothing to match now: %s", cause.Text))
		}
		l.ruled[id] = r
	}
}

// span writes a duration without zero parts: 24h.
func span(d time.Duration) string {
	text := d.String()
	text = strings.TrimSuffix(text, "0s")
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func (l *liveCheck) prepare(ctx context.Context, plan query.Plan) (ruled, error) {
	r := plan.Rule()
	prepared, list, err := plan.Prepare(ctx, query.Source{Events: l.events, At: l.now, Window: r.Window(l.now)})
	switch kind := failure.KindOf(err); {
	case err == nil:
	case kind == failure.Rejected || kind == failure.Partial: // it affects this rule only
		prepared = nil
	default:
		return ruled{}, fmt.Errorf("check live: %w", err)
	}
	v := (&reach.Bound{Plan: plan, Prepared: prepared, Diags: list, Err: err, At: l.now}).Decide()
	out := ruled{diags: list, verdict: &v, prepared: prepared, rule: r}
	if err != nil {
		out.diags = append(out.diags, r.Report(diag.Error, "check/live", "rule.index", "%v", err))
	}
	if !v.CanMatch && !list.HasErrors() && err == nil {
		out.diags = append(out.diags, r.Report(diag.Warning, "check/never-matches", l.key(plan), "the rule can never match here: %s", v.Because))
	}
	if prepared == nil {
		return out, nil
	}
	more, err := l.places(ctx, r, prepared)
	if err != nil {
		return ruled{}, err
	}
	out.diags = append(out.diags, more...)
	out.diags = append(out.diags, l.vacant(plan, prepared)...)
	return out, nil
}

// key is the place of a rule's condition, or of its indices.
func (*liveCheck) key(plan query.Plan) string {
	if plan.Rule().Query.Value == "" {
		return "rule.index"
	}
	return "rule.query"
}

// vacant reports the indices that are not read.
func (*liveCheck) vacant(plan query.Plan, prepared query.Prepared) diag.List {
	r, target := plan.Rule(), prepared.Target()
	var list diag.List
	for i, pattern := range r.Index {
		if slices.Contains(target.Missing, pattern) {
			key := fmt.Sprintf("rule.index[%d]", i)
			if plan.Strategy() == query.ESQL { // ES|QL names its indices in the query
				key = "rule.query"
			}
			list = append(list, r.Report(diag.Warning, "check/missing-index", key, "no open index matches %s", pattern))
		}
	}
	for _, u := range slices.Concat(target.Unread, target.Partly) {
		if u.Why != failure.Closed {
			list = append(list, r.Report(diag.Warning, "check/unread-index", "rule.index", "%s is not read: %s", u.Name, u.Reason))
		}
	}
	if len(target.Closed) > 0 {
		list = append(list, r.Report(diag.Warning, "check/closed-index", "rule.index", "closed indices are not searched: %s", strings.Join(target.Closed, ", ")))
	}
	return list
}

// splSearch is implemented by a prepared search in SPL, which has sources of the field map.
type splSearch interface {
	Sources() []string
	FieldMap() pushdown.Map
}

// places reports which indices can have the events that a search in SPL asks for.
func (l *liveCheck) places(ctx context.Context, r *rule.Rule, prepared query.Prepared) (diag.List, error) {
	s, ok := prepared.(splSearch)
	if !ok || len(s.Sources()) == 0 {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock() // the locator remembers what it has asked
	if l.locator == nil {
		l.locator = &pushdown.Locator{Search: l.events, Map: s.FieldMap()}
	}
	places, err := l.locator.Places(ctx, s.Sources(), prepared.Target().Indices)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the index
	}
	var found []string
	for _, p := range places {
		if len(p.Indices) > 0 {
			found = append(found, p.Source+" can be in "+strings.Join(p.Indices, ", "))
		}
	}
	if len(found) == 0 {
		return diag.List{r.Report(diag.Warning, "check/no-events", "rule.query", "no index can have events of %s: nothing can be found", strings.Join(s.Sources(), ", "))}, nil
	}
	return diag.List{r.Report(diag.Note, "check/events", "rule.query", "events of %s", strings.Join(found, "; of "))}, nil
}

// withLive returns a report in which every rule is judged with what was found about it, by rule id.
func withLive(old report.Report, found map[string]ruled) report.Report {
	out := report.Report{Diagnostics: old.Diagnostics, Sigma: old.Sigma}
	for _, r := range old.Results {
		if of, ok := found[r.RuleID]; ok && of.rule.Path == r.Path && of.rule.Line == r.Line {
			r.Diagnostics, r.Live = append(r.Diagnostics, of.diags...), of.verdict
		}
		r.Diagnostics.Sort()
		if r.Status = report.Judge(r.Diagnostics); r.Status != report.Valid {
			r.Strategy = ""
		}
		out.Add(r)
	}
	return out
}
