package scheduler_test

import (
	"fmt"
	"sync"
	"time"

	"tocsin/internal/scheduler"
)

// base is when the bubble of synctest begins: midnight of 1 January 2000, in UTC.
var base = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// record notes what a scheduler does, one line each, with the minutes and seconds since base.
type record struct {
	mu    sync.Mutex
	lines []string
	most  int
}

func (r *record) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := time.Since(base)
	r.lines = append(r.lines, clock(at)+" "+fmt.Sprintf(format, args...))
}

// hooks records every event, but only the highest count of runs.
func (r *record) hooks() scheduler.Hooks {
	return scheduler.Hooks{
		Started: func(id string, slot time.Time, late time.Duration) {
			r.add("start %s %s late %s", id, clock(slot.Sub(base)), late)
		},
		Ended: func(id string, slot time.Time, took time.Duration, err error) {
			r.add("end %s %s took %s: %v", id, clock(slot.Sub(base)), took, err)
		},
		Missed:    func(id string, n int) { r.add("missed %s %d", id, n) },
		Exhausted: func(id string) { r.add("exhausted %s", id) },
		Running:   func(n int) { r.most = max(r.most, n) },
	}
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}
