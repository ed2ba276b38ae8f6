package alert

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/rule"
)

// memory is the field in which a suppressed alert remembers its hits. It is not a field of ECS or
// Kibana and is not indexed.
const memory = "tocsin.suppression"

// Term is a field that hits are grouped by, and its value in a group: a scalar, several in a list,
// nil if there is none.
type Term struct {
	Field string
	Value any
}

// Subject describes the alert that a finding would make.
type Subject struct {
	// ID is the identity of that alert. Key determines the identity if it differs from the
	// finding's.
	ID  string
	Key []string
	// Own is the identity of the finding's alert without suppression. Counted identifies the
	// finding in the memory of an alert that stands for it.
	Own, Counted string
	// From are the source documents; nil if they are not part of its identity.
	From *Source
	// At is the time of the event for the rule, or of the last event of a group.
	At time.Time
	// Instance and Terms identify the group of findings.
	Instance string
	Terms    []Term
	// Alone means that the finding lacks a suppression field, and that the rule requires a separate
	// alert for it.
	Alone bool
}

// Subjects yields the subjects of a finding: if the rule groups by each value of a field, one for
// each combination of values. There may be many; they are made one by one. A finding without a time
// gets the given one.
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
			if f.Instance != "" { // the rule type determines the group, and looks for it by the instance
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

// GroupSubject returns the subject of a sequence or sample: its values are those that all events
// share.
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
		terms[i] = Term{name, combined(shared[i])}
	}
	return b.subject(Subject{ID: id, Own: id, Counted: id, From: from, At: last}, terms), nil
}

// groupedBy returns the fields that findings are grouped by.
func (b *Builder) groupedBy() []string {
	if b.rule.Threshold != nil {
		return b.rule.Threshold.Fields
	}
	return b.rule.AlertSuppression.GroupBy
}

// subject completes a subject with its terms.
func (b *Builder) subject(s Subject, terms []Term) Subject {
	s.Terms = terms
	lacks := slices.ContainsFunc(terms, func(t Term) bool { return t.Value == nil })
	s.Alone = lacks && b.rule.AlertSuppression.Strategy() == rule.DoNotSuppress
	s.Instance = InstanceID(b.rule.ID, s.Terms)
	return s
}

// groups yields the terms of an event's groups. If each value counts, an unmapped field has no
// value, as in an aggregation.
func (b *Builder) groups(e *reading) iter.Seq[[]Term] {
	names := b.groupedBy()
	choices := make([][]any, len(names))
	lacks := false
	for i, name := range names {
		values := e.values(name)
		if !b.rule.GroupsEachValue() {
			choices[i] = []any{combined(values)}
			continue
		}
		if e.unmapped(name) {
			values = nil
		}
		choices[i] = distinct(values)
		lacks = lacks || choices[i][0] == nil
	}
	if lacks && b.rule.AlertSuppression.Strategy() == rule.DoNotSuppress {
		for i, values := range choices { // It is in no group, and has one alert.
			choices[i] = values[:1]
		}
	}
	return choose(names, choices)
}

// choose yields every choice of one value of each field.
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

// distinct returns the distinct values, or a single nil if there are none.
func distinct(values []value) []any {
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

// combined returns all values as one: nil, the only one, or a sorted list, as order has no meaning.
func combined(values []value) any {
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

// time returns the event's time as windows use it.
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

// InstanceID identifies the instance of a rule's alerts with the same terms. A number and its text
// are the same, as in an index.
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

// Suppression is an alert's data about the hits that it stands for.
type Suppression struct {
	// Start and End are the times of the first and the last hit.
	Start, End time.Time
	// Count is the number of hits besides the alert's own.
	Count int
	// Memory belongs to package suppress.
	Memory string
}

// Suppressing returns the fields that turn an alert into one that stands for its group.
func Suppressing(of Subject, s Suppression) map[string]any {
	terms := make([]any, len(of.Terms))
	for i, t := range of.Terms {
		terms[i] = map[string]any{"field": t.Field, "value": t.Value}
	}
	fields := s.fields()
	fields["kibana.alert.instance.id"] = of.Instance
	fields["kibana.alert.suppression.terms"] = terms
	fields["kibana.alert.suppression.start"] = timestamp(s.Start)
	return fields
}

// Extending returns the fields that make an alert that stands for its group include more hits.
func Extending(s Suppression, now time.Time) map[string]any {
	fields := s.fields()
	fields["kibana.alert.last_detected"] = timestamp(now)
	return fields
}

func (s Suppression) fields() map[string]any {
	return map[string]any{
		"kibana.alert.suppression.end":        timestamp(s.End),
		"kibana.alert.suppression.docs_count": s.Count,
		memory:                                s.Memory,
	}
}

// SuppressionOf returns an alert's data about its hits; false if it stands for one hit.
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
