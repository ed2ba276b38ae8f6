package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
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

// suppression combines the hits of a rule with alert_suppression. It collects the resulting alerts until the last hit, and
// then writes them.
type suppression struct {
	*execution
	rule   *rule.AlertSuppression
	folder *suppress.Folder[subject]
	shelf  *search.Shelf
	// looked: the alerts were refreshed. Once is enough, as concurrent writes are detected when alerts are written.
	looked bool
	// blind: the existing alerts of some groups could not be read, so their hits were left out.
	blind bool
}

// subject is a hit, or a part of one, that belongs to one group.
type subject struct {
	hit query.Hit
	alert.Subject
	// kept are the events of a hit that begins an alert; the hit itself no longer has them. bytes is their size.
	kept  []*event.Event
	bytes int
}

// document returns the place and the content of the document by which a hit is remembered; "" if it is not a document.
func (of subject) document() (index, content string) {
	if of.Counted != of.Own {
		return "", ""
	}
	return of.From.Places(), of.From.Contents()
}

// maxLeft is the maximum number of hits that are examined although there is no room for new alerts. Later hits may still
// belong to existing alerts.
const maxLeft = 10_000

func newSuppression(x *execution, s *rule.AlertSuppression, events search.Events) *suppression {
	return &suppression{execution: x, rule: s, folder: suppress.New[subject](s.Duration), shelf: search.NewShelf(events, &x.pipeline.kept)}
}

// keep moves the events of a hit that begins an alert to the shelf.
func (s *suppression) keep(of subject) subject {
	of.bytes = of.hit.Size()
	eachEvent(&of.hit, func(e *event.Event) {
		of.kept = append(of.kept, s.shelf.Keep(*e))
		e.Source = nil
	})
	return of
}

// eachEvent calls a function with each event of a hit, which it may change: the hit gets copies of its slices first.
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

// subjectsAtOnce is the number of subjects that are decided together.
const subjectsAtOnce = 1000

// take decides about one page of hits. A hit may belong to more groups than fit into memory, so they are processed in
// batches, until there are too many without room.
func (s *suppression) take(ctx context.Context, hits []query.Hit) (bool, error) {
	if err := s.identify(ctx, hits); err != nil {
		return false, err
	}
	var part []subject
	for of := range s.subjects(hits) {
		if part = append(part, of); len(part) < subjectsAtOnce {
			continue
		}
		if more, err := s.decide(ctx, part); err != nil || !more {
			return false, err
		}
		part = nil
	}
	return s.decide(ctx, part)
}

