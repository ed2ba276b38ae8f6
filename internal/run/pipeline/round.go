// From a rule to its alert, 5 of 9: rules that are due together run as one round. Next: internal/search/planner/planner.go.

package pipeline

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/diag/trace"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/planner"
)

// Round runs jobs that are due at the same time together: the planner answers their searches with as few
// requests as possible. It is safe for concurrent use.
type Round struct {
	Pipeline *Pipeline
	Planner  *planner.Planner
	// Concurrency is the number of executions that prepare, or write alerts, at the same time; 0 means 8.
	Concurrency int
	// Gather is how long the first job waits for others; 0 means 200ms.
	Gather time.Duration
	// Observe, when not nil, is called with the report of each round.
	Observe func(planner.Round)
	// Recorder, when not nil, gets the executions of a round before Run returns them.
	Recorder Recorder

	mu      sync.Mutex
	waiting []*ticket
	leads   bool
}

const (
	defaultConcurrency = 8
	defaultGather      = 200 * time.Millisecond
	// manyJoining is the number of jobs that take time to start, mostGathers how often they are waited for.
	manyJoining, mostGathers = 64, 100
)

// ticket is one job of a round.
type ticket struct {
	ctx       context.Context //nolint:containedctx // the context of the Run that waits for the ticket
	job       Job
	execution *execution
	result    Execution
	ended     bool
	span      trace.Span
	done      chan struct{}
}

// Run runs a job together with the jobs of other calls at about the same time, and returns the execution of
// its job. The first caller runs the round for all of them.
func (r *Round) Run(ctx context.Context, job Job) Execution {
	t := &ticket{ctx: ctx, job: job, done: make(chan struct{})}
	r.mu.Lock()
	r.waiting = append(r.waiting, t)
	leads := !r.leads
	r.leads = true
	r.mu.Unlock()
	if leads {
		r.gather(ctx)
		r.mu.Lock()
		tickets := r.waiting
		r.waiting, r.leads = nil, false
		r.mu.Unlock()
		r.run(ctx, tickets)
	}
	<-t.done
	return t.result
}

// gather waits for other jobs to join, and longer as long as some still do: on a busy machine thousands of jobs that are
// due together do not start at once, and those that come late would read everything again.
func (r *Round) gather(ctx context.Context) {
	wait := r.Gather
	if wait == 0 {
		wait = defaultGather
	}
	joined := 0
	for range mostGathers {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		r.mu.Lock()
		now := len(r.waiting)
		r.mu.Unlock()
		if now < manyJoining || now == joined {
			return
		}
		joined, wait = now, max(wait/8, time.Millisecond)
	}
}

// RunAll runs jobs as one round and returns their executions in the same order; done, when not nil, is called
// with each execution as it ends.
func (r *Round) RunAll(ctx context.Context, jobs []Job, done func(Execution)) []Execution {
	tickets := make([]*ticket, len(jobs))
	for i, job := range jobs {
		tickets[i] = &ticket{ctx: ctx, job: job, done: make(chan struct{})}
	}
	var running sync.WaitGroup
	if done != nil {
		for _, t := range tickets {
			running.Go(func() { <-t.done; done(t.result) })
		}
	}
	r.run(ctx, tickets)
	running.Wait()
	out := make([]Execution, len(tickets))
	for i, t := range tickets {
		out[i] = t.result
	}
	return out
}

// run ends every ticket, even if the common part crashes: otherwise the callers would wait forever.
func (r *Round) run(ctx context.Context, tickets []*ticket) {
	defer func() {
		v := recover()
		for _, t := range tickets {
			if v != nil {
				r.crashed(t, v)
			}
			close(t.done)
		}
	}()
	ctx, stop := untilAllEnd(ctx, tickets)
	defer stop()
	ctx, span := trace.Start(ctx, "round")
	if span.On() {
		span.Set(trace.Int("tocsin.executions", len(tickets)))
	}
	defer span.End(trace.ErrCrashed)
	events := r.prepare(ctx, span, tickets)
	ended := r.began(ctx, tickets)
	defer ended()
	answers, round := r.tracedAnswer(ctx, "read", events, reads(tickets))
	// Jobs of one rule run in their order: when several find the same event, the first makes the alert.
	execute := func(ofRule []*ticket) {
		for _, t := range ofRule {
			if !t.ended {
				t.guard(func() {
					t.execution.execute(t.ctx, answers.From(t.job.Ahead))
					t.end()
				})
			}
		}
	}
	// Rules that write tables for earlier slots run before the others.
	writers, others := byWriting(byRule(tickets))
	Each(r.Concurrency, writers, execute)
	Each(r.Concurrency, others, execute)
	confirm(ctx, events, tickets)
	keep(tickets)
	ended()
	r.record(ctx, tickets)
	span.End(nil)
	if r.Observe != nil {
		r.Observe(round)
	}
}

