package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"tocsin/internal/alert"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/query"
)

// identify resolves the series of the indices of hits. Without a series, hits have no identity.
func (x *execution) identify(ctx context.Context, hits []query.Hit) error {
	if x.pipeline.Series == nil {
		return nil
	}
	var fresh []string
	note := func(e *event.Event) {
		if _, known := x.series[e.Index]; !known && e.Index != "" && !slices.Contains(fresh, e.Index) {
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

// others returns the hits whose identity is the identity of an alert about other events: events with the same
// ids in the same series, but with other contents.
func (x *execution) others(ctx context.Context, b *built, written []alert.Written) (map[int]bool, error) {
	second := map[int]bool{}
	byID := map[string][]int{} // hits by the identity of their alerts
	var instances []string
	for n := range b.hits {
		from, to := b.of(n)
		for i := from; i < to; i++ {
			if written[i].Outcome != alert.Duplicate {
				continue
			}
			if own, err := alert.SourceOf(b.docs[i]); err != nil || own.Same(written[i].Met) {
				continue
			}
			doc := b.docs[to-1]
			second[n] = true
			byID[doc.ID] = append(byID[doc.ID], n)
			instances = append(instances, doc.ID, alert.InstanceOf(doc))
			break
		}
	}
	if len(second) == 0 || x.pipeline.Instances == nil {
		return second, nil
	}
	return second, x.dropKnownVersions(ctx, b, second, byID, instances)
}

// dropKnownVersions removes from second the hits whose documents already have an alert under the second
// identity: an earlier run found another version of the event.
func (x *execution) dropKnownVersions(ctx context.Context, b *built, second map[int]bool, byID map[string][]int, instances []string) error {
	visit := func(d alert.Document) (bool, error) {
		of, err := alert.SourceOf(d)
		if err != nil {
			return false, fmt.Errorf("alert %s: %w", d.ID, err)
		}
		if of == nil {
			return true, nil
		}
		for _, first := range []string{of.First, d.ID} {
			for _, n := range byID[first] {
				_, to := b.of(n)
				if own, err := alert.SourceOf(b.docs[to-1]); err == nil && own != nil && own.Same(of) {
					delete(second, n)
				}
			}
		}
		return len(second) > 0, nil
	}
	q := alert.InstanceQuery{RuleID: x.RuleID, Instances: instances, Fresh: true}
	err := x.pipeline.Instances.Find(ctx, q, visit)
	if failure.KindOf(err) == failure.Refused { // without the right to refresh, the alerts of a second ago are visible
		q.Fresh = false
		err = x.pipeline.Instances.Find(ctx, q, visit)
	}
	if err != nil {
		return fmt.Errorf("look for the alerts of rule %s that have one identity: %w", x.RuleID, err)
	}
	return nil
}

// writeSecond writes, under a second identity, the alerts of hits whose identity belongs to another alert.
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
		return &WriteError{What: WrittenAlerts, Op: "write the alerts of rule " + x.RuleID, Err: err}
	}
	x.count(written, again.ends, nil)
	return x.tell(ctx, again.docs, written, nil)
}
