// From a rule to its alert, 9 of 9: what an alert is.

package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
)

// Options are settings of alerts that rules do not have.
type Options struct {
	// Space is kibana.space_ids; "" means default.
	Space string
	// IdentityField names a field, such as event.id, that identifies events instead of their index
	// and _id. Events that lack it keep index and _id. "" means index and _id for all.
	IdentityField string
	// Kibana, when not nil, makes alerts that Kibana's Security app shows; nil: for Tocsin's own index.
	Kibana *Kibana
}

// Run is what an alert records of its execution.
type Run struct {
	// ID is the execution's UUID.
	ID string
	// Slot is the slot of the execution.
	Slot time.Time
	// SlotOf, when not nil, returns the slot at which an event with the given time would have been
	// found: the execution covers several slots.
	SlotOf func(at time.Time) time.Time
	// Time is when the alerts are created.
	Time time.Time
	// Manual marks executions that a person started, as opposed to scheduled ones.
	Manual bool
	// Second means that other events already have the identity of the alerts' events
	// ([Source.Same]): the alerts get an identity from the content of the events.
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

// Indices holds properties of the events' indices.
type Indices struct {
	// Fields returns an index's mapping of its events; nil: values count as they appear. It must
	// know [rule.Rule.AlertFields].
	Fields func(index string) mapping.Fields
	// Series returns the data stream or rollover series of an index; nil: each index is its own
	// series.
	Series func(index string) string
}

// NewBuilder prepares the common part of all alerts of a rule.
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

// ErrOwnAlert is wrapped when an event is an alert of the same rule: a rule must not match its own
// alerts.
var ErrOwnAlert = errors.New("the event is an alert of the same rule")

// Finding is the subject of an alert: an event, or the result of many events.
type Finding struct {
	// Event is the event. For a finding with Parents it holds the fields known for all of them, and
	// has neither index nor id.
	Event event.Event
	// Key is the identity within the rule, its kind first; nil: the event's own. ByEvent means that
	// the event is also part of the identity.
	Key     []string
	ByEvent bool
	// From are the alert's source documents, if the identity does not determine them ([Subject]).
	From *Source
	// Instance is kibana.alert.instance.id, which alerts of the same thing at different times
	// share; "" means the alert's id.
	Instance string
	// Facts are alert fields, by flat name, that the rule type adds.
	Facts map[string]any
	// Parents are the events behind a finding that is not an event itself, as far as known.
	Parents []event.Event
	// Types are the types of the event's fields, if they differ from its index's mapping; nil: they
	// do not.
	Types mapping.Fields
	// Counted identifies the finding in the memory of a suppressed alert; "" means its identity.
	Counted string
}

// Build makes the alert of a finding, with fields of the event, of the rule, and of the origin.
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
	v := overridden(b.rule, &p.reading)
	v.row = b.rule.Type == rule.TypeESQL && f.Event.Index == "" && f.Event.ID == ""
	doc := b.document(from.identity(id, run), p, run, v)
	from.put(doc, id)
	maps.Copy(doc.Source, f.Facts)
	if f.Instance != "" {
		doc.Source["kibana.alert.instance.id"] = f.Instance
	}
	b.options.Kibana.adapt(doc.Source, b.options.Space)
	return doc, nil
}

// identity returns the identity of the alert about a finding, and whether it depends on the event's
// location.
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

// key returns the key that identifies an event.
func (b *Builder) key(e event.Event) event.Key {
	return event.Key{Series: b.indices.Series(e.Index), ID: e.ID}
}

// lineages joins the lineages of several events; the depth is one more than the greatest.
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
	// lineage lists its ancestors and itself, depth is the depth of the alert.
	lineage []any
	depth   int64
	// ofAlert: the event is an alert itself.
	ofAlert bool
}

// read reads an event with types, or with its index's mapping if types is nil.
func (b *Builder) read(e event.Event, types mapping.Fields) (parent, error) {
	if types == nil {
		types = b.indices.Fields(e.Index)
	}
	computed := e.Fields
	e.Fields, e.Types = nil, types
	doc, err := e.Document()
	if err != nil {
		return parent{}, err //nolint:wrapcheck // the error names the event
	}
	lineage, depth, err := b.lineage(e, doc.Source)
	return parent{reading{doc.Source, doc, types, computed, b.asked}, lineage, depth, OfAlerts(e.Index)}, err
}

// document returns the alert with this id about an event, with a verdict on it.
func (b *Builder) document(id string, p parent, run Run, v verdict) Document {
	fitting, moved := conform(p.source, p.ofAlert)
	source := copyEvent(fitting)
	addOriginal(source, &p.reading)
	if len(moved) > 0 {
		source[misfitField] = moved
	}
	b.addAlert(source, id, p, run)
	v.put(source, &p.reading)
	return Document{ID: id, Source: source}
}

// addAlert adds the alert's own fields.
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

// maxAncestry bounds kibana.alert.depth, which anybody with write access to an index of alerts can
// set.
const maxAncestry = 1 << 30

// lineage returns the event's ancestors, the event itself last, and the alert's depth. Only a
// document of an index of alerts has ancestors.
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

// copyEvent copies the source with event.kind set to signal: in the event object if there is one,
// else in the source's own spelling of event fields.
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
