package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

var errExited = errors.New("run ended its goroutine instead of returning")

// entry is a job with its next slot. An entry is in one place at a time: waiting, in the queue, or
// running. So a job never overlaps itself, and memory does not grow with missed slots.
type entry struct {
	job     Job
	slot    time.Time // The next slot to run or, during a run, the running slot.
	due     time.Time // When the slot is due, as far as is known.
	counted time.Time // Missed slots up to this time have been reported.
}

// outcome is how a run ended.
type outcome struct {
	entry *entry
	begun time.Time
	err   error
}

// run runs the job for the entry's slot and sends the outcome, even if the job panics.
func (e *entry) run(ctx context.Context, begun time.Time, ended chan<- outcome) {
	o := outcome{entry: e, begun: begun, err: errExited}
	defer func() {
		if v := recover(); v != nil {
			o.err = &PanicError{Value: v, Stack: debug.Stack()}
		}
		ended <- o
	}()

	if e.job.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.job.Timeout)
		defer cancel()
	}
	e.job.Run(ctx, e.slot)
	o.err = nil
}

// PanicError is the error that Hooks.Ended receives for a run that panicked.
type PanicError struct {
	Value any    // The argument of panic.
	Stack []byte // The stack of the run, as debug.Stack prints it.
}

// Error returns the panic's value, without the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("run panicked: %v", e.Value)
}

// Unwrap returns the panic's value if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// delay returns how long after its slot the entry's job is due.
func (e *entry) delay() time.Duration {
	if e.job.Delay == nil {
		return 0
	}
	return max(0, e.job.Delay())
}

// dueHeap orders entries by due time, then slot, then id, so that the order of starts does not
// depend on the order in which earlier runs ended. It implements heap.Interface.
type dueHeap []*entry

func (h dueHeap) Len() int      { return len(h) }
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h dueHeap) Less(i, j int) bool {
	return cmp.Or(h[i].due.Compare(h[j].due), h[i].slot.Compare(h[j].slot), cmp.Compare(h[i].job.ID, h[j].job.ID)) < 0
}

// Push implements heap.Interface.
func (h *dueHeap) Push(x any) {
	*h = append(*h, x.(*entry)) //nolint:forcetypeassert // Only plan pushes.
}

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
