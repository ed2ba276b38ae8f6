package alert

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/rule"
)

// memory is the field in which a suppressed alert remembers the hits that it stands for. It is no
// field of ECS or Kibana and is not indexed.
const memory = "tocsin.suppression"

// Term is a field that hits are grouped by, and the value that a group has of it: a scalar, several
// in a list, nil where there is none.
type Term struct {
	Field string
	Value any
}

// Subject is what a finding would make an alert of, before there is one.
type Subject struct {
	// ID is the identity of that alert.
	ID string
	// At is the time of the event as the rule sees it, of a group that of the last.
	At time.Time
	// Instance and Terms tell which findings belong together.
	Instance string
	Terms    []Term
	// Alone tells that the finding lacks a field that it is grouped by, and that the rule then wants
	// an alert of its own for it.
	Alone bool
}

// Subject tells what a finding is about. A finding without a time has the given one.
func (b *Builder) Subject(f Finding, otherwise time.Time) (Subject, error) {
	p, err := b.read(f.Event)
	if err != nil {
		return Subject{}, err
	}
	for _, e := range f.Parents {
		if _, _, err := b.lineages([]event.Event{e}); err != nil {
			return Subject{}, err
		}
	}
	id := FindingID(b.rule.ID, f.Key)
	if f.Key == nil {
		id = b.id(f.Event, p.source)
	}
	s := b.subject(id, p.source, b.time(p.source, otherwise))
	if f.Instance != "" { // the rule type knows what belongs together, and looks for it by that
		s.Instance = f.Instance
	}
	return s, nil
}

// GroupSubject tells what a sequence or sample is about: the fields are those that all events share.
func (b *Builder) GroupSubject(events []event.Event, otherwise time.Time) (Subject, error) {
	keys := make([]event.Key, len(events))
	var shared map[string]any
	last := time.Time{}
	for i := range events {
		keys[i] = events[i].Key()
		p, err := b.read(events[i])
		if err != nil {
			return Subject{}, err
		}
		if at := b.time(p.source, otherwise); at.After(last) || i == 0 {
			last = at
		}
		if i == 0 {
			shared = p.source
			continue
		}
		shared, _ = common(shared, p.source).(map[string]any)
	}
	return b.subject(GroupID(b.rule.ID, keys), shared, last), nil
}

func (b *Builder) subject(id string, source map[string]any, at time.Time) Subject {
	s := Subject{ID: id, At: at}
	fields := b.rule.AlertSuppression.GroupBy
	if b.rule.Threshold != nil {
		fields = b.rule.Threshold.Fields
	}
	for _, field := range fields {
		value := termValue(source, field)
		if value == nil && b.rule.AlertSuppression.Strategy() == rule.DoNotSuppress {
			s.Alone = true
		}
		s.Terms = append(s.Terms, Term{field, value})
	}
	s.Instance = InstanceID(b.rule.ID, s.Terms)
	return s
}

// time is the event's time as windows see it.
func (b *Builder) time(source map[string]any, otherwise time.Time) time.Time {
	names := []string{cmp.Or(b.rule.TimestampOverride, "@timestamp"), "@timestamp"}
	if b.rule.TimestampOverrideFallbackDisabled {
		names = names[:1]
	}
	for _, name := range names {
		if t := TimeOf(source, name); !t.IsZero() {
			return t
		}
	}
	return otherwise
}

// termValue is what a group has of a field. The order of a list has no meaning, so it is sorted.
func termValue(source map[string]any, field string) any {
	values := slices.DeleteFunc(event.Lookup(source, field), func(v any) bool { return v == nil })
	switch len(values) {
	case 0:
		return nil
	case 1:
		return values[0]
	}
	slices.SortStableFunc(values, func(x, y any) int { return cmp.Compare(scalarText(x), scalarText(y)) })
	return values
}

func scalarText(v any) string {
	text, _ := plain(v)
	return text
}

// InstanceID is the identity of what a rule's alerts with the same terms are about. A number and its
// text are the same, as they are in an index.
func InstanceID(ruleID string, terms []Term) string {
	parts := []string{identityVersion, ruleID, "instance"}
	for _, t := range terms {
		values := []any{t.Value}
		switch list, isList := t.Value.([]any); {
		case isList:
			values = list
		case t.Value == nil:
			values = nil
		}
		parts = append(parts, t.Field, strconv.Itoa(len(values)))
		for _, v := range values {
			parts = append(parts, scalarText(v))
		}
	}
	return hash(parts...)
}

// Suppression is what an alert says of the hits that it stands for.
type Suppression struct {
	// Start and End are the times of the first and the last of them.
	Start, End time.Time
	// Count is the number of them beside the one that the alert is about.
	Count int
	// Memory is for whoever suppresses.
	Memory string
}

// Suppressing makes a new alert one that stands for its group.
func Suppressing(doc Document, of Subject, s Suppression) {
	terms := make([]any, len(of.Terms))
	for i, t := range of.Terms {
		terms[i] = map[string]any{"field": t.Field, "value": t.Value}
	}
	doc.Source["kibana.alert.instance.id"] = of.Instance
	doc.Source["kibana.alert.suppression.terms"] = terms
	doc.Source["kibana.alert.suppression.start"] = timestamp(s.Start)
	s.put(doc)
}

// Extend changes an alert that stands for its group to one that stands for more.
func Extend(doc Document, s Suppression, now time.Time) {
	doc.Source["kibana.alert.last_detected"] = timestamp(now)
	s.put(doc)
}

func (s Suppression) put(doc Document) {
	doc.Source["kibana.alert.suppression.end"] = timestamp(s.End)
	doc.Source["kibana.alert.suppression.docs_count"] = s.Count
	doc.Source[memory] = s.Memory
}

// SuppressionOf reads what an alert says of the hits that it stands for; false where it stands for
// one.
func SuppressionOf(doc Document) (Suppression, bool) {
	s := Suppression{
		Start: TimeOf(doc.Source, "kibana.alert.suppression.start"), End: TimeOf(doc.Source, "kibana.alert.suppression.end"),
	}
	if s.Start.IsZero() {
		return s, false
	}
	s.Memory, _ = doc.Source[memory].(string)
	count := event.First(doc.Source, "kibana.alert.suppression.docs_count")
	s.Count, _ = strconv.Atoi(count)
	return s, true
}

// Closed reports whether somebody has closed an alert.
func Closed(doc Document) bool {
	return event.First(doc.Source, "kibana.alert.workflow_status") == "closed"
}
