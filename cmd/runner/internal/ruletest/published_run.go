package ruletest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/fieldmap/winlog"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/rule/folder"
	"tocsin/internal/run/catalog"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// RunPublished runs published tests: each passes if the rule finds as many of its events as it says, or one if it says
// nothing. An event that is the XML of an event of Windows as JSON is there under the names of rules, and is tried again
// as Elastic's packages write it: what the rule does not find of those is a warning. The list says why rules cannot be
// tested; all of their tests have failed.
func RunPublished(ctx context.Context, o catalog.Options, published []Published, beside ...string) ([]Result, diag.List, error) {
	if len(published) == 0 {
		return nil, nil, nil
	}
	var paths []string
	for _, p := range published {
		paths = append(paths, p.Rule)
	}
	set, list, err := catalog.Load(ctx, o, slices.Concat(slices.Compact(paths), beside)...)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // it says what it was doing
	}
	var results []Result
	var said diag.List
	for _, p := range published {
		f := File{Rule: p.Rule, RuleID: p.ID}
		r := f.pick(set.Set)
		if r == nil {
			for _, d := range list {
				if filepath.Clean(d.File) == filepath.Clean(p.Rule) {
					said = append(said, d)
				}
			}
			results = append(results, p.untested("")...)
			continue
		}
		for _, d := range list {
			if r.Owns(d) && d.Severity != diag.Note {
				said = append(said, d)
			}
		}
		plan, more := set.Plan(r)
		said = append(said, more...)
		if plan == nil {
			results = append(results, p.untested(r.ID)...)
			continue
		}
		t := publishedRun{Published: p, plan: plan}
		if t.filters = set.Filters(r); len(t.filters) > 0 {
			t.unfiltered, _ = set.PlanUnfiltered(r)
		}
		for _, s := range p.Samples {
			problems, err := t.run(ctx, s)
			if err != nil {
				return nil, nil, fmt.Errorf("test %q of %s: %w", s.Name, p.Info, err)
			}
			if problems == nil {
				problems = diag.List{} // [] in JSON, for scripts
			}
			results = append(results, Result{File: p.Info, RuleID: r.ID, Name: s.Name, Passed: !problems.HasErrors(), Problems: problems})
		}
	}
	return results, said, nil
}

// untested fails every test.
func (p Published) untested(id string) []Result {
	var out []Result
	for _, s := range p.Samples {
		out = append(out, Result{File: p.Info, RuleID: id, Name: s.Name, Problems: diag.List{p.report(s, diag.Error, "name", "the rule %s cannot be run", p.Rule)}})
	}
	return out
}

// publishedRun is a run of published tests.
type publishedRun struct {
	Published

	plan query.Plan
	// unfiltered is the plan without the rule's filters; nil if it has none.
	unfiltered query.Plan
	filters    []string
}

// run runs one test, and tells what is wrong.
func (p publishedRun) run(ctx context.Context, s Sample) (diag.List, error) {
	content, err := folder.Read(folder.Disk{}, s.Path, maxFile)
	if err != nil {
		return diag.List{p.report(s, diag.Error, "path", "%s: %s", s.Path, err)}, nil
	}
	events, err := samples(folder.FromUTF16(string(content)))
	switch {
	case err != nil:
		return diag.List{p.report(s, diag.Error, "path", "%s: %s", s.Path, err)}, nil
	case len(events) == 0:
		return diag.List{p.report(s, diag.Error, "path", "%s has no events", s.Path)}, nil
	}
	named, packaged, windows := forms(events)
	matched, problem, err := matches(ctx, p.plan, named)
	if err != nil || problem != "" {
		return diag.List{p.report(s, diag.Error, "name", "the rule ended with %s", problem)}, err
	}
	var out diag.List
	switch wanted := max(1, s.Matches); {
	case matched < wanted:
		out = append(out, p.report(s, diag.Error, "match_count", "of %s in %s the rule finds %d, and should find %d", counted(len(events)), s.Path, matched, wanted))
	case s.Matches > 0 && matched > wanted:
		out = append(out, p.report(s, diag.Warning, "match_count", "of %s in %s the rule finds %d, and match_count says %d", counted(len(events)), s.Path, matched, wanted))
	}
	if p.unfiltered != nil {
		all, problem, err := matches(ctx, p.unfiltered, named)
		if err != nil {
			return nil, err
		}
		if problem == "" && all > matched {
			out = append(out, p.report(s, diag.Note, "name", "filters leave out %d of the events: %s", all-matched, strings.Join(p.filters, ", ")))
		}
	}
	if windows && matched > 0 {
		again, problem, err := matches(ctx, p.plan, packaged)
		switch {
		case err != nil:
			return nil, err
		case problem != "":
			out = append(out, p.report(s, diag.Warning, "name", "over events as packages of Elastic write them, the rule ended with %s", problem))
		case again < matched:
			out = append(out, p.report(s, diag.Warning, "name", "as packages of Elastic write the events, the rule finds %d, and not %d: the field map may lack one of its fields", again, matched))
		}
	}
	return out, nil
}

