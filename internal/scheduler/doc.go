// Package scheduler decides when each rule runs, and runs it.
//
// The runs of a rule lie on a fixed grid of slots. The grid is a pure function of time: it is the
// same before and after a restart and on every machine. A run gets its slot and computes its window
// from it. So a late run reads the same events as a punctual one, and no slot is skipped because an
// earlier run took long.
//
// The package calls a func. It knows nothing of Elasticsearch, of rules, of flags, or of which
// windows are already covered. The ledger knows the latter and sets Job.After. The scheduler does
// not retry: a failed run leaves its window open in the ledger.
//
//	Interval, Cron ─► Slots ─┬─► Scheduler.Run      every slot as it comes due, until cancelled
//	                         ├─► Scheduler.RunOnce  one given slot of every job
//	                         └─► Between            the slots of a time range, for backfill
//
// A single goroutine owns the heap of idle jobs, the queue of due jobs and the count of runs. It
// sleeps on one timer. Each run has its own goroutine and reports back when it ends.
//
//	s := scheduler.New([]scheduler.Job{{
//		ID:    id,
//		Slots: scheduler.Interval(5*time.Minute, 0),
//		Run:   func(ctx context.Context, slot time.Time) { … },
//	}}, scheduler.Options{Grace: 30 * time.Second})
//	err := s.Run(ctx)
package scheduler
