// Package scheduler decides when each rule runs, and runs it.
//
// The runs of a rule lie on a fixed grid of slots, a pure function of time: the same before and
// after a restart, on every machine, whenever one asks. A run is told its slot and computes its
// window from it, so a late run reads what a punctual one would have read, and no slot is passed
// over because an earlier run took long.
//
// The package drives a func. It knows nothing of Elasticsearch, of what a rule contains, of
// flags, or of which windows are already covered; that is the ledger's, and Job.After is where
// its answer comes in. Nor does it retry: a failed run leaves its window open in the ledger.
//
//	Interval, Cron ─► Slots ─┬─► Scheduler.Run      every slot as it comes due, until cancelled
//	                         ├─► Scheduler.RunOnce  one given slot of every job
//	                         └─► Between            the slots of a stretch of time, for backfill
//
// A single goroutine owns the heap of idle jobs, the queue of due jobs and the count of runs; it
// sleeps on one timer. Each run has a goroutine of its own and reports back when it ends.
//
//	s := scheduler.New([]scheduler.Job{{
//		ID:    id,
//		Slots: scheduler.Interval(5*time.Minute, 0),
//		Run:   func(ctx context.Context, slot time.Time) { … },
//	}}, scheduler.Options{Grace: 30 * time.Second})
//	err := s.Run(ctx)
package scheduler