func counted(n int) string {
	if n == 1 {
		return "one event"
	}
	return fmt.Sprintf("%d events", n)
}

// samples reads the events of a file: objects of JSON behind one another, or lists of them.
func samples(content string) ([]winlog.Object, error) {
	dec := json.NewDecoder(strings.NewReader(strings.TrimPrefix(content, "\ufeff")))
	dec.UseNumber()
	var out []winlog.Object
	for {
		var value any
		switch err := dec.Decode(&value); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("event %d: %w", len(out)+1, err)
		}
		list, isList := value.([]any)
		if !isList {
			list = []any{value}
		}
		for _, one := range list {
			o, ok := one.(winlog.Object)
			if !ok {
				return nil, fmt.Errorf("event %d is no object", len(out)+1)
			}
			out = append(out, o)
		}
	}
}

// forms returns events under the names of rules, and as packages write them; windows reports whether these differ.
func forms(events []winlog.Object) (named, packaged []winlog.Object, windows bool) {
	for _, e := range events {
		one, other := e, e
		if winlog.Is(e) {
			names, err := winlog.Names(e)
			document, _, more := winlog.Document(e)
			if errors.Join(err, more) == nil {
				one, other, windows = names, document, true
			}
		}
		named, packaged = append(named, one), append(packaged, other)
	}
	return named, packaged, windows
}

// undated is the time of events that say none.
var undated = time.Date(2026, 1, 15, 14, 0, 0, 0, time.UTC)

// matches runs the rule over all of the events, whenever they were, and counts those that it finds. A problem is why it did
// not.
func matches(ctx context.Context, plan query.Plan, sources []winlog.Object) (n int, problem string, err error) {
	var lines strings.Builder
	var span window.Window
	for i, source := range sources {
		at, ok := timeOf(source)
		if !ok {
			at = undated
			source[search.DefaultTimestamp] = at.Format(time.RFC3339)
		}
		if i == 0 || at.Before(span.From) {
			span.From = at
		}
		if end := at.Add(time.Millisecond); i == 0 || end.After(span.To) {
			span.To = end
		}
		line, err := json.Marshal(map[string]any{"_id": fmt.Sprintf("event-%d", i+1), "_source": source})
		if err != nil {
			return 0, "", fmt.Errorf("write an event: %w", err)
		}
		lines.Write(line)
		lines.WriteByte('\n')
	}
	events, list, err := store.OpenEvents(ctx, store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines.String())})
	if err != nil {
		return 0, "", fmt.Errorf("read events: %w", err)
	}
	defer func() { _ = events.Close() }()
	if list.HasErrors() {
		return 0, list.Err().Error(), nil
	}
	alerts := store.NewMemory()
	line := &pipeline.Pipeline{Events: events, Series: events, Alerts: alerts, Instances: alerts, Now: func() time.Time { return span.To }}
	x := line.Run(ctx, pipeline.Job{Plan: plan, Slot: span.To, Window: span, MaxAlerts: len(sources), Manual: true})
	if x.Status != pipeline.Succeeded {
		return 0, fmt.Sprintf("%s: %s", x.Status, x.Problem()), nil
	}
	return x.Created, "", nil
}

// timeOf is when an event was.
func timeOf(source winlog.Object) (time.Time, bool) {
	for _, v := range event.Lookup(source, search.DefaultTimestamp) {
		if t, _, err := mapping.ParseDate(fmt.Sprint(v), ""); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
