package backfill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/ledger/catchup"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search/batch"
)

// Rounds runs jobs together: [pipeline.Round].
type Rounds interface {
	RunAll(ctx context.Context, jobs []pipeline.Job, done func(pipeline.Execution)) []pipeline.Execution
	// ReadAhead reads at once the events that jobs over parts of these windows will search for.
	ReadAhead(ctx context.Context, jobs []pipeline.Job) *batch.Ahead
}

// Options are the settings of a run. The zero value is usable except for Now.
type Options struct {
	// Stretch is the length of the time range that all rules are run over together. It divides a
	// day; 0 means [DefaultStretch].
	Stretch time.Duration
	// Pause is the pause between rounds.
	Pause time.Duration
	// Grace is how long the current round may continue when the run is to end.
	Grace time.Duration
	// Timeout bounds a round; 0 means no limit.
	Timeout time.Duration
	// Retry is the pause before failed slots are tried again. It is doubled each time.
	Retry time.Duration
	// Gate, when not nil, holds rounds back while others need the backend. It returns when a round
	// may begin, or with the context's error.
	Gate func(ctx context.Context) error
	// Ready, when not nil, checks after a failed execution whether the backend answers.
	Ready func(context.Context) error
	// Now is the clock.
	Now func() time.Time
	// Settled reports whether the events at a slot of a rule are visible; nil: they always are. A
	// slot that had not settled when its round began is run, and not recorded.
	Settled func(patterns []string, slot time.Time) bool
	// Report, when not nil, is called after every round.
	Report func(Progress)
	// Executed, when not nil, is called with every execution.
	Executed func(pipeline.Execution)
}

// DefaultStretch is long enough that the fixed cost of a round does not matter, and short enough
// that little work is lost with a round.
const DefaultStretch = 6 * time.Hour

// Runner runs jobs. It has settings only, and is safe for concurrent use.
type Runner struct {
	Jobs    Jobs
	Rounds  Rounds
	Options Options
}

// jobRun is a run of a job by a Runner.
type jobRun struct {
	*Runner

	job      Job
	rules    []Rule
	byID     map[string]*state
	ledger   *ledger.Ledger
	progress Progress
	estimate *estimate
	// day is the day of the pages.
	day   time.Time
	pages map[string]ledger.Page
	// asked is when the job was last read: another process may have taken or cancelled it.
	asked time.Time
}

// state is the state of a rule in the run.
type state struct {
	Rule
	Account
	// failures is the number of consecutive failed runs.
	failures int
}

// Run starts or resumes a job and runs its remaining slots. It returns nil when it has tried all of
// them; the accounts say which could not be covered. Errors are of the context, of the job
// ([ErrOther], [ErrTaken], [ErrCancelled]), or of the backend or ledger. After any error the job
// can be resumed.
func (r *Runner) Run(ctx context.Context, job Job, rules []Rule) (Result, error) {
	job, err := r.Jobs.Take(ctx, job, r.Options.Now())
	if err != nil {
		return Result{}, err
	}
	run, err := r.begin(ctx, job, rules)
	if err != nil {
		return Result{}, err
	}
	for s := range stretches(job.From, job.To, cmp.Or(r.Options.Stretch, DefaultStretch)) {
		if err = run.stretch(ctx, s); err != nil {
			break
		}
	}
	result := Result{Progress: run.progress}
	for _, rule := range rules {
		result.Accounts = append(result.Accounts, run.byID[rule.id()].Account)
	}
	return result, err
}

// begin returns the run of a job, with what an earlier run has covered.
func (r *Runner) begin(ctx context.Context, job Job, rules []Rule) (*jobRun, error) {
	now := r.Options.Now()
	run := &jobRun{
		Runner: r, job: job, rules: rules, asked: now, ledger: &ledger.Ledger{Store: r.Jobs.Store},
		byID: make(map[string]*state, len(rules)), progress: Progress{Slots: job.Slots, Remaining: -1}, estimate: newEstimate(now),
	}
	for _, rule := range rules {
		rl := rule.Plan.Rule()
		run.byID[rl.ID] = &state{Rule: rule, Account: Account{RuleID: rl.ID, Name: rl.Name}}
	}
	for s := range stretches(job.From, job.To, day) {
		if err := run.survey(ctx, s); err != nil {
			return nil, err
		}
	}
	return run, nil
}

