package alert

import (
	"sync"

	"tocsin/internal/mapping"
)

// misfits is the field that keeps what the alerts' mapping cannot take: by the full name, the value
// as the event had it. It is no field of ECS and is not indexed.
const misfits = "tocsin.event"

// shape is what the mapping of alerts wants at a name.
type shape int

const (
	anyShape shape = iota // not mapped, stored as it is
	scalarShape
	objectShape
)

// shapes has the shape of every name of ECS and of the objects above them. Elasticsearch refuses a
// whole document for one object where the mapping has a value, or the other way round, whichever
// values it is told to ignore.
var shapes = sync.OnceValue(func() map[string]shape {
	out := map[string]shape{}
	for name, f := range mapping.ECS() {
		if f.Path != "" {
			continue // a multi-field is no place in a document
		}
		out[name] = scalarShape
		if f.Type.Family() == mapping.FamilyObject || f.Type == mapping.Flattened {
			out[name] = objectShape
		}
		for i, c := range name {
			if c == '.' {
				out[name[:i]] = objectShape
			}
		}
	}
	for name, f := range mapping.ECS() {
		if f.Type == mapping.GeoPoint {
			out[name] = anyShape // written as an object, a text or a list of numbers
		}
	}
	return out
})

// conform returns a copy of the event's fields less those that the alerts' mapping would refuse,
// and these under their full names.
func conform(source map[string]any) (fitting, moved map[string]any) {
	moved = map[string]any{}
	return conformObject("", source, moved), moved
}

func conformObject(prefix string, object, moved map[string]any) map[string]any {
	out := make(map[string]any, len(object))
	for key, value := range object {
		if kept, ok := conformValue(prefix+key, value, moved); ok {
			out[key] = kept
		}
	}
	return out
}

// conformValue returns what of a value can stay at a name; false when nothing can.
func conformValue(name string, value any, moved map[string]any) (any, bool) {
	wanted := shapes()[name]
	switch v := value.(type) {
	case nil:
		return nil, true
	case []any:
		return conformList(name, v, moved)
	case map[string]any:
		if wanted == scalarShape {
			move(moved, name, value)
			return nil, false
		}
		return conformObject(name+".", v, moved), true
	}
	if wanted == objectShape {
		move(moved, name, value)
		return nil, false
	}
	return value, true
}

func conformList(name string, list []any, moved map[string]any) (any, bool) {
	out := make([]any, 0, len(list))
	for _, element := range list {
		if kept, ok := conformValue(name, element, moved); ok {
			out = append(out, kept)
		}
	}
	return out, len(out) > 0 || len(list) == 0
}

// move keeps a value under its name; a second one makes a list.
func move(moved map[string]any, name string, value any) {
	have, ok := moved[name]
	switch list, isList := have.([]any); {
	case !ok:
		moved[name] = value
	case isList:
		moved[name] = append(list, value)
	default:
		moved[name] = []any{have, value}
	}
}
