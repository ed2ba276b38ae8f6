package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search"
)

// Recorder writes the outcome of rounds into a ledger. It is safe for concurrent use once its
// fields are set.
type Recorder struct {
	Ledger *ledger.Ledger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger
	// Fence is the fencing number of executions that have none of their own.
	Fence int64
	// RunningAfter is how long an execution may take before its slots are recorded as running; 0
	// means 5 seconds. A shorter execution, the usual case, is written once.
	RunningAfter time.Duration
	// Wants reports whether an execution is recorded in the ledger; nil: all are.
	Wants func(pipeline.Execution) bool

	// Rules and Events find the slots that have events in an index that has appeared. Without them,
	// no slot is reopened.
	Rules  map[string]*Rule
	Events search.Events

	// mu guards Rules once the recorder is used.
	mu sync.Mutex

	backlog backlog
	known   patterns
}

// replace replaces the rules.
func (r *Recorder) replace(rules map[string]*Rule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Rules = rules
}

// rule returns the rule with an id; nil if there is none.
func (r *Recorder) rule(id string) *Rule {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Rules[id]
}

var (
	_ pipeline.Recorder = (*Recorder)(nil)
	_ pipeline.Starter  = (*Recorder)(nil)
)

const defaultRunningAfter = 5 * time.Second

// Began implements [pipeline.Starter]: slots whose execution takes long are recorded as running,
// with the runner's fencing number. If the runner is killed, its successor finds them open.
func (r *Recorder) Began(ctx context.Context, executions []pipeline.Execution) (ended func()) {
	written := make(chan struct{})
	timer := time.AfterFunc(cmp.Or(r.RunningAfter, defaultRunningAfter), func() {
		defer close(written)
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		defer cancel()
		if _, err := r.Ledger.Record(limited, r.running(executions)); err != nil {
			r.Log.DebugContext(ctx, "running slots could not be recorded", "error", err)
		}
	})
	return func() {
		if !timer.Stop() {
			<-written // so that it is not written after the outcome
		}
	}
}

// running returns the accounts of executions that have not ended.
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

// recordTimeout bounds the write of one round. The write continues even if the round's rules were
// cut off.
const recordTimeout = 30 * time.Second

// Record implements [pipeline.Recorder]. It writes all entries of a round together, each with the
// fencing number that the runner had when the execution began. An execution that was cut off by a
// shutdown says nothing about its window: its slots stay as they were.
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

// record writes the accounts and the changes of index patterns. A pattern that no longer matches an
// index is written before the vacant slots, a pattern that now matches one after the accounts.
func (r *Recorder) record(ctx context.Context, executions []pipeline.Execution, accounts []ledger.Account, now time.Time) error {
	found, err := r.comparePatterns(ctx, executions)
	if err == nil {
		err = r.recordVacant(ctx, found)
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
		r.Log.Warn("an index has appeared, but the slots of its events could not be determined: it is retried", "error", err)
	}
	return nil
}

// missed adds the slots of an execution that could not be recorded to the backlog.
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
		r.Log.Warn("the ledger refused an entry: another runner has replaced this one, or the slot is covered already",
			"rule_id", a.RuleID, "slot", a.Entry.Slot, "status", a.Entry.Status.String(), "fence", a.Entry.Fence)
	}
	for _, a := range accounts {
		if a.Entry.Status.Open() && !no[slotKey{a.RuleID, a.Entry.Slot.UnixNano()}] {
			r.backlog.add(a.RuleID, a.Entry)
		} else {
			r.backlog.remove(a.RuleID, a.Entry.Slot)
		}
		if a.Entry.Status == ledger.Covered {
			r.backlog.success(a.RuleID, a.Entry.Ended)
		}
	}
}
