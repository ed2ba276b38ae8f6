// From a rule to its alert, 8 of 9: hits become alerts, and the execution is accounted for. Next: internal/alert/build.go.

package pipeline

import (
	"cmp"
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
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
	"tocsin/internal/search/indexname"
	"tocsin/internal/search/tables"
)

// Pipeline runs rules against a source of events and writes their alerts. It is safe for concurrent use.
type Pipeline struct {
	Events search.Events
	Alerts alert.Indexer
	// Instances finds existing alerts; nil: existing alerts cannot be found.
	Instances alert.Instances
	// Risk is the destination of risk events; nil: rules that create risk events fail.
	Risk *Risk
	// Tables holds the lookup tables that searches write; nil: no table is written.
	Tables  tables.Store
	Options alert.Options
	// Series maps indices to their series; nil: each index is its own series.
	Series Series
	// Summarize creates one alert for all hits beyond max_signals, instead of further runs for them.
	Summarize bool
	// Enrich adds fields to new alerts of a rule before they are written; nil: nothing is added. It must not block.
	Enrich func(r *rule.Rule, docs []alert.Document)
	// Telling says who is told of alerts.
	Telling Telling
	// Now is the clock for @timestamp of alerts; nil means time.Now.
	Now func() time.Time

	// kept is the shared memory for events that executions keep.
	kept search.Room
}

// Series maps indices to their data stream or rollover series.
type Series interface {
	// Of returns the series of each index. The result must never change, as the identity of alerts depends on
	// it. It returns all series or an error.
	Of(ctx context.Context, indices []string) (map[string]string, error)
}

// Job is one execution to run.
type Job struct {
	Plan   query.Plan
	Slot   time.Time
	Window window.Window
	// Covers are the slots whose windows Window spans, oldest first, with Slot last; empty: only Slot.
	// max_signals is multiplied by their number.
	Covers []time.Time
	// SlotOf returns the slot of an alert from the time of its event; nil: all alerts belong to Slot.
	SlotOf func(at time.Time) time.Time
	// Attempts is the number of earlier runs of the slot.
	Attempts int
	// MaxAlerts overrides the limit of max_signals when it is larger: for slots that are run again because
	// max_signals left hits.
	MaxAlerts int
	// Fence is the runner's fencing number at the start, for the ledger.
	Fence int64
	// Ahead, when not nil, has the hits that [Round.ReadAhead] has read for this slot and others.
	Ahead *batch.Ahead
	// Late restricts the execution to late events.
	Late []query.Late
	// Manual marks an execution that a user has started.
	Manual bool
}

// Run runs a rule over a window. It returns no error: all failures are part of the Execution.
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
			ID: uuid.NewString(), RuleID: r.ID, RuleName: r.Name, Revision: r.ContentHash, Slot: job.Slot, Window: job.Window,
			Covers: job.Covers, Attempts: job.Attempts, Fence: job.Fence,
		},
		manual: job.Manual, slotOf: job.SlotOf, late: job.Late,
	}
}

// execution is the state of a Run.
type execution struct {
	Execution
	pipeline *Pipeline
	plan     query.Plan
	prepared query.Prepared
	made     *alert.Builder // by builder
	// series maps indices of hits to their series.
	series  map[string]string
	now     func() time.Time
	started time.Time
	max     int
	// held is the number of new alerts that have not been written yet.
	held int
	// refused is why the first alert could not be written with its original event.
	refused error
	// unread are the places that could not be read in the window.
	unread []search.Unread
	manual bool
	slotOf func(time.Time) time.Time
	late   []query.Late
}

// builder returns the builder of alerts, and creates it when it is first needed: most executions need none.
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
	x.noteTarget(prepared.Target())
	if m, ok := prepared.(interface{ OfNow() bool }); ok && len(x.Covers) > 1 && m.OfNow() {
		x.Status, x.Err = Failed, &failure.Error{
			Kind: failure.Rejected, Op: "run rule " + x.RuleID,
			Reason: fmt.Sprintf("%d slots cannot share a run: the rule's condition depends on now", len(x.Covers)),
		}
		return false
	}
	return true
}

