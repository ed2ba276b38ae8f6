package alert

import (
	"cmp"
	"iter"
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
	// ID is the identity of that alert, Key what makes it so where that is not what the finding has.
	ID  string
	Key []string
	// Own is the identity of the alert that the finding makes where nothing is suppressed, Counted what
	// an alert that stands for it remembers it by.
	Own, Counted string
	// From are the documents that it is about; nil where they have no part in its identity.
	From *Source
	// At is the time of the event as the rule sees it, of a group that of the last.
	At time.Time
	// Instance and Terms tell which findings belong together.
	Instance string
	Terms    []Term
	// Alone tells that the finding lacks a field that it is grouped by, and that the rule then wants
	// an alert of its own for it.
	Alone bool
}

// Subjects tells what a finding is about: where the rule groups by each value of a field, one thing for
// each choice of a value of every field. There may be many of them, they are made one by one. A finding
// without a time has the given one.
func (b *Builder) Subjects(f Finding, otherwise time.Time) (iter.Seq[Subject], error) {
	p, err := b.read(f.Event, f.Types)
	if err != nil {
		return nil, err
	}
	for _, e := range f.Parents {
		if _, _, err := b.lineages([]event.Event{e}); err != nil {
			return nil, err
		}
	}
	s := Subject{At: b.time(&p.reading, otherwise)}
	var byDocument bool
	if s.Own, byDocument = b.identity(f, p.source); byDocument {
		s.From = sourceOf([]event.Event{f.Event}, []map[string]any{p.source})
	}
	s.Counted = cmp.Or(f.Counted, s.Own)
	groups := b.groups(&p.reading)
	return func(yield func(Subject) bool) {
		for terms := range groups {
			one := b.subject(s, terms)
			if f.Instance != "" { // the rule type knows what belongs together, and looks for it by that
				one.Instance = f.Instance
			}
			if one.ID = one.Own; !one.Alone {
				one.Key = []string{kindSuppressed, one.Own, one.Instance}
				one.ID = FindingID(b.rule.ID, one.Key)
			}
			if !yield(one) {
				return
			}
		}
	}, nil
}

// GroupSubject tells what a sequence or sample is about: the values are those that all events share.
func (b *Builder) GroupSubject(events []event.Event, otherwise time.Time) (Subject, error) {
	members, from, err := b.members(events)
	if err != nil {
		return Subject{}, err
	}
	names := b.groupedBy()
	shared := make([][]value, len(names))
	last := time.Time{}
	for i, p := range members {
		if at := b.time(&p.reading, otherwise); at.After(last) || i == 0 {
			last = at
		}
		for n, name := range names {
			values := p.values(name)
			if i == 0 {
				shared[n] = values
				continue
			}
			shared[n] = slices.DeleteFunc(shared[n], func(v value) bool {
				return !slices.ContainsFunc(values, func(other value) bool { return scalarText(other.shown()) == scalarText(v.shown()) })
			})
		}
	}
	id := GroupID(b.rule.ID, b.keys(events))
	terms := make([]Term, len(names))
	for i, name := range names {
		terms[i] = Term{name, whole(shared[i])}
	}
	return b.subject(Subject{ID: id, Own: id, Counted: id, From: from, At: last}, terms), nil
}

// groupedBy are the fields that findings are grouped by.
func (b *Builder) groupedBy() []string {
	if b.rule.Threshold != nil {
		return b.rule.Threshold.Fields
	}
	return b.rule.AlertSuppression.GroupBy
}

// subject completes what is about some terms.
func (b *Builder) subject(s Subject, terms []Term) Subject {
	s.Terms = terms
	lacks := slices.ContainsFunc(terms, func(t Term) bool { return t.Value == nil })
	s.Alone = lacks && b.rule.AlertSuppression.Strategy() == rule.DoNotSuppress
	s.Instance = InstanceID(b.rule.ID, s.Terms)
	return s
}

// groups are the terms of the groups that an event is in. Where each of its values counts, a field that
// its index does not map has none, as it has none to an aggregation.
func (b *Builder) groups(e *reading) iter.Seq[[]Term] {
	names := b.groupedBy()
	choices := make([][]any, len(names))
	lacks := false
	for i, name := range names {
		values := e.values(name)
		if !b.rule.GroupsEachValue() {
			choices[i] = []any{whole(values)}
			continue
		}
		if e.unmapped(name) {
			values = nil
		}
		choices[i] = each(values)
		lacks = lacks || choices[i][0] == nil
	}
	if lacks && b.rule.AlertSuppression.Strategy() == rule.DoNotSuppress {
		for i, values := range choices { // It is in no group, and has one alert.
			choices[i] = values[:1]
		}
	}
	return choose(names, choices)
}

// choose goes through the choices of one value of each field.
func choose(names []string, choices [][]any) iter.Seq[[]Term] {
	return func(yield func([]Term) bool) {
		terms := make([]Term, len(names))
		var from func(i int) bool
		from = func(i int) bool {
			if i == len(names) {
				return yield(slices.Clone(terms))
			}
			for _, v := range choices[i] {
				terms[i] = Term{names[i], v}
				if !from(i + 1) {
					return false
				}
			}
			return true
		}
		from(0)
	}
}

// each are the different values, nil alone where there is none.
func each(values []value) []any {
	seen := map[string]bool{}
	var out []any
	for _, v := range values {
		if !seen[v.key] {
			seen[v.key] = true
			out = append(out, v.plain)
		}
	}
	if out == nil {
		return []any{nil}
	}
	return out
}

// whole is all values as one: nil, the only one, or a list. The order of a list has no meaning, so it is
// sorted.
func whole(values []value) any {
	switch len(values) {
	case 0:
		return nil
	case 1:
		return values[0].shown()
	}
	values = slices.Clone(values)
	slices.SortStableFunc(values, func(x, y value) int { return cmp.Compare(x.text, y.text) })
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v.shown()
	}
	return list
}

// time is the event's time as windows see it.
func (b *Builder) time(e *reading, otherwise time.Time) time.Time {
	for _, name := range b.rule.TimeFields() {
		if t := e.time(name); !t.IsZero() {
			return t
		}
	}
	return otherwise
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
