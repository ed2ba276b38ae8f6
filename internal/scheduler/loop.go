package scheduler

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// maxSleep bounds how long the loop relies on its timer. Timers stand still while the machine is
// suspended and do not follow a clock that is set. Slots that come due meanwhile must not wait.
const maxSleep = 15 * time.Second

// loop is one call of Run or RunOnce. Its fields belong to the goroutine of that call. Each run has
// its own goroutine, which uses only ended.
type loop struct {
	now     func() time.Time
	hooks   Hooks
	limit   int           // The maximum number of runs in flight.
	grace   time.Duration // How long runs may continue after the end.
	until   <-chan struct{}
	once    bool        // Entries are not planned again after their run.
	waiting dueHeap     // Jobs whose slot has not come yet.
	ready   chan *entry // Jobs whose slot has come, in order. It has room for all jobs, so a send never blocks.
	ended   chan outcome
	running int
	runs    context.Context // The parent of every run's context.
	cut     context.CancelCauseFunc
	group   sync.WaitGroup
}

func newLoop(ctx context.Context, jobs int, opts Options) *loop {
	runs, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	return &loop{
		now:     opts.Now,
		hooks:   opts.Hooks,
		limit:   opts.Concurrency,
		grace:   opts.Grace,
		until:   opts.Until,
		waiting: make(dueHeap, 0, jobs),
		ready:   make(chan *entry, jobs),
		ended:   make(chan outcome, opts.Concurrency),
		runs:    runs,
		cut:     cut,
	}
}

// close waits for the goroutines of runs. All of them have reported their end.
func (l *loop) close() {
	l.group.Wait()
	l.cut(nil)
}

// serve runs the loop. It ends when ctx is cancelled or, with once, when every entry has run.
func (l *loop) serve(ctx context.Context) error {
	timer := time.NewTimer(maxSleep)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := l.now()
		l.collect(now)
		l.fill(now)
		if l.once && l.running == 0 {
			return nil
		}
		timer.Reset(l.sleep(now))
		select {
		case <-ctx.Done():
		case <-l.until:
			if l.retire(ctx) {
				return nil
			}
		case o := <-l.ended:
			l.end(o)
			l.again(o)
		case <-timer.C:
		}
	}
	return l.drain(ctx)
}

// retire waits for the runs in flight without starting others. It reports false if the context ends first.
func (l *loop) retire(ctx context.Context) bool {
	for l.running > 0 {
		select {
		case <-ctx.Done():
			return false
		case o := <-l.ended:
			l.end(o)
		}
	}
	return true
}

// admit adds a job and reports the slots that it missed before now.
func (l *loop) admit(job Job, now time.Time) {
	e := &entry{job: job, slot: job.After}
	if job.After.IsZero() {
		e.slot = now
	}
	l.miss(e, now)
	l.plan(e)
}

// plan makes an entry wait for the slot after its last one.
func (l *loop) plan(e *entry) {
	e.slot = e.job.Slots.Next(e.slot)
	if e.slot.IsZero() {
		l.hooks.Exhausted(e.job.ID)
		return
	}
	e.due = e.slot.Add(e.delay())
	heap.Push(&l.waiting, e)
}

// collect moves due entries to the end of the queue, in their order. An entry whose delay became
// longer while it waited keeps waiting.
func (l *loop) collect(now time.Time) {
	for len(l.waiting) > 0 && !l.waiting[0].due.After(now) {
		e := heap.Pop(&l.waiting).(*entry) //nolint:forcetypeassert // The heap holds nothing else.
		if e.due = e.slot.Add(e.delay()); e.due.After(now) {
			heap.Push(&l.waiting, e)
			continue
		}
		l.ready <- e
	}
}

// fill starts the jobs at the head of the queue, up to the limit.
func (l *loop) fill(now time.Time) {
	for l.running < l.limit && len(l.ready) > 0 {
		l.start(<-l.ready, now)
	}
}

func (l *loop) start(e *entry, now time.Time) {
	var late time.Duration
	if !l.once {
		late = max(0, now.Sub(e.slot))
	}
	l.running++
	l.hooks.Started(e.job.ID, e.slot, late)
	l.hooks.Running(l.running)
	l.group.Go(func() { e.run(l.runs, now, l.ended) })
}

func (l *loop) end(o outcome) {
	l.running--
	l.hooks.Ended(o.entry.job.ID, o.entry.slot, l.now().Sub(o.begun), o.err)
	l.hooks.Running(l.running)
}

// again plans the next slot of an entry whose run has ended.
func (l *loop) again(o outcome) {
	if l.once {
		return
	}
	l.miss(o.entry, l.now())
	l.plan(o.entry)
}

// miss reports the slots after the entry's last one that came due before now and are not reported
// yet. It visits each slot once, however many a job has to catch up with.
func (l *loop) miss(e *entry, now time.Time) {
	before := now.Add(-1 - e.delay())
	n := 0
	for range Between(e.job.Slots, latest(e.slot, e.counted), before) {
		n++
	}
	e.counted = latest(e.counted, before)
	if n > 0 {
		l.hooks.Missed(e.job.ID, n)
	}
}

// sleep returns for how long no slot can come due.
func (l *loop) sleep(now time.Time) time.Duration {
	if len(l.waiting) == 0 {
		return maxSleep
	}
	return min(maxSleep, l.waiting[0].due.Sub(now))
}

// drain waits for the runs in flight: first for the grace period, then with their contexts
// cancelled.
func (l *loop) drain(ctx context.Context) error {
	var err error
	if l.once && len(l.ready) > 0 {
		err = fmt.Errorf("scheduler: %d jobs were not run: %w", len(l.ready), context.Cause(ctx))
	}
	timer := time.NewTimer(l.grace)
	defer timer.Stop()
	for l.running > 0 {
		select {
		case o := <-l.ended:
			l.end(o)
		case <-timer.C:
			l.cut(ErrCutOff)
			err = errors.Join(err, fmt.Errorf("scheduler: %d runs: %w", l.running, ErrCutOff))
		}
	}
	return err
}
