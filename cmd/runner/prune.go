package main

import (
	"context"
	"time"

	"tocsin/internal/query"
)

// pruneEvery is how often old alerts are deleted from the embedded store.
const pruneEvery = time.Hour

// keepPruning deletes old alerts from the embedded store until the context ends.
func (r *runner) keepPruning(ctx context.Context) {
	if r.backend.prune == nil || r.cmd.StoreKeeps <= 0 {
		return
	}
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		r.prune(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// prune deletes the alerts that are older than --store-retention. After a reload, rules may need them for longer: then
// nothing is deleted.
func (r *runner) prune(ctx context.Context) {
	if r.backend.prune == nil || r.cmd.StoreKeeps <= 0 {
		return
	}
	var plans []query.Plan
	for _, one := range r.ruleList() {
		plans = append(plans, one.Plan)
	}
	if err := keepsEnough("--store-retention", r.cmd.StoreKeeps, plans, r.cmd.CatchUpAge); err != nil {
		r.global.log.Warn("old alerts stay in the store", "because", err)
		return
	}
	n, err := r.backend.prune(ctx, r.clock.Now().Add(-r.cmd.StoreKeeps))
	switch {
	case ctx.Err() != nil:
	case err != nil:
		r.global.log.Warn("old alerts could not be deleted", "error", err)
	case n > 0:
		r.global.log.Info("old alerts were deleted", "alerts", n, "older_than", r.cmd.StoreKeeps)
	}
}
