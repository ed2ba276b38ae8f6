package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/mapping"
	"tocsin/internal/rule"
)

// Options say how alerts are made where rules do not.
type Options struct {
	// Space is kibana.space_ids; "" means default.
	Space string
	// IdentityField names a field, such as event.id, that identifies events in place of their index
	// and _id; events that lack it keep those. "" means index and _id.
	IdentityField string
}

// Run is what an alert says about the execution that made it.
type Run struct {
	// ID is the execution's UUID.
	ID string
	// Slot is the moment that the execution stands for.
	Slot time.Time
	// SlotOf, when not nil, tells for the time of an event at which slot it would have been found: the
	// execution stands for many.
	SlotOf func(at time.Time) time.Time
	// Time is the time at which the alerts are made.
	Time time.Time
	// Manual marks executions that somebody asked for, as opposed to scheduled ones.
	Manual bool
	// Second tells that other events have the identity of those that the alerts are about ([Source.Same]): the
	// alerts get one by what the events say.
	Second bool
}

// Builder makes the alerts of one rule. It is safe for concurrent use.
type Builder struct {
	rule    *rule.Rule
	options Options
	indices Indices
	asked   []string
	static  map[string]any
}

// Indices is what is known of the indices that events are in.
type Indices struct {
	// Fields tells how an index maps its events; nil: what they say counts as it looks. They have to know
	// [rule.Rule.AlertFields].
	Fields func(index string) mapping.Fields
	// Series tells to which data stream or rollover series an index belongs; nil: each is one of its own.
	Series func(index string) string
}

// NewBuilder prepares what is the same in all alerts of a rule.
func NewBuilder(r *rule.Rule, o Options, indices Indices) *Builder {
	if o.Space == "" {
		o.Space = "default"
	}
	if indices.Fields == nil {
		indices.Fields = func(string) mapping.Fields { return nil }
	}
	if indices.Series == nil {
		indices.Series = func(index string) string { return index }
	}
	return &Builder{rule: r, options: o, indices: indices, asked: r.AskedFields(), static: ruleFields(r)}
}

// ErrOwnAlert is wrapped when an event is an alert that the same rule made: a rule must not feed on
// its own alerts.
var ErrOwnAlert = errors.New("the event is an alert of the same rule")

// Finding is what an alert is about: an event, or what a rule makes of many.
type Finding struct {
	// Event is the event. Of a finding with Parents it holds the fields that are known of all of
	// them, and has neither index nor id.
	Event event.Event
	// Key is the identity within the rule, its kind first; nil: the event's own. ByEvent tells that the event is
	// part of it besides.
	Key     []string
	ByEvent bool
	// From are the documents that the alert is made of, where the identity does not tell ([Subject]).
	From *Source
	// Instance is kibana.alert.instance.id, what alerts of the same thing at different times have in
	// common; "" means the alert's id.
	Instance string
	// Facts are alert fields by flat name that the rule type adds.
	Facts map[string]any
	// Parents are the events behind a finding that is no event itself, as far as they are known.
	Parents []event.Event
	// Types says what the fields of the event are, where that is not what its index maps; nil: it is.
	Types mapping.Fields
	// Counted is what a suppressed alert remembers the finding by; "" means its identity.
	Counted string
}

// Build makes the alert of a finding: the event's fields, the rule's, and where it comes from.
func (b *Builder) Build(f Finding, run Run) (Document, error) {
	p, err := b.read(f.Event, f.Types)
	if err != nil {
		return Document{}, err
	}
	if f.Parents != nil {
		if p.lineage, p.depth, err = b.lineages(f.Parents); err != nil {
			return Document{}, err
		}
	}
	id, byDocument := b.identity(f, p.source)
	from := f.From
	if byDocument {
		from = sourceOf([]event.Event{f.Event}, []map[string]any{p.source})
	}
	doc := b.document(from.identity(id, run), p, run, overridden(b.rule, &p.reading))
	from.put(doc, id)
	maps.Copy(doc.Source, f.Facts)
	if f.Instance != "" {
		doc.Source["kibana.alert.instance.id"] = f.Instance
	}
	return doc, nil
}

// identity is the identity of the alert about a finding, and whether it depends on where the event is.
func (b *Builder) identity(f Finding, source map[string]any) (id string, byDocument bool) {
	switch {
	case f.Key == nil:
		return b.id(f.Event, source)
	case f.ByEvent:
		of := b.key(f.Event)
		return FindingID(b.rule.ID, append([]string{f.Key[0], of.Series, of.ID}, f.Key[1:]...)), true
	}
	return FindingID(b.rule.ID, f.Key), false
}

// key is what an event is known by.
func (b *Builder) key(e event.Event) event.Key {
	return event.Key{Series: b.indices.Series(e.Index), ID: e.ID}
}

// lineages joins those of several events; the depth is above that of the deepest.
func (b *Builder) lineages(parents []event.Event) ([]any, int64, error) {
	lineage, depth := []any{}, int64(1)
	for _, e := range parents {
		if e.Source == nil {
			e.Source = json.RawMessage("{}")
		}
		p, err := b.read(e, nil)
		if err != nil {
			return nil, 0, err
		}
		lineage, depth = append(lineage, p.lineage...), max(depth, p.depth)
	}
	return lineage, depth, nil
}

// parent is the event behind an alert.
type parent struct {
	reading
	// lineage are its ancestors and itself, depth is that of the alert.
	lineage []any
	depth   int64
	// ofAlert: it is an alert itself.
	ofAlert bool
}

