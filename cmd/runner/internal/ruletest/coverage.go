package ruletest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/search"
)

// Alternative is one of several tests of a rule's condition of which any suffices: an operand of or, a value of a list, a
// step of a sequence.
type Alternative struct {
	Text string `json:"text"`
	// Met: an event of a test meets it.
	Met bool `json:"met"`
}

// Coverage says which alternatives of a rule's condition its tests have made true.
type Coverage struct {
	File   string `json:"file"`
	RuleID string `json:"rule_id"`
	// Alternatives are all of them, in the order of the condition, each once.
	Alternatives []Alternative `json:"alternatives"`
	Met          int           `json:"met"`
	// Unknown: the condition cannot be evaluated on single events in memory.
	Unknown bool `json:"unknown,omitempty"`
}

// Covered returns the coverage of the rules of results, in the order in which they come up. A rule without alternatives has
// one, the condition itself.
func Covered(results []Result) []Coverage {
	var out []Coverage
	at := map[[2]string]int{}
	for _, r := range results {
		key := [2]string{r.RuleID, ""}
		if r.RuleID == "" {
			continue
		}
		i, known := at[key]
		if !known {
			i = len(out)
			at[key] = i
			out = append(out, Coverage{File: r.File, RuleID: r.RuleID, Alternatives: []Alternative{}})
		}
		c := &out[i]
		c.Unknown = c.Unknown || r.alternatives == nil
		for _, a := range r.alternatives {
			c.add(a)
		}
	}
	return out
}

func (c *Coverage) add(a Alternative) {
	for i := range c.Alternatives {
		if known := &c.Alternatives[i]; known.Text == a.Text {
			if a.Met && !known.Met {
				known.Met = true
				c.Met++
			}
			return
		}
	}
	c.Alternatives = append(c.Alternatives, a)
	if a.Met {
		c.Met++
	}
}

// Lacks returns the alternatives that no test has made true.
func (c *Coverage) Lacks() []string {
	var out []string
	for _, a := range c.Alternatives {
		if !a.Met {
			out = append(out, a.Text)
		}
	}
	return out
}

// alternatives evaluates the condition of a rule on the events of a test; nil if it cannot be evaluated on single events. Fields
// have their ECS types: the alternatives are then the same in every test, whatever fields its events have.
func alternatives(ctx context.Context, plan query.Plan, slot time.Time, events *store.Events) ([]Alternative, error) {
	prepared, _ := plan.Assume(slot)
	if prepared == nil {
		return nil, nil
	}
	fields := prepared.Target().Fields
	var c Coverage
	unknown := false
	r := search.Request{Patterns: []string{"*"}, Where: condition.Const(true), FieldTypes: events.Fields()}
	_, err := events.Search(ctx, r, func(page []event.Event) (bool, error) {
		for i := range page {
			page[i].Types = mapping.OfIndex(fields, page[i].Index)
			doc, err := page[i].Document()
			if err != nil {
				return false, err //nolint:wrapcheck // it names the event
			}
			trace, err := prepared.Trace(ctx, doc)
			if err != nil || trace.Op == "" && trace.Parts != nil {
				unknown = true
				return false, nil //nolint:nilerr // such as analysed text, or a search that is more than a condition
			}
			if c.of(trace, ""); len(c.Alternatives) == 0 || c.Alternatives[0].Text == whole {
				c.add(Alternative{whole, trace.Holds})
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	if unknown {
		return nil, nil
	}
	return append([]Alternative{}, c.Alternatives...), nil
}

// whole stands for a condition without alternatives.
const whole = "the condition"

// of adds the alternatives of a trace.
func (c *Coverage) of(t condition.Trace, within string) {
	if t.Of != "" {
		within = t.Of + ": "
	}
	for _, one := range t.Cases {
		c.add(Alternative{within + one.Text, one.Holds})
	}
	for _, p := range t.Parts {
		if t.Op == condition.OpOr && p.Cases == nil {
			c.add(Alternative{within + described(p), p.Holds})
		}
		c.of(p, within)
	}
}

// described writes a part of a condition in one line: the name of an exception, a step or a rule, if it is one.
func described(t condition.Trace) string {
	switch {
	case t.Of != "":
		return t.Of
	case t.Op == "":
		return t.Text
	}
	parts := make([]string, len(t.Parts))
	for i, p := range t.Parts {
		parts[i] = described(p)
	}
	return "(" + string(t.Op) + " " + strings.Join(parts, " ") + ")"
}
