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

// Pipeline holds where events come from and where alerts go. It is safe for concurrent use.
type Pipeline struct {
	Events search.Events
	Alerts alert.Indexer
	// Instances finds the alerts that were made before; nil: none can be.
	Instances alert.Instances
	// Risk is where risk events go; nil: rules that make some fail.
	Risk *Risk
	// Tables are those that searches write for others; nil: none is written.
	Tables  tables.Store
	Options alert.Options
	// Series tells to which series indices belong; nil: each is one of its own.
	Series Series
	// Summarize makes one alert of hits beyond max_signals in the place of runs that take them up.
	Summarize bool
	// Now is the clock for the alerts' own @timestamp; nil means time.Now.
	Now func() time.Time

	// kept is the memory for events that executions keep.
	kept search.Room
}

// Series tells to which data stream or rollover series indices belong.
type Series interface {
	// Of returns the series of each index, for good: the identity of alerts depends on it. An error leaves none known.
	Of(ctx context.Context, indices []string) (map[string]string, error)
}

// Job is one execution to be done.
type Job struct {
	Plan   query.Plan
	Slot   time.Time
	Window window.Window
	// Covers are the slots whose windows Window spans, oldest first and Slot the last; empty: Slot
	// alone. max_signals is that of all of them together.
	Covers []time.Time
	// SlotOf, when not nil, tells which of the slots an alert is of, by the time of its event; else all
	// are of Slot.
	SlotOf func(at time.Time) time.Time
	// Attempts is how often the slot was tried before.
	Attempts int
	// Most, when it is more than what max_signals comes to, stands in its place: for slots that are run
	// again because max_signals left hits.
	Most int
	// Fence is the fencing number of the runner as it begins, for the ledger.
	Fence int64
	// Ahead, when not nil, has what [Round.ReadAhead] has read for this slot and others.
	Ahead *batch.Ahead
	// Late narrows the execution to events that came late.
	Late []query.Late
	// Manual marks executions that somebody asked for.
	Manual bool
}

// Run executes a rule over a window and accounts for it. It does not return an error: whatever
// goes wrong is part of the account.
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
		pipeline: p, plan: job.Plan, max: max(job.Most, r.MaxSignals*max(1, len(job.Covers))), now: now, started: now(),
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
	// series are those of the indices that hits were found in so far.
	series  map[string]string
	now     func() time.Time
	started time.Time
	max     int
	// held is the number of new alerts that are not written yet.
	held int
	// refused is why the first alert was not written with its event as it is.
	refused error
	// unread are the places that the window lacks.
	unread []search.Unread
	manual bool
	slotOf func(time.Time) time.Time
	late   []query.Late
}

// builder makes the alerts. Most executions need none.
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

// look notes which places the window lacks, and whether the rule's patterns mean any.
func (x *execution) look(t search.Target) {
	x.unread = search.UnreadIn(t, x.Window)
	x.Resolved, x.Unmet, x.Patterns = true, lasting(t.Missing), lasting(x.plan.Rule().Index)
	x.Vacant = len(t.Missing) > 0 && len(t.Indices) == 0 && len(x.unread) == 0
}

// lasting are the patterns that mean the same in every slot: others may mean nothing today for good.
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

// judge turns what happened into a status.
func (x *execution) judge(err error) Status {
	switch {
	case err != nil && failure.KindOf(err) != failure.Partial:
		return Failed
	case err != nil || x.Failed > 0 || x.Risk.Failed > 0 || x.Left > 0 && !x.Summarized:
		return PartialFailure
	}
	return Succeeded
}

// noIndex begins the warnings of patterns that mean no index.
const noIndex = "no open index matches "

// OfPatterns reports whether a warning is that patterns mean no index: every rule that has them has it.
func OfPatterns(warning string) bool { return strings.HasPrefix(warning, noIndex) }

// TargetWarnings names what of index patterns is not there to be searched.
func TargetWarnings(patterns []string, t search.Target) []string {
	var warnings []string
	if len(patterns) == 0 { // an ES|QL query that makes its own rows
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

// maxWarnings bounds the account of an execution in which everything goes wrong.
const maxWarnings = 50

func (x *execution) warn(format string, args ...any) {
	switch n := len(x.Warnings); {
	case n < maxWarnings:
		x.Warnings = append(x.Warnings, fmt.Sprintf(format, args...))
	case n == maxWarnings:
		x.Warnings = append(x.Warnings, "further warnings are left out")
	}
}

// countLeft says how many hits were not looked at. The total of a search whose hits are matched
// again counts candidates; of sequences only those are known that were found by then.
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

// room is how many new alerts there may still be.
func (x *execution) room() int { return x.max - x.Created - x.held }

// mostAtOnce is how many bytes of events become alerts at once, which take several times as much while they are
// written; one event may have more. It is about what a bulk request takes.
const mostAtOnce = 4 << 20

// atOnce is how many of the hits become alerts at once, at least one.
func atOnce(hits []query.Hit) int {
	size := 0
	for i := range hits {
		if size += hits[i].Size(); i > 0 && size > mostAtOnce {
			return i
		}
	}
	return len(hits)
}

// write makes and writes alerts until max_signals new ones are there. Duplicates do not count, so
// that the next run over an overlapping window gets further.
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

// writeAlerts makes and writes the alerts of hits that there is room for.
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
	// hits are those that documents were made of; ends has, for each, the place behind its last document.
	hits []query.Hit
	ends []int
}

// of are the documents of the n-th hit.
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

// refuse counts a hit of which no alert can be made.
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

// documentsOf is documents for a hit whose identity does not tell the documents that it is of.
func (x *execution) documentsOf(h query.Hit, from *alert.Source, run alert.Run) ([]alert.Document, error) {
	if h.Group != nil {
		return x.builder().BuildGroup(h.Group.Present(), run) //nolint:wrapcheck // it names the event
	}
	f := finding(h)
	f.From = from
	doc, err := x.builder().Build(f, run)
	return []alert.Document{doc}, err //nolint:wrapcheck // it names the event
}

// finding is a hit that is no group.
func finding(h query.Hit) alert.Finding {
	return alert.Finding{
		Event: h.Event, Key: h.Key, ByEvent: h.ByEvent, Instance: h.Instance, Facts: h.Facts, Parents: h.Parents, Types: h.Types, Counted: h.Counted,
	}
}

// count counts hits by what became of them, less those that are written once more.
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

// outcomes are those of hits, not of documents: what became of a group is what became of its last
// document, unless a building block failed.
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
