package coverage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/ledger"
)

// Cost is what a rule took and made in a time range.
type Cost struct {
	RuleID string `json:"rule_id"`
	Name   string `json:"name"`
	// Runs is the number of slots that were run, Failed the number of those that failed.
	Runs   int `json:"runs"`
	Failed int `json:"failed"`
	// Took is the time of all runs, Mean that of one, Longest the longest.
	Took, Mean, Longest time.Duration `json:"-"`
	// Read is the number of documents that were searched.
	Read int64 `json:"read"`
	// Alerts, Suppressed and Queued count what the runs made, and AlertsADay the alerts in proportion.
	Alerts     int64   `json:"alerts"`
	Suppressed int64   `json:"suppressed"`
	Queued     int64   `json:"queued"`
	AlertsADay float64 `json:"alerts_a_day"`
	// LastSuccess is the last covered slot, nil if there is none in the range. Interval is the time between slots then, or at the
	// end of the range.
	LastSuccess *time.Time    `json:"last_success"`
	Interval    time.Duration `json:"-"`
}

// Costs reports what rules cost, in their order, from the records of the slots of a time range. A rule without a record in
// it has no runs.
func Costs(ctx context.Context, store ledger.Store, rules []Rule, o Options) ([]Cost, error) {
	out := make([]Cost, 0, len(rules))
	for part := range slices.Chunk(rules, Chunk) {
		ids := make([]string, len(part))
		for i, r := range part {
			ids[i] = r.ID
		}
		pages, err := store.Pages(ctx, ids, o.From, o.To)
		if err != nil {
			return nil, fmt.Errorf("read the ledger of %d rules: %w", len(ids), err)
		}
		by := map[string][]ledger.Entry{}
		for _, p := range pages {
			by[p.RuleID] = append(by[p.RuleID], p.Entries...)
		}
		for _, r := range part {
			out = append(out, cost(r, by[r.ID], o))
		}
	}
	return out, nil
}

func cost(r Rule, entries []ledger.Entry, o Options) Cost {
	c := Cost{RuleID: r.ID, Name: r.Name}
	first := o.To
	for _, e := range entries {
		if e.Slot.Before(o.From) || e.Slot.After(o.To) || e.Status == ledger.Planned || e.Status == ledger.Running || e.Status == ledger.GivenUp {
			continue
		}
		c.Runs++
		if e.Status == ledger.Failed || e.Status == ledger.Partial {
			c.Failed++
		}
		c.Took += e.Took
		c.Longest = max(c.Longest, e.Took)
		c.Read, c.Alerts, c.Suppressed, c.Queued = c.Read+e.Read, c.Alerts+e.Created, c.Suppressed+e.Suppressed, c.Queued+e.Queued
		if e.Slot.Before(first) {
			first = e.Slot
		}
		if e.Status == ledger.Covered && (c.LastSuccess == nil || e.Slot.After(*c.LastSuccess)) {
			c.LastSuccess = &e.Slot
		}
	}
	at := o.To
	if c.LastSuccess != nil {
		at = *c.LastSuccess
	}
	if next := r.Slots.Next(at); !next.IsZero() {
		c.Interval = next.Sub(at)
		if after := r.Slots.Next(next); c.LastSuccess == nil && !after.IsZero() {
			c.Interval = after.Sub(next)
		}
	}
	if c.Runs > 0 {
		c.Mean = c.Took / time.Duration(c.Runs)
		// A rule that is new in the range is judged by the time since its first run, a day at least.
		c.AlertsADay = float64(c.Alerts) / max(1, o.To.Sub(first).Hours()/24)
	}
	return c
}
