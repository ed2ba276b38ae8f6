// Package coverage tells people what a ledger has: which part of the time that rules should have
// looked at they did look at, and what is missing.
//
// It runs nothing and changes nothing. The flow: [Read] takes rules, a range of time and a store of
// the ledger, and makes a [Row] of every rule, with counts, a heat map of [Bucket]s and the [Gap]s.
package coverage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/ledger"
)

// Rule is a rule whose slots are looked at.
type Rule struct {
	ID, Name string
	Slots    ledger.Slots
}

// Options say what is looked at.
type Options struct {
	// From and To bound the slots, both included.
	From, To time.Time
	// Settle is how long a slot may be under way before it counts as a gap.
	Settle time.Duration
	// Now is when the question is asked.
	Now time.Time
	// Buckets is the number of parts of the heat map; 0: none.
	Buckets int
}

// Counts are numbers of slots. A slot is in exactly one of Covered, Planned, Failed, Queued, GivenUp
// and Vacant.
type Counts struct {
	Covered int `json:"covered"`
	// Planned slots were not run; Failed ones were, in vain or in part; of Queued ones hits are left.
	Planned int `json:"planned"`
	Failed  int `json:"failed"`
	Queued  int `json:"queued"`
	GivenUp int `json:"given_up"`
	// Vacant slots owe nothing, and cover nothing: no pattern of the rule meant an index.
	Vacant int `json:"vacant"`
}

// Slots is their sum, Open the number of those that are still to be run.
func (c Counts) Slots() int { return c.Covered + c.Open() + c.GivenUp + c.Vacant }

// Open is the number of those that are still to be run.
func (c Counts) Open() int { return c.Planned + c.Failed + c.Queued }

func (c *Counts) add(s ledger.Status) {
	switch s {
	case ledger.Covered:
		c.Covered++
	case ledger.GivenUp:
		c.GivenUp++
	case ledger.Queued:
		c.Queued++
	case ledger.Vacant:
		c.Vacant++
	case ledger.Failed, ledger.Partial:
		c.Failed++
	case ledger.Planned, ledger.Running:
		c.Planned++
	}
}

// Bucket is a part of the range.
type Bucket struct {
	From time.Time `json:"from"`
	Counts
}

// Row is how one rule stands.
type Row struct {
	RuleID string `json:"rule_id"`
	Name   string `json:"name"`
	// Known tells that a runner has begun to run the rule, or has run it in this time. A rule that
	// nobody knows owes nothing, and has covered nothing.
	Known bool `json:"known"`
	Counts
	// OldestOpen is the first slot that is still to be run, LastCovered the last one that is covered.
	OldestOpen  *time.Time `json:"oldest_open,omitempty"`
	LastCovered *time.Time `json:"last_covered,omitempty"`
	// Lateness is the median of the time from a slot to the end of its run.
	Lateness time.Duration `json:"-"`
	// Lag is how long the events that the rule reads take to come.
	Lag ledger.Lag `json:"-"`
	// Unmet are the index patterns that mean no index, as the last run met them.
	Unmet []ledger.Pattern `json:"unmet_patterns,omitempty"`
	// LastError is that of the latest slot that has one.
	LastError string   `json:"last_error,omitempty"`
	Buckets   []Bucket `json:"buckets,omitempty"`
	Gaps      []Gap    `json:"-"`
	// Owed are the open slots, oldest first.
	Owed []ledger.Owed `json:"-"`

	late []time.Duration
	// vacantLast tells that the latest slot is vacant.
	vacantLast bool
}

