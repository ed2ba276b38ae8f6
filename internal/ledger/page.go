package ledger

import (
	"cmp"
	"slices"
	"time"
)

// Page holds the records of a rule's slots on one day. Entries are in order of their slots, each
// slot once.
type Page struct {
	RuleID string
	// Day is midnight, in UTC.
	Day     time.Time
	Entries []Entry
	// Version is the store's mark of the version that was read; nil for a page that does not exist
	// yet.
	Version any
}

// ID returns the page's id in a store.
func (p Page) ID() string { return p.RuleID + "/" + p.Day.UTC().Format(time.DateOnly) }

// Find returns the entry of a slot, a Planned entry if there is no record.
func (p *Page) Find(slot time.Time) (Entry, bool) {
	i, found := p.place(slot)
	if !found {
		return Entry{Slot: slot}, false
	}
	return p.Entries[i], true
}

// Put inserts an entry and replaces an older one of the same slot. It refuses an entry with a lower
// fencing number than the existing one, as its writer has been replaced, an entry that would
// reopen a final slot, and one that would give up a covered slot.
func (p *Page) Put(e Entry) bool {
	i, found := p.place(e.Slot)
	if !found {
		p.Entries = slices.Insert(p.Entries, i, e)
		return true
	}
	have := p.Entries[i]
	switch {
	case e.Fence < have.Fence, have.Status.final() && (e.Status.Open() || e.Status == Vacant), have.Status == Covered && e.Status == GivenUp:
		return false
	}
	switch {
	case e.Status == Running: // what is known is that of the previous attempts
		e.Error = have.Error
		e.Read, e.Hits, e.Created, e.Duplicates, e.Suppressed, e.Queued, e.Took = have.Read, have.Hits, have.Created, have.Duplicates, have.Suppressed, have.Queued, have.Took
	case e.repeats(have):
		e.Created, e.Duplicates, e.Took = have.Created, have.Duplicates, have.Took
	default:
		e.follow(have)
	}
	p.Entries[i] = e
	return true
}

// repeats reports whether an entry is that of the same run as one that is there: a write is repeated whose answer was lost.
func (e Entry) repeats(have Entry) bool {
	return e.Attempts == have.Attempts && e.Fence == have.Fence && e.Status == have.Status && e.Read == have.Read && e.Hits == have.Hits && e.Queued == have.Queued &&
		!e.Ended.IsZero() && !e.Ended.Before(have.Ended) && !e.Ended.After(have.EndedBy())
}

// follow adds what the earlier attempts of a slot did: their alerts are the slot's, too, and no duplicates of others.
func (e *Entry) follow(have Entry) {
	e.Created += have.Created
	e.Duplicates = max(0, e.Duplicates-have.Created)
	e.Took += have.Took
}

// Reopen inserts an entry that reopens a covered or vacant slot, and reports whether it did. Slots
// that are open or given up stay as they are.
func (p *Page) Reopen(e Entry) bool {
	i, found := p.place(e.Slot)
	if !found || p.Entries[i].Status != Covered && p.Entries[i].Status != Vacant {
		return false
	}
	e.Fence = max(e.Fence, p.Entries[i].Fence)
	e.follow(p.Entries[i])
	p.Entries[i] = e
	return true
}

func (s Status) final() bool { return s == Covered || s == GivenUp }

func (p *Page) place(slot time.Time) (int, bool) {
	return slices.BinarySearchFunc(p.Entries, slot, func(e Entry, t time.Time) int { return e.Slot.Compare(t) })
}

// Sum holds totals of the entries of a page.
type Sum struct {
	Covered, Open, GivenUp, Failed  int64
	Vacant                          int64
	Read, Hits, Created, Duplicates int64
	Suppressed, Queued              int64
	Took                            time.Duration
	// LastError is the error of the latest slot that has one.
	LastError string
}

// Sum returns the totals of the page.
func (p *Page) Sum() Sum {
	var s Sum
	for _, e := range p.Entries {
		switch e.Status {
		case Covered:
			s.Covered++
		case GivenUp:
			s.GivenUp++
		case Vacant:
			s.Vacant++
		default:
			s.Open++
		}
		if e.Status == Failed || e.Status == Partial {
			s.Failed++
		}
		s.Read, s.Hits, s.Created, s.Duplicates = s.Read+e.Read, s.Hits+e.Hits, s.Created+e.Created, s.Duplicates+e.Duplicates
		s.Suppressed, s.Queued, s.Took = s.Suppressed+e.Suppressed, s.Queued+e.Queued, s.Took+e.Took
		s.LastError = cmp.Or(e.Error, s.LastError)
	}
	return s
}