// read reads an event, as its index maps it unless types say otherwise.
func (b *Builder) read(e event.Event, types mapping.Fields) (parent, error) {
	if types == nil {
		types = b.indices.Fields(e.Index)
	}
	computed := e.Fields
	e.Fields, e.Types = nil, types
	doc, err := e.Document()
	if err != nil {
		return parent{}, err //nolint:wrapcheck // it names the event
	}
	lineage, depth, err := b.lineage(e, doc.Source)
	return parent{reading{doc.Source, doc, types, computed, b.asked}, lineage, depth, OfAlerts(e.Index)}, err
}

// document is the alert with this id about an event, with a verdict on it.
func (b *Builder) document(id string, p parent, run Run, v verdict) Document {
	fitting, moved := conform(p.source, p.ofAlert)
	source := copyEvent(fitting)
	addOriginal(source, &p.reading)
	if len(moved) > 0 {
		source[misfits] = moved
	}
	b.addAlert(source, id, p, run)
	v.put(source, &p.reading)
	return Document{ID: id, Source: source}
}

// addAlert adds the fields that are the alert's own.
func (b *Builder) addAlert(source map[string]any, id string, p parent, run Run) {
	maps.Copy(source, b.static)
	now := timestamp(run.Time)
	slot := run.Slot
	if run.SlotOf != nil {
		slot = run.SlotOf(b.time(&p.reading, slot))
	}
	maps.Copy(source, map[string]any{
		"@timestamp":                            now,
		"kibana.space_ids":                      []string{b.options.Space},
		"kibana.alert.uuid":                     id,
		"kibana.alert.instance.id":              id,
		"kibana.alert.status":                   "active",
		"kibana.alert.workflow_status":          "open",
		"kibana.alert.workflow_tags":            []string{},
		"kibana.alert.workflow_assignee_ids":    []string{},
		"kibana.alert.depth":                    p.depth,
		"kibana.alert.ancestors":                p.lineage,
		"kibana.alert.start":                    now,
		"kibana.alert.last_detected":            now,
		"kibana.alert.intended_timestamp":       timestamp(slot),
		"kibana.alert.rule.execution.uuid":      run.ID,
		"kibana.alert.rule.execution.type":      run.kind(),
		"kibana.alert.rule.execution.timestamp": now,
	})
}

func (r Run) kind() string {
	if r.Manual {
		return "manual"
	}
	return "scheduled"
}

func (b *Builder) id(e event.Event, source map[string]any) (id string, byDocument bool) {
	if field := b.options.IdentityField; field != "" {
		if value := event.First(source, field); value != "" {
			return FieldID(b.rule.ID, field, value), false
		}
	}
	return EventID(b.rule.ID, b.key(e)), true
}

// maxAncestry bounds kibana.alert.depth, which whoever may write to an index of alerts can set.
const maxAncestry = 1 << 30

// lineage returns the event's ancestors, the event itself last, and the alert's depth. Only a document of
// an index of alerts has ancestors.
func (b *Builder) lineage(e event.Event, source map[string]any) ([]any, int64, error) {
	parent := map[string]any{"id": e.ID, "index": e.Index, "type": "event", "depth": int64(0)}
	if !OfAlerts(e.Index) {
		return []any{parent}, 1, nil
	}
	var ancestors []any
	for _, a := range event.Objects(source, "kibana.alert.ancestors") {
		if a["rule"] == RuleUUID(b.rule.ID) {
			return nil, 0, fmt.Errorf("%s/%s: %w", e.Index, e.ID, ErrOwnAlert)
		}
		ancestors = append(ancestors, a)
	}
	uuid := event.First(source, "kibana.alert.rule.uuid")
	if uuid == RuleUUID(b.rule.ID) {
		return nil, 0, fmt.Errorf("%s/%s: %w", e.Index, e.ID, ErrOwnAlert)
	}
	depth := int64(0)
	if uuid != "" {
		depth = 1
		if v, ok := (mapping.Field{Type: mapping.Long}).Index(first(event.Lookup(source, "kibana.alert.depth"))); ok {
			depth = min(max(v.Whole, 0), maxAncestry)
		}
		parent["type"], parent["depth"], parent["rule"] = "signal", depth, uuid
	}
	return append(ancestors, parent), depth + 1, nil
}

func first(values []any) any {
	if len(values) == 0 {
		return nil
	}
	return values[0]
}

// copyEvent copies the source with event.kind set to signal: in the
// event object where there is one, else in the way in which the source spells event's fields.
func copyEvent(source map[string]any) map[string]any {
	out := make(map[string]any, len(source)+64)
	dotted := false
	for name, value := range source {
		top, rest, isDotted := strings.Cut(name, ".")
		if name == "event.kind" {
			continue
		}
		dotted = dotted || isDotted && top == "event" && rest != ""
		out[name] = value
	}
	switch object := out["event"].(type) {
	case map[string]any:
		object = maps.Clone(object)
		object["kind"] = "signal"
		out["event"] = object
	case nil:
		if _, isNull := out["event"]; !isNull && !dotted {
			out["event"] = map[string]any{"kind": "signal"}
			break
		}
		out["event.kind"] = "signal"
	default: // a list of objects
		out["event"] = withoutMember(object, "kind")
		out["event.kind"] = "signal"
	}
	return out
}
