package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrCutOff is wrapped by the error of Run and RunOnce when runs did not end within Options.Grace
// and their context was cancelled. It is also the cause of that context.
var ErrCutOff = errors.New("run was cut off at the end of the grace period")

// defaultConcurrency suits runs that mostly wait for a remote answer.
const defaultConcurrency = 8

// Job is a rule as the scheduler sees it.
type Job struct {
	// ID names the job in errors and hooks; it is unique among the jobs of a scheduler.
	ID string
	// Slots is the grid of times at which the job runs.
	Slots Slots
	// After is the last slot that needs no run. Later ones that are already past when Run begins
	// are run at once, oldest first. The zero time means the moment at which Run begins.
	After time.Time
	// Delay returns how long after its slot a run is due; nil means no delay. It is called
	// repeatedly while a slot waits and must not block.
	Delay func() time.Duration
	// Timeout is the deadline of one run, counted from its start; zero means none.
	Timeout time.Duration
	// Run does the work for one slot and must return soon after its context is cancelled. It is never called
	// again before it has returned.
	Run func(ctx context.Context, slot time.Time)
}

// Options are the settings of a scheduler. The zero value is usable.
type Options struct {
	// Concurrency is how many runs may be in flight at once; zero means 8.
	Concurrency int
	// Grace is how long runs in flight may go on after the scheduler is cancelled.
	Grace time.Duration
	// Until, when closed, ends Run: no further run is started, and those in flight go on for as long as they take. nil:
	// only the context ends it.
	Until <-chan struct{}
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Hooks receive events.
	Hooks Hooks
}

// Hooks observe a scheduler. They are called one at a time, from the goroutine that starts runs, and must not
// block. A nil hook is not called.
type Hooks struct {
	// Started is called when a run begins, with how long after its slot. RunOnce, whose slots the
	// caller chooses, always passes zero.
	Started func(id string, slot time.Time, late time.Duration)
	// Ended is called when a run has ended, with its duration. err is nil when Run returned, and a
	// *PanicError when it panicked.
	Ended func(id string, slot time.Time, took time.Duration, err error)
	// Missed is called when n slots came due, including delays, while the job could not start them: a run of
	// it was in progress or queued, or the slots lie between Job.After and now. They will run late. No slot
	// is counted twice.
	Missed func(id string, n int)
	// Exhausted is called when a job has no further slot and will not run again.
	Exhausted func(id string)
	// Running is called with the number of runs in flight whenever it changes.
	Running func(n int)
}

// Scheduler runs jobs at their slots. It keeps no state between calls of its methods.
type Scheduler struct {
	jobs []Job
	opts Options
}

// New returns a scheduler of the given jobs. Run and RunOnce report faulty jobs.
func New(jobs []Job, opts Options) *Scheduler {
	if opts.Concurrency == 0 {
		opts.Concurrency = defaultConcurrency
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	opts.Hooks = opts.Hooks.complete()
	return &Scheduler{jobs: jobs, opts: opts}
}

// Run starts every job at each of its slots until ctx is cancelled or Options.Until is closed, and returns when the last run
// has ended. A job whose run outlasts its next slots runs them afterwards, oldest first. A job that
// panicked continues with its next slot. Jobs that wait for one of the Concurrency places take
// turns, so a job that has many slots to catch up with does not delay the others.
//
// The error is nil after an orderly stop and wraps ErrCutOff when the grace period was too short.
// Any other error names a faulty job or option; then nothing was run.
func (s *Scheduler) Run(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	l := newLoop(ctx, len(s.jobs), s.opts)
	defer l.close()
	now := l.now()
	for _, job := range s.jobs {
		l.admit(job, now)
	}
	return l.serve(ctx)
}

// RunOnce runs every job exactly once, with the slot that at returns for it, and returns when all
// have ended. A job for which at returns the zero time is reported as exhausted. Job.Slots and
// Job.After have no effect. When ctx is cancelled, no further job is started. The error then wraps
// the cause of the cancellation if a job was not started, and ErrCutOff if a run was cut off.
func (s *Scheduler) RunOnce(ctx context.Context, at func(Job) time.Time) error {
	if err := s.check(); err != nil {
		return err
	}
	l := newLoop(ctx, len(s.jobs), s.opts)
	defer l.close()
	l.once = true
	for _, job := range s.jobs {
		if slot := at(job); slot.IsZero() {
			l.hooks.Exhausted(job.ID)
		} else {
			l.ready <- &entry{job: job, slot: slot}
		}
	}
	return l.serve(ctx)
}

func (s *Scheduler) check() error {
	if s.opts.Concurrency < 0 {
		return fmt.Errorf("scheduler: concurrency %d is negative", s.opts.Concurrency)
	}
	seen := make(map[string]bool, len(s.jobs))
	for i, job := range s.jobs {
		switch {
		case job.ID == "":
			return fmt.Errorf("scheduler: job %d has no id", i)
		case seen[job.ID]:
			return fmt.Errorf("scheduler: two jobs have the id %q", job.ID)
		case job.Slots == nil || job.Run == nil:
			return fmt.Errorf("scheduler: job %q lacks slots or a func to run", job.ID)
		case job.Timeout < 0:
			return fmt.Errorf("scheduler: job %q has the negative timeout %s", job.ID, job.Timeout)
		}
		seen[job.ID] = true
	}
	return nil
}

// complete replaces nil hooks with hooks that do nothing.
func (h Hooks) complete() Hooks {
	if h.Started == nil {
		h.Started = func(string, time.Time, time.Duration) {}
	}
	if h.Ended == nil {
		h.Ended = func(string, time.Time, time.Duration, error) {}
	}
	if h.Missed == nil {
		h.Missed = func(string, int) {}
	}
	if h.Exhausted == nil {
		h.Exhausted = func(string) {}
	}
	if h.Running == nil {
		h.Running = func(int) {}
	}
	return h
}
