package service_test

import (
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
)

// TestFailedWhileRead: a slot that fails once is run again soon, whenever the ledger is read around its failure.
func TestFailedWhileRead(t *testing.T) {
	for ahead := range 30 { // the service begins so long before the slot
		synctest.Test(t, func(t *testing.T) {
			store, r := ledger.NewMemory(), newRule(t, "r", nil)
			origin := begin(t, store, r)
			time.Sleep(4*time.Minute - time.Duration(ahead)*time.Second/2)
			failed := false
			s := newStage(t, store, func(job pipeline.Job, x *pipeline.Execution) {
				if job.Slot.Sub(origin) == 4*time.Minute && !failed {
					failed, x.Status, x.Err = true, pipeline.Failed, errDown
				}
			}, service.Options{}, r)
			s.Changed() // of the runners: the ledger is read, and once more after ten seconds
			s.play(t, 110*time.Second)
			if left := open(t, store, origin, r); !failed || len(left) > 0 {
				t.Errorf("begun %s ahead, failed %v: open %v", time.Duration(ahead)*time.Second/2, failed, left)
			}
		})
	}
}
