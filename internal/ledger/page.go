package ledger

import (
	"cmp"
	"slices"
	"time"
)

// Page is what is recorded of a rule's slots on one day. Entries are in order of their slots, each
// slot once.
type Page struct {
	RuleID string
	// Day is midnight, in UTC.
	Day     time.Time
	Entries []Entry
	// Version is the store's mark of the state that was read; nil for a page that is not there yet.
	Version any
}

// ID is the page's name in a store.
func (p Page) ID() string { return p.RuleID + "/" + p.Day.UTC().Format(time.DateOnly) }

// Find returns the entry of a slot, a Planned one where nothing is recorded.
func (p *Page) Find(slot time.Time) (Entry, bool) {
	i, found := p.place(slot)
	if !found {
		return Entry{Slot: slot}, false
	}
	return p.Entries[i], true
}

// Put takes an entry in, in the place of an older one of the same slot. One that carries a lower
// fencing number than what is there is refused: its writer has been replaced meanwhile. So is one
// that would open again what is final.
func (p *Page) Put(e Entry) bool {
	i, found := p.place(e.Slot)
	if !found {
		p.Entries = slices.Insert(p.Entries, i, e)
		return true
	}
	have := p.Entries[i]
	if e.Fence < have.Fence || have.Status.final() && (e.Status.Open() || e.Status == Vacant) {
		return false
	}
	if e.Status == Running {
		e.Error = have.Error // that of the attempt before
	}
	p.Entries[i] = e
	return true
}

// Reopen takes an entry in that opens a slot again which was covered or vacant. It reports whether the slot
// was; one that is open already stays as it is, and one that was given up too.
func (p *Page) Reopen(e Entry) bool {
	i, found := p.place(e.Slot)
	if !found || p.Entries[i].Status != Covered && p.Entries[i].Status != Vacant {
		return false
	}
	e.Fence = max(e.Fence, p.Entries[i].Fence)
	p.Entries[i] = e
	return true
}

func (s Status) final() bool { return s == Covered || s == GivenUp }

func (p *Page) place(slot time.Time) (int, bool) {
	return slices.BinarySearchFunc(p.Entries, slot, func(e Entry, t time.Time) int { return e.Slot.Compare(t) })
}

// Sum adds up the entries of a page for who looks at many.
type Sum struct {
	Covered, Open, GivenUp, Failed  int64
	Vacant                          int64
	Read, Hits, Created, Duplicates int64
	Suppressed, Queued, Shards      int64
	Took                            time.Duration
	// LastError is that of the latest slot that has one.
	LastError string
}

// Sum adds up.
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
		s.Suppressed, s.Queued, s.Shards, s.Took = s.Suppressed+e.Suppressed, s.Queued+e.Queued, s.Shards+e.Shards, s.Took+e.Took
		s.LastError = cmp.Or(e.Error, s.LastError)
	}
	return s
}
