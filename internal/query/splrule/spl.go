package splrule

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/spl"
)

// Input is a detection of Splunk's content, ready to be planned.
type Input struct {
	Rule      *rule.Rule
	Detection *escu.Detection
	// Search is the detection's, parsed and checked for Env.
	Search *spl.Search
	Env    splunk.Env
	Map    pushdown.Map
	// Index are the index patterns of events with Splunk's own field names.
	Index []string
	// SplunkURL is what the links of drilldowns begin with.
	SplunkURL string
}

// splPlan runs a search over the events that its first command selects, and makes hits of its rows.
type splPlan struct {
	Input

	// rule is a copy of the rule with the index patterns of the first command.
	rule *rule.Rule
	// first is what the first command reads, without the window. asks is false if it reads nothing, or if that is not
	// known before the search runs.
	first splunk.Scan
	asks  bool
	// keeps: each row is one event.
	keeps bool
	// groups is the grouping that the search begins with; counts is false if there is none.
	groups   splunk.Grouping
	counts   bool
	strategy query.Strategy
}

// New plans a detection. The plan is nil when a diagnostic is an error.
func New(s Input) (query.Plan, diag.List) {
	if diags := s.Map.Refused(s.Search); len(diags) > 0 {
		return nil, diags
	}
	p := &splPlan{Input: s, keeps: splunk.KeepsEvents(s.Search), strategy: query.Search}
	p.groups, p.counts = splunk.Groups(s.Search)
	p.first, p.asks = splunk.First(s.Search)
	own := *s.Rule
	if p.asks {
		own.Index, _ = p.source(query.Source{}).Wants(p.first)
	}
	p.rule = &own
	prepared, diags := p.Assume(binding.TrialTime)
	bound, ok := prepared.(*splSearch)
	if !ok {
		return nil, diags
	}
	if _, counted := bound.grouping(window.Window{}); counted {
		p.strategy = query.Aggregation
	}
	return p, diags
}

func (p *splPlan) Rule() *rule.Rule { return p.rule }

// WritesTables reports whether a command of the search writes a table.
func (p *splPlan) WritesTables() bool {
	writes := false
	splunk.EachSearch(p.Search, func(s *spl.Search) {
		for _, stage := range s.Stages {
			switch stage.(type) {
			case *spl.OutputLookup, *spl.Fit:
				writes = true
			}
		}
	})
	return writes
}

// Strategy is Aggregation if the first commands can be answered by an aggregation under the types of ECS, otherwise Search.
func (p *splPlan) Strategy() query.Strategy { return p.strategy }

// Wants returns the patterns and fields that Prepare will resolve.
func (p *splPlan) Wants(at time.Time, w window.Window) (patterns, fields []string) {
	if !p.asks || p.overRisk() {
		return nil, nil
	}
	patterns, fields = p.source(query.Source{}).Wants(p.first)
	return query.NamesAt(patterns, at).Of(p.within(w)), fields
}

// within returns the window of the first command: the window of the search, unless the condition has times of its own.
func (p *splPlan) within(w window.Window) window.Window {
	own := splunk.Within(p.Search, splunk.Window{Earliest: w.From, Latest: w.To, Now: w.To})
	return window.Window{From: own.Earliest, To: own.Latest}
}

// overRisk reports whether the search reads risk events, which may be stored separately.
func (p *splPlan) overRisk() bool { return p.first.Model == "Risk" }

// source returns the events of the search.
func (p *splPlan) source(src query.Source) *pushdown.Events {
	return &pushdown.Events{Search: src.Events, Map: p.Map, Index: p.Index, KeepSource: p.keeps, Slot: src.At, Window: src.Window, Also: slices.Concat(p.groups.By, p.groups.Fields)}
}

// eventsOf returns the place of the events of a data model.
func eventsOf(src query.Source, model string) search.Events {
	if model == "Risk" && src.Risk.Events != nil {
		return src.Risk.Events
	}
	return src.Events
}

func (p *splPlan) Prepare(ctx context.Context, src query.Source) (query.Prepared, diag.List, error) {
	if !p.asks {
		return &splSearch{plan: p}, nil, nil
	}
	events := p.source(src)
	events.Search = eventsOf(src, p.first.Model)
	plan, diags, err := events.Plan(ctx, p.first)
	if err != nil {
		return nil, nil, fmt.Errorf("rule %s: %w", p.rule.ID, err)
	}
	if plan == nil {
		return nil, diags, nil
	}
	if note := plan.TimeNote(); note != "" {
		diags = append(diags, p.Detection.Search.Report(diag.Warning, CodeTime, diag.Span{}, "an index of %s %s", strings.Join(plan.Request.Patterns, ","), note))
	}
	return &splSearch{plan: p, first: plan}, slices.Concat(diags, p.unknown(plan), p.absent(plan)), nil
}

