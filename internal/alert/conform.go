package alert

import (
	"strings"
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

// place is a name of the mapping of alerts with those below it; nil: it is not mapped.
type place struct {
	shape shape
	below map[string]*place
}

// at returns the place of a key, which may be dotted.
func (p *place) at(key string) *place {
	for p != nil {
		if below, ok := p.below[key]; ok {
			return below
		}
		first, rest, dotted := strings.Cut(key, ".")
		if !dotted {
			return nil
		}
		p, key = p.below[first], rest
	}
	return nil
}

func (p *place) wants() shape {
	if p == nil {
		return anyShape
	}
	return p.shape
}

// make returns the place of a name, and makes those on the way to it that are not there.
func (p *place) make(name string) *place {
	for part := range strings.SplitSeq(name, ".") {
		if p.below == nil {
			p.shape, p.below = objectShape, map[string]*place{}
		}
		if p.below[part] == nil {
			p.below[part] = &place{}
		}
		p = p.below[part]
	}
	return p
}

// shapes has the shape of every name of ECS and of the objects above them. Elasticsearch refuses a
// whole document for one object where the mapping has a value, or the other way round, whichever
// values it is told to ignore.
var shapes = sync.OnceValue(func() *place {
	root := &place{}
	for name, f := range mapping.ECS() {
		if f.Path != "" {
			continue // a multi-field is no place in a document
		}
		switch at := root.make(name); {
		case len(at.below) > 0:
		case f.Type == mapping.GeoPoint: // written as an object, a text or a list of numbers
		case f.Type.Family() == mapping.FamilyObject, f.Type == mapping.Flattened:
			at.shape = objectShape
		default:
			at.shape = scalarShape
		}
	}
	return root
})

// conform returns the event's fields less those that the alerts' mapping would refuse, and these
// under their full names. What it returns may share maps with the source.
func conform(source map[string]any) (fitting, moved map[string]any) {
	if fits(shapes(), source) {
		return source, nil
	}
	moved = map[string]any{}
	return conformObject("", shapes(), source, moved), moved
}

// fits reports whether nothing of a value at a place has to be moved.
func fits(at *place, value any) bool {
	if at == nil {
		return true
	}
	switch v := value.(type) {
	case nil:
		return true
	case []any:
		for _, element := range v {
			if !fits(at, element) {
				return false
			}
		}
		return true
	case map[string]any:
		if at.shape == scalarShape {
			return false
		}
		for key, member := range v {
			if !fits(at.at(key), member) {
				return false
			}
		}
		return true
	}
	return at.shape != objectShape
}

func conformObject(prefix string, at *place, object, moved map[string]any) map[string]any {
	out := make(map[string]any, len(object))
	for key, value := range object {
		if kept, ok := conformValue(prefix+key, at.at(key), value, moved); ok {
			out[key] = kept
		}
	}
	return out
}

// conformValue returns what of a value can stay at a name; false when nothing can.
func conformValue(name string, at *place, value any, moved map[string]any) (any, bool) {
	wanted := at.wants()
	switch v := value.(type) {
	case nil:
		return nil, true
	case []any:
		return conformList(name, at, v, moved)
	case map[string]any:
		if wanted == scalarShape {
			move(moved, name, value)
			return nil, false
		}
		return conformObject(name+".", at, v, moved), true
	}
	if wanted == objectShape {
		move(moved, name, value)
		return nil, false
	}
	return value, true
}

func conformList(name string, at *place, list []any, moved map[string]any) (any, bool) {
	out := make([]any, 0, len(list))
	for _, element := range list {
		if kept, ok := conformValue(name, at, element, moved); ok {
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
