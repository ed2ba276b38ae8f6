package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// GiveUp records the open slots older than MaxAge as given up, and returns how many it gave up: a slot that another
// runner has covered meanwhile is not one of them. This is
// final: they are no longer owed. Slots before kept, the start of the ledger's retention, are
// skipped, as their pages would be removed at once.
func (l *Ledger) GiveUp(ctx context.Context, grids []Grid, now, kept time.Time, fence int64) (int, error) {
	heads, err := l.Begin(ctx, grids, now)
	if err != nil {
		return 0, err
	}
	age := cmp.Or(l.MaxAge, DefaultMaxAge)
	oldest := now.Add(-age)
	n := 0
	for _, g := range grids {
		from := latest(start(heads[g.RuleID]), kept)
		if !from.Before(oldest) {
			continue
		}
		some, err := l.giveUpTo(ctx, Grid{RuleID: g.RuleID, Slots: l.slots(g, heads[g.RuleID])}, heads[g.RuleID], from, oldest, fence, fmt.Sprintf("older than %s", age))
		if n += some; err != nil {
			return n, err
		}
	}
	return n, nil
}

// GiveUpRemoved is [Ledger.GiveUp] for the rules of which runs reports false: nobody runs them any more. A rule that comes back
// resumes with its later slots.
func (l *Ledger) GiveUpRemoved(ctx context.Context, runs func(ruleID string) bool, now, kept time.Time, fence int64) (int, error) {
	if l.Parse == nil {
		return 0, nil
	}
	heads, err := l.Store.Heads(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("read the ledger of all rules: %w", err)
	}
	oldest := now.Add(-cmp.Or(l.MaxAge, DefaultMaxAge))
	n := 0
	for _, h := range heads {
		from := latest(start(h), kept)
		if h.Since.IsZero() || strings.HasPrefix(h.RuleID, BackfillPrefix) || runs(h.RuleID) || !from.Before(oldest) {
			continue
		}
		slots, err := l.Parse(h.Schedule)
		if err != nil {
			continue // of another version: whoever runs the rule again gives its slots up
		}
		some, err := l.giveUpTo(ctx, Grid{RuleID: h.RuleID, Slots: SlotsOf(slots, h.Past, l.Parse)}, h, from, oldest, fence, "the rule was removed")
		if n += some; err != nil {
			return n, err
		}
	}
	return n, nil
}

// giveUpTo gives up the open slots of a rule before a time, and records that none of them is open.
func (l *Ledger) giveUpTo(ctx context.Context, g Grid, h Head, from, oldest time.Time, fence int64, why string) (int, error) {
	n, err := l.giveUp(ctx, g, from, oldest, fence, why)
	if err != nil {
		return n, err
	}
	return n, l.Close(ctx, map[string]Closing{g.RuleID: {g.Slots.Prev(oldest.Add(-1)), h.Reopened}})
}

// giveUp records the open slots of a rule from one time until before another as given up, a day at
// a time.
func (l *Ledger) giveUp(ctx context.Context, g Grid, from, to time.Time, fence int64, why string) (int, error) {
	n := 0
	for from.Before(to) {
		next := earliest(to, Day(from).AddDate(0, 0, 1))
		pages, err := l.pages(ctx, []Grid{g}, from, from)
		if err != nil {
			return n, err
		}
		page := pages[Page{RuleID: g.RuleID, Day: Day(from)}.ID()]
		var accounts []Account
		for slot := g.Slots.Next(from.Add(-1)); !slot.IsZero() && slot.Before(next); slot = g.Slots.Next(slot) {
			e := Entry{Slot: slot}
			if page != nil {
				e, _ = page.Find(slot)
			}
			if e.Status.Open() {
				e.Status, e.Fence, e.Error = GivenUp, max(fence, e.Fence), cmp.Or(e.Error, why)
				accounts = append(accounts, Account{RuleID: g.RuleID, Entry: e})
			}
		}
		refused, err := l.Record(ctx, accounts)
		if err != nil {
			return n, err
		}
		n += len(accounts) - len(refused)
		from = next
	}
	return n, nil
}

// Waive records the open slots among the given ones as given up, with the reason that a person
// gave.
func (l *Ledger) Waive(ctx context.Context, owed []Owed, fence int64, why string) (int, error) {
	n := 0
	for chunk := range slices.Chunk(owed, waiveChunk) {
		accounts := make([]Account, len(chunk))
		for i, o := range chunk {
			e := o.Entry
			e.Status, e.Fence, e.Error = GivenUp, max(fence, e.Fence), why
			accounts[i] = Account{RuleID: o.RuleID, Entry: e}
		}
		refused, err := l.Record(ctx, accounts)
		if err != nil {
			return n, err
		}
		n += len(accounts) - len(refused)
	}
	return n, nil
}

const waiveChunk = 5000

// Closing is the result of a survey of a rule, for [Ledger.Close].
type Closing struct {
	// To is a slot up to which no slot is open.
	To time.Time
	// Reopened is the counter of the head that the survey read.
	Reopened int64
}

// Close records up to which slot no slot of a rule is open, so that old pages need not be read
// again. A result from before slots were reopened is ignored.
func (l *Ledger) Close(ctx context.Context, closed map[string]Closing) error {
	return l.note(ctx, slices.Collect(maps.Keys(closed)), func(h *Head) bool {
		to := closed[h.RuleID].To
		if closed[h.RuleID].Reopened != h.Reopened || !to.After(h.Closed) {
			return false
		}
		h.Closed = to
		return true
	})
}

// Progress is the progress of the search for late events.
type Progress struct {
	// Reread is the last slot that was searched again.
	Reread time.Time
	Lag    Lag
}

// Advance records the progress of rules.
func (l *Ledger) Advance(ctx context.Context, progress map[string]Progress) error {
	return l.note(ctx, slices.Collect(maps.Keys(progress)), func(h *Head) bool {
		p := progress[h.RuleID]
		changed := p.Reread.After(h.Reread) || p.Lag != h.Lag
		h.Lag = p.Lag
		h.Reread = latest(h.Reread, p.Reread)
		return changed
	})
}

// note changes heads. A head that was changed concurrently stays as it is: progress in heads only
// saves work.
func (l *Ledger) note(ctx context.Context, ids []string, change func(*Head) bool) error {
	slices.Sort(ids)
	found, err := l.Store.Heads(ctx, ids)
	if err != nil {
		return fmt.Errorf("read the ledger of %d rules: %w", len(ids), err)
	}
	var changed []*Head
	for i := range found {
		if change(&found[i]) {
			changed = append(changed, &found[i])
		}
	}
	if len(changed) == 0 {
		return nil
	}
	errs, err := l.Store.SaveHeads(ctx, changed)
	if err != nil {
		return fmt.Errorf("record the progress of %d rules in the ledger: %w", len(changed), err)
	}
	for i, err := range errs {
		if err != nil && !errors.Is(err, ErrChanged) {
			return fmt.Errorf("record the progress of rule %s in the ledger: %w", changed[i].RuleID, err)
		}
	}
	return nil
}
