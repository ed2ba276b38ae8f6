package service

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"tocsin/internal/query"
	"tocsin/internal/query/binding"
)

// spread says how long rules wait after their slots have settled. Rules that share the read of the new events do not
// wait. Each of the others makes a search of its own, and these begin at moments that the rules' ids decide: every
// runner has the same, also after a restart. The slots, and with them windows and identities, stay what they are.
type spread struct {
	spacing time.Duration
	// alone are the rules that make a search of their own, by id; those of equal gap share the time between slots.
	alone map[string]share
	byGap map[time.Duration]int
}

// share is the part of a rule in the spread.
type share struct {
	// part is from 0 to below 1.
	part float64
	// gap is the shortest time between two slots.
	gap time.Duration
}

// gapSample is the number of slots after which the gaps of every usual cron expression have occurred.
const gapSample = 100

// newSpread spreads rules with a distance of spacing on average; 0 is none.
func newSpread(rules []*Rule, spacing time.Duration) spread {
	s := spread{spacing: spacing, alone: map[string]share{}, byGap: map[time.Duration]int{}}
	if spacing <= 0 {
		return s
	}
	for _, r := range rules {
		if !r.searchesAlone() {
			continue
		}
		gap := r.gap()
		s.alone[r.ID()] = share{part(r.ID()), gap}
		s.byGap[gap]++
	}
	return s
}

// wait returns how long after its settle time the run of a rule's slot begins. It ends before the next slot.
func (s spread) wait(id string, settle time.Duration) time.Duration {
	mine, ok := s.alone[id]
	if !ok {
		return 0
	}
	return time.Duration(mine.part * float64(s.length(mine.gap, settle)))
}

// Waits returns how long after it has settled a live slot of each rule may wait at most before its run begins, by the
// rule's id; rules that do not wait are left out. The rules are all that a service runs.
func Waits(rules []*Rule, spacing time.Duration) map[string]time.Duration {
	s := newSpread(rules, spacing)
	out := make(map[string]time.Duration, len(s.alone))
	for id := range s.alone {
		out[id] = s.wait(id, 0)
	}
	return out
}

// length is the time over which the rules of a gap are spread. A tenth of the gap is left to the last of them.
func (s spread) length(gap, settle time.Duration) time.Duration {
	n := s.byGap[gap]
	if n < 2 {
		return 0
	}
	return max(0, min(time.Duration(n)*s.spacing, (gap-settle)/10*9))
}

// longest returns the longest time over which rules are spread, without settle times.
func (s spread) longest() time.Duration {
	var most time.Duration
	for gap := range s.byGap {
		most = max(most, s.length(gap, 0))
	}
	return most
}

// part returns a number from 0 to below 1 that depends on the id alone, and not on the runner that owns the rule.
func part(id string) float64 {
	sum := sha256.Sum256([]byte("start\x00" + id))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}

// searchesAlone reports whether the rule makes a search that other rules' searches cannot be answered with. A rule that
// writes tables for others runs at the start of its slot all the same.
func (r *Rule) searchesAlone() bool {
	if w, ok := r.Plan.(query.TableWriter); ok && w.WritesTables() {
		return false
	}
	if r.Plan.Strategy() == query.Scan {
		return false
	}
	prepared, _ := r.Plan.Assume(binding.TrialTime)
	return prepared == nil || query.Scannable(prepared) != nil
}

// gap returns the shortest time between two slots; 0 without two slots.
func (r *Rule) gap() time.Duration {
	var least time.Duration
	for i, at := 0, r.Slots.Next(binding.TrialTime); i < gapSample && !at.IsZero(); i++ {
		next := r.Slots.Next(at)
		if next.IsZero() {
			break
		}
		if gap := next.Sub(at); least == 0 || gap < least {
			least = gap
		}
		at = next
	}
	return least
}
