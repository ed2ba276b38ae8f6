// From a rule to its alert, 8 of 9: hits become alerts, and the execution is accounted for. Next: internal/alert/build.go.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"tocsin/internal/alert"
	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
	"tocsin/internal/search/indexname"
	"tocsin/internal/search/tables"
)

// Pipeline runs rules, with events from one backend and alerts to another. It is safe for concurrent use.
type Pipeline struct {
	Events search.Events
	Alerts alert.Indexer
	// Instances finds existing alerts; nil: they cannot be read.
	Instances alert.Instances
	// Risk is where risk events are written; nil: rules with risk events fail.
	Risk *Risk
	// Tables stores the tables that searches write for other searches; nil: none is written.
	Tables  tables.Store
	Options alert.Options
	// Series returns the series of indices; nil: each index is a series.
	Series Series
	// Summarize makes one alert for all hits beyond max_signals, instead of further runs.
	Summarize bool
	// Now is the clock for the alerts' own @timestamp; nil means time.Now.
	Now func() time.Time

	// kept is the memory for events that executions keep.
	kept search.Room
}

// Series returns the data streams or rollover series of indices.
type Series interface {
	// Of returns the series of each index. It never changes, as the identity of alerts depends on it. On an error, none is
	// returned.
	Of(ctx context.Context, indices []string) (map[string]string, error)
}

// Job is one execution to run.
type Job struct {
	Plan   query.Plan
	Slot   time.Time
	Window window.Window
	// Covers are the slots whose windows Window spans, oldest first and Slot the last; empty: Slot alone. The limits of
	// max_signals of these slots add up.
	Covers []time.Time
	// SlotOf, if not nil, returns the slot of an alert by the time of its event; otherwise all alerts belong to Slot.
	SlotOf func(at time.Time) time.Time
	// Attempts is how often the slot was tried before.
	Attempts int
	// MaxAlerts overrides max_signals when it is larger: for slots that are run again because max_signals left hits over.
	MaxAlerts int
	// Fence is the fencing number of the runner at the beginning, for the ledger.
	Fence int64
	// Ahead, if not nil, has the hits that [Round.ReadAhead] has read for this slot and others.
	Ahead *batch.Ahead
	// Late restricts the execution to late events.
	Late []query.Late
	// Manual marks executions that a person has requested.
	Manual bool
}

// Run runs a rule over a window. It does not return an error: failures are part of the Execution.
func (p *Pipeline) Run(ctx context.Context, job Job) Execution {
	run := p.begin(job)
	if run.prepare(ctx, p.Events) {
		run.execute(ctx, p.Events)
	}
	return run.end()
}

func (p *Pipeline) begin(job Job) *execution {
	now := p.Now
	if now == nil {
		now = time.Now
	}
	r := job.Plan.Rule()
	return &execution{
		pipeline: p, plan: job.Plan, max: max(job.MaxAlerts, r.MaxSignals*max(1, len(job.Covers))), now: now, started: now(),
		Execution: Execution{
			ID: uuid.NewString(), RuleID: r.ID, RuleName: r.Name, Slot: job.Slot, Window: job.Window,
			Covers: job.Covers, Attempts: job.Attempts, Fence: job.Fence,
		},
		manual: job.Manual, slotOf: job.SlotOf, late: job.Late,
	}
}

// execution is a Run in progress.
type execution struct {
	Execution
	pipeline *Pipeline
	plan     query.Plan
	prepared query.Prepared
	made     *alert.Builder // by builder
	// series are the series of the indices of hits so far.
	series  map[string]string
	now     func() time.Time
	started time.Time
	max     int
	// held is the number of new alerts that have not been written yet.
	held int
	// refused is why the first alert could not be written with its original event.
	refused error
	// unread are the places of the window that cannot be read.
	unread []search.Unread
	manual bool
	slotOf func(time.Time) time.Time
	late   []query.Late
}

// builder returns the builder of alerts. Most executions need none.
func (x *execution) builder() *alert.Builder {
	if x.made == nil {
		fields := x.prepared.Target().Fields
		x.made = alert.NewBuilder(x.plan.Rule(), x.pipeline.Options, alert.Indices{
			Fields: func(index string) mapping.Fields { return mapping.OfIndex(fields, index) }, Series: x.seriesOf,
		})
	}
	return x.made
}

func (x *execution) source(events search.Events) query.Source {
	src := query.Source{Events: events, At: x.Slot, Window: x.Window, Late: x.late, Risk: x.pipeline.Risk.source(), Tables: x.pipeline.Tables, Room: &x.pipeline.kept}
	if x.pipeline.Instances != nil {
		src.History = history{x.pipeline.Instances}
	}
	return src
}

