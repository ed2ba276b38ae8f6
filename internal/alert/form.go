package alert

import (
	"encoding/json"
	"maps"
	"strings"
)

// Form is how much of its event an alert is written with. If an alert is rejected, the next form is
// tried: no event can make an alert impossible.
type Form int

// The forms: with the parts of the event that fit the mapping; with all of it moved to a field that
// is not indexed; without it.
const (
	WithEvent Form = iota
	EventAside
	EventOmitted
)

// The fields of an alert that was written without its event.
const (
	omittedField = "tocsin.event_omitted"
	sizeField    = "tocsin.event_size"
)

// maxKept is the maximum length, in bytes of JSON, of a value in an alert without its event: values
// derived from the event may be that long.
const maxKept = 32 << 10

// OfEvent reports whether a top-level field of an alert comes from its event.
func OfEvent(name string) bool {
	top, _, _ := strings.Cut(name, ".")
	return name != "@timestamp" && top != "kibana" && top != "tocsin"
}

// In returns a document in a form; ofEvent says which of its fields come from the event, size is
// its length in bytes. The document itself is not changed.
func (d Document) In(form Form, ofEvent func(name string) bool, size int) Document {
	out := make(map[string]any, len(d.Source))
	aside := map[string]any{}
	if earlier, ok := d.Source[misfitField].(map[string]any); ok {
		maps.Copy(aside, earlier)
	}
	signal := false
	for name, value := range d.Source {
		switch {
		case form == WithEvent:
			out[name] = value
		case name == misfitField:
		case !ofEvent(name):
			if form == EventAside || name == memory || name == sourceField || !strings.HasPrefix(name, "kibana.alert.original_event.") && short(value) {
				out[name] = value
			}
		case name == "event.kind":
			signal = true
		default:
			if object, ok := value.(map[string]any); ok && name == "event" {
				_, has := object["kind"]
				signal = signal || has
				object = maps.Clone(object)
				delete(object, "kind")
				value = object
			}
			move(aside, name, shallow(value))
		}
	}
	if signal {
		out["event.kind"] = "signal"
	}
	switch form {
	case EventAside:
		out[misfitField] = aside
	case EventOmitted:
		out[omittedField], out[sizeField] = true, size
	case WithEvent:
	}
	d.Source = out
	return d
}

func short(value any) bool {
	data, err := json.Marshal(value)
	return err == nil && len(data) <= maxKept
}
