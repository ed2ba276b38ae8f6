package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Slots is the grid of a rule: [tocsin/internal/scheduler.Slots].
type Slots interface {
	Next(after time.Time) time.Time
	Prev(at time.Time) time.Time
}

// Grid is a rule with its slots.
type Grid struct {
	RuleID   string
	Slots    Slots
	Schedule string
	// OldestFirst: if not all owed slots fit ([Ledger.Limit]), the oldest are kept, not the newest.
	OldestFirst bool
}

// Ledger compares grids with the records, and writes records. It is safe for concurrent use.
// Runners share the store.
type Ledger struct {
	Store Store
	// MaxAge is how far back slots are owed; older ones are recorded as given up. 0 means
	// [DefaultMaxAge].
	MaxAge time.Duration
	// Limit bounds the owed slots of one rule that are kept in memory; 0 means no limit.
	Limit int
	// Parse reads the schedules that rules had before; nil: a rule has always had its schedule.
	Parse Parse
}

// slots returns all slots of a rule.
func (l *Ledger) slots(g Grid, h Head) Slots { return SlotsOf(g.Slots, h.Past, l.Parse) }

// DefaultMaxAge is a week: enough for a team that returns from holidays.
const DefaultMaxAge = 7 * 24 * time.Hour

// Owed is a slot that is to be run.
type Owed struct {
	RuleID string
	// Entry is the record of the slot, a Planned entry if there is none.
	Entry Entry
}

// Begin creates the heads of rules that have none: slots are owed from the current slot on. It returns the
// heads of all rules. If a head is changed at the same time, for example its index patterns, it is read
// again: without a first slot, no slot of the rule would be owed.
func (l *Ledger) Begin(ctx context.Context, grids []Grid, now time.Time) (map[string]Head, error) {
	for range maxTries {
		heads, err := l.heads(ctx, grids)
		if err != nil {
			return nil, err
		}
		fresh := l.unbegun(grids, heads, now)
		if len(fresh) == 0 {
			return heads, nil
		}
		errs, err := l.Store.SaveHeads(ctx, fresh)
		if err != nil {
			return nil, fmt.Errorf("begin the ledger of %d rules: %w", len(fresh), err)
		}
		changed := false
		for i, err := range errs {
			switch {
			case errors.Is(err, ErrChanged):
				changed = true
			case err != nil:
				return nil, fmt.Errorf("begin the ledger of rule %s: %w", fresh[i].RuleID, err)
			}
		}
		if !changed {
			return l.heads(ctx, grids)
		}
	}
	return nil, fmt.Errorf("begin the ledger of %d rules: %w", len(grids), ErrChanged)
}

// unbegun returns the heads, to be written, of rules that owe no slots yet, or that have another schedule than before.
func (l *Ledger) unbegun(grids []Grid, heads map[string]Head, now time.Time) []*Head {
	var fresh []*Head
	for _, g := range grids {
		h, known := heads[g.RuleID]
		if known && !h.Since.IsZero() {
			if h, is := l.changed(h, g, now); is {
				fresh = append(fresh, &h)
			}
			continue
		}
		since := g.Slots.Prev(now)
		if since.IsZero() {
			since = now
		}
		h.RuleID, h.Since, h.Schedule = g.RuleID, since, g.Schedule
		fresh = append(fresh, &h)
	}
	return fresh
}

func (l *Ledger) heads(ctx context.Context, grids []Grid) (map[string]Head, error) {
	ids := make([]string, len(grids))
	for i, g := range grids {
		ids[i] = g.RuleID
	}
	found, err := l.Store.Heads(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read the ledger of %d rules: %w", len(grids), err)
	}
	heads := make(map[string]Head, len(found))
	for _, h := range found {
		heads[h.RuleID] = h
	}
	return heads, nil
}