// prepare binds the plan; false means that the execution has failed.
func (x *execution) prepare(ctx context.Context, events search.Events) bool {
	prepared, diags, err := x.plan.Prepare(ctx, x.source(events))
	x.Diagnostics = diags
	if err != nil || prepared == nil {
		x.Status, x.Err = Failed, err
		return false
	}
	x.Warnings = TargetWarnings(x.plan.Rule().Index, prepared.Target())
	x.warnDiagnostics(diags)
	x.prepared = prepared
	x.look(prepared.Target())
	if m, ok := prepared.(interface{ OfNow() bool }); ok && len(x.Covers) > 1 && m.OfNow() {
		x.Status, x.Err = Failed, &failure.Error{
			Kind: failure.Rejected, Op: "run rule " + x.RuleID,
			Reason: fmt.Sprintf("%d slots cannot be run as one: what the rule asks for is about now", len(x.Covers)),
		}
		return false
	}
	return true
}

// look records which places of the window cannot be read, and whether the rule's patterns match any index.
func (x *execution) look(t search.Target) {
	x.unread = search.UnreadIn(t, x.Window)
	x.Resolved, x.Unmet, x.Patterns = true, lasting(t.Missing), lasting(x.plan.Rule().Index)
	x.Vacant = len(t.Missing) > 0 && len(t.Indices) == 0 && len(x.unread) == 0
}

// lasting returns the patterns that are the same in every slot. Others, with date math, may legitimately match nothing
// today.
func lasting(patterns []string) []string {
	var out []string
	for _, list := range patterns {
		for p := range strings.SplitSeq(list, ",") {
			if p = strings.TrimSpace(p); p != "" && !strings.HasPrefix(p, "-") && !indexname.HasDateMath([]string{p}) {
				out = append(out, p)
			}
		}
	}
	return out
}

func (x *execution) execute(ctx context.Context, events search.Events) {
	take, finish := x.write, func(context.Context, error) error { return nil }
	if s := x.plan.Rule().AlertSuppression; s != nil {
		stage := newSuppression(x, s, events)
		take, finish = stage.take, stage.flush
	}
	result, err := x.prepared.Execute(ctx, x.source(events), x.Window, func(hits []query.Hit) (bool, error) {
		return take(ctx, hits)
	})
	err = errors.Join(err, finish(ctx, err))
	for _, text := range result.Warnings {
		x.warn("%s", text)
	}
	x.countLeft(result)
	x.tellReduced()
	x.Read = max(result.Read, result.Seen, result.Total)
	x.Undecided = result.Undecided
	if x.pipeline.Summarize && x.Left > 0 && err == nil {
		err = x.summarize(ctx)
	}
	err = errors.Join(err, search.UnreadError("read the indices of rule "+x.RuleID, x.unread))
	x.Err = err
	x.Status = x.judge(err)
}

func (x *execution) end() Execution {
	x.Took = x.now().Sub(x.started)
	return x.Execution
}

// judge sets the status.
func (x *execution) judge(err error) Status {
	switch {
	case err != nil && failure.KindOf(err) != failure.Partial:
		return Failed
	case err != nil || x.Failed > 0 || x.Risk.Failed > 0 || x.Left > 0 && !x.Summarized:
		return PartialFailure
	}
	return Succeeded
}

// noIndex is the beginning of warnings about patterns that match no index.
const noIndex = "no open index matches "

// OfPatterns reports whether a warning is about patterns that match no index. All rules with these patterns have it.
func OfPatterns(warning string) bool { return strings.HasPrefix(warning, noIndex) }

// TargetWarnings returns warnings about patterns and indices that cannot be searched.
func TargetWarnings(patterns []string, t search.Target) []string {
	var warnings []string
	if len(patterns) == 0 { // an ES|QL query without indices
		return nil
	}
	if len(t.Indices) == 0 && len(t.Unread) == 0 {
		warnings = append(warnings, noIndex+strings.Join(patterns, ", ")+": nothing was searched")
	} else if len(t.Missing) > 0 {
		warnings = append(warnings, noIndex+strings.Join(t.Missing, ", "))
	}
	if len(t.Closed) > 0 {
		warnings = append(warnings, "closed indices were not searched: "+strings.Join(t.Closed, ", "))
	}
	return warnings
}

func (x *execution) warnDiagnostics(l diag.List) {
	for _, d := range l {
		if d.Severity == diag.Warning {
			x.warn("%s", d.Error())
		}
	}
}

// maxWarnings is the maximum number of warnings of an execution.
const maxWarnings = 50

func (x *execution) warn(format string, args ...any) {
	switch n := len(x.Warnings); {
	case n < maxWarnings:
		x.Warnings = append(x.Warnings, fmt.Sprintf(format, args...))
	case n == maxWarnings:
		x.Warnings = append(x.Warnings, "further warnings are left out")
	}
}

// countLeft sets how many hits were not processed. If hits are matched again, the total of the search counts candidates; of
// sequences, only those found so far are known.
func (x *execution) countLeft(r query.Result) {
	if x.Left == 0 {
		return
	}
	x.Left = max(x.Left, x.Left+r.Total-r.Seen)
	words := strconv.FormatInt(x.Left, 10)
	switch {
	case r.Total < 0:
		words = "at least " + words
	case !r.Exact:
		words = "at most " + words
	}
	x.warn("max_signals: %d alerts were created and %s hits of the window are left without a look", x.max, words)
}

// room returns how many more new alerts are allowed.
func (x *execution) room() int { return x.max - x.Created - x.held }

