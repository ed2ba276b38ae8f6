package service

import (
	"sync"
	"time"

	"tocsin/internal/ledger"
)

// debts are the open slots that are known here: what the ledger said when it was last asked, and
// what has happened since. They are safe for concurrent use.
type debts struct {
	mu     sync.Mutex
	byRule map[string]map[int64]ledger.Entry
	// touched are the slots that changed since begin: a survey that was under way then knows less.
	touched map[debt]bool
}

// debt names a slot.
type debt struct {
	rule string
	slot int64
}

func newDebts() *debts { return &debts{byRule: map[string]map[int64]ledger.Entry{}} }

// add notes an open slot, in the place of what was known of it.
func (d *debts) add(rule string, e ledger.Entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.put(rule, e)
	d.touch(rule, e.Slot)
}

// owe notes a slot that was not run, unless it is known.
func (d *debts) owe(rule string, slot time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.byRule[rule][slot.UnixNano()]; !known {
		d.put(rule, ledger.Entry{Slot: slot})
	}
	d.touch(rule, slot)
}

// settle forgets a slot that is open no more.
func (d *debts) settle(rule string, slot time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remove(rule, slot.UnixNano())
	d.touch(rule, slot)
}

func (d *debts) put(rule string, e ledger.Entry) {
	if d.byRule[rule] == nil {
		d.byRule[rule] = map[int64]ledger.Entry{}
	}
	d.byRule[rule][e.Slot.UnixNano()] = e
}

func (d *debts) remove(rule string, slot int64) {
	delete(d.byRule[rule], slot)
	if len(d.byRule[rule]) == 0 {
		delete(d.byRule, rule)
	}
}

func (d *debts) touch(rule string, slot time.Time) {
	if d.touched != nil {
		d.touched[debt{rule, slot.UnixNano()}] = true
	}
}

// begin says that the ledger is going to be asked.
func (d *debts) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.touched = map[debt]bool{}
}

// replace takes what the ledger said for true, but for what has changed since begin.
func (d *debts) replace(surveys []ledger.Survey) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.byRule
	d.byRule = map[string]map[int64]ledger.Entry{}
	for _, s := range surveys {
		for _, o := range s.Owed {
			if !d.touched[debt{o.RuleID, o.Entry.Slot.UnixNano()}] {
				d.put(o.RuleID, o.Entry)
			}
		}
	}
	for k := range d.touched {
		if e, open := old[k.rule][k.slot]; open {
			d.put(k.rule, e)
		}
	}
	d.touched = nil
}

// count returns the number of open slots of a rule.
func (d *debts) count(rule string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.byRule[rule])
}

// counts returns the number of open slots of every rule that has one.
func (d *debts) counts() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make(map[string]int, len(d.byRule))
	for rule, slots := range d.byRule {
		out[rule] = len(slots)
	}
	return out
}

// list returns the open slots of the rules that are wanted.
func (d *debts) list(wanted func(rule string) bool) []ledger.Owed {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []ledger.Owed
	for rule, slots := range d.byRule {
		if !wanted(rule) {
			continue
		}
		for _, e := range slots {
			out = append(out, ledger.Owed{RuleID: rule, Entry: e})
		}
	}
	return out
}
