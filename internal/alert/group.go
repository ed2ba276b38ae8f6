package alert

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"tocsin/internal/match/event"
)

// Group is the subject of the alerts of a sequence, a sample or a correlation.
type Group struct {
	// Events are its events, in order.
	Events []event.Event
	// Key is its identity within the rule, its kind first; nil: it is its events.
	Key []string
	// At is its time; zero: that of its first event.
	At time.Time
	// Values are texts, by field, that its events have in common besides what their sources show.
	Values map[string]string
	// Facts are alert fields, by flat name, that the rule type adds.
	Facts map[string]any
}

// BuildGroup makes the alerts of a group: a building block for each event, in order, and last the
// shell for the whole group, with the fields that all events share. As the shell is written last,
// its blocks exist when somebody sees it.
func (b *Builder) BuildGroup(g Group, run Run) ([]Document, error) {
	members, from, err := b.members(g.Events)
	if err != nil {
		return nil, err
	}
	keys := b.keys(g.Events)
	first := GroupID(b.rule.ID, keys)
	if g.Key != nil {
		first, from = FindingID(b.rule.ID, g.Key), nil
	}
	groupID := from.identity(first, run)
	var docs []Document
	shell := parent{depth: 1}
	for i, p := range members {
		id := BlockID(groupID, i)
		if g.Key != nil { // another run may find other events for the same group
			id = MemberID(groupID, keys[i])
		}
		block := b.block(p, id, groupID, i, run)
		from.member(i).put(block, block.ID)
		docs = append(docs, block)
		shell.lineage = append(append(shell.lineage, p.lineage...), map[string]any{
			"id": block.ID, "type": "signal", "index": "", "depth": p.depth, "rule": RuleUUID(b.rule.ID),
		})
		shell.depth = max(shell.depth, p.depth+1)
		shell.ofAlert = shell.ofAlert || p.ofAlert
		if i == 0 {
			shell.reading = p.reading
			continue
		}
		shell.source, _ = common(shell.source, p.source).(map[string]any)
		shell.doc, shell.computed = event.NewDocument(shell.source), nil
	}
	shell.source, shell.doc = g.shared(shell.reading)
	doc := b.shell(shell, groupID, docs[0], run, g)
	from.put(doc, first)
	docs = append(docs, doc)
	for _, d := range docs {
		b.options.Kibana.adapt(d.Source, b.options.Space)
	}
	return docs, nil
}

// shared returns the common part of the events with the time and the values of the group.
func (g *Group) shared(r reading) (map[string]any, *event.Document) {
	if g.Key == nil {
		return r.source, r.doc
	}
	source := map[string]any{}
	maps.Copy(source, r.source)
	if !g.At.IsZero() {
		source["@timestamp"] = timestamp(g.At)
	}
	for name, value := range g.Values {
		if len(event.Lookup(source, name)) == 0 {
			source[name] = value
		}
	}
	return source, event.NewDocument(source)
}

// members reads the events of a group.
func (b *Builder) members(events []event.Event) ([]parent, *Source, error) {
	members, sources := make([]parent, len(events)), make([]map[string]any, len(events))
	for i, e := range events {
		p, err := b.read(e, nil)
		if err != nil {
			return nil, nil, err
		}
		members[i], sources[i] = p, p.source
	}
	return members, sourceOf(events, sources), nil
}

// keys returns the keys of a group's events.
func (b *Builder) keys(events []event.Event) []event.Key {
	keys := make([]event.Key, len(events))
	for i := range events {
		keys[i] = b.key(events[i])
	}
	return keys
}

// block returns the building block of one event.
func (b *Builder) block(p parent, id, groupID string, n int, run Run) Document {
	doc := b.document(id, p, run, ruleVerdict(b.rule))
	doc.Source["kibana.alert.building_block_type"] = "default"
	doc.Source["kibana.alert.group.id"] = groupID
	doc.Source["kibana.alert.group.index"] = n
	return doc
}

// shell returns the alert of the whole group. Its original time is that of the group, or of its first event.
func (b *Builder) shell(p parent, groupID string, first Document, run Run, g Group) Document {
	doc := b.document(groupID, p, run, ruleVerdict(b.rule))
	doc.Source["kibana.alert.group.id"] = groupID
	maps.Copy(doc.Source, g.Facts)
	if !g.At.IsZero() {
		return doc
	}
	delete(doc.Source, "kibana.alert.original_time")
	if t, ok := first.Source["kibana.alert.original_time"]; ok {
		doc.Source["kibana.alert.original_time"] = t
	}
	return doc
}

// common returns the common part of two values: equal values, the common members of objects, the
// common elements of lists (a single value being a list of one); nil if there is none.
func common(x, y any) any {
	if reflect.DeepEqual(x, y) {
		return x
	}
	objectX, isX := x.(map[string]any)
	objectY, isY := y.(map[string]any)
	if isX && isY {
		return commonMembers(objectX, objectY)
	}
	listX, isListX := x.([]any)
	listY, isListY := y.([]any)
	if !isListX && !isListY || isX || isY {
		return nil
	}
	if !isListX {
		listX = []any{x}
	}
	if !isListY {
		listY = []any{y}
	}
	both := []any{}
	for _, element := range listX {
		if slices.ContainsFunc(listY, func(other any) bool { return reflect.DeepEqual(element, other) }) {
			both = append(both, element)
		}
	}
	return both
}

func commonMembers(x, y map[string]any) any {
	out := map[string]any{}
	for name, value := range x {
		other, ok := y[name]
		if !ok {
			continue
		}
		if both := common(value, other); both != nil {
			out[name] = both
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
