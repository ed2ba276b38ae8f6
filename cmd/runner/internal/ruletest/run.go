package ruletest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/catalog"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search"
	"tocsin/internal/search/tables"
)

// Result is the outcome of one test. It passed when Problems has no error.
type Result struct {
	File     string    `json:"file"`
	RuleID   string    `json:"rule_id"`
	Name     string    `json:"name"`
	Passed   bool      `json:"passed"`
	Problems diag.List `json:"problems"`

	// alternatives of the rule's condition, and whether an event of the test meets them.
	alternatives []Alternative
}

// Run runs the tests of a file. References such as exceptions are looked up in the rule's own file,
// in the files that the test names, and in beside. The list says why the rule itself cannot be
// tested; in that case every test has failed.
func Run(ctx context.Context, o catalog.Options, f File, beside ...string) ([]Result, diag.List, error) {
	l, err := load(ctx, o, f, beside)
	if err != nil {
		return nil, nil, err
	}
	return f.all(ctx, l)
}

// load loads the rule of a file by itself.
func load(ctx context.Context, o catalog.Options, f File, beside []string) (loaded, error) {
	set, list, err := catalog.Load(ctx, o, slices.Concat([]string{f.Rule}, f.With, beside)...)
	if err != nil {
		return loaded{}, err //nolint:wrapcheck // it says what it was doing
	}
	r := f.pick(set.Set)
	list = slices.DeleteFunc(list, func(d diag.Diagnostic) bool {
		return r != nil && !r.Owns(d) && slices.ContainsFunc(set.Rules(), func(o *rule.Rule) bool { return o.Owns(d) })
	})
	return loaded{set: set, rule: r, list: list}, nil
}

// all runs the tests of a file over its rule.
func (f File) all(ctx context.Context, l loaded) ([]Result, diag.List, error) {
	if l.rule == nil {
		return f.untested("", l.list), l.list, nil
	}
	r, list := l.rule, l.list
	plan, more := l.set.Plan(r)
	if list = append(list, more...); plan == nil {
		return f.untested(r.ID, list), list, nil
	}
	results := make([]Result, 0, len(f.Tests))
	for i := range f.Tests {
		problems, covered, err := f.run(ctx, i, plan, l.with)
		if err != nil {
			return nil, nil, fmt.Errorf("test %q of %s: %w", f.Tests[i].Name, f.Path, err)
		}
		if problems == nil {
			problems = diag.List{} // [] in JSON, for scripts
		}
		results = append(results, Result{
			File: f.Path, RuleID: r.ID, Name: f.Tests[i].Name, Passed: !problems.HasErrors(), Problems: problems, alternatives: covered,
		})
	}
	return results, list, nil
}

// pick returns the rule to test: the only one of its file, or the named one of several; nil when
// there is none.
func (f File) pick(set rule.Set) *rule.Rule {
	for _, r := range set.Rules() {
		if filepath.Clean(r.Path) == filepath.Clean(f.Rule) && (f.RuleID == "" || r.ID == f.RuleID) {
			return r
		}
	}
	return nil
}

// untested fails every test.
func (f File) untested(ruleID string, why diag.List) []Result {
	text := "the rule " + f.Rule + " cannot be run"
	switch {
	case len(why) == 0 && f.RuleID != "":
		text = f.Rule + " has no rule " + f.RuleID
	case len(why) == 0:
		text = f.Rule + " is no rule file"
	}
	results := make([]Result, len(f.Tests))
	for i, test := range f.Tests {
		problems := diag.List{f.report(i, "name", "ruletest/rule", "%s", text)}
		results[i] = Result{File: f.Path, RuleID: ruleID, Name: test.Name, Problems: problems}
	}
	return results
}

// run runs one test and describes how its alerts differ from the expected ones.
func (f File) run(ctx context.Context, i int, plan query.Plan, o Options) (problems diag.List, met []Alternative, err error) {
	test := f.Tests[i]
	events, list, err := store.OpenEvents(ctx, store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(test.Events.Value)})
	if err != nil {
		return nil, nil, fmt.Errorf("read events: %w", err)
	}
	defer func() { _ = events.Close() }()
	for _, d := range list {
		problems = append(problems, test.Events.Report(d.Severity, "ruletest/events", spanOf(test.Events.Value, d), "%s", d.Message))
	}
	slot := test.At
	if slot.IsZero() {
		var ok bool
		if slot, ok, err = latest(ctx, events); err != nil {
			return nil, nil, err
		}
		if !ok {
			return append(problems, f.report(i, "events", "ruletest/no-time", "no event says when: give at, or an @timestamp")), nil, nil
		}
	}
	alerts := store.NewMemory()
	risk := store.NewMemory()
	original := plan
	var place search.Events = events
	var series pipeline.Series = events
	if o.Live != nil {
		there, more, remove, stageErr := o.Live.stage(ctx, f, i, plan.Rule(), events)
		defer func() { err = errors.Join(err, remove()) }()
		if problems = append(problems, more...); stageErr != nil || there == nil {
			return problems, nil, stageErr
		}
		plan, place, series = there, o.Live.Events, nil
	}
	p := &pipeline.Pipeline{
		Events: place, Series: series, Alerts: alerts, Instances: alerts, Now: func() time.Time { return slot },
		Risk: &pipeline.Risk{Indexer: risk, Instances: risk}, Tables: tables.NewMemory(),
	}
	x := p.Run(ctx, pipeline.Job{Plan: plan, Slot: slot, Window: plan.Rule().Window(slot), Manual: true})
	if x.Status != pipeline.Succeeded {
		problems = append(problems, f.report(i, "name", "ruletest/run", "the rule ended with %s: %s", x.Status, x.Problem()))
	}
	more, err := f.compare(ctx, i, alerts)
	if err != nil {
		return nil, nil, err
	}
	risks, err := f.compareRisk(ctx, i, risk)
	if err != nil {
		return nil, nil, err
	}
	if !o.Coverage {
		return slices.Concat(problems, more, risks), nil, nil
	}
	met, err = alternatives(ctx, original, slot, events)
	return slices.Concat(problems, more, risks), met, err
}