// noteTarget records the unread places of the window, and whether the rule's patterns match any index.
func (x *execution) noteTarget(t search.Target) {
	x.unread = search.UnreadIn(t, x.Window)
	x.Resolved, x.Unmet, x.Patterns = true, fixedPatterns(t.Missing), fixedPatterns(x.plan.Rule().Index)
	for _, u := range t.Unread {
		x.Unread = append(x.Unread, u.Name)
	}
	x.Vacant = len(t.Missing) > 0 && len(t.Indices) == 0 && len(x.unread) == 0
}

// fixedPatterns returns the patterns that mean the same in every slot. Other patterns may match no index today for
// a good reason.
func fixedPatterns(patterns []string) []string {
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
	x.warnReduced()
	x.Read = max(result.Read, result.Seen, result.Total)
	x.Undecided = result.Undecided
	if x.pipeline.Summarize && x.Left > 0 && err == nil {
		err = x.summarize(ctx)
	}
	err = errors.Join(err, search.UnreadError("read the indices of rule "+x.RuleID, x.unread))
	x.Err = err
	x.Status = x.status(err)
}

func (x *execution) end() Execution {
	x.Took = x.now().Sub(x.started)
	return x.Execution
}

// status returns the status of the execution.
func (x *execution) status(err error) Status {
	switch {
	case err != nil && failure.KindOf(err) != failure.Partial:
		return Failed
	case err != nil || x.Failed > 0 || x.Risk.Failed > 0 || x.Left > 0 && !x.Summarized:
		return PartialFailure
	}
	return Succeeded
}

// noIndex is the beginning of the warning that patterns match no index.
const noIndex = "no open index matches "

// OfPatterns reports whether a warning says that patterns match no index. All rules with the same patterns
// have the same warning.
func OfPatterns(warning string) bool { return strings.HasPrefix(warning, noIndex) }

