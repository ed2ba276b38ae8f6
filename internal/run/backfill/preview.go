package backfill

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
)

const ruleField = "kibana.alert.rule.rule_id"

// Preview replaces an alert store when nothing may be written. It says what would happen to each
// alert, reads the existing alerts, and remembers the alerts that it was given, so that rules that
// depend on earlier alerts find both. It is safe for concurrent use.
type Preview struct {
	// Lookup finds which alerts exist, History reads them; nil: no history.
	Lookup  alert.Lookup
	History alert.Instances
	// Anew, unless zero, is the slot from which on existing alerts are ignored: the preview shows
	// what would be created if they did not exist.
	Anew time.Time

	mu sync.Mutex
	// made holds the alerts that would be written, by id. An alert that is its own instance is
	// stored only as far as it is reported.
	made map[string]*made
	// there holds, by rule, the alerts that exist already.
	there map[string]map[string]bool
	// documents holds alerts about an instance, and changed alerts.
	documents map[string]alert.Document
	instances map[string][]string
}

// made is an alert that would be written.
type made struct {
	change Change
	exists bool
	from   *alert.Source
}

var (
	_ alert.Indexer   = (*Preview)(nil)
	_ alert.Instances = (*Preview)(nil)
)

// Create says which alerts would be new. An alert that this preview was given before is a
// duplicate, as it would be after a write.
func (p *Preview) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	ids := make([]string, len(docs))
	for i, d := range docs {
		ids[i] = d.ID
	}
	exists, err := p.Lookup.Existing(ctx, ids)
	if err != nil {
		return nil, err //nolint:wrapcheck // the error names the operation
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	written := make([]alert.Written, len(docs))
	for i, d := range docs {
		met, there := exists[d.ID]
		written[i] = alert.Written{ID: d.ID, Outcome: alert.Duplicate, Met: met}
		if there {
			p.meet(d)
		}
		if m := p.made[d.ID]; m != nil {
			written[i].Met = m.from
			continue
		}
		if there && p.Anew.IsZero() {
			continue
		}
		if err := p.keep(d, there); err != nil {
			written[i].Outcome, written[i].Err = alert.Failed, err
			continue
		}
		written[i].Outcome = alert.Created
	}
	return written, nil
}

func (p *Preview) meet(d alert.Document) {
	id := event.First(d.Source, ruleField)
	if p.there == nil {
		p.there = map[string]map[string]bool{}
	}
	if p.there[id] == nil {
		p.there[id] = map[string]bool{}
	}
	p.there[id][d.ID] = true
}

func (p *Preview) keep(d alert.Document, exists bool) error {
	if p.made == nil {
		p.made, p.documents, p.instances = map[string]*made{}, map[string]alert.Document{}, map[string][]string{}
	}
	if instance := alert.InstanceOf(d); instance != d.ID {
		stored, err := asStored(d)
		if err != nil {
			return err
		}
		p.documents[d.ID] = stored
		p.instances[instance] = append(p.instances[instance], d.ID)
	}
	from, err := alert.SourceOf(d)
	if err != nil {
		return fmt.Errorf("alert %s: %w", d.ID, err)
	}
	p.made[d.ID] = &made{changeOf(New, d), exists, from}
	return nil
}

// asStored gives a document the values that it has when it is read back.
func asStored(d alert.Document) (alert.Document, error) {
	data, err := json.Marshal(d.Source)
	if err != nil {
		return d, fmt.Errorf("encode alert %s: %w", d.ID, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	out := alert.Document{ID: d.ID, Revision: "preview"}
	if err := decoder.Decode(&out.Source); err != nil {
		return d, fmt.Errorf("decode alert %s: %w", d.ID, err)
	}
	return out, nil
}

// Find visits existing alerts, with their changes, and alerts that would exist.
func (p *Preview) Find(ctx context.Context, q alert.InstanceQuery, visit func(alert.Document) (bool, error)) error {
	more := true
	there := func() error {
		if p.History == nil {
			return nil
		}
		return p.History.Find(ctx, q, func(d alert.Document) (bool, error) { //nolint:wrapcheck // the error names the operation
			if !p.Anew.IsZero() && !alert.TimeOf(d.Source, slotField).Before(p.Anew) {
				return true, nil
			}
			var err error
			more, err = visit(p.current(d))
			return more, err
		})
	}
	previewed := func() error {
		for _, d := range p.previewed(q) {
			var err error
			if more, err = visit(d); err != nil || !more {
				return err
			}
		}
		return nil
	}
	order := []func() error{there, previewed} // previewed alerts are newer than existing ones
	if q.Newest {
		slices.Reverse(order)
	}
	for _, next := range order {
		if err := next(); err != nil || !more {
			return err
		}
	}
	return nil
}

const slotField = "kibana.alert.intended_timestamp"

// current returns an existing alert with the changes that would have been made.
func (p *Preview) current(d alert.Document) alert.Document {
	p.mu.Lock()
	defer p.mu.Unlock()
	if changed, ok := p.documents[d.ID]; ok && p.made[d.ID] == nil {
		return changed
	}
	return d
}

// previewed returns the alerts matching a query that would have been created.
func (p *Preview) previewed(q alert.InstanceQuery) []alert.Document {
	p.mu.Lock()
	defer p.mu.Unlock()
	since, bounded := q.Limit()
	var out []alert.Document
	for _, instance := range slices.Compact(slices.Sorted(slices.Values(q.Instances))) {
		ids := slices.Clone(p.instances[instance])
		if q.Newest {
			slices.Reverse(ids)
		}
		for _, id := range ids {
			d := p.documents[id]
			if q.RuleID != "" && event.First(d.Source, ruleField) != q.RuleID {
				continue
			}
			if _, last := alert.Span(d.Source); bounded && last.Before(since) {
				continue
			}
			out = append(out, d)
		}
	}
	return out
}

var errNotRead = errors.New("it was not read for an update")

// Update remembers changed alerts.
func (p *Preview) Update(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.documents == nil {
		p.documents = map[string]alert.Document{}
	}
	written := make([]alert.Written, len(docs))
	for i, d := range docs {
		written[i] = alert.Written{ID: d.ID, Outcome: alert.Replaced}
		d.Source, d.Set = d.Changed(), nil
		stored, err := asStored(d)
		if d.Revision == "" {
			err = fmt.Errorf("alert %s: %w", d.ID, errNotRead)
		}
		if err != nil {
			written[i].Outcome, written[i].Err = alert.Failed, err
			continue
		}
		p.documents[d.ID] = stored
	}
	return written, ctx.Err()
}
