package anomaly

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// anomalyEvent makes an event of an anomaly record, as Kibana does: the fields that the record is about are in their usual
// places, and @timestamp is the time of the record.
func anomalyEvent(record event.Event) (event.Event, error) {
	doc, err := record.Document()
	if err != nil {
		return event.Event{}, err //nolint:wrapcheck // it names the record
	}
	source := maps.Clone(doc.Source)
	entities := entitiesOf(doc.Source)
	for _, e := range entities {
		delete(source, e.name)
	}
	for _, e := range entities {
		setField(source, e.name, e.values)
	}
	if at, ok := recordTime(doc.Source); ok {
		source[search.DefaultTimestamp] = at
	}
	text, err := search.JSON(source, "")
	if err != nil {
		return event.Event{}, fmt.Errorf("record %s/%s: %w", record.Index, record.ID, err)
	}
	return event.Event{Index: record.Index, ID: record.ID, Source: json.RawMessage(text)}, nil
}

// recordTime reads the time of a record, which jobs write in milliseconds.
func recordTime(source map[string]any) (string, bool) {
	f := resultFields["timestamp"]
	for _, raw := range event.Lookup(source, f.Name) {
		if v, ok := f.Index(raw); ok {
			return search.FormatTime(v.Time), true
		}
	}
	return "", false
}

// entity is a field of the analysed data with the values that a record is about.
type entity struct {
	name   string
	values []any
}

// entitiesOf returns the record's influencers and the fields that its detector splits by. A field comes before its
// subfields.
func entitiesOf(source map[string]any) []entity {
	var out []entity
	add := func(name string, values []any) {
		if name == "" || len(values) == 0 {
			return
		}
		for i, e := range out {
			if e.name == name {
				out[i].values = union(e.values, values)
				return
			}
		}
		out = append(out, entity{name, union(nil, values)})
	}
	for _, i := range event.Objects(source, "influencers") {
		add(event.First(i, "influencer_field_name"), event.Lookup(i, "influencer_field_values"))
	}
	for _, role := range []string{"by", "over", "partition"} {
		add(event.First(source, role+"_field_name"), event.Lookup(source, role+"_field_value"))
	}
	slices.SortFunc(out, func(a, b entity) int { return strings.Compare(a.name, b.name) })
	return out
}

// union appends the values that are missing.
func union(values, more []any) []any {
	for _, v := range more {
		text, ok := mapping.ScalarText(v)
		known := false
		for _, old := range values {
			oldText, _ := mapping.ScalarText(old)
			known = known || oldText == text
		}
		if ok && !known {
			values = append(values, v)
		}
	}
	return values
}

// setField sets the values of a dotted name: in nested objects, or under the dotted name itself if a part of the path is
// not an object.
func setField(source map[string]any, name string, values []any) {
	object := source
	for rest := name; ; {
		key, below, deeper := strings.Cut(rest, ".")
		if !deeper {
			object[key] = values
			return
		}
		inner, isObject := object[key].(map[string]any)
		if !isObject && object[key] != nil {
			source[name] = values
			return
		}
		inner = maps.Clone(inner) // the record itself must not change
		if inner == nil {
			inner = map[string]any{}
		}
		object[key] = inner
		object, rest = inner, below
	}
}