// day is the longest stretch, and the time that a page of the ledger is about.
const day = 24 * time.Hour

// survey counts the slots of a day, or of the part of it that the job is about: those that are covered and those that are open.
func (r *jobRun) survey(ctx context.Context, s window.Window) error {
	var pages map[string]ledger.Page
	if r.job.Taken > 1 { // nothing is covered before the first start
		var err error
		if pages, err = r.Jobs.pages(ctx, r.job, ledger.Day(s.From)); err != nil {
			return err
		}
	}
	for id, st := range r.byID {
		page, known := pages[id]
		for slot := range scheduler.Between(st.Rule.Slots, s.From.Add(-1), s.To.Add(-1)) {
			st.Account.Slots++
			if known {
				if e, _ := page.Find(slot); !e.Status.Open() {
					st.Before++
					r.progress.Before++
					r.estimate.before(id, e.Took)
					continue
				}
			}
			r.estimate.open(id, slot)
		}
	}
	return ctx.Err() //nolint:wrapcheck // it is the caller's own
}

// stretch runs the open slots of a stretch of time.
func (r *jobRun) stretch(ctx context.Context, s window.Window) error {
	r.progress.At = s.From
	owed, err := r.owed(ctx, s)
	if err != nil {
		return err
	}
	ahead := sync.OnceValue(func() *batch.Ahead { return r.readAhead(ctx, owed) })
	for {
		tasks := r.plan(owed)
		if len(tasks) == 0 {
			r.estimate.stretched(r.Options.Now())
			r.report()
			return nil
		}
		if err := r.admit(ctx, tasks); err != nil {
			return err
		}
		early := r.early(tasks)
		executions, cut := r.round(ctx, tasks, ahead())
		if err := r.record(ctx, executions, cut, early); err != nil {
			return err
		}
		r.estimate.round(r.Options.Now(), tasks, executions)
		failed := r.settle(owed, tasks, executions, early)
		if cut {
			return ctx.Err() //nolint:wrapcheck // it is the caller's own
		}
		troubled := r.handleFailures(owed, tasks, executions, failed)
		r.report()
		if troubled && r.Options.Ready != nil && ctx.Err() == nil {
			if err := r.Options.Ready(ctx); err != nil {
				return err //nolint:wrapcheck // the error names the operation
			}
		}
	}
}

// owed returns the open slots of a stretch, by rule.
func (r *jobRun) owed(ctx context.Context, s window.Window) (map[string][]ledger.Owed, error) {
	if day := ledger.Day(s.From); r.pages == nil || !day.Equal(r.day) {
		var err error
		if r.pages, err = r.Jobs.pages(ctx, r.job, day); err != nil {
			return nil, err
		}
		r.day = day
	}
	owed := map[string][]ledger.Owed{}
	for id, st := range r.byID {
		page := r.pages[id]
		for _, slot := range st.between(s) {
			if e, _ := page.Find(slot); !e.Status.Open() {
				continue
			}
			// Attempts of earlier runs do not matter: the remaining slots are tried together again.
			owed[id] = append(owed[id], ledger.Owed{RuleID: id, Entry: ledger.Entry{Slot: slot}})
		}
		if st.Stopped != "" {
			r.progress.Passed += int64(len(owed[id]))
			delete(owed, id)
		}
	}
	return owed, nil
}

// plan returns the tasks of the next round, the oldest slots of each rule first: an event that
// several slots find becomes an alert of the first one.
func (r *jobRun) plan(owed map[string][]ledger.Owed) []catchup.Task {
	var all []ledger.Owed
	rules := make(map[string]catchup.Rule, len(owed))
	for id, list := range owed {
		if len(list) > 0 {
			all = append(all, list...)
			rules[id] = r.byID[id].catchup()
		}
	}
	tasks := catchup.Plan(all, rules, time.Time{}, catchup.Options{MaxMerged: 1<<63 - 1})
	slices.SortStableFunc(tasks, func(a, b catchup.Task) int { return a.Slot().Compare(b.Slot()) })
	fresh := map[string]int{}
	return slices.DeleteFunc(tasks, func(t catchup.Task) bool {
		if t.Attempts == 0 {
			fresh[t.RuleID]++
		}
		return t.Attempts == 0 && fresh[t.RuleID] > maxParallel
	})
}

// maxParallel is the number of concurrent runs of one rule in a round.
const maxParallel = 24