// absent warns if no index can have events of the sources that a search selects.
func (p *splPlan) absent(plan *pushdown.Plan) diag.List {
	names, all := plan.Absent()
	if !all || plan.Nothing && len(plan.Target.Indices) == 0 || !p.Map.Tell() {
		return nil
	}
	return diag.List{p.Detection.Search.Report(diag.Warning, CodeNoSource, diag.Span{},
		"no index of %s has the fields by which the field map tells the events of %s: nothing is found. Of other sources this is not said again; explain says it of a rule",
		strings.Join(plan.Request.Patterns, ","), strings.Join(names, ", "))}
}

// unknown warns if the field map has no source for a search, and there are no events with Splunk's own field names.
func (p *splPlan) unknown(plan *pushdown.Plan) diag.List {
	if p.first.Where == nil || len(plan.View.Sources) > 0 || len(plan.Request.Patterns) > 0 {
		return nil
	}
	return diag.List{p.Detection.Search.Report(diag.Warning, CodeNoSource, diag.Span{},
		"the field map has no source for %s: nothing is searched", p.first.Where)}
}

// CodeTime marks a search over events that cannot be searched by time.
const CodeTime = "spl/time"

// CodeNoSource marks a search without a source in the field map.
const CodeNoSource = "spl/no-source"

// Assume binds the first command to the types of ECS.
func (p *splPlan) Assume(at time.Time) (query.Prepared, diag.List) {
	if !p.asks {
		return &splSearch{plan: p}, nil
	}
	plan, diags := p.source(query.Source{At: at}).Bind(p.first, search.Target{Indices: p.rule.Index, Fields: mapping.Assumed()})
	if plan == nil {
		return nil, diags
	}
	return &splSearch{plan: p, first: plan}, diags
}

// splSearch is a splPlan bound to mappings.
type splSearch struct {
	plan *splPlan
	// first is the search of the first command; nil if there is none.
	first *pushdown.Plan
}

// Target returns the indices that the patterns of the first command match. A source has patterns for many kinds of events,
// most of which do not exist, so missing patterns are not reported.
func (s *splSearch) Target() search.Target {
	if s.first == nil {
		return search.Target{Fields: mapping.Assumed()}
	}
	t := s.first.Target
	if len(t.Indices) > 0 {
		t.Missing = nil
	}
	return t
}

// Reads returns the search of the first command, unless that has a window of its own.
func (s *splSearch) Reads(w window.Window) []query.Read {
	if w.Empty() || s.first == nil || s.first.Nothing || s.plan.overRisk() || s.plan.within(w) != w || !s.first.Shared() {
		return nil
	}
	_, counted := s.grouping(w)
	return []query.Read{{Request: s.first.At(w), ScanOnly: counted}}
}

// grouping returns the request that counts the groups that the search begins with; false if events must be read.
func (s *splSearch) grouping(w window.Window) (search.GroupRequest, bool) {
	if s.first == nil || !s.plan.counts {
		return search.GroupRequest{}, false
	}
	r, ok := s.first.Grouping(s.plan.groups)
	r.Time.Window = w
	return r, ok
}

// routed reads each scan from the place of its events.
type routed struct {
	src    query.Source
	events *pushdown.Events
}

func (r routed) Events(ctx context.Context, s splunk.Scan, visit func(splunk.Row) error) error {
	there := *r.events
	there.Search = eventsOf(r.src, s.Model)
	if r.src.Risk.Events == nil || !there.Collected(s) {
		return there.Events(ctx, s, visit) //nolint:wrapcheck // it names the search
	}
	return r.withCollected(ctx, there, s, visit)
}

// withCollected puts the events that searches wrote among the others, the newest first.
func (r routed) withCollected(ctx context.Context, there pushdown.Events, s splunk.Scan, visit func(splunk.Row) error) error {
	kept := there
	kept.Search = r.src.Risk.Events
	var rows []splunk.Row
	if err := kept.Events(ctx, s, func(row splunk.Row) error { rows = append(rows, row); return nil }); err != nil {
		return err //nolint:wrapcheck // it names the search
	}
	until := func(at float64) error {
		for len(rows) > 0 {
			if own, _ := rows[0]["_time"].Float(); own < at {
				return nil
			}
			row := rows[0]
			rows = rows[1:]
			if err := visit(row); err != nil {
				return err
			}
		}
		return nil
	}
	err := there.Events(ctx, s, func(row splunk.Row) error {
		at, _ := row["_time"].Float()
		if err := until(at); err != nil {
			return err
		}
		return visit(row)
	})
	if err != nil {
		return err //nolint:wrapcheck // it names the search
	}
	return until(math.Inf(-1))
}

// Groups counts groups in the place of the events.
func (r routed) Groups(ctx context.Context, s splunk.Scan, g splunk.Grouping, visit func(splunk.Part) error) (bool, error) {
	there := *r.events
	there.Search = eventsOf(r.src, s.Model)
	return there.Groups(ctx, s, g, visit) //nolint:wrapcheck // it names the search
}

