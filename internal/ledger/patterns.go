package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ComparePatterns returns the patterns of a rule after the run of a slot. known are the patterns before the
// run, names the rule's patterns, unmet the patterns that matched no index, which may include
// others, and unread the places that could not be read: what was known of patterns among them stays.
// appeared are the names that match an index now and did not before.
func ComparePatterns(known []Pattern, names, unmet, unread []string, slot time.Time) (now []Pattern, appeared []string) {
	all := slices.Concat(names, unmet)
	if len(names) == 0 { // patterns of such a rule are recorded only while they match nothing
		for _, p := range known {
			all = append(all, p.Name)
		}
	}
	slices.Sort(all)
	for _, name := range slices.Compact(all) {
		p := Pattern{Name: name}
		if i := slices.IndexFunc(known, func(k Pattern) bool { return k.Name == name }); i >= 0 {
			p = known[i]
		}
		switch missing := slices.Contains(unmet, name); {
		case missing && p.Since.IsZero():
			p.Since = slot.UTC()
		case !missing && !slices.Contains(unread, name):
			if !p.Since.IsZero() {
				appeared = append(appeared, name)
			}
			p.Since, p.Met = time.Time{}, true
		}
		now = append(now, p)
	}
	return now, appeared
}

// Note writes the patterns of rules. The slots of the rules in reopened were reopened before; the
// heads now make them found.
func (l *Ledger) Note(ctx context.Context, patterns map[string][]Pattern, reopened map[string]time.Time) error {
	ids := make([]string, 0, len(patterns))
	for id := range patterns {
		ids = append(ids, id)
	}
	for range maxTries {
		again, err := l.notePatterns(ctx, ids, patterns, reopened)
		if err != nil || len(again) == 0 {
			return err
		}
		ids = again
	}
	return fmt.Errorf("record the index patterns of %d rules in the ledger: %w", len(ids), ErrChanged)
}

func (l *Ledger) notePatterns(ctx context.Context, ids []string, patterns map[string][]Pattern, reopened map[string]time.Time) ([]string, error) {
	slices.Sort(ids)
	heads, err := l.Store.Heads(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read the ledger of %d rules: %w", len(ids), err)
	}
	for _, id := range ids {
		if !slices.ContainsFunc(heads, func(h Head) bool { return h.RuleID == id }) {
			heads = append(heads, Head{RuleID: id})
		}
	}
	changed := make([]*Head, len(heads))
	for i := range heads {
		h := &heads[i]
		h.Patterns = patterns[h.RuleID]
		if from := reopened[h.RuleID]; !from.IsZero() {
			h.Reopened++
			if !h.Closed.Before(from) {
				h.Closed = from.Add(-1)
			}
		}
		changed[i] = h
	}
	if len(changed) == 0 {
		return nil, nil
	}
	errs, err := l.Store.SaveHeads(ctx, changed)
	if err != nil {
		return nil, fmt.Errorf("record the index patterns of %d rules in the ledger: %w", len(changed), err)
	}
	var again []string
	for i, err := range errs {
		switch {
		case errors.Is(err, ErrChanged):
			again = append(again, changed[i].RuleID)
		case err != nil:
			return nil, fmt.Errorf("record the index patterns of rule %s in the ledger: %w", changed[i].RuleID, err)
		}
	}
	return again, nil
}

// Reopen reopens the covered or vacant slots of a rule between two times, both included, for which
// wanted returns true, and returns them. The caller must pass the first of them to [Ledger.Note].
func (l *Ledger) Reopen(ctx context.Context, g Grid, from, to time.Time, wanted func(slot time.Time) bool, why string) ([]Entry, error) {
	var accounts []Account
	for slot := g.Slots.Next(from.Add(-1)); !slot.IsZero() && !slot.After(to); slot = g.Slots.Next(slot) {
		if wanted(slot) {
			accounts = append(accounts, Account{RuleID: g.RuleID, Entry: Entry{Slot: slot, Status: Planned, Error: why}, Reopens: true})
		}
	}
	var out []Entry
	for part := range slices.Chunk(accounts, waiveChunk) {
		refused, err := l.Record(ctx, part)
		if err != nil {
			return out, err
		}
		no := map[int64]bool{}
		for _, a := range refused {
			no[a.Entry.Slot.UnixNano()] = true
		}
		for _, a := range part {
			if !no[a.Entry.Slot.UnixNano()] {
				out = append(out, a.Entry)
			}
		}
	}
	return out, nil
}
