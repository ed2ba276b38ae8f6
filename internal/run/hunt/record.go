package hunt

import (
	"context"
	"sync"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/rule"
	"tocsin/internal/run/backfill"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
)

const (
	ruleField   = "kibana.alert.rule.rule_id"
	timeField   = "kibana.alert.original_time"
	memberField = "kibana.alert.group.index"
)

// record counts the alerts that would be written. It knows the alerts that it was given, so that rules that depend on
// earlier alerts find them. It is safe for concurrent use.
type record struct {
	*backfill.Preview

	// within is the range. The time of a hit of SPL is the end of its search's window, which may lie after it.
	within window.Window

	mu sync.Mutex
	by map[string]*counts
}

type counts struct {
	target       *target
	alerts, risk Tally
}

var (
	_ alert.Indexer   = (*record)(nil)
	_ alert.Instances = (*record)(nil)
)

func newRecord(targets []*target, within window.Window) *record {
	r := &record{Preview: &backfill.Preview{Lookup: nothing{}}, within: within, by: map[string]*counts{}}
	for _, t := range targets {
		r.by[t.Rule.ID] = &counts{target: t}
	}
	return r
}

// nothing is a store without alerts.
type nothing struct{}

// Existing implements [alert.Lookup].
func (nothing) Existing(context.Context, []string) (map[string]*alert.Source, error) {
	return map[string]*alert.Source{}, nil
}

// Create implements [alert.Indexer].
func (r *record) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	written, err := r.Preview.Create(ctx, docs)
	r.note(docs, written, func(c *counts) *Tally { return &c.alerts })
	return written, err //nolint:wrapcheck // it names the operation
}

// note counts new documents.
func (r *record) note(docs []alert.Document, written []alert.Written, of func(*counts) *Tally) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, w := range written {
		c := r.by[event.First(docs[i].Source, ruleField)]
		if w.Outcome != alert.Created || c == nil || event.First(docs[i].Source, memberField) != "" {
			continue
		}
		if at := alert.TimeOf(docs[i].Source, timeField); at.IsZero() || r.within.Contains(at) || c.target.Rule.Type == rule.TypeSPL {
			of(c).Add(at)
		}
	}
}

// risk returns a place for risk events that counts them.
func (r *record) risk(place *pipeline.Risk) *pipeline.Risk {
	if place == nil {
		return nil
	}
	own := *place
	own.Indexer = riskRecord{place.Indexer, r}
	return &own
}

type riskRecord struct {
	alert.Indexer

	record *record
}

// Create implements [alert.Indexer].
func (r riskRecord) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	written, err := r.Indexer.Create(ctx, docs)
	r.record.note(docs, written, func(c *counts) *Tally { return &c.risk })
	return written, err //nolint:wrapcheck // it names the operation
}

// settle gives the counts to the rules. A rule that makes risk events and no alerts has the times of those.
func (r *record) settle() {
	for _, c := range r.by {
		if !c.target.bySlot {
			continue
		}
		c.target.Tally, c.target.RiskEvents = c.alerts, c.risk.Hits
		if c.alerts.Hits == 0 && c.risk.Hits > 0 {
			c.target.Tally = c.risk
			c.target.Hits, c.target.Untimed = 0, 0
		}
	}
}