// errEnough ends a search when the visitor has enough.
var errEnough = errors.New("no more hits are wanted")

// rowsAtOnce is the number of rows in a batch.
const rowsAtOnce = 500

func (s *splSearch) Execute(ctx context.Context, src query.Source, w window.Window, visit query.Visit) (query.Result, error) {
	result := query.Result{Exact: true}
	if w.Empty() {
		return result, nil
	}
	p := s.plan
	at := splunk.Window{Earliest: w.From, Latest: w.To, Now: src.At}
	if src.At.IsZero() {
		at.Now = w.To
	}
	events := p.source(src)
	var read int64
	events.Read = func(n int) { read += int64(n) }
	out := newRowHits(p, src, at, visit)
	env := p.Env
	env.Tables, env.Collector = src.Tables, out
	err := splunk.Run(ctx, p.Search, env, routed{src, events}, at, func(row splunk.Row) error { return out.add(ctx, row) })
	if err == nil {
		err = out.flush(ctx)
	}
	result.Read, result.Seen, result.Warnings = read, out.seen, out.warnings()
	result.Total = out.seen
	switch {
	case errors.Is(err, errEnough):
		result.Total = -1
		return result, nil
	case err != nil:
		return result, fmt.Errorf("run the search of rule %s: %w", p.rule.ID, err)
	}
	return result, nil
}

// Explain shows the search of the first command, and the commands that run in memory.
func (s *splSearch) Explain(w window.Window) query.Explanation {
	p := s.plan
	e := query.Explanation{
		RuleID: p.rule.ID, Name: p.rule.Name, Type: string(p.rule.Type), Language: string(p.rule.Language), Strategy: p.Strategy(),
		Window: w.String(), TimeField: search.DefaultTimestamp, Indices: p.rule.Index, Query: p.Search.String(), Condition: "everything",
	}
	if s.first != nil {
		r := s.first.At(p.within(w))
		e.Indices = r.Patterns
		e.Condition, e.Exact, e.Request = s.first.Condition.String(), s.first.Exact, r.Body()
		if !s.first.Exact {
			e.Pushed = s.first.Request.Where.String()
		}
	}
	e.Sources = s.Sources()
	e.InMemory = s.inMemory(0)
	e.Strategy = query.Search
	if r, ok := s.grouping(w); ok {
		e.Strategy, e.Request = query.Aggregation, r.Body()
		for _, f := range r.By {
			e.GroupBy = append(e.GroupBy, f.Name)
		}
		e.InMemory = s.inMemory(2)
	}
	return e
}

// inMemory returns the commands that run in memory, beginning with number from. It leaves out a first command whose
// condition the search decides completely.
func (s *splSearch) inMemory(from int) []string {
	out := []string{}
	for i, stage := range s.plan.Search.Stages {
		if i < from {
			continue
		}
		_, isFind := stage.(*spl.Find)
		if i == 0 && isFind && s.first != nil && s.first.Exact && splunk.Whole(s.plan.Search) {
			continue
		}
		out = append(out, stage.String())
	}
	return out
}

// Sources returns the names of the field map's sources that the first command selects.
func (s *splSearch) Sources() []string {
	if s.first == nil {
		return nil
	}
	return s.first.Asked()
}

// FieldMap returns the field map of the search.
func (s *splSearch) FieldMap() pushdown.Map { return s.plan.Map }

// Trace evaluates the condition of the first command on one document, and runs the search over this document alone.
func (s *splSearch) Trace(ctx context.Context, d condition.Document) (condition.Trace, error) {
	out := condition.Trace{Text: s.plan.Search.String()}
	doc, isDocument := d.(*event.Document)
	if s.first == nil || !isDocument {
		return out, errors.New("the search asks for no events first: one event cannot be traced")
	}
	base, err := condition.NewTrace(s.first.Condition, binding.FieldsOf(s.first.Target.Fields, d), d)
	if err != nil {
		return out, err //nolint:wrapcheck // it names the field
	}
	row, err := s.first.Document(doc)
	if err != nil {
		return out, err //nolint:wrapcheck // it names the event
	}
	rows := 0
	at, _ := row["_time"].Float()
	now := time.UnixMilli(int64(at * 1000)).Add(time.Millisecond)
	window := splunk.Window{Latest: now, Now: now}
	err = splunk.Run(ctx, s.plan.Search, s.plan.Env, splunk.Events{row}, window, func(splunk.Row) error {
		rows++
		return nil
	})
	if err != nil {
		return out, fmt.Errorf("run the search on the event: %w", err)
	}
	out.Holds = rows > 0
	out.Parts = []condition.Trace{base, {
		Text: "the search over this event alone", Holds: rows > 0, Values: []string{rowCount(rows)},
	}}
	switch {
	case base.Holds:
		out.Op = condition.OpAnd
	case rows == 0: // which follows from the first command
		out.Op, out.Parts = condition.OpAnd, out.Parts[:1]
	}
	return out, nil
}