// keep lets executions that have succeeded keep what they have read.
func keep(tickets []*ticket) {
	for _, t := range tickets {
		if k, ok := t.execution.prepared.(query.Keeper); ok && t.result.Status == Succeeded {
			k.Keep()
		}
	}
}

// byWriting separates the rules that write lookup tables from the rest.
func byWriting(all [][]*ticket) (writers, others [][]*ticket) {
	for _, ofRule := range all {
		if w, ok := ofRule[0].job.Plan.(query.TableWriter); ok && w.WritesTables() {
			writers = append(writers, ofRule)
		} else {
			others = append(others, ofRule)
		}
	}
	return writers, others
}

// prepare starts the executions and binds their plans, all to the same snapshot of the events.
func (r *Round) prepare(ctx context.Context, round trace.Span, tickets []*ticket) search.Events {
	events := snapshot(ctx, r.Pipeline.Events)
	r.resolveTogether(ctx, events, tickets)
	r.each(tickets, func(t *ticket) {
		t.execution = r.Pipeline.begin(t.job)
		t.traced(round)
		t.guard(func() {
			if !t.execution.prepare(t.ctx, events) {
				t.end()
			}
		})
	})
	return events
}

func (t *ticket) end() {
	t.result = t.execution.end()
	t.ended = true
	t.endSpan()
}

// began notifies the recorder that executions have started. The returned function has an effect only once.
func (r *Round) began(ctx context.Context, tickets []*ticket) (ended func()) {
	starter, ok := r.Recorder.(Starter)
	if !ok {
		return func() {}
	}
	var executions []Execution
	for _, t := range tickets {
		if !t.ended {
			executions = append(executions, t.execution.Execution)
		}
	}
	return sync.OnceFunc(starter.Began(ctx, executions))
}

// record stores the accounts of the round. An execution whose account cannot be stored has not covered its
// window.
func (r *Round) record(ctx context.Context, tickets []*ticket) {
	if r.Recorder == nil {
		return
	}
	executions := make([]Execution, len(tickets))
	for i, t := range tickets {
		executions[i] = t.result
	}
	ctx, span := trace.Start(ctx, "record")
	defer span.End(trace.ErrCrashed)
	if span.On() {
		span.Set(trace.Int("tocsin.executions", len(executions)))
	}
	err := r.Recorder.Record(ctx, executions)
	span.End(err)
	if err == nil {
		return
	}
	for _, t := range tickets {
		if x := &t.result; x.Status == Succeeded {
			x.Status, x.Err = PartialFailure, &WriteError{What: WrittenLedger, Op: "record the execution of rule " + x.RuleID, Err: err}
		}
	}
}

// guard recovers a panic of one execution: that execution fails, the others continue.
func (t *ticket) guard(do func()) {
	defer func() {
		if v := recover(); v != nil && !t.ended {
			t.execution.Status, t.execution.Err = Failed, failure.Crash("run rule "+t.execution.RuleID, v)
			t.end()
		}
	}()
	do()
}

// crashed ends a ticket after a crash of the round: it is unknown whether its account was stored.
func (r *Round) crashed(t *ticket, v any) {
	switch {
	case t.execution == nil:
		t.execution = r.Pipeline.begin(t.job)
		fallthrough
	case !t.ended:
		t.execution.Status, t.execution.Err = Failed, failure.Crash("run rule "+t.execution.RuleID, v)
		t.end()
	case t.result.Status == Succeeded:
		t.result.Status, t.result.Err = PartialFailure, failure.Crash("run rule "+t.result.RuleID, v)
	}
}

