package service

import (
	"maps"
	"sync"
	"time"

	"tocsin/internal/ledger"
)

// backlog holds the open slots that this runner knows of: from the last read of the ledger, plus
// the changes since. It is safe for concurrent use; the zero value is empty.
type backlog struct {
	mu     sync.Mutex
	byRule map[string]map[int64]ledger.Entry
	// touched holds the slots that changed since begin: a read of the ledger that began earlier
	// misses these changes.
	touched map[slotKey]bool
	// succeeded is when the last recorded run of a rule that succeeded has ended.
	succeeded map[string]time.Time
}

// slotKey identifies a slot of a rule.
type slotKey struct {
	rule string
	slot int64
}

// add inserts an open slot and replaces an earlier entry of it.
func (b *backlog) add(rule string, e ledger.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(rule, e)
	b.touch(rule, e.Slot)
}

// addMissed inserts a slot that was not run, unless it is present.
func (b *backlog) addMissed(rule string, slot time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.byRule[rule][slot.UnixNano()]; !known {
		b.put(rule, ledger.Entry{Slot: slot})
	}
	b.touch(rule, slot)
}

// remove removes a slot that is no longer open.
func (b *backlog) remove(rule string, slot time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drop(rule, slot.UnixNano())
	b.touch(rule, slot)
}

func (b *backlog) put(rule string, e ledger.Entry) {
	if b.byRule == nil {
		b.byRule = map[string]map[int64]ledger.Entry{}
	}
	if b.byRule[rule] == nil {
		b.byRule[rule] = map[int64]ledger.Entry{}
	}
	b.byRule[rule][e.Slot.UnixNano()] = e
}

func (b *backlog) drop(rule string, slot int64) {
	delete(b.byRule[rule], slot)
	if len(b.byRule[rule]) == 0 {
		delete(b.byRule, rule)
	}
}

func (b *backlog) touch(rule string, slot time.Time) {
	if b.touched != nil {
		b.touched[slotKey{rule, slot.UnixNano()}] = true
	}
}

// begin marks the start of a read of the ledger.
func (b *backlog) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.touched = map[slotKey]bool{}
}

// replace takes over the result of a read of the ledger, except for slots that have changed since
// begin.
func (b *backlog) replace(surveys []ledger.Survey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.byRule
	b.byRule = map[string]map[int64]ledger.Entry{}
	for _, s := range surveys {
		for _, o := range s.Owed {
			if !b.touched[slotKey{o.RuleID, o.Entry.Slot.UnixNano()}] {
				b.put(o.RuleID, o.Entry)
			}
		}
	}
	for k := range b.touched {
		if e, open := old[k.rule][k.slot]; open {
			b.put(k.rule, e)
		}
	}
	b.touched = nil
}

// success notes when a run of a rule that succeeded has ended.
func (b *backlog) success(rule string, ended time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.succeeded == nil {
		b.succeeded = map[string]time.Time{}
	}
	if ended.After(b.succeeded[rule]) {
		b.succeeded[rule] = ended
	}
}

// lastSuccess returns when the last run of a rule that succeeded has ended; zero if none has since the start.
func (b *backlog) lastSuccess(rule string) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.succeeded[rule]
}

// retain drops what is known of rules that are not wanted any more.
func (b *backlog) retain(wanted func(rule string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.byRule, func(rule string, _ map[int64]ledger.Entry) bool { return !wanted(rule) })
	maps.DeleteFunc(b.succeeded, func(rule string, _ time.Time) bool { return !wanted(rule) })
}

// count returns the number of open slots of a rule.
func (b *backlog) count(rule string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.byRule[rule])
}

// counts returns the number of open slots of every rule that has one.
func (b *backlog) counts() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[string]int, len(b.byRule))
	for rule, slots := range b.byRule {
		out[rule] = len(slots)
	}
	return out
}

// oldest returns the oldest open slot of every rule that has one.
func (b *backlog) oldest() map[string]time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[string]time.Time, len(b.byRule))
	for rule, slots := range b.byRule {
		for _, e := range slots {
			if first, known := out[rule]; !known || e.Slot.Before(first) {
				out[rule] = e.Slot
			}
		}
	}
	return out
}

// list returns the open slots of the wanted rules.
func (b *backlog) list(wanted func(rule string) bool) []ledger.Owed {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []ledger.Owed
	for rule, slots := range b.byRule {
		if !wanted(rule) {
			continue
		}
		for _, e := range slots {
			out = append(out, ledger.Owed{RuleID: rule, Entry: e})
		}
	}
	return out
}