// checkEvery is how often a run checks whether it still owns the job.
const checkEvery = time.Second

// admit returns when a round may begin.
func (r *jobRun) admit(ctx context.Context, tasks []catchup.Task) error {
	if now := r.Options.Now(); now.Sub(r.asked) >= checkEvery {
		r.asked = now
		j, err := r.Jobs.Get(ctx, r.job.ID)
		switch {
		case err != nil:
			return err
		case j.Taken != r.job.Taken:
			return fmt.Errorf("backfill %s: %w", j.ID, ErrTaken)
		case j.Cancelled:
			return fmt.Errorf("backfill %s: %w", j.ID, ErrCancelled)
		}
	}
	pause := r.Options.Pause
	tries := int64(0)
	for _, t := range tasks {
		tries = max(tries, t.Attempts)
	}
	if tries > 0 {
		pause = max(pause, r.Options.Retry<<(tries-1))
	}
	if err := wait(ctx, pause); err != nil {
		return err
	}
	if r.Options.Gate != nil {
		return r.Options.Gate(ctx) //nolint:wrapcheck // the error of the context, or names the operation
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	return ctx.Err() //nolint:wrapcheck // it is the caller's own
}

// early holds slots that have not settled, by rule: they must not be recorded as covered.
type early map[string][]time.Time

func (r *jobRun) early(tasks []catchup.Task) early {
	out := early{}
	if r.Options.Settled == nil {
		return out
	}
	for _, t := range tasks {
		patterns := r.byID[t.RuleID].Plan.Rule().Reads()
		for _, slot := range t.Slots {
			if !r.Options.Settled(patterns, slot) {
				out[t.RuleID] = append(out[t.RuleID], slot)
			}
		}
	}
	return out
}

func (e early) has(id string, slot time.Time) bool { return slices.ContainsFunc(e[id], slot.Equal) }

// round runs tasks together. When the context ends, they may finish within the grace period; cut
// reports that they did not.
func (r *jobRun) round(ctx context.Context, tasks []catchup.Task, ahead *batch.Ahead) (executions []pipeline.Execution, cut bool) {
	work, stop := withGrace(ctx, r.Options.Grace)
	defer stop()
	within, cancel := r.limited(work)
	defer cancel()
	jobs := make([]pipeline.Job, len(tasks))
	for i, t := range tasks {
		rule := r.byID[t.RuleID]
		jobs[i] = pipeline.Job{Plan: rule.Plan, Slot: t.Slot(), Window: t.Window, Attempts: int(t.Attempts), Fence: r.job.Taken, Manual: true, Ahead: ahead}
		if len(t.Slots) > 1 {
			jobs[i].Covers, jobs[i].SlotOf = t.Slots, rule.slotOf(t.Slots)
		}
	}
	executions = r.Rounds.RunAll(within, jobs, nil)
	r.progress.Rounds++
	return executions, work.Err() != nil
}

// minAhead is the number of slots of a rule from which it pays to read for all of them at once.
const minAhead = 3

// readAhead reads for the rules of a stretch that run slot by slot, if each slot makes the same
// search. The hits are as of that read, as they are for merged slots.
func (r *jobRun) readAhead(ctx context.Context, owed map[string][]ledger.Owed) *batch.Ahead {
	var jobs []pipeline.Job
	for _, rule := range r.rules {
		slots := owed[rule.id()]
		if rule.Together != nil || len(slots) < minAhead {
			continue
		}
		last := slots[len(slots)-1].Entry.Slot
		if !rule.Alike(slots[0].Entry.Slot, last) {
			continue
		}
		whole := window.Window{From: rule.window(slots[0].Entry.Slot).From, To: rule.window(last).To}
		jobs = append(jobs, pipeline.Job{Plan: rule.Plan, Slot: last, Window: whole})
	}
	if len(jobs) == 0 {
		return nil
	}
	within, cancel := r.limited(ctx)
	defer cancel()
	return r.Rounds.ReadAhead(within, jobs)
}

// limited returns a context that bounds a round.
func (r *jobRun) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.Options.Timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, r.Options.Timeout)
}

// withGrace returns a context that ends some time after its parent.
func withGrace(parent context.Context, grace time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		defer cancel()
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	})
	return ctx, func() {
		stop()
		cancel()
	}
}

// Interrupted reports whether a run ended because its context did.
func Interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
