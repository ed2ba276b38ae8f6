package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/pipeline"
	"tocsin/internal/search"
)

// Recorder writes what rounds come to into a ledger. It is safe for concurrent use once its fields
// are set.
type Recorder struct {
	Ledger *ledger.Ledger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger
	// Fence is that of executions which have none of their own.
	Fence int64
	// RunningAfter is how long an execution may take before its slots are recorded as running; 0 means 5
	// seconds. What ends sooner, as nearly all does, is written once.
	RunningAfter time.Duration
	// Wants says whether an execution belongs into the ledger; nil: all do.
	Wants func(pipeline.Execution) bool

	// Rules and Events are asked which slots an index belongs to that has appeared: without them none is run
	// again.
	Rules  map[string]*Rule
	Events search.Events

	backlog backlog
	known   patterns
}

var (
	_ pipeline.Recorder = (*Recorder)(nil)
	_ pipeline.Starter  = (*Recorder)(nil)
)

const defaultRunningAfter = 5 * time.Second

// Began implements [pipeline.Starter]: slots whose execution takes long are recorded as running, with
// the fencing number of the runner. Whoever takes over from one that was killed finds them open.
func (r *Recorder) Began(ctx context.Context, executions []pipeline.Execution) (ended func()) {
	written := make(chan struct{})
	timer := time.AfterFunc(cmp.Or(r.RunningAfter, defaultRunningAfter), func() {
		defer close(written)
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		defer cancel()
		if _, err := r.Ledger.Record(limited, r.running(executions)); err != nil {
			r.Log.DebugContext(ctx, "cannot record what is running", "error", err)
		}
	})
	return func() {
		if !timer.Stop() {
			<-written // so that it does not come after what is recorded at the end
		}
	}
}

// running are the accounts of executions that have not ended.
func (r *Recorder) running(executions []pipeline.Execution) []ledger.Account {
	var accounts []ledger.Account
	for _, x := range executions {
		if r.Wants != nil && !r.Wants(x) {
			continue
		}
		for _, e := range x.Entries(time.Time{}, max(x.Fence, r.Fence)) {
			accounts = append(accounts, ledger.Account{RuleID: x.RuleID, Entry: ledger.Entry{
				Slot: e.Slot, Status: ledger.Running, Attempts: int64(x.Attempts), Fence: e.Fence,
			}})
		}
	}
	return accounts
}

// recordTimeout bounds the writing of one round, which goes on although its rules were cut off.
const recordTimeout = 30 * time.Second

// Record implements [pipeline.Recorder]: all entries of a round in one go, each with the fencing
// number that the runner had when the execution began. An execution that was cut off with the
// service says nothing of its window: its slots stay as they were.
func (r *Recorder) Record(ctx context.Context, executions []pipeline.Execution) error {
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	var accounts []ledger.Account
	for _, x := range executions {
		switch {
		case r.Wants != nil && !r.Wants(x):
		case x.Status != pipeline.Succeeded && errors.Is(x.Err, context.Canceled):
			r.missed(x)
		default:
			for _, e := range x.Entries(now(), max(x.Fence, r.Fence)) {
				accounts = append(accounts, ledger.Account{RuleID: x.RuleID, Entry: e})
			}
		}
	}
	if len(accounts) == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := r.record(limited, executions, accounts, now()); err != nil {
		for _, x := range executions {
			r.missed(x)
		}
		return fmt.Errorf("the ledger: %w", err)
	}
	return nil
}

// record writes the accounts, and what was found of index patterns: that one means nothing any more ahead of
// the slots that are vacant for it, that one means something after.
func (r *Recorder) record(ctx context.Context, executions []pipeline.Execution, accounts []ledger.Account, now time.Time) error {
	found, err := r.meet(ctx, executions)
	if err == nil {
		err = r.vacate(ctx, found)
	}
	if err != nil {
		return err
	}
	refused, err := r.Ledger.Record(ctx, accounts)
	if err != nil {
		return err //nolint:wrapcheck // the caller names the ledger
	}
	r.follow(accounts, refused)
	if err := r.reopen(ctx, found, accounts, now); err != nil {
		r.Log.Warn("an index has appeared, and which slots its events belong to could not be found out: it is tried again", "error", err)
	}
	return nil
}

// missed puts the slots of an execution of which nothing was recorded into the backlog.
func (r *Recorder) missed(x pipeline.Execution) {
	slots := x.Covers
	if len(slots) == 0 {
		slots = []time.Time{x.Slot}
	}
	for _, slot := range slots {
		r.backlog.addMissed(x.RuleID, slot)
	}
}

// follow keeps the backlog in step with the ledger.
func (r *Recorder) follow(accounts, refused []ledger.Account) {
	no := map[slotKey]bool{}
	for _, a := range refused {
		no[slotKey{a.RuleID, a.Entry.Slot.UnixNano()}] = true
		r.Log.Warn("the ledger refused an account: another runner has replaced this one, or the slot is covered already",
			"rule_id", a.RuleID, "slot", a.Entry.Slot, "status", a.Entry.Status.String(), "fence", a.Entry.Fence)
	}
	for _, a := range accounts {
		if a.Entry.Status.Open() && !no[slotKey{a.RuleID, a.Entry.Slot.UnixNano()}] {
			r.backlog.add(a.RuleID, a.Entry)
		} else {
			r.backlog.remove(a.RuleID, a.Entry.Slot)
		}
	}
}
