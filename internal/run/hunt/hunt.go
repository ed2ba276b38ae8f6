package hunt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/planner"
	"tocsin/internal/search/tables"
)

// Hunt says where rules hunt. It has settings only.
type Hunt struct {
	Events search.Events
	// Range is the range of time. A zero bound is that of the events; it needs events that are not indexed: files.
	Range window.Window
	// Planner decides between reads and searches.
	Planner *planner.Planner
	// Series, Risk and Tables are those of a pipeline. What is written to Risk and Tables is seen by later rules, and must
	// not be kept.
	Series pipeline.Series
	Risk   *pipeline.Risk
	Tables tables.Store
	// Concurrency is the number of rules that run at the same time.
	Concurrency int
	// Progress, when not nil, is called with the number of slots to run, and returns what is called with each number of slots
	// that have run.
	Progress func(slots int) (advance func(n int))
	// Now is the time as of which rules are run whose conditions do not depend on it.
	Now time.Time
}

// Finding is what one rule found.
type Finding struct {
	Rule *rule.Rule
	Tally

	// RiskEvents is the number of risk events of a search in SPL.
	RiskEvents int64
	// More: there are more hits than were counted, because one slot had too many.
	More bool
	// Vacant is why there was nothing to search; "" if there was something.
	Vacant string
	// Refused are the problems for which the rule could not be run on these events.
	Refused diag.List
	// Warnings are further remarks, each once.
	Warnings []string
	// Err is the failure for which hits may be missing.
	Err error
}

// Report is the outcome of a hunt.
type Report struct {
	// Range is the range of time of the hits; zero if no event has a time.
	Range window.Window
	// Census are the events that there are, nil where they are unknown.
	Census *Census
	// Round is the account of the shared read.
	Round planner.Round
	// Findings are those of the rules, in their order.
	Findings []*Finding
}

// Census counts events by their @timestamp.
type Census struct {
	// Inside lie in the range, Outside do not; Untimed have no @timestamp.
	Inside, Outside, Untimed int64
	// First and Last are the times of the first and the last event outside; zero where they are unknown.
	First, Last time.Time
}

// ever has all events with a time; its bounds are the first and last days that dates with four digits can say. It stands
// for bounds that are not known yet.
var ever = window.Window{From: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), To: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}

// target is a rule of a run.
type target struct {
	*Finding

	plan     query.Plan
	prepared query.Prepared
	// direct: the hits are those of one search, which the shared read answers.
	direct bool
	// bySlot: the rule is run slot by slot.
	bySlot bool
	// reads are what the rule begins with, read when possible by the shared read.
	reads []query.Read
	// candidates are the hits of the reads; nil: unknown. unread: the shared read has not answered all of them.
	candidates *Tally
	unread     bool
	done       bool
}

// hunt is the state of a run.
type hunt struct {
	*Hunt

	events  search.Events
	targets []*target
	report  Report
	// reach is the range of the shared read.
	reach window.Window
	// seen has the times of all events, nil if they are unknown.
	seen *Tally
}

// Run runs rules. The error is of the context; whatever fails for a rule is in its finding.
func (h *Hunt) Run(ctx context.Context, plans []query.Plan) (Report, error) {
	x := &hunt{Hunt: h, events: snapshot(ctx, h.Events), report: Report{Range: h.Range}}
	for _, p := range plans {
		t := &target{Finding: &Finding{Rule: p.Rule()}, plan: p}
		x.targets, x.report.Findings = append(x.targets, t), append(x.report.Findings, t.Finding)
	}
	x.reach = x.Range
	at := x.Range.To
	if x.reach.From.IsZero() {
		x.reach.From = ever.From
	}
	if x.reach.To.IsZero() {
		x.reach.To, at = ever.To, x.Now
	}
	src := x.source(at, x.reach)
	pipeline.Each(max(x.Concurrency, 1), x.targets, func(t *target) { t.begin(ctx, src) })
	if err := x.stream(ctx); err != nil {
		return x.report, err
	}
	if x.report.Range.Empty() {
		return x.report, ctx.Err() //nolint:wrapcheck // it is the caller's own
	}
	x.runWhole(ctx)
	x.runSlots(ctx)
	return x.report, ctx.Err() //nolint:wrapcheck // it is the caller's own
}

// open reports whether a bound of a range is not known yet.
func open(w window.Window) bool { return w.From.Equal(ever.From) || w.To.Equal(ever.To) }

