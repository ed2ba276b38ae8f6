package pipeline

import (
	"context"
	"errors"
	"fmt"

	"tocsin/internal/alert"
)

// errBlock is why the alert of a group was not written.
var errBlock = errors.New("one of its building blocks was not written")

// put writes the documents of hits; ends has the index after the last document of each hit. The alert of a
// group is written after its building blocks, and only if all of them exist.
func (x *execution) put(ctx context.Context, docs []alert.Document, ends []int) ([]alert.Written, error) {
	if len(docs) == len(ends) {
		return tracedWrite(ctx, "write alerts", docs, x.pipeline.Alerts.Create)
	}
	shell := make([]bool, len(docs))
	for _, end := range ends {
		shell[end-1] = true
	}
	written := make([]alert.Written, len(docs))
	some := func(wanted func(i int) bool) error {
		var part []alert.Document
		var places []int
		for i := range docs {
			if wanted(i) {
				part, places = append(part, docs[i]), append(places, i)
			}
		}
		if len(part) == 0 {
			return nil
		}
		got, err := tracedWrite(ctx, "write alerts", part, x.pipeline.Alerts.Create)
		for i := range got {
			written[places[i]] = got[i]
		}
		return err
	}
	if err := some(func(i int) bool { return !shell[i] }); err != nil {
		return nil, err
	}
	start := 0
	for _, end := range ends {
		for _, block := range written[start : end-1] {
			if block.Outcome == alert.Failed {
				written[end-1] = alert.Written{ID: docs[end-1].ID, Err: errBlock}
			}
		}
		start = end
	}
	return written, some(func(i int) bool { return shell[i] && written[i].Err == nil })
}

// dropKnownGroups leaves out groups whose alert exists, if their identity does not depend on their events: a run that found other
// events for the group must not add building blocks to it.
func (x *execution) dropKnownGroups(ctx context.Context, b *built) error {
	lookup, ok := x.pipeline.Alerts.(alert.Lookup)
	if !ok {
		return nil
	}
	var ids []string
	for n, h := range b.hits {
		if h.Group != nil && h.Key != nil {
			_, to := b.of(n)
			ids = append(ids, b.docs[to-1].ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	known, err := lookup.Existing(ctx, ids)
	if err != nil {
		return &WriteError{What: WrittenAlerts, Sought: true, Op: "look for the alerts of rule " + x.RuleID, Err: err}
	}
	var kept built
	var there []alert.Document
	for n, h := range b.hits {
		from, to := b.of(n)
		if _, exists := known[b.docs[to-1].ID]; exists && h.Group != nil && h.Key != nil {
			x.Duplicates++
			there = append(there, b.docs[to-1])
			continue
		}
		kept.docs, kept.hits = append(kept.docs, b.docs[from:to]...), append(kept.hits, h)
		kept.ends = append(kept.ends, len(kept.docs))
	}
	*b = kept
	return x.tellKnown(ctx, there)
}

// reduced counts an alert that could not be written with its original event.
func (x *execution) reduced(w alert.Written) {
	if w.Outcome != alert.Created && w.Outcome != alert.Replaced {
		return
	}
	switch w.Form {
	case alert.EventAside:
		x.Aside++
	case alert.EventOmitted:
		x.Omitted++
	case alert.WithEvent:
		return
	}
	if x.refused == nil {
		x.refused = w.Refused
	}
}

// warnReduced adds one warning about all alerts that were written without their original event.
func (x *execution) warnReduced() {
	for _, part := range []struct {
		n     int
		where string
	}{{x.Aside, "have their event, whole, in tocsin.event"}, {x.Omitted, "were written without their event (tocsin.event_omitted)"}} {
		if part.n > 0 {
			x.warn("%s", fmt.Sprintf("%d alerts %s: Elasticsearch rejected the original document; the first error: %v", part.n, part.where, x.refused))
		}
	}
}
