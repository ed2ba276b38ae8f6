package service_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/ledger"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
)

// lookers are rounds that search for late events and record in their own ledger.
func lookers(again *stage, outcome func(pipeline.Job, *pipeline.Execution)) rounds {
	return rounds{recorder: &service.Recorder{
		Ledger: &ledger.Ledger{Store: ledger.NewMemory()}, Log: slog.New(slog.DiscardHandler),
	}, mu: &again.mu, ran: &again.behind, outcome: outcome}
}

// TestLookAgain: every slot's part of the time is searched once more, for events ingested since its
// run; the parts are adjacent and do not overlap, even over a restart and a failure.
func TestLookAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, r := ledger.NewMemory(), newRule(t, "r", nil)
		begun := begin(t, store, r)
		var looks []pipeline.Job
		failures := 0
		play := func(d time.Duration) {
			again := &stage{}
			look := lookers(again, func(job pipeline.Job, x *pipeline.Execution) {
				if len(looks) == 2 && failures == 0 {
					failures++
					x.Status, x.Err = pipeline.Failed, errDown
					return
				}
				looks = append(looks, job)
			})
			s := newStage(t, store, nil, service.Options{LateAfter: 20 * time.Minute, Again: look}, r)
			s.play(t, d)
		}
		play(44*time.Minute + 40*time.Second)
		time.Sleep(50 * time.Second)
		play(30 * time.Minute)
		end := begun.Add(-2 * time.Minute)
		for _, job := range looks {
			for _, l := range job.Late {
				if !l.Window.From.Equal(end) || l.Window.To.Sub(l.Window.From) != time.Minute {
					t.Errorf("a part %s, the one before ends at %s", l.Window, end)
				}
				end = l.Window.To
				// The slot to which this last part belongs ran two minutes after its beginning.
				ran := l.Window.From.Add(2 * time.Minute)
				if ran.Equal(begun.Add(45 * time.Minute)) {
					ran = ran.Add(30 * time.Second) // no runner was up at its time
				}
				if since := ran.Sub(l.Since); since < 59*time.Second || since > 61*time.Second {
					t.Errorf("since %s of %s", l.Since, l.Window)
				}
			}
		}
		if covered := end.Sub(begun); covered < 45*time.Minute || failures != 1 {
			t.Errorf("up to %s", covered)
		}
	})
}

// TestLookAgainNotWhereItCannot: a rule whose alerts stand for many events is not searched again.
func TestLookAgainNotWhereItCannot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, change := range []func(*rule.Rule){single, ordered, func(r *rule.Rule) { r.TimestampOverride = "event.ingested" }} {
			store, r := ledger.NewMemory(), newRule(t, "r", change)
			again := &stage{}
			look := lookers(again, nil)
			s := newStage(t, store, nil, service.Options{LateAfter: time.Minute, Again: look}, r)
			s.play(t, 9*time.Minute+25*time.Second) // play must not end at a slot
			if diff := cmp.Diff(0, len(again.behind)); diff != "" {
				t.Error(diff)
			}
		}
	})
}

// TestLookAgainAsOfTheSlot: if slots ask for different things, each is searched separately, over
// all of its window, in order. A failed search is repeated with the slots after it.
func TestLookAgainAsOfTheSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := ledger.NewMemory()
		r := newRule(t, "r", func(r *rule.Rule) { r.Query = diag.NewText("query", `process where file.created >= "now-10m"`) })
		var looks []pipeline.Job
		failures := 0
		again := &stage{}
		look := lookers(again, func(job pipeline.Job, x *pipeline.Execution) {
			if len(looks) == 3 && failures == 0 {
				failures++
				x.Status, x.Err = pipeline.Failed, errDown
				return
			}
			looks = append(looks, job)
		})
		s := newStage(t, store, nil, service.Options{LateAfter: 10 * time.Minute, Again: look}, r)
		s.play(t, 40*time.Minute+30*time.Second)
		slots := map[time.Time]bool{}
		for _, job := range looks {
			slots[job.Slot] = true
			if len(job.Late) != 1 || job.Window != r.Window(job.Slot) || job.Late[0].Window != job.Window {
				t.Errorf("a look as of %s over %s: %v", job.Slot, job.Window, job.Late)
			}
		}
		if len(slots) < 25 || failures != 1 {
			t.Errorf("%d slots, %d failures", len(slots), failures)
		}
		first := looks[0].Slot
		for n := range len(slots) {
			if !slots[first.Add(time.Duration(n)*time.Minute)] {
				t.Errorf("slot %d was left out", n)
			}
		}
	})
}