// TargetWarnings returns a warning for each kind of index pattern that cannot be searched.
func TargetWarnings(patterns []string, t search.Target) []string {
	var warnings []string
	if len(patterns) == 0 { // an ES|QL query without a FROM
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

// maxWarnings bounds the warnings of one execution.
const maxWarnings = 50

func (x *execution) warn(format string, args ...any) {
	switch n := len(x.Warnings); {
	case n < maxWarnings:
		x.Warnings = append(x.Warnings, fmt.Sprintf(format, args...))
	case n == maxWarnings:
		x.Warnings = append(x.Warnings, "further warnings are left out")
	}
}

// countLeft counts the hits that were not processed. If hits are matched again in memory, the total of the
// search counts candidates. Of sequences, only the ones found so far are known.
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
	x.warn("max_signals: %d alerts were created and %s hits of the window are left unprocessed", x.max, words)
}

// room returns the number of new alerts that may still be created.
func (x *execution) room() int { return x.max - x.Created - x.held }

// maxChunkBytes is the maximum size, in bytes, of the events that are made into alerts together; one event may
// be larger. Building and writing takes several times as much memory. It is about the size of a bulk request.
const maxChunkBytes = 4 << 20

// chunkLen returns the number of hits to make into alerts together, at least one.
func chunkLen(hits []query.Hit) int {
	size := 0
	for i := range hits {
		if size += hits[i].Size(); i > 0 && size > maxChunkBytes {
			return i
		}
	}
	return len(hits)
}

// write builds and writes alerts until max_signals new ones exist. Duplicates do not count, so the next run
// over an overlapping window gets further.
func (x *execution) write(ctx context.Context, hits []query.Hit) (bool, error) {
	for len(hits) > 0 {
		room := x.room()
		if room <= 0 {
			x.Left += int64(len(hits))
			return false, nil
		}
		chunk := hits[:min(room, chunkLen(hits))]
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

// writeAlerts builds and writes the alerts of hits, as far as max_signals allows.
func (x *execution) writeAlerts(ctx context.Context, hits []query.Hit) error {
	if err := x.identify(ctx, hits); err != nil {
		return err
	}
	b := x.build(hits, x.run())
	if err := x.dropKnownGroups(ctx, b); err != nil {
		return err
	}
	if len(b.docs) == 0 {
		return nil
	}
	written, err := x.put(ctx, b.docs, b.ends)
	if err != nil {
		return &WriteError{What: WrittenAlerts, Op: "write the alerts of rule " + x.RuleID, Err: err}
	}
	second, err := x.others(ctx, b, written)
	if err != nil {
		return err
	}
	x.count(written, b.ends, second)
	if err := x.tell(ctx, b.docs, written, b.among(second)); err != nil {
		return err
	}
	return x.writeSecond(ctx, b, second)
}

func (x *execution) run() alert.Run {
	return alert.Run{ID: x.ID, Slot: x.Slot, SlotOf: x.slotOf, Time: x.now(), Manual: x.manual}
}

// built holds the documents of hits.
type built struct {
	docs []alert.Document
	// hits are the hits that have documents; ends has, for each hit, the index after its last document.
	hits []query.Hit
	ends []int
}

// of returns the range of the documents of the n-th hit.
func (b *built) of(n int) (from, to int) {
	if n > 0 {
		from = b.ends[n-1]
	}
	return from, b.ends[n]
}

// among reports whether a document is of one of some hits.
func (b *built) among(hits map[int]bool) func(doc int) bool {
	of := make([]bool, len(b.docs))
	for n := range hits {
		from, to := b.of(n)
		for i := from; i < to; i++ {
			of[i] = hits[n]
		}
	}
	return func(doc int) bool { return of[doc] }
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
			x.countFailed(err)
			continue
		}
		b.docs, b.hits = append(b.docs, more...), append(b.hits, h)
		b.ends = append(b.ends, len(b.docs))
	}
	return b
}

// countFailed counts a hit from which no alert can be made.
func (x *execution) countFailed(err error) {
	if errors.Is(err, alert.ErrOwnAlert) {
		x.Skipped++
		return
	}
	x.Failed++
	x.warn("an alert could not be built: %v", err)
}

func (x *execution) documents(h query.Hit, run alert.Run) ([]alert.Document, error) {
	return x.documentsOf(h, nil, run)
}

// documentsOf returns the documents of a hit. If from is not nil, it is a part of the identity, which then
// differs from the identity of other events with the same ids.
func (x *execution) documentsOf(h query.Hit, from *alert.Source, run alert.Run) ([]alert.Document, error) {
	docs, err := x.plainDocuments(h, from, run)
	if err == nil && x.pipeline.Enrich != nil {
		x.pipeline.Enrich(x.plan.Rule(), docs)
	}
	return docs, err
}

// plainDocuments is documentsOf without enrichment.
func (x *execution) plainDocuments(h query.Hit, from *alert.Source, run alert.Run) ([]alert.Document, error) {
	if h.Group != nil {
		g := alert.Group{Events: h.Group.Present(), Key: h.Key, At: h.Group.At, Values: h.Group.Values, Facts: h.Facts}
		return x.builder().BuildGroup(g, run) //nolint:wrapcheck // the error names the event
	}
	f := finding(h)
	f.From = from
	doc, err := x.builder().Build(f, run)
	return []alert.Document{doc}, err //nolint:wrapcheck // the error names the event
}

// finding returns the finding of a hit that is not a group.
func finding(h query.Hit) alert.Finding {
	return alert.Finding{
		Event: h.Event, Key: h.Key, ByEvent: h.ByEvent, Instance: h.Instance, Facts: h.Facts, Parents: h.Parents, Types: h.Types, Counted: h.Counted,
	}
}

// count counts the outcomes of hits, without the hits that are written again under a second identity.
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

// outcomes returns the outcome of each hit. The outcome of a group is the outcome of its last document,
// unless a building block failed.
func (x *execution) outcomes(written []alert.Written, ends []int) []alert.Outcome {
	out := make([]alert.Outcome, len(ends))
	start := 0
	for i, end := range ends {
		out[i] = written[end-1].Outcome
		for _, w := range written[start:end] {
			x.reduced(w)
			if w.Outcome == alert.Failed {
				out[i] = alert.Failed
				x.Unwritten = cmp.Or(x.Unwritten, w.Err)
				x.warn("alert %s was not written: %v", w.ID, w.Err)
			}
		}
		start = end
	}
	return out
}
