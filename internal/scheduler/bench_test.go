package scheduler

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// BenchmarkTick drives the loop by hand through one minute of 2,000 one-minute jobs that do
// nothing. It measures the scheduler's own cost for a large rule set.
func BenchmarkTick(b *testing.B) {
	const jobs = 2000
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	opts := New(nil, Options{Now: func() time.Time { return now }}).opts
	l := newLoop(b.Context(), jobs, opts)
	defer l.close()
	for i := range jobs {
		id := fmt.Sprintf("rule-%d", i)
		slots := Interval(time.Minute, time.Duration(i%60)*time.Second)
		l.admit(Job{ID: id, Slots: slots, Run: func(context.Context, time.Time) {}}, now)
	}

	b.ReportAllocs()
	for b.Loop() {
		for range 60 {
			now = now.Add(time.Second)
			l.collect(now)
			for l.fill(now); l.running > 0; l.fill(now) {
				o := <-l.ended
				l.end(o)
				l.again(o)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/jobs, "ns/run")
}

func BenchmarkCronNext(b *testing.B) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	for _, expr := range []string{"*/5 * * * *", "0 0 29 2 *", "0 0 30 2 *"} {
		slots, err := Cron(expr, zone)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(expr, func(b *testing.B) {
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			for b.Loop() {
				slots.Next(at)
			}
		})
	}
}