// untilAllEnd returns a context that ends when the contexts of all tickets have ended.
func untilAllEnd(parent context.Context, tickets []*ticket) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	var left atomic.Int64
	left.Store(int64(len(tickets)))
	stops := make([]func() bool, len(tickets))
	for i, t := range tickets {
		stops[i] = context.AfterFunc(t.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// each calls do for every ticket, several at a time.
func (r *Round) each(tickets []*ticket, do func(*ticket)) { Each(r.Concurrency, tickets, do) }

// Each calls do for every element, by so many workers at a time; 0 means 8.
func Each[T any](workers int, all []T, do func(T)) {
	if workers <= 0 {
		workers = defaultConcurrency
	}
	todo := make(chan T)
	var running sync.WaitGroup
	for range min(workers, len(all)) {
		running.Go(func() {
			for one := range todo {
				do(one)
			}
		})
	}
	for _, one := range all {
		todo <- one
	}
	close(todo)
	running.Wait()
}

// byRule groups the tickets by rule, in their order.
func byRule(tickets []*ticket) [][]*ticket {
	var out [][]*ticket
	at := map[string]int{}
	for _, t := range tickets {
		id := t.job.Plan.Rule().ID
		i, known := at[id]
		if !known {
			i = len(out)
			at[id], out = i, append(out, nil)
		}
		out[i] = append(out[i], t)
	}
	return out
}

// snapshot takes one snapshot of the events for the whole round, if the backend supports it.
func snapshot(ctx context.Context, events search.Events) search.Events {
	s, ok := events.(search.Snapshotter)
	if !ok {
		return events
	}
	moment, err := s.Snapshot(ctx)
	if err != nil {
		return events // each search will report the error
	}
	return moment
}

// resolveTogether resolves equal lists of patterns once for all rules that have them, so that the rules prepare without
// requests.
func (r *Round) resolveTogether(ctx context.Context, events search.Events, tickets []*ticket) {
	if _, remembers := r.Pipeline.Events.(search.Snapshotter); !remembers {
		return
	}
	type wants struct{ patterns, fields []string }
	by := map[string]*wants{}
	var all []*ticket // one ticket for each list of patterns
	first := map[*ticket]*wants{}
	for _, t := range tickets {
		patterns, fields, ok := wanted(t.job)
		if !ok {
			continue
		}
		id := strings.Join(patterns, ",")
		if by[id] == nil {
			by[id] = &wants{patterns: patterns}
			all, first[t] = append(all, t), by[id]
		}
		by[id].fields = append(by[id].fields, fields...)
	}
	r.each(all, func(t *ticket) {
		// Each rule meets and reports the error, or the crash, when it prepares.
		_ = failure.Guard("resolve the index patterns", func() error {
			_, err := events.Resolve(ctx, first[t].patterns, first[t].fields)
			return err //nolint:wrapcheck // the error is not used
		})
	})
}

// wanter is a plan that lists what Prepare will resolve.
type wanter interface {
	Wants(slot time.Time, w window.Window) (patterns, fields []string)
}

// wanted returns the patterns and fields that the plan of a job will resolve; ok is false if the plan cannot
// list them.
func wanted(job Job) (patterns, fields []string, ok bool) {
	err := failure.Guard("resolve the index patterns", func() error {
		var w wanter
		if w, ok = job.Plan.(wanter); ok {
			patterns, fields = w.Wants(job.Slot, job.Window)
		}
		return nil
	})
	return patterns, fields, ok && err == nil
}

// reads returns the first searches of the executions. An execution whose plan crashes has failed.
func reads(tickets []*ticket) []planner.Need {
	var out []planner.Need
	for _, t := range tickets {
		if reader, ok := t.execution.prepared.(query.Reader); ok && !t.ended {
			t.guard(func() { out = append(out, t.needs(reader)...) })
		}
	}
	return out
}

func (t *ticket) needs(reader query.Reader) []planner.Need {
	var out []planner.Need
	for _, r := range reader.Reads(t.execution.Window) {
		if t.job.Ahead.Covers(r.Request) {
			continue
		}
		out = append(out, planner.Need{Request: r.Request, ScanOnly: r.ScanOnly, SearchOnly: r.SearchOnly})
	}
	return out
}
