package pipeline_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag/failure"
	"tocsin/internal/ledger"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search"
	"tocsin/internal/search/planner"
)

// confirmed are events that report afterwards which places could not be read.
type confirmed struct {
	*store.Events

	lost []search.Unread
	err  error
}

func (c confirmed) Snapshot(context.Context) (search.Events, error) { return c, nil }

func (c confirmed) Confirm(context.Context) ([]search.Unread, error) { return c.lost, c.err }

// TestRoundConfirms: a window is covered only by what could be read to the end of the round, and where that can
// be found out.
func TestRoundConfirms(t *testing.T) {
	lost := func(name string) []search.Unread {
		return []search.Unread{{Name: name, Why: failure.Forbidden, Reason: "no more"}}
	}
	for _, tt := range []struct {
		name   string
		events confirmed
		want   ledger.Status
		why    ledger.Reason
	}{
		{name: "nothing lost", want: ledger.Covered},
		{name: "its pattern", events: confirmed{lost: lost("logs-*")}, want: ledger.Partial, why: ledger.Forbidden},
		{name: "an index of its pattern", events: confirmed{lost: lost("logs-a")}, want: ledger.Partial, why: ledger.Forbidden},
		{name: "what others read", events: confirmed{lost: lost("third-*")}, want: ledger.Covered},
		{name: "nobody knows", events: confirmed{err: errors.New("no answer")}, want: ledger.Partial},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.events.Events = stored(t, "a", "b")
			kept := &entries{}
			r := &pipeline.Round{
				Pipeline: &pipeline.Pipeline{Events: tt.events, Alerts: store.NewMemory()}, Planner: &planner.Planner{}, Recorder: kept,
			}
			out := r.RunAll(t.Context(), []pipeline.Job{jobOf(someRule(t, "ra", "a"))}, nil)
			if out[0].Created != 1 {
				t.Errorf("created %d: what was read alerts all the same", out[0].Created)
			}
			want := ledger.Entry{Status: tt.want, Reason: tt.why}
			if diff := cmp.Diff(want, ledger.Entry{Status: kept.last.Status, Reason: kept.last.Reason}); diff != "" {
				t.Errorf("(-want +got):\n%s\n%s", diff, kept.last.Error)
			}
		})
	}
}

// entries keeps the last entry that the ledger would get.
type entries struct{ last ledger.Entry }

func (e *entries) Record(_ context.Context, executions []pipeline.Execution) error {
	for _, x := range executions {
		all := x.Entries(slot, 0)
		e.last = all[len(all)-1]
	}
	return nil
}