// Owed returns the open slots up to now, included, in order of time: slots that have no record or
// have failed. Slots older than MaxAge are left out; see [Ledger.GiveUp].
func (l *Ledger) Owed(ctx context.Context, grids []Grid, now time.Time) ([]Owed, error) {
	surveys, err := l.Survey(ctx, grids, now)
	if err != nil {
		return nil, err
	}
	var owed []Owed
	for _, s := range surveys {
		owed = append(owed, s.Owed...)
	}
	slices.SortStableFunc(owed, func(a, b Owed) int {
		return cmp.Or(a.Entry.Slot.Compare(b.Entry.Slot), cmp.Compare(a.RuleID, b.RuleID))
	})
	return owed, nil
}

// Survey is the standing of a rule.
type Survey struct {
	RuleID string
	// Owed lists the open slots, oldest first, up to [Ledger.Limit]; Open is the number of all open
	// slots.
	Owed []Owed
	Open int
	// Closed is the last slot up to which no slot is open, Covered the latest covered slot.
	Closed, Covered time.Time
	// Reopened is the counter of the rule's head.
	Reopened int64
	// Slots are all slots of a rule whose schedule was another until the slot Past; nil if it was not.
	Slots Slots
	Past  time.Time
}

// Survey returns the standing of rules, in their order, with the slots that [Ledger.Owed] returns.
func (l *Ledger) Survey(ctx context.Context, grids []Grid, now time.Time) ([]Survey, error) {
	heads, err := l.Begin(ctx, grids, now)
	if err != nil {
		return nil, err
	}
	var surveys []Survey
	for chunk := range slices.Chunk(grids, pageChunk) {
		some, err := l.survey(ctx, chunk, heads, now)
		if err != nil {
			return nil, err
		}
		surveys = append(surveys, some...)
	}
	return surveys, nil
}

// pageChunk bounds the pages in memory: it is the number of rules that are read at a time.
const pageChunk = 20

func (l *Ledger) survey(ctx context.Context, grids []Grid, heads map[string]Head, now time.Time) ([]Survey, error) {
	oldest := now.Add(-cmp.Or(l.MaxAge, DefaultMaxAge))
	from := now
	for _, g := range grids {
		from = earliest(from, latest(start(heads[g.RuleID]), oldest))
	}
	pages, err := l.pages(ctx, grids, from, now)
	if err != nil {
		return nil, err
	}
	surveys := make([]Survey, len(grids))
	for i, g := range grids {
		s := &surveys[i]
		s.RuleID, s.Closed, s.Covered = g.RuleID, heads[g.RuleID].Closed, heads[g.RuleID].Closed
		s.Reopened = heads[g.RuleID].Reopened
		after := latest(start(heads[g.RuleID]), oldest).Add(-1)
		slots := l.slots(g, heads[g.RuleID])
		if past := heads[g.RuleID].Past; len(past) > 0 {
			s.Slots, s.Past = slots, past[len(past)-1].Until
		}
		for slot := slots.Next(after); !slot.IsZero() && !slot.After(now); slot = slots.Next(slot) {
			e := Entry{Slot: slot}
			if p := pages[Page{RuleID: g.RuleID, Day: Day(slot)}.ID()]; p != nil {
				e, _ = p.Find(slot)
			}
			s.take(e)
		}
		s.trim(l.Limit, g.OldestFirst)
	}
	return surveys, nil
}

// take counts one slot. Slots come in order of time.
func (s *Survey) take(e Entry) {
	if e.Status.Open() {
		s.Owed = append(s.Owed, Owed{s.RuleID, e})
		s.Open++
		return
	}
	if s.Open == 0 {
		s.Closed = e.Slot
	}
	if e.Status == Covered {
		s.Covered = e.Slot
	}
}

// trim keeps as many owed slots as the limit allows.
func (s *Survey) trim(limit int, oldestFirst bool) {
	switch over := len(s.Owed) - limit; {
	case limit <= 0 || over <= 0:
	case oldestFirst:
		s.Owed = slices.Clone(s.Owed[:limit])
	default:
		s.Owed = slices.Clone(s.Owed[over:])
	}
}

// start returns the first slot that may be open.
func start(h Head) time.Time {
	if h.Closed.IsZero() {
		return h.Since
	}
	return latest(h.Since, h.Closed.Add(1))
}