// mostAtOnce is the maximum size of events, in bytes, that become alerts at once, unless a single event is larger. Alerts
// take several times as much memory while they are written. It is about the size of a bulk request.
const mostAtOnce = 4 << 20

// atOnce returns how many of the hits become alerts at once, at least one.
func atOnce(hits []query.Hit) int {
	size := 0
	for i := range hits {
		if size += hits[i].Size(); i > 0 && size > mostAtOnce {
			return i
		}
	}
	return len(hits)
}

// write makes and writes alerts until there are max_signals new ones. Duplicates do not count, so that the next run over
// an overlapping window gets further.
func (x *execution) write(ctx context.Context, hits []query.Hit) (bool, error) {
	for len(hits) > 0 {
		room := x.room()
		if room <= 0 {
			x.Left += int64(len(hits))
			return false, nil
		}
		chunk := hits[:min(room, atOnce(hits))]
		hits = hits[len(chunk):]
		x.Hits += int64(len(chunk))
		if err := x.writeRisk(ctx, chunk); err != nil {
			return false, err
		}
		if err := x.writeAlerts(ctx, chunk); err != nil {
			return false, err
		}
	}
	return true, nil
}

// writeAlerts makes and writes the alerts of hits.
func (x *execution) writeAlerts(ctx context.Context, hits []query.Hit) error {
	if err := x.identify(ctx, hits); err != nil {
		return err
	}
	b := x.build(hits, x.run())
	if len(b.docs) == 0 {
		return nil
	}
	written, err := x.put(ctx, b.docs, b.ends)
	if err != nil {
		return &WriteError{WrittenAlerts, "write the alerts of rule " + x.RuleID, err}
	}
	second, err := x.others(ctx, b, written)
	if err != nil {
		return err
	}
	x.count(written, b.ends, second)
	return x.writeSecond(ctx, b, second)
}

func (x *execution) run() alert.Run {
	return alert.Run{ID: x.ID, Slot: x.Slot, SlotOf: x.slotOf, Time: x.now(), Manual: x.manual}
}

// built are the documents of hits.
type built struct {
	docs []alert.Document
	// hits are the hits of the documents; ends has, for each hit, the index after its last document.
	hits []query.Hit
	ends []int
}

// of returns the documents of the n-th hit.
func (b *built) of(n int) (from, to int) {
	if n > 0 {
		from = b.ends[n-1]
	}
	return from, b.ends[n]
}

// build makes the documents of hits.
func (x *execution) build(hits []query.Hit, run alert.Run) *built {
	b := &built{}
	for _, h := range hits {
		if h.Silent {
			continue
		}
		more, err := x.documents(h, run)
		if err != nil {
			x.refuse(err)
			continue
		}
		b.docs, b.hits = append(b.docs, more...), append(b.hits, h)
		b.ends = append(b.ends, len(b.docs))
	}
	return b
}

// refuse counts a hit that cannot become an alert.
func (x *execution) refuse(err error) {
	if errors.Is(err, alert.ErrOwnAlert) {
		x.Skipped++
		return
	}
	x.Failed++
	x.warn("no alert could be made: %v", err)
}

func (x *execution) documents(h query.Hit, run alert.Run) ([]alert.Document, error) {
	return x.documentsOf(h, nil, run)
}

// documentsOf is documents for a hit whose identity does not depend on its documents.
func (x *execution) documentsOf(h query.Hit, from *alert.Source, run alert.Run) ([]alert.Document, error) {
	if h.Group != nil {
		return x.builder().BuildGroup(h.Group.Present(), run) //nolint:wrapcheck // it names the event
	}
	f := finding(h)
	f.From = from
	doc, err := x.builder().Build(f, run)
	return []alert.Document{doc}, err //nolint:wrapcheck // it names the event
}

// finding returns a hit that is not a group, for the alert builder.
func finding(h query.Hit) alert.Finding {
	return alert.Finding{
		Event: h.Event, Key: h.Key, ByEvent: h.ByEvent, Instance: h.Instance, Facts: h.Facts, Parents: h.Parents, Types: h.Types, Counted: h.Counted,
	}
}

// count counts hits by outcome, except hits that are written again.
func (x *execution) count(written []alert.Written, ends []int, second map[int]bool) {
	for n, outcome := range x.outcomes(written, ends) {
		if second[n] {
			continue
		}
		switch outcome {
		case alert.Created:
			x.Created++
		case alert.Duplicate:
			x.Duplicates++
		default:
			x.Failed++
		}
	}
}

// outcomes returns the outcome of each hit. The outcome of a group is the outcome of its last document, unless a building
// block failed.
func (x *execution) outcomes(written []alert.Written, ends []int) []alert.Outcome {
	out := make([]alert.Outcome, len(ends))
	start := 0
	for i, end := range ends {
		out[i] = written[end-1].Outcome
		for _, w := range written[start:end] {
			x.reduced(w)
			if w.Outcome == alert.Failed {
				out[i] = alert.Failed
				x.warn("alert %s was not written: %v", w.ID, w.Err)
			}
		}
		start = end
	}
	return out
}
