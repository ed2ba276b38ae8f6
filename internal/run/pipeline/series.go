package pipeline

import (
	"context"
	"fmt"
	"maps"

	"tocsin/internal/alert"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/query"
)

// identify finds out to which series the indices of hits belong. Without that they have no identity.
func (x *execution) identify(ctx context.Context, hits []query.Hit) error {
	if x.pipeline.Series == nil {
		return nil
	}
	var fresh []string
	seen := map[string]bool{}
	note := func(e *event.Event) {
		if _, known := x.series[e.Index]; !known && !seen[e.Index] && e.Index != "" {
			seen[e.Index] = true
			fresh = append(fresh, e.Index)
		}
	}
	for i := range hits {
		if hits[i].Group == nil {
			note(&hits[i].Event)
			continue
		}
		for _, e := range hits[i].Group.Events {
			if e != nil {
				note(e)
			}
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	more, err := x.pipeline.Series.Of(ctx, fresh)
	if err != nil {
		return fmt.Errorf("identify the hits of rule %s: %w", x.RuleID, err)
	}
	if x.series == nil {
		x.series = map[string]string{}
	}
	maps.Copy(x.series, more)
	return nil
}

func (x *execution) seriesOf(index string) string {
	if s, ok := x.series[index]; ok {
		return s
	}
	return index
}

// others tells of which hits the alert that is there is another: its events have the same ids in the same series, and
// say something else.
func (x *execution) others(ctx context.Context, b *built, written []alert.Written) (map[int]bool, error) {
	var second map[int]bool
	for n := range b.hits {
		from, to := b.of(n)
		for i := from; i < to; i++ {
			if written[i].Outcome != alert.Duplicate {
				continue
			}
			own, err := alert.SourceOf(b.docs[i])
			if err != nil || own.Same(written[i].Met) {
				continue
			}
			known, err := x.knownSecond(ctx, b.docs[to-1])
			if err != nil {
				return nil, err
			}
			if !known {
				if second == nil {
					second = map[int]bool{}
				}
				second[n] = true
			}
			break
		}
	}
	return second, nil
}

// knownSecond reports whether an alert about the same documents has the identity of a second one already: another
// version of them was found before.
func (x *execution) knownSecond(ctx context.Context, doc alert.Document) (bool, error) {
	own, err := alert.SourceOf(doc)
	if err != nil || own == nil || x.pipeline.Instances == nil {
		return false, err //nolint:wrapcheck // a document that was just made has no such error
	}
	known := false
	visit := func(d alert.Document) (bool, error) {
		of, err := alert.SourceOf(d)
		if err != nil {
			return false, fmt.Errorf("alert %s: %w", d.ID, err)
		}
		known = known || of != nil && (of.First == doc.ID || d.ID == doc.ID) && own.Same(of)
		return !known, nil
	}
	q := alert.InstanceQuery{RuleID: x.RuleID, Instances: []string{doc.ID, alert.InstanceOf(doc)}, Fresh: true}
	err = x.pipeline.Instances.Find(ctx, q, visit)
	if failure.KindOf(err) == failure.Refused { // who may not refresh sees what was made a second ago
		q.Fresh = false
		err = x.pipeline.Instances.Find(ctx, q, visit)
	}
	if err != nil {
		return false, fmt.Errorf("look for the alerts of rule %s that have one identity: %w", x.RuleID, err)
	}
	return known, nil
}

// writeSecond writes the alerts of hits whose identity another alert has.
func (x *execution) writeSecond(ctx context.Context, b *built, second map[int]bool) error {
	var hits []query.Hit
	for n, h := range b.hits {
		if second[n] {
			hits = append(hits, h)
		}
	}
	if len(hits) == 0 {
		return nil
	}
	run := x.run()
	run.Second = true
	again := x.build(hits, run)
	written, err := x.put(ctx, again.docs, again.ends)
	if err != nil {
		return &WriteError{WrittenAlerts, "write the alerts of rule " + x.RuleID, err}
	}
	x.count(written, again.ends, nil)
	return nil
}