func snapshot(ctx context.Context, events search.Events) search.Events {
	if s, ok := events.(search.Snapshotter); ok {
		if moment, err := s.Snapshot(ctx); err == nil {
			return moment
		}
	}
	return events // each search will report the error
}

// source is what plans are prepared with.
func (h *hunt) source(at time.Time, w window.Window) query.Source {
	src := query.Source{Events: h.events, At: at, Window: w, Tables: h.Tables}
	if h.Risk != nil {
		src.Risk.Events = h.Risk.Events
	}
	return src
}

// begin prepares a rule for the shared read.
func (t *target) begin(ctx context.Context, src query.Source) {
	w := src.Window
	merging := query.CatchUp(t.plan)
	switch t.Rule.Type {
	case rule.TypeThreshold, rule.TypeNewTerms, rule.TypeESQL, rule.TypeSPL:
		t.bySlot = true
	default:
		t.bySlot = merging.OfNow
	}
	if open(w) && dated(t.Rule) {
		return // the names of its indices follow from the range, which is not known yet
	}
	// The first command of a search in SPL is the same in every slot: times of its own are not among the reads.
	varies := merging.OfNow && t.Rule.Type != rule.TypeSPL
	if !t.prepare(ctx, src) || varies {
		return // its searches are other ones in each slot
	}
	t.guard(func() error {
		if d, ok := t.prepared.(query.Direct); ok && !t.bySlot {
			if r, ok := d.Direct(w); ok {
				t.direct, t.reads = true, []query.Read{{Request: r}}
				return nil
			}
		}
		if reader, ok := t.prepared.(query.Reader); ok {
			t.reads = reader.Reads(w)
		}
		return nil
	})
}

// prepare binds the plan to the mappings; false: the rule is done.
func (t *target) prepare(ctx context.Context, src query.Source) bool {
	t.guard(func() error {
		var diags diag.List
		var err error
		t.prepared, diags, err = t.plan.Prepare(ctx, src)
		t.remark(diags)
		if err != nil || t.prepared == nil {
			t.done = true
			return err //nolint:wrapcheck // it names the rule
		}
		if place := t.prepared.Target(); len(place.Indices) == 0 && len(t.Rule.Reads()) > 0 {
			warnings := pipeline.TargetWarnings(t.plan.Rule().Index, place)
			if len(warnings) > 0 && len(place.Unread) == 0 {
				t.Vacant, t.done = warnings[0], true
			}
		}
		if unread := search.UnreadIn(t.prepared.Target(), src.Window); len(unread) > 0 && !open(src.Window) {
			return search.UnreadError("read the indices of rule "+t.Rule.ID, unread) //nolint:wrapcheck // it names the places
		}
		return nil
	})
	return !t.done
}

// missingJob is the warning that says that there is nothing that a rule could find.
const missingJob = "anomaly/missing-job"

// remark notes diagnostics. Errors, and warnings that there is nothing to look at, say why the rule has no answer.
func (t *target) remark(diags diag.List) {
	for _, d := range diags {
		switch {
		case d.Severity == diag.Error, d.Code == missingJob:
			if !slices.Contains(t.Refused, d) {
				t.Refused = append(t.Refused, d)
			}
			t.done = true
		case d.Severity == diag.Warning:
			t.warn(d.Error())
		}
	}
}

// mostWarnings bounds the warnings of a rule.
const mostWarnings = 20

func (t *target) warn(text string) {
	if len(t.Warnings) < mostWarnings && !slices.Contains(t.Warnings, text) {
		t.Warnings = append(t.Warnings, text)
	}
}

// guard runs a part of the work for a rule. An error, or a crash, is the rule's own.
func (t *target) guard(do func() error) {
	if err := failure.Guard("hunt with rule "+t.Rule.ID, do); err != nil {
		t.fail(err)
		t.done = t.done || failure.KindOf(err) != failure.Partial
	}
}

// fail notes an error, of equal ones the first.
func (t *target) fail(err error) {
	if t.Err == nil || !errors.Is(t.Err, err) && t.Err.Error() != err.Error() && len(t.Err.Error()) < longError {
		t.Err = errors.Join(t.Err, err)
	}
}

// longError is the length of an error to which no more is added.
const longError = 500

// String describes a census in words.
func (c *Census) String() string {
	return fmt.Sprintf("%d events in the range, %d outside, %d without @timestamp", c.Inside, c.Outside, c.Untimed)
}
