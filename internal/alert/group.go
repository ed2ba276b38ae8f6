package alert

import (
	"reflect"
	"slices"

	"tocsin/internal/match/event"
)

// BuildGroup makes the alerts of a sequence or sample: a building block for each event, in order,
// and last the shell for the whole group, with the fields that all events share. As the shell is
// written last, its blocks exist when somebody sees it.
func (b *Builder) BuildGroup(events []event.Event, run Run) ([]Document, error) {
	members, from, err := b.members(events)
	if err != nil {
		return nil, err
	}
	first := GroupID(b.rule.ID, b.keys(events))
	groupID := from.identity(first, run)
	var docs []Document
	shell := parent{depth: 1}
	for i, p := range members {
		block := b.block(p, groupID, i, run)
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
	doc := b.shell(shell, groupID, docs[0], run)
	from.put(doc, first)
	return append(docs, doc), nil
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
func (b *Builder) block(p parent, groupID string, n int, run Run) Document {
	doc := b.document(BlockID(groupID, n), p, run, ruleVerdict(b.rule))
	doc.Source["kibana.alert.building_block_type"] = "default"
	doc.Source["kibana.alert.group.id"] = groupID
	doc.Source["kibana.alert.group.index"] = n
	return doc
}

// shell returns the alert of the whole group. Its original time is the time of the first event.
func (b *Builder) shell(p parent, groupID string, first Document, run Run) Document {
	doc := b.document(groupID, p, run, ruleVerdict(b.rule))
	doc.Source["kibana.alert.group.id"] = groupID
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