// spanOf finds the position of a diagnostic about the events in their text.
func spanOf(text string, d diag.Diagnostic) diag.Span {
	start := 0
	for line := range strings.Lines(text) {
		if d.Line--; d.Line > 0 {
			start += len(line)
			continue
		}
		for at := range line {
			if d.Column--; d.Column == 0 {
				return diag.Span{Start: start + at, End: start + at + max(1, d.Width)}
			}
		}
		start += len(line)
		break
	}
	return diag.Span{Start: start, End: start}
}

// latest returns the moment just after the last event; ok is false when no event has a time.
func latest(ctx context.Context, events *store.Events) (last time.Time, ok bool, err error) {
	request := search.Request{
		Patterns: []string{"*"}, Where: condition.Const(true), Time: search.TimeRange{Field: search.DefaultTimestamp},
		Descending: true, PageSize: 1, FieldTypes: events.Fields(),
	}
	_, err = events.Search(ctx, request, func(page []event.Event) (bool, error) {
		doc, err := page[0].Document()
		if err != nil {
			return false, err //nolint:wrapcheck // it names the event
		}
		for _, v := range event.Lookup(doc.Source, search.DefaultTimestamp) { // the latest of several, as in the sort order
			t, _, err := mapping.ParseDate(fmt.Sprint(v), "")
			if err == nil && (!ok || t.After(last)) {
				last, ok = t, true
			}
		}
		return false, nil
	})
	if err != nil {
		return last, false, fmt.Errorf("find the latest event: %w", err)
	}
	return last.Add(time.Millisecond), ok, nil
}

// compare compares the alerts with the expected ones.
func (f File) compare(ctx context.Context, i int, alerts alert.Reader) (diag.List, error) {
	test := f.Tests[i]
	var problems diag.List
	unmet := map[string]bool{}
	for _, id := range test.Alerts {
		unmet[id] = true
	}
	err := alerts.List(ctx, alert.Filter{}, func(d alert.Document) (bool, error) {
		if d.Source["kibana.alert.group.index"] != nil { // a building block belongs to the alert of its group
			return true, nil
		}
		id := eventOf(d)
		if !slices.Contains(test.Alerts, id) {
			problems = append(problems, f.report(i, "alerts", "ruletest/unexpected", "event %s made an alert and should not", id))
		}
		delete(unmet, id)
		for _, name := range slices.Sorted(maps.Keys(test.Fields)) {
			if got := field(d.Source, name); !same(got, test.Fields[name]) {
				problems = append(problems, f.report(i, "fields", "ruletest/field", "event %s: %s is %s, want %s", id, name, show(got), show(test.Fields[name])))
			}
		}
		return true, nil
	})
	for _, id := range slices.Sorted(maps.Keys(unmet)) {
		problems = append(problems, f.report(i, "alerts", "ruletest/missing", "event %s should make an alert and does not", id))
	}
	if err != nil {
		return nil, fmt.Errorf("list alerts: %w", err)
	}
	return problems, nil
}

// field returns the value of a field: under its flat name, which is how alerts write their own
// fields, else from nested objects, as a list if there are several values.
func field(source map[string]any, name string) any {
	if v, ok := source[name]; ok {
		return v
	}
	switch values := event.Lookup(source, name); len(values) {
	case 0:
		return nil
	case 1:
		return values[0]
	default:
		return values
	}
}

// eventOf returns the _id of the event behind an alert, of the last event if there are several. A
// row of SPL has none: its alert is identified by its reason.
func eventOf(d alert.Document) string {
	id := ""
	for _, a := range event.Objects(d.Source, "kibana.alert.ancestors") {
		if own := event.First(d.Source, "kibana.alert.rule.uuid"); event.First(a, "rule") != own { // not a building block of the alert itself
			id = event.First(a, "id")
		}
	}
	if _, isRow := d.Source["splunk.search_name"]; id == "" && isRow {
		return event.First(d.Source, "kibana.alert.reason")
	}
	return id
}

// same compares by JSON form, in which numbers of different Go types are equal.
func same(a, b any) bool {
	var x, y any
	if json.Unmarshal([]byte(show(a)), &x) != nil || json.Unmarshal([]byte(show(b)), &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