// decide decides about some subjects, and reports whether more are wanted.
func (s *suppression) decide(ctx context.Context, subjects []subject) (bool, error) {
	if err := s.learn(ctx, subjects); err != nil {
		s.blind = true
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
			about, err := s.about(h)
			if err != nil {
				s.Hits++
				s.refuse(err)
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

// about returns the subjects of a hit.
func (s *suppression) about(h query.Hit) (iter.Seq[alert.Subject], error) {
	if h.Group == nil {
		return s.builder().Subjects(finding(h), s.Slot) //nolint:wrapcheck // it names the event
	}
	one, err := s.builder().GroupSubject(h.Group.Present(), s.Slot)
	return slices.Values([]alert.Subject{one}), err //nolint:wrapcheck // it names the event
}

// learn reads the alerts of groups that are new in this run, and the alerts that single hits have from before the rule had
// suppression.
func (s *suppression) learn(ctx context.Context, subjects []subject) error {
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
	q := alert.InstanceQuery{RuleID: s.RuleID, Instances: names, Since: since.Add(-s.rule.Duration), Fresh: !s.looked}
	s.looked = true
	err := s.pipeline.Instances.Find(ctx, q, func(d alert.Document) (bool, error) {
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
		return fmt.Errorf("look for the alerts that suppress those of rule %s: %w", s.RuleID, err)
	}
	return nil
}

// stored converts a stored alert for package suppress. If the alert no longer lists its hits, all hits up to its end count
// as known.
func stored(d alert.Document) suppress.Alert {
	of, ok := alert.SuppressionOf(d)
	if !ok {
		_, at := alert.Span(d.Source)
		from, err := alert.SourceOf(d)
		if err != nil { // its identity is sufficient
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

// flush writes the alerts, given how the search has ended. With suppression per execution, an incomplete run writes nothing,
// as the next run could not continue its alerts.
func (s *suppression) flush(ctx context.Context, err error) error {
	cut := s.blind || err != nil && failure.KindOf(err) != failure.Partial
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
		n := foundersAtOnce(made)
		var some []*suppress.Change[subject]
		some, failed = s.create(ctx, made[:n])
		made, met = made[n:], append(met, some...)
	}
	return errors.Join(failed, s.extend(ctx, append(met, more...)))
}

// foundersAtOnce returns how many alerts are made at once, at least one.
func foundersAtOnce(made []*suppress.Change[subject]) int {
	bytes := 0
	for i, c := range made {
		if bytes += c.Founder.bytes; i > 0 && bytes > 2*mostAtOnce {
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

// founding are the documents of new alerts.
type founding struct {
	built
	// changes has the new alert of each hit.
	changes []*suppress.Change[subject]
}

// create writes new alerts, and returns the alerts that were created by others in the meantime.
func (s *suppression) create(ctx context.Context, made []*suppress.Change[subject]) (met []*suppress.Change[subject], err error) {
	var kept []*event.Event
	for _, c := range made {
		kept = append(kept, c.Founder.kept...)
		c.Founder.kept = nil
	}
	events, err := s.shelf.Whole(ctx, kept)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it did
	}
	b, run := &founding{}, s.run()
	for _, c := range made {
		hit := c.Founder.hit
		hit.Key, hit.ByEvent = c.Founder.Key, false
		var gone error
		eachEvent(&hit, func(e *event.Event) {
			if *e, events = events[0], events[1:]; search.Away(e) {
				gone = search.Gone(e)
			}
		})
		s.found(b, c, hit, gone, run)
	}
	return s.writeFounding(ctx, b, run)
}

// found makes the documents of a new alert. If that fails, the alert has failed.
func (s *suppression) found(b *founding, c *suppress.Change[subject], hit query.Hit, err error, run alert.Run) {
	var docs []alert.Document
	if err == nil {
		docs, err = s.documentsOf(hit, c.Founder.From, run)
	}
	if err != nil {
		s.Failed += c.Hits()
		s.warn("no alert could be made: %v", err)
		return
	}
	last := docs[len(docs)-1]
	c.ID = last.ID
	alert.Suppressing(last, c.Founder.Subject, suppressionOf(c.Made()))
	b.docs, b.hits, b.changes = append(b.docs, docs...), append(b.hits, hit), append(b.changes, c)
	b.ends = append(b.ends, len(b.docs))
}

// writeFounding writes new alerts. An alert whose identity is used by another alert is written again with an identity of
// its own.
func (s *suppression) writeFounding(ctx context.Context, b *founding, run alert.Run) (met []*suppress.Change[subject], err error) {
	if len(b.docs) == 0 {
		return nil, nil
	}
	written, err := s.put(ctx, b.docs, b.ends)
	if err != nil {
		return nil, &WriteError{WrittenAlerts, "write the alerts of rule " + s.RuleID, err}
	}
	again, second := &founding{}, map[int]bool{}
	if !run.Second {
		if second, err = s.others(ctx, &b.built, written); err != nil {
			return nil, err
		}
		run.Second = true
	}
	for i, outcome := range s.outcomes(written, b.ends) {
		switch hits := b.changes[i].Hits(); {
		case second[i]:
			s.found(again, b.changes[i], b.hits[i], nil, run)
		case outcome == alert.Created:
			s.Created++
			s.Suppressed += hits - 1
		case outcome == alert.Duplicate:
			met = append(met, b.changes[i])
		default:
			s.Failed += hits
		}
	}
	more, err := s.writeFounding(ctx, again, run)
	return append(met, more...), err
}
