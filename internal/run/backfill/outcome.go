package backfill

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/ledger/catchup"
	"tocsin/internal/run/pipeline"
)

// record writes the executions into the ledger, even while the context ends. Of a round that was
// cut off, only covered slots count.
func (r *jobRun) record(ctx context.Context, executions []pipeline.Execution, cut bool, early early) error {
	now := r.Options.Now()
	var accounts []ledger.Account
	for _, x := range executions {
		for _, e := range x.Entries(now, r.job.Taken) {
			if (!cut || done(e.Status)) && !early.has(x.RuleID, e.Slot) {
				accounts = append(accounts, ledger.Account{RuleID: pageID(r.job.ID, x.RuleID), Entry: e})
			}
		}
	}
	refused, err := r.ledger.Record(context.WithoutCancel(ctx), accounts)
	switch {
	case err != nil:
		return fmt.Errorf("backfill %s: %w", r.job.ID, err)
	case len(refused) > 0:
		return fmt.Errorf("backfill %s: %w", r.job.ID, ErrTaken)
	}
	return nil
}

// done reports whether a slot of a status needs no further run in this job: it is covered, or there
// was nothing to read, of which the execution warns.
func done(s ledger.Status) bool { return s == ledger.Covered || s == ledger.Vacant }

// settle removes covered slots from owed, and returns the indices of the tasks that failed.
func (r *jobRun) settle(owed map[string][]ledger.Owed, tasks []catchup.Task, executions []pipeline.Execution, early early) (failed []int) {
	for i, t := range tasks {
		x, st := executions[i], r.byID[t.RuleID]
		if r.Options.Executed != nil {
			r.Options.Executed(x)
		}
		st.add(x)
		r.progress.Created += int64(x.Created)
		n := int64(len(t.Slots))
		unsettled := int64(0)
		for _, slot := range t.Slots {
			if early.has(t.RuleID, slot) {
				unsettled++
			}
		}
		switch status := x.Entries(time.Time{}, 0)[0].Status; {
		case done(status):
			st.failures = 0
			st.Covered += n - unsettled
			st.Unsettled += unsettled
			r.progress.Covered += n - unsettled
			r.progress.Passed += unsettled
			owed[t.RuleID] = without(owed[t.RuleID], t)
			r.estimate.ended(t.RuleID, t.Slots)
		case status == ledger.Queued && x.Created+x.Suppressed > 0:
			// The next round has the same task and gets further: existing alerts do not count.
		default:
			failed = append(failed, i)
		}
	}
	return failed
}

// handleFailures handles the tasks that failed. It reports whether there are any.
func (r *jobRun) handleFailures(owed map[string][]ledger.Owed, tasks []catchup.Task, executions []pipeline.Execution, failed []int) bool {
	for _, i := range failed {
		t, x := tasks[i], executions[i]
		st := r.byID[t.RuleID]
		st.failures++
		st.Problem = cmp.Or(x.Problem(), string(x.Status))
		if st.Stopped == "" {
			r.failed(owed, t, st, x)
		}
	}
	return len(failed) > 0
}

const (
	// maxAttempts is how often a slot is tried, maxFailures how many consecutive runs of a rule may
	// fail.
	maxAttempts = 3
	maxFailures = 20
)

// failed decides what happens to slots that failed, and to their rule.
func (r *jobRun) failed(owed map[string][]ledger.Owed, t catchup.Task, st *state, x pipeline.Execution) {
	last := t.Attempts+1 >= maxAttempts
	switch {
	case x.Diagnostics.HasErrors():
		st.Stopped = "it cannot run on these mappings"
	case st.failures >= maxFailures:
		st.Stopped = fmt.Sprintf("it failed %d times in a row", st.failures)
	case last && st.Ordered:
		st.Stopped = "later slots depend on the one at " + t.Slots[0].UTC().Format(time.RFC3339) + ", which failed"
	}
	if st.Stopped != "" {
		r.progress.Passed += int64(len(owed[t.RuleID]))
		delete(owed, t.RuleID)
		r.estimate.dropped(t.RuleID)
		return
	}
	if last {
		r.progress.Passed += int64(len(t.Slots))
		owed[t.RuleID] = without(owed[t.RuleID], t)
		r.estimate.ended(t.RuleID, t.Slots)
		return
	}
	for i := range owed[t.RuleID] {
		if e := &owed[t.RuleID][i].Entry; covers(t, e.Slot) {
			e.Attempts++
		}
	}
}

func without(owed []ledger.Owed, t catchup.Task) []ledger.Owed {
	return slices.DeleteFunc(owed, func(o ledger.Owed) bool { return covers(t, o.Entry.Slot) })
}

func covers(t catchup.Task, slot time.Time) bool {
	_, found := slices.BinarySearchFunc(t.Slots, slot, time.Time.Compare)
	return found
}

func (r *jobRun) report() {
	if r.Options.Report != nil {
		r.progress.Told = r.Options.Now()
		r.progress.Remaining = r.estimate.remaining(r.progress.Told)
		r.Options.Report(r.progress)
	}
}