// Gap is a stretch of slots of a rule that are open for the same reason.
type Gap struct {
	RuleID string    `json:"rule_id"`
	Name   string    `json:"name"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Slots  int       `json:"slots"`
	Status string    `json:"status"`
	// Attempts is the greatest number of times that one of the slots was tried.
	Attempts int64 `json:"attempts"`
	// Reason is why a part of the windows was not read, "" where that is not what failed.
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
}

// chunk bounds the pages in memory: those of so many rules at a time.
const chunk = 20

// Read looks at the slots of rules, in their order. Slots before a rule was seen first are none.
func Read(ctx context.Context, store ledger.Store, rules []Rule, o Options) ([]Row, error) {
	rows := make([]Row, 0, len(rules))
	for part := range slices.Chunk(rules, chunk) {
		ids := make([]string, len(part))
		for i, r := range part {
			ids[i] = r.ID
		}
		heads, err := store.Heads(ctx, ids)
		if err != nil {
			return nil, fmt.Errorf("read the ledger of %d rules: %w", len(ids), err)
		}
		pages, err := store.Pages(ctx, ids, o.From, o.To)
		if err != nil {
			return nil, fmt.Errorf("read the ledger of %d rules: %w", len(ids), err)
		}
		byRule := map[string]ledger.Head{}
		for _, h := range heads {
			byRule[h.RuleID] = h
		}
		byID := map[string]*ledger.Page{}
		for i := range pages {
			byID[pages[i].ID()] = &pages[i]
		}
		for _, r := range part {
			rows = append(rows, read(r, byRule, byID, o))
		}
	}
	return rows, nil
}

func read(r Rule, heads map[string]ledger.Head, pages map[string]*ledger.Page, o Options) Row {
	head := heads[r.ID]
	known := !head.Since.IsZero()
	row := Row{RuleID: r.ID, Name: r.Name, Known: known, Buckets: buckets(o), Lag: head.Lag, Unmet: unmet(head.Patterns)}
	for slot := r.Slots.Next(o.From.Add(-1)); !slot.IsZero() && !slot.After(o.To); slot = r.Slots.Next(slot) {
		e := ledger.Entry{Slot: slot}
		recorded := false
		if p := pages[ledger.Page{RuleID: r.ID, Day: ledger.Day(slot)}.ID()]; p != nil {
			e, recorded = p.Find(slot)
			row.Known = row.Known || recorded
		}
		// A slot that somebody ran before the rule's time counts, one that nobody ran does not. One that is
		// being run is not late yet.
		if (!recorded || e.Status == ledger.Running) && (!known || slot.Before(head.Since) || o.Now.Sub(slot) < o.Settle) {
			continue
		}
		row.take(e, o)
	}
	slices.Sort(row.late)
	if n := len(row.late); n > 0 {
		row.Lateness = row.late[n/2]
	}
	row.late = nil
	return row
}

func unmet(patterns []ledger.Pattern) []ledger.Pattern {
	var out []ledger.Pattern
	for _, p := range patterns {
		if !p.Since.IsZero() {
			out = append(out, p)
		}
	}
	return out
}

func buckets(o Options) []Bucket {
	out := make([]Bucket, o.Buckets)
	for i := range out {
		out[i].From = o.From.Add(o.To.Sub(o.From) / time.Duration(o.Buckets) * time.Duration(i))
	}
	return out
}

// take counts a slot, the next in time.
func (r *Row) take(e ledger.Entry, o Options) {
	r.add(e.Status)
	r.vacantLast = e.Status == ledger.Vacant
	if n := len(r.Buckets); n > 0 {
		at := int(float64(n) * float64(e.Slot.Sub(o.From)) / float64(max(1, o.To.Sub(o.From))))
		r.Buckets[min(at, n-1)].add(e.Status)
	}
	r.LastError = cmp.Or(e.Error, r.LastError)
	switch {
	case e.Status == ledger.Covered:
		r.LastCovered = &e.Slot
		if !e.Ended.IsZero() {
			r.late = append(r.late, max(0, e.Ended.Sub(e.Slot)))
		}
		r.Gaps = ended(r.Gaps)
	case e.Status.Open():
		if r.OldestOpen == nil {
			r.OldestOpen = &e.Slot
		}
		r.Owed = append(r.Owed, ledger.Owed{RuleID: r.RuleID, Entry: e})
		r.gap(e)
	}
}

// ended marks that the next open slot begins a gap of its own.
func ended(gaps []Gap) []Gap {
	if n := len(gaps); n > 0 && gaps[n-1].Slots > 0 {
		return append(gaps, Gap{})
	}
	return gaps
}

func (r *Row) gap(e ledger.Entry) {
	n := len(r.Gaps)
	if n > 0 && r.Gaps[n-1].Slots == 0 {
		n--
		r.Gaps = r.Gaps[:n]
	} else if n > 0 {
		if last := &r.Gaps[n-1]; last.Status == e.Status.String() && last.Error == e.Error {
			last.To = e.Slot
			last.Slots++
			last.Attempts = max(last.Attempts, e.Attempts)
			return
		}
	}
	r.Gaps = append(r.Gaps, Gap{
		RuleID: r.RuleID, Name: r.Name, From: e.Slot, To: e.Slot, Slots: 1, Status: e.Status.String(), Attempts: e.Attempts,
		Reason: e.Reason.String(), Error: e.Error,
	})
}

// Begun reports whether a ledger has anything of any rule, be it one that nobody asked about.
func Begun(ctx context.Context, store ledger.Store, rows []Row) (bool, error) {
	if slices.ContainsFunc(rows, func(r Row) bool { return r.Known }) {
		return true, nil
	}
	heads, err := store.Heads(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("read the ledger: %w", err)
	}
	return len(heads) > 0, nil
}

// The status of a [Gap] that is no stretch of slots.
const (
	// NoLedger: nobody has run any rule.
	NoLedger = "no-ledger"
	// NeverRun: no runner has run this one.
	NeverRun = "never-run"
)

// Unknown returns what nobody knows of: the ledger as one, where it has not begun, or else each rule
// that is not known.
func Unknown(rows []Row, begun bool, o Options) []Gap {
	if !begun {
		return []Gap{{From: o.From, To: o.To, Status: NoLedger, Error: fmt.Sprintf("nothing is recorded of any of %d rules, nor of others", len(rows))}}
	}
	var out []Gap
	for _, r := range rows {
		if !r.Known {
			out = append(out, Gap{RuleID: r.RuleID, Name: r.Name, From: o.From, To: o.To, Status: NeverRun, Error: "no runner has run it"})
		}
	}
	return out
}

// Gaps returns those of all rows, the oldest first.
func Gaps(rows []Row) []Gap {
	out := []Gap{}
	for _, r := range rows {
		for _, g := range r.Gaps {
			if g.Slots > 0 {
				out = append(out, g)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Gap) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.RuleID, b.RuleID)) })
	return out
}

// Mark is the character of a part of the heat map.
func (c Counts) Mark() rune {
	switch {
	case c.Slots() == 0:
		return ' '
	case c.Covered == c.Slots():
		return '█'
	case c.Vacant == c.Slots():
		return '○'
	case c.Failed > 0:
		return '×'
	case c.Queued > 0:
		return '+'
	case c.Planned+c.Vacant > 0 && c.Covered > 0:
		return '▄'
	case c.Planned > 0:
		return '·'
	}
	return '-'
}
