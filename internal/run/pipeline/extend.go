package pipeline

import (
	"context"
	"fmt"
	"maps"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/alert/suppress"
)

const (
	// maxTries is the number of attempts to update an alert that others update at the same time.
	maxTries = 8
	// maxExtended is the number of alerts held at a time; firstExtended is the number in the first read, when
	// their size is unknown.
	maxExtended, firstExtended = 250, 50
)

// extend adds hits to existing alerts. It reads the current version of each alert; if an alert changes before
// the write, it is read and changed again.
func (s *suppression) extend(ctx context.Context, changes []*suppress.Change[subject]) error {
	if s.pipeline.Instances == nil { // alerts can be created, but only their ids are known
		for _, c := range changes {
			s.Duplicates += c.Hits()
		}
		return nil
	}
	for size := firstExtended; len(changes) > 0; {
		left := changes[:min(size, len(changes))]
		changes = changes[len(left):]
		read := 0
		for try, n := 0, len(left); len(left) > 0; try++ {
			if try == maxTries {
				s.fail(left, "others keep changing it")
				break
			}
			var bytes int
			var err error
			if left, bytes, err = s.extendOnce(ctx, left); err != nil {
				return fmt.Errorf("extend the alerts of rule %s: %w", s.RuleID, err)
			}
			if try == 0 {
				read = bytes / n
			}
		}
		size = max(1, min(maxExtended, 4*size, maxChunkBytes/max(1, read)))
	}
	return nil
}

// approxSize returns the approximate size of a value of a document, in bytes.
func approxSize(v any) int {
	sum := 0
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			sum += len(name) + approxSize(member)
		}
	case []any:
		for _, member := range v {
			sum += approxSize(member)
		}
	case string:
		return len(v)
	default:
		return 8
	}
	return sum
}

// extendOnce returns the changes whose alert was changed by others at the same time, and the approximate
// number of bytes read.
func (s *suppression) extendOnce(ctx context.Context, changes []*suppress.Change[subject]) (again []*suppress.Change[subject], bytes int, err error) {
	found, err := s.read(ctx, changes)
	if err != nil {
		return nil, 0, err
	}
	for _, doc := range found {
		bytes += approxSize(doc.Source)
	}
	var docs []alert.Document
	var changed []*suppress.Change[subject]
	var fresh []int
	for _, c := range changes {
		doc, there := found[c.ID]
		if !there {
			s.fail([]*suppress.Change[subject]{c}, "it no longer exists")
			continue
		}
		n := 0
		if doc.Set, n = s.changing(c, doc); n > 0 {
			docs, changed, fresh = append(docs, doc), append(changed, c), append(fresh, n)
		} else {
			s.Duplicates += c.Hits()
		}
	}
	if len(docs) == 0 {
		return nil, bytes, nil
	}
	written, err := tracedWrite(ctx, "change alerts", docs, s.pipeline.Instances.Update)
	if err != nil {
		return nil, 0, err
	}
	for i, w := range written {
		s.reduced(w)
		switch c := changed[i]; w.Outcome {
		case alert.Replaced:
			s.Suppressed += fresh[i]
			s.Duplicates += c.Hits() - fresh[i]
		case alert.Stale:
			again = append(again, c)
		default:
			s.Failed += c.Hits()
			s.warn("alert %s was not extended: %v", w.ID, w.Err)
		}
	}
	return again, bytes, nil
}

// changing returns the fields of a document that change, and the number of hits that are new to it.
func (s *suppression) changing(c *suppress.Change[subject], doc alert.Document) (map[string]any, int) {
	if _, stands := alert.SuppressionOf(doc); stands {
		after, n := c.On(stored(doc))
		return alert.Extending(suppressionOf(after), s.now()), n
	}
	// The alert was created when the rule had no suppression, from the hit that would create the group's
	// alert now.
	after := c.Made()
	fields := alert.Suppressing(c.Founder.Subject, suppressionOf(after))
	maps.Copy(fields, alert.Extending(suppressionOf(after), s.now()))
	return fields, after.Count
}

// read returns the current alerts of changes.
func (s *suppression) read(ctx context.Context, changes []*suppress.Change[subject]) (map[string]alert.Document, error) {
	var names []string
	start := changes[0].Start
	for _, c := range changes {
		names = append(names, c.Group)
		start = min(start, c.Start)
	}
	found := map[string]alert.Document{}
	wanted := map[string]bool{}
	for _, c := range changes {
		wanted[c.ID] = true
	}
	keep := func(d alert.Document) (bool, error) {
		if wanted[d.ID] {
			found[d.ID] = d
		}
		return true, nil
	}
	q := alert.InstanceQuery{RuleID: s.RuleID, Instances: names, Since: time.UnixMilli(start), Fresh: true}
	if err := s.pipeline.Instances.Find(ctx, q, keep); err != nil {
		return nil, err //nolint:wrapcheck // the caller wraps it
	}
	// An alert that was created when the rule had no suppression is its own instance.
	names = nil
	for id := range wanted {
		if _, there := found[id]; !there {
			names = append(names, id)
		}
	}
	q = alert.InstanceQuery{RuleID: s.RuleID, Instances: names}
	return found, s.pipeline.Instances.Find(ctx, q, keep) //nolint:wrapcheck // the caller wraps it
}

func (s *suppression) fail(changes []*suppress.Change[subject], why string) {
	for _, c := range changes {
		s.Failed += c.Hits()
		s.warn("alert %s was not extended: %s", c.ID, why)
	}
}
