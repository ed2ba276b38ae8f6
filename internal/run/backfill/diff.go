package backfill

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
)

// Kind is the result of comparing an alert.
type Kind string

// The kinds. A Missing alert exists for one of the job's slots, and would not be created now.
const (
	New     Kind = "new"
	Missing Kind = "missing"
	Same    Kind = "same"
)

// Change is a difference that a comparison found.
type Change struct {
	Kind   Kind      `json:"change"`
	RuleID string    `json:"rule_id"`
	ID     string    `json:"id"`
	Time   time.Time `json:"original_time,omitzero"`
	Slot   time.Time `json:"slot,omitzero"`
	Reason string    `json:"reason,omitempty"`
}

func changeOf(kind Kind, d alert.Document) Change {
	return Change{
		Kind: kind, RuleID: event.First(d.Source, ruleField), ID: d.ID, Time: alert.TimeOf(d.Source, "kibana.alert.original_time"),
		Slot: alert.TimeOf(d.Source, slotField), Reason: event.First(d.Source, "kibana.alert.reason"),
	}
}

// Counts are numbers of alerts of a rule, including building blocks.
type Counts struct {
	// New alerts would be written, Same alerts exist already, Missing alerts exist and would not be
	// created.
	New, Same, Missing int64
}

// Counts returns the previewed alerts by rule. Missing alerts are known only to [Preview.Diff].
func (p *Preview) Counts() map[string]Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]Counts{}
	for _, m := range p.made {
		if !m.exists {
			c := out[m.change.RuleID]
			c.New++
			out[m.change.RuleID] = c
		}
	}
	for id, there := range p.there {
		c := out[id]
		c.Same = int64(len(there))
		out[id] = c
	}
	return out
}

// Diff compares the previewed alerts of a job with the existing ones. Alerts of slots outside the
// job are never missing. Changes are ordered by rule, kind and time.
func (p *Preview) Diff(ctx context.Context, alerts alert.Reader, job Job) (map[string]Counts, []Change, error) {
	counts := p.Counts()
	changes := p.changes()
	for _, r := range job.Rules {
		c := counts[r.ID]
		err := alerts.List(ctx, alert.Filter{RuleID: r.ID}, func(d alert.Document) (bool, error) {
			if slot := alert.TimeOf(d.Source, slotField); slot.Before(job.From) || !slot.Before(job.To) || p.knows(d.ID) {
				return true, nil
			}
			c.Missing++
			changes = append(changes, changeOf(Missing, d))
			return true, nil
		})
		if err != nil {
			return nil, nil, fmt.Errorf("list the alerts of rule %s: %w", r.ID, err)
		}
		counts[r.ID] = c
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.RuleID, b.RuleID), order(a.Kind)-order(b.Kind), a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))
	})
	return counts, changes, nil
}

func order(k Kind) int { return slices.Index([]Kind{New, Missing, Same}, k) }

func (p *Preview) changes() []Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Change
	for _, m := range p.made {
		c := m.change
		if m.exists {
			c.Kind = Same
		}
		out = append(out, c)
	}
	return out
}

func (p *Preview) knows(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made[id] != nil
}
