package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/alert/suppress"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/search"
)

// suppression collects the hits of a rule with alert_suppression and writes their alerts after the last hit.
type suppression struct {
	*execution
	rule   *rule.AlertSuppression
	folder *suppress.Folder[subject]
	shelf  *search.Shelf
	// refreshed: the index of alerts was refreshed. Once is enough: alerts that others create meanwhile are
	// found when the alerts are written.
	refreshed bool
	// incomplete: the alerts of some groups could not be read, and their hits are missing.
	incomplete bool
}

// subject is a hit that may create an alert, with the subject of that alert.
type subject struct {
	hit query.Hit
	alert.Subject
	// kept are the events of a hit that creates an alert, taken out of the hit; bytes is their size.
	kept  []*event.Event
	bytes int
}

// document returns the index and the content hash by which the hit is remembered; "" if it is not a document.
func (of subject) document() (index, content string) {
	if of.Counted != of.Own {
		return "", ""
	}
	return of.From.Places(), of.From.Contents()
}

// maxLeft is the number of hits beyond max_signals that are still processed, as they may belong to existing
// groups.
const maxLeft = 10_000

func newSuppression(x *execution, s *rule.AlertSuppression, events search.Events) *suppression {
	return &suppression{execution: x, rule: s, folder: suppress.New[subject](s.Duration), shelf: search.NewShelf(events, &x.pipeline.kept)}
}

// keep moves the events of a hit that creates an alert to the shelf.
func (s *suppression) keep(of subject) subject {
	of.bytes = of.hit.Size()
	eachEvent(&of.hit, func(e *event.Event) {
		of.kept = append(of.kept, s.shelf.Keep(*e))
		e.Source = nil
	})
	return of
}

// eachEvent calls do for the events of a hit, on copies that do not share the page's memory.
func eachEvent(h *query.Hit, do func(*event.Event)) {
	if h.Group == nil {
		do(&h.Event)
		h.Parents = slices.Clone(h.Parents)
		for i := range h.Parents {
			do(&h.Parents[i])
		}
		return
	}
	group := *h.Group
	group.Events = slices.Clone(group.Events)
	for i, e := range group.Events {
		if e != nil {
			own := *e
			group.Events[i] = &own
			do(&own)
		}
	}
	h.Group = &group
}

// subjectChunk is the number of subjects decided together.
const subjectChunk = 1000

// take processes one page of hits. A hit may have more subjects than fit in memory: they are processed in
// parts, until too many are beyond max_signals.
func (s *suppression) take(ctx context.Context, hits []query.Hit) (bool, error) {
	if err := s.identify(ctx, hits); err != nil {
		return false, err
	}
	var part []subject
	for of := range s.subjects(hits) {
		if part = append(part, of); len(part) < subjectChunk {
			continue
		}
		if more, err := s.decide(ctx, part); err != nil || !more {
			return false, err
		}
		part = nil
	}
	return s.decide(ctx, part)
}

// decide processes some subjects; false means that no more are wanted.
func (s *suppression) decide(ctx context.Context, subjects []subject) (bool, error) {
	if err := s.readAlerts(ctx, subjects); err != nil {
		s.incomplete = true
		return false, err
	}
	var alone []query.Hit
	for _, of := range subjects {
		if of.Alone {
			alone = append(alone, of.hit)
			continue
		}
		index, content := of.document()
		verdict := s.folder.Add(suppress.Hit[subject]{
			Group: of.Instance, ID: of.ID, Counted: of.Counted, Index: index, Content: content, At: of.At, Of: func() subject { return s.keep(of) },
		}, s.room() > 0)
		s.held = s.folder.Founded()
		switch verdict {
		case suppress.Full:
			s.Left++
			continue
		case suppress.Known:
			s.Duplicates++
		case suppress.Founded, suppress.Folded: // counted when written
		}
		s.Hits++
	}
	_, err := s.write(ctx, alone)
	return s.Left < maxLeft, err
}

