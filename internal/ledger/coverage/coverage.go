// Package coverage reports what a ledger contains: which part of the time that rules should have
// searched they did search, and what is missing.
//
// It runs nothing and changes nothing. The flow: [Read] takes rules, a time range and a store of
// the ledger, and makes a [Row] for every rule, with counts, a heat map of [Bucket]s and the
// [Gap]s.
package coverage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/ledger"
)

// Rule is a rule whose slots are reported.
type Rule struct {
	ID, Name string
	Slots    ledger.Slots
	// Wait is how long a slot of the rule may wait for its run, besides [Options.Settle].
	Wait time.Duration
}

// Options are the settings of a report.
type Options struct {
	// From and To bound the slots, both included.
	From, To time.Time
	// Settle is how long a slot may be running before it counts as a gap.
	Settle time.Duration
	// Now is the time of the report.
	Now time.Time
	// Parse reads the schedules that rules had before; nil: they have always had their schedule.
	Parse ledger.Parse
	// Buckets is the number of buckets of the heat map; 0 means no heat map.
	Buckets int
}

// Counts are numbers of slots. A slot is counted in exactly one of Covered, Planned, Failed,
// Queued, GivenUp and Vacant.
type Counts struct {
	Covered int `json:"covered"`
	// Planned slots were not run. Failed slots were run and failed, as a whole or in part. Queued
	// slots have hits left.
	Planned int `json:"planned"`
	Failed  int `json:"failed"`
	Queued  int `json:"queued"`
	GivenUp int `json:"given_up"`
	// Vacant slots owe and cover nothing: no pattern of the rule matched an index.
	Vacant int `json:"vacant"`
}

// Slots returns the number of all slots.
func (c Counts) Slots() int { return c.Covered + c.Open() + c.GivenUp + c.Vacant }

// Open returns the number of slots that are still to be run.
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

// Bucket is a part of the time range.
type Bucket struct {
	From time.Time `json:"from"`
	Counts
}

// Row is the report on one rule.
type Row struct {
	RuleID string `json:"rule_id"`
	Name   string `json:"name"`
	// Known means that a runner has registered the rule, or has run it in this time range. An
	// unknown rule owes nothing and has covered nothing.
	Known bool `json:"known"`
	Counts
	// OldestOpen is the first open slot, LastCovered the last covered one.
	OldestOpen  *time.Time `json:"oldest_open,omitempty"`
	LastCovered *time.Time `json:"last_covered,omitempty"`
	// Lateness is the median of the time from a slot to the end of its run.
	Lateness time.Duration `json:"-"`
	// Lag is how long the rule's events take to become searchable.
	Lag ledger.Lag `json:"-"`
	// Unmet lists the index patterns that matched no index in the last run.
	Unmet []ledger.Pattern `json:"unmet_patterns,omitempty"`
	// LastError is the error of the latest slot that has one.
	LastError string   `json:"last_error,omitempty"`
	Buckets   []Bucket `json:"buckets,omitempty"`
	Gaps      []Gap    `json:"-"`
	// Owed lists the open slots, oldest first.
	Owed []ledger.Owed `json:"-"`

	late []time.Duration
	// vacantLast means that the latest slot is vacant.
	vacantLast bool
}

// Gap is a run of consecutive slots of a rule that are open for the same reason.
type Gap struct {
	RuleID string    `json:"rule_id"`
	Name   string    `json:"name"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Slots  int       `json:"slots"`
	Status string    `json:"status"`
	// Attempts is the largest number of attempts of any of the slots.
	Attempts int64 `json:"attempts"`
	// Reason is why a part of the windows was not read; "" where something else failed.
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Chunk bounds the pages in memory: it is the number of rules that are read at a time.
const Chunk = 20

// Read reports the slots of rules, in the order of the rules. Slots before a rule was first seen
// are not counted.
func Read(ctx context.Context, store ledger.Store, rules []Rule, o Options) ([]Row, error) {
	rows := make([]Row, 0, len(rules))
	for part := range slices.Chunk(rules, Chunk) {
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
	slots := ledger.SlotsOf(r.Slots, head.Past, o.Parse)
	for slot := slots.Next(o.From.Add(-1)); !slot.IsZero() && !slot.After(o.To); slot = slots.Next(slot) {
		e := ledger.Entry{Slot: slot}
		recorded := false
		if p := pages[ledger.Page{RuleID: r.ID, Day: ledger.Day(slot)}.ID()]; p != nil {
			e, recorded = p.Find(slot)
			row.Known = row.Known || recorded
		}
		// A slot before the rule was first seen counts only if somebody ran it. A running slot is
		// not late yet.
		if (!recorded || e.Status == ledger.Running) && (!known || slot.Before(head.Since) || o.Now.Sub(slot) < o.Settle+r.Wait) {
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

// take counts a slot. Slots come in order of time.
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

// ended makes the next open slot begin a new gap.
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

// Begun reports whether a ledger has entries of any rule, including rules outside the report.
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

// The statuses of a [Gap] that has no slots.
const (
	// NoLedger: nobody has run any rule.
	NoLedger = "no-ledger"
	// NeverRun: no runner has run this rule.
	NeverRun = "never-run"
)

// Unknown returns gaps for what the ledger does not know: one gap if the ledger is empty, else one
// for each unknown rule.
func Unknown(rows []Row, begun bool, o Options) []Gap {
	if !begun {
		return []Gap{{From: o.From, To: o.To, Status: NoLedger, Error: fmt.Sprintf("there is no record of any of %d rules, or of other rules", len(rows))}}
	}
	var out []Gap
	for _, r := range rows {
		if !r.Known {
			out = append(out, Gap{RuleID: r.RuleID, Name: r.Name, From: o.From, To: o.To, Status: NeverRun, Error: "no runner has run it"})
		}
	}
	return out
}

// Gaps returns the gaps of all rows, oldest first.
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

// Mark returns the character that shows the counts in the heat map.
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
