package service_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
)

// TestRecorderRunning: a slot whose execution takes long is recorded as running by this runner, and
// its outcome afterwards. A short execution is written once.
func TestRecorderRunning(t *testing.T) {
	slot := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			took    time.Duration
			running bool
		}{{time.Second, false}, {20 * time.Second, true}} {
			book := &ledger.Ledger{Store: ledger.NewMemory()}
			r := &service.Recorder{Ledger: book, Log: slog.New(slog.DiscardHandler), Fence: 7}
			x := pipeline.Execution{RuleID: "r", Slot: slot, Attempts: 2}
			ended := r.Began(t.Context(), []pipeline.Execution{x})
			time.Sleep(tt.took)
			synctest.Wait()
			e, found := entry(t, book, slot)
			if found != tt.running || found && (e.Status != ledger.Running || e.Fence != 7 || e.Attempts != 2) {
				t.Errorf("after %s: %+v, %t", tt.took, e, found)
			}
			ended()
			x.Status = pipeline.Succeeded
			if err := r.Record(t.Context(), []pipeline.Execution{x}); err != nil {
				t.Fatal(err)
			}
			if e, _ := entry(t, book, slot); e.Status != ledger.Covered || e.Attempts != 3 {
				t.Errorf("at the end: %+v", e)
			}
		}
	})
}

// slow is a store with slow writes.
type slow struct{ ledger.Store }

func (s slow) SavePages(ctx context.Context, pages []*ledger.Page) ([]error, error) {
	time.Sleep(10 * time.Second)
	return s.Store.SavePages(ctx, pages)
}

// TestRecorderRunningComesFirst: the outcome of an execution that ends while it is being recorded
// as running is written after that.
func TestRecorderRunningComesFirst(t *testing.T) {
	slot := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	synctest.Test(t, func(t *testing.T) {
		book := &ledger.Ledger{Store: slow{ledger.NewMemory()}}
		r := &service.Recorder{Ledger: book, Log: slog.New(slog.DiscardHandler), Fence: 7}
		x := pipeline.Execution{RuleID: "r", Slot: slot, Status: pipeline.Succeeded}
		ended := r.Began(t.Context(), []pipeline.Execution{x})
		time.Sleep(6 * time.Second)
		ended()
		if err := r.Record(t.Context(), []pipeline.Execution{x}); err != nil {
			t.Fatal(err)
		}
		if e, _ := entry(t, book, slot); e.Status != ledger.Covered {
			t.Errorf("%+v", e)
		}
	})
}

func entry(t *testing.T, book *ledger.Ledger, slot time.Time) (ledger.Entry, bool) {
	t.Helper()
	pages, err := book.Store.Pages(t.Context(), []string{"r"}, slot, slot)
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) == 0 {
		return ledger.Entry{}, false
	}
	return pages[0].Find(slot)
}