// subjects returns the subjects of hits, without hits that cannot become alerts.
func (s *suppression) subjects(hits []query.Hit) iter.Seq[subject] {
	return func(yield func(subject) bool) {
		for _, h := range hits {
			about, err := s.subjectsOf(h)
			if err != nil {
				s.Hits++
				s.countFailed(err)
				continue
			}
			for one := range about {
				if !yield(subject{hit: h, Subject: one}) {
					return
				}
			}
		}
	}
}

// subjectsOf returns the subjects of a hit.
func (s *suppression) subjectsOf(h query.Hit) (iter.Seq[alert.Subject], error) {
	if h.Group == nil {
		return s.builder().Subjects(finding(h), s.Slot) //nolint:wrapcheck // the error names the event
	}
	one, err := s.builder().GroupSubject(h.Group.Present(), s.Slot)
	return slices.Values([]alert.Subject{one}), err //nolint:wrapcheck // the error names the event
}

// readAlerts reads the alerts of groups that are new in this run, and the alerts that hits of a group have of
// their own, from before the rule had suppression.
func (s *suppression) readAlerts(ctx context.Context, subjects []subject) error {
	groups := map[string]bool{}
	since := s.Window.From
	var names []string
	own := map[string][]string{}
	for _, of := range subjects {
		if of.At.Before(since) {
			since = of.At
		}
		if of.Alone {
			continue
		}
		if !s.folder.Knows(of.Instance) && !groups[of.Instance] {
			groups[of.Instance] = true
			names = append(names, of.Instance)
		}
		if own[of.Own] == nil {
			names = append(names, of.Own)
		}
		own[of.Own] = append(own[of.Own], of.Instance)
	}
	for group := range groups {
		s.folder.AddStored(group)
	}
	if s.pipeline.Instances == nil || len(names) == 0 {
		return nil
	}
	q := alert.InstanceQuery{RuleID: s.RuleID, Instances: names, Since: since.Add(-s.rule.Duration), Fresh: !s.refreshed}
	s.refreshed = true
	// An earlier run may have written an alert and not told it.
	var there []alert.Document
	err := s.pipeline.Instances.Find(ctx, q, func(d alert.Document) (bool, error) {
		if s.pipeline.Telling.Outbox != nil {
			there = append(there, d)
		}
		groups := []string{alert.InstanceOf(d)}
		if groups[0] == d.ID {
			groups = own[d.ID]
		}
		for _, group := range groups {
			s.folder.AddStored(group, stored(d))
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("look for the suppressing alerts of rule %s: %w", s.RuleID, err)
	}
	return s.tellKnown(ctx, there)
}

// stored returns an alert as folding needs it. If its list of remembered hits is gone, all events up to its
// end count as known.
func stored(d alert.Document) suppress.Alert {
	of, ok := alert.SuppressionOf(d)
	if !ok {
		_, at := alert.Span(d.Source)
		from, err := alert.SourceOf(d)
		if err != nil { // only its identity is known
			from = nil
		}
		return suppress.Alone(d.ID, from.Places(), from.Contents(), at)
	}
	counted, err := suppress.ParseCounted(of.Memory)
	if err != nil {
		counted = suppress.Unknown(of.End)
	}
	return suppress.Alert{
		ID: d.ID, Start: of.Start.UnixMilli(), End: of.End.UnixMilli(), Count: of.Count,
		Closed: alert.Closed(d), Counted: counted,
	}
}

// flush writes the collected alerts, given the error that ended the search. If alerts are grouped per rule
// execution, an incomplete run writes nothing, as the next run could not continue it.
func (s *suppression) flush(ctx context.Context, err error) error {
	cut := s.incomplete || err != nil && failure.KindOf(err) != failure.Partial
	if ctx.Err() != nil || cut && s.rule.Duration == 0 {
		return nil //nolint:nilerr // the caller has the error
	}
	var made, more []*suppress.Change[subject]
	for _, c := range s.folder.Changes() {
		if c.New {
			made = append(made, c)
		} else {
			more = append(more, c)
		}
	}
	s.held = 0
	var met []*suppress.Change[subject]
	var failed error
	for len(made) > 0 && failed == nil {
		n := chunkOfNew(made)
		var some []*suppress.Change[subject]
		some, failed = s.create(ctx, made[:n])
		made, met = made[n:], append(met, some...)
	}
	return errors.Join(failed, s.extend(ctx, append(met, more...)))
}

// chunkOfNew returns the number of alerts to make together, at least one.
func chunkOfNew(made []*suppress.Change[subject]) int {
	bytes := 0
	for i, c := range made {
		if bytes += c.Founder.bytes; i > 0 && bytes > 2*maxChunkBytes {
			return i
		}
	}
	return len(made)
}

func suppressionOf(a suppress.Alert) alert.Suppression {
	return alert.Suppression{
		Start: time.UnixMilli(a.Start), End: time.UnixMilli(a.End), Count: a.Count, Memory: a.Counted.Text(),
	}
}

// newAlerts holds the documents of new alerts.
type newAlerts struct {
	built
	// changes are the changes that create the alert of each hit.
	changes []*suppress.Change[subject]
}

// create writes new alerts, and returns the changes whose alert another runner has created meanwhile.
func (s *suppression) create(ctx context.Context, made []*suppress.Change[subject]) (met []*suppress.Change[subject], err error) {
	var kept []*event.Event
	for _, c := range made {
		kept = append(kept, c.Founder.kept...)
		c.Founder.kept = nil
	}
	events, err := s.shelf.Whole(ctx, kept)
	if err != nil {
		return nil, err //nolint:wrapcheck // the error names the operation
	}
	b, run := &newAlerts{}, s.run()
	for _, c := range made {
		hit := c.Founder.hit
		hit.Key, hit.ByEvent = c.Founder.Key, false
		var gone error
		eachEvent(&hit, func(e *event.Event) {
			if *e, events = events[0], events[1:]; search.Away(e) {
				gone = search.Gone(e)
			}
		})
		s.makeDocuments(b, c, hit, gone, run)
	}
	return s.writeFounding(ctx, b, run)
}

// makeDocuments makes the documents of a new alert, or counts it as failed.
func (s *suppression) makeDocuments(b *newAlerts, c *suppress.Change[subject], hit query.Hit, err error, run alert.Run) {
	var docs []alert.Document
	if err == nil {
		docs, err = s.documentsOf(hit, c.Founder.From, run)
	}
	if err != nil {
		s.Failed += c.Hits()
		s.warn("an alert could not be built: %v", err)
		return
	}
	last := docs[len(docs)-1]
	c.ID = last.ID
	maps.Copy(last.Source, alert.Suppressing(c.Founder.Subject, suppressionOf(c.Made())))
	b.docs, b.hits, b.changes = append(b.docs, docs...), append(b.hits, hit), append(b.changes, c)
	b.ends = append(b.ends, len(b.docs))
}

// writeFounding writes new alerts. An alert whose identity belongs to another alert is written again, under a
// second identity.
func (s *suppression) writeFounding(ctx context.Context, b *newAlerts, run alert.Run) (met []*suppress.Change[subject], err error) {
	if len(b.docs) == 0 {
		return nil, nil
	}
	written, err := s.put(ctx, b.docs, b.ends)
	if err != nil {
		return nil, &WriteError{What: WrittenAlerts, Op: "write the alerts of rule " + s.RuleID, Err: err}
	}
	again, second := &newAlerts{}, map[int]bool{}
	if !run.Second {
		if second, err = s.others(ctx, &b.built, written); err != nil {
			return nil, err
		}
		run.Second = true
	}
	for i, outcome := range s.outcomes(written, b.ends) {
		switch hits := b.changes[i].Hits(); {
		case second[i]:
			s.makeDocuments(again, b.changes[i], b.hits[i], nil, run)
		case outcome == alert.Created:
			s.Created++
			s.Suppressed += hits - 1
		case outcome == alert.Duplicate:
			met = append(met, b.changes[i])
		default:
			s.Failed += hits
		}
	}
	if err := s.tell(ctx, b.docs, written, b.among(second)); err != nil {
		return met, err
	}
	more, err := s.writeFounding(ctx, again, run)
	return append(met, more...), err
}