func (l *Ledger) pages(ctx context.Context, grids []Grid, from, to time.Time) (map[string]*Page, error) {
	ids := make([]string, len(grids))
	for i, g := range grids {
		ids[i] = g.RuleID
	}
	found, err := l.Store.Pages(ctx, ids, Day(from), Day(to))
	if err != nil {
		return nil, fmt.Errorf("read the ledger of %d rules: %w", len(ids), err)
	}
	pages := make(map[string]*Page, len(found))
	for i := range found {
		pages[found[i].ID()] = &found[i]
	}
	return pages, nil
}

// Account is an entry of a rule to be recorded.
type Account struct {
	RuleID string
	Entry  Entry
	// Reopens: the entry reopens a slot, see [Page.Reopen].
	Reopens bool
}

// maxTries is how often a page is written again after a conflict.
const maxTries = 8

// Record writes entries. It returns the entries that their page refuses (see [Page.Put]): their
// writer has been replaced, or the slot is covered already. On an error the slots stay as they
// were.
func (l *Ledger) Record(ctx context.Context, accounts []Account) (refused []Account, err error) {
	todo := byPage(accounts)
	for try := 0; len(todo) > 0; try++ {
		if try == maxTries {
			return refused, fmt.Errorf("record %d pages of the ledger: %w", len(todo), ErrChanged)
		}
		var again map[string][]Account
		var no []Account
		if again, no, err = l.write(ctx, todo); err != nil {
			return refused, err
		}
		refused = append(refused, no...)
		todo = again
	}
	return refused, nil
}

func byPage(accounts []Account) map[string][]Account {
	out := map[string][]Account{}
	for _, a := range accounts {
		id := Page{RuleID: a.RuleID, Day: Day(a.Entry.Slot)}.ID()
		out[id] = append(out[id], a)
	}
	return out
}

// write reads, changes and writes the pages of accounts, and returns the accounts of pages that
// were changed concurrently.
func (l *Ledger) write(ctx context.Context, todo map[string][]Account) (again map[string][]Account, refused []Account, err error) {
	pages, err := l.read(ctx, todo)
	if err != nil {
		return nil, nil, err
	}
	var changed []*Page
	no := map[string][]Account{}
	for id, accounts := range todo {
		p := pages[id]
		if p == nil {
			p = &Page{RuleID: accounts[0].RuleID, Day: Day(accounts[0].Entry.Slot)}
		}
		put := false
		for _, a := range accounts {
			took := p.Put
			if a.Reopens {
				took = p.Reopen
			}
			if took(a.Entry) {
				put = true
			} else {
				no[id] = append(no[id], a)
			}
		}
		if put {
			changed = append(changed, p)
		}
	}
	errs, err := l.Store.SavePages(ctx, changed)
	if err != nil {
		return nil, nil, fmt.Errorf("record %d pages of the ledger: %w", len(changed), err)
	}
	again = map[string][]Account{}
	for i, err := range errs {
		switch id := changed[i].ID(); {
		case errors.Is(err, ErrChanged):
			again[id] = todo[id]
			delete(no, id)
		case err != nil:
			return nil, nil, fmt.Errorf("record page %s of the ledger: %w", id, err)
		}
	}
	for _, accounts := range no {
		refused = append(refused, accounts...)
	}
	return again, refused, nil
}

func (l *Ledger) read(ctx context.Context, todo map[string][]Account) (map[string]*Page, error) {
	days := map[time.Time][]string{}
	for _, accounts := range todo {
		day := Day(accounts[0].Entry.Slot)
		days[day] = append(days[day], accounts[0].RuleID)
	}
	pages := map[string]*Page{}
	for day, ids := range days {
		found, err := l.Store.Pages(ctx, ids, day, day)
		if err != nil {
			return nil, fmt.Errorf("read %d pages of the ledger: %w", len(ids), err)
		}
		for i := range found {
			pages[found[i].ID()] = &found[i]
		}
	}
	return pages, nil
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
