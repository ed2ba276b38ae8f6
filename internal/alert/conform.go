package alert

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/internal/mapping"
)

// misfits is the field that keeps what the alerts' mapping cannot take, and what would pass for the
// alert's own: by the full name, the value as the event had it. It is no field of ECS and is not indexed.
const misfits = "tocsin.event"

// What Elasticsearch refuses a whole document for.
const (
	// maxTerm is the longest term, in bytes.
	maxTerm = 32766
	// maxDepth is how deep a flattened field may be. No filter that a person makes in Kibana comes near.
	maxDepth = 20
	// maxNested is the number of nested objects in a document, less room for the indicators of an alert.
	maxNested = 9000
	// maxNesting is how deep values may be that are moved: 1,000 levels are the most.
	maxNesting = 900
)

// reserved are the top-level names that are the alert's own.
var reserved = map[string]bool{"kibana": true, "signal": true, "threshold_result": true, "tocsin": true}

// metadata are the top-level names that Elasticsearch keeps for itself.
var metadata = map[string]bool{
	"_id": true, "_index": true, "_type": true, "_source": true, "_routing": true, "_ignored": true, "_field_names": true,
	"_nested_path": true, "_seq_no": true, "_primary_term": true, "_version": true, "_doc_count": true, "_tier": true, "_feature": true,
	"_data_stream_timestamp": true, "_ignored_source": true, "_inference_fields": true, "_ts_routing_hash": true, "_size": true, "_tsid": true,
}

// conform returns the event's fields less those that the alerts' mapping would refuse or that are the
// alert's own, and these under their full names. Of an alert, its own fields are left out: what it was
// made of stays. What it returns may share values with the source.
func conform(source map[string]any, ofAlert bool) (fitting, moved map[string]any) {
	kept, aside := map[string]any{}, map[string]any{}
	for name, value := range source {
		top, _, _ := strings.Cut(name, ".")
		switch {
		case reserved[top] && ofAlert:
			if earlier, ok := value.(map[string]any); ok && name == misfits {
				maps.Copy(aside, earlier)
			}
		case reserved[top], metadata[top]:
			aside[name] = value
		default:
			kept[name] = value
		}
	}
	c := conforming{moved: map[string][]any{}}
	fitting = c.object("", shapes(), kept)
	if c.nested > maxNested {
		c = conforming{moved: map[string][]any{}, flat: true}
		fitting = c.object("", shapes(), kept)
	}
	for name, values := range c.moved {
		move(aside, name, values...)
	}
	for name, value := range aside {
		aside[name] = shallow(value)
	}
	return fitting, aside
}

// conforming is an event on its way into the alerts' mapping.
type conforming struct {
	// moved are, by full name, the values that cannot stay.
	moved map[string][]any
	// nested is the number of nested objects that were kept; flat: none can be.
	nested int
	flat   bool
}

func (c *conforming) object(prefix string, at *place, object map[string]any) map[string]any {
	out := make(map[string]any, len(object))
	for key, value := range object {
		to, nested := at.at(key)
		if nested {
			if c.flat {
				to = refused
			}
			c.nested++
		}
		if kept, ok := c.value(prefix+key, to, value); ok {
			out[key] = kept
		}
	}
	return out
}

// value returns what of a value can stay at a name; false when nothing can.
func (c *conforming) value(name string, at *place, value any) (any, bool) {
	if at == nil {
		return value, true
	}
	if at.shape == refusedShape {
		c.move(name, value)
		return nil, false
	}
	switch v := value.(type) {
	case nil:
		return nil, true
	case []any:
		if at.shape == pointShape && !point(v) {
			c.move(name, value)
			return nil, false
		}
		return c.list(name, at, v)
	case map[string]any:
		switch at.shape {
		case anyShape, pointShape:
			return value, true
		case objectShape:
			return c.object(name+".", at, v), true
		case nestedShape:
			if c.nested++; !c.flat {
				return c.object(name+".", at, v), true
			}
		case flattenedShape:
			if flattens(at.key, at.levels(), v) {
				return value, true
			}
		case scalarShape, refusedShape:
		}
		c.move(name, value)
		return nil, false
	}
	if !at.takes(value) {
		c.move(name, value)
		return nil, false
	}
	return value, true
}

func (c *conforming) list(name string, at *place, list []any) (any, bool) {
	out := make([]any, 0, len(list))
	for _, element := range list {
		if kept, ok := c.value(name, at, element); ok {
			out = append(out, kept)
		}
	}
	return out, len(out) > 0 || len(list) == 0
}

// takes reports whether a scalar can stand at the place.
func (p *place) takes(scalar any) bool {
	switch p.shape {
	case objectShape, nestedShape, refusedShape:
		return false
	case flattenedShape:
		return p.key != "" && flattens(p.key, p.levels(), scalar)
	case scalarShape:
		text, _ := mapping.ScalarText(scalar)
		return !p.term || len(text) <= maxTerm
	case anyShape, pointShape:
	}
	return true
}

// levels is how deep the place lies in its flattened field.
func (p *place) levels() int {
	if p.key == "" {
		return 0
	}
	return 1 + strings.Count(p.key, ".")
}

// flattens reports whether a flattened field takes a value that stands under a key so many levels deep.
func flattens(key string, levels int, value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(element any) bool { return !flattens(key, levels, element) })
	case map[string]any:
		if levels >= maxDepth {
			return false
		}
		for name, member := range v {
			if key != "" {
				name = key + "." + name
			}
			if !flattens(name, levels+1, member) {
				return false
			}
		}
		return true
	}
	text, _ := mapping.ScalarText(value)
	return levels <= maxDepth && len(key)+1+len(text) <= maxTerm && !strings.Contains(key, "\x00")
}

// point reports whether a list can be read as a point or as a list of them: one that begins with a number
// is a point and needs its two or three.
func point(list []any) bool {
	if len(list) == 0 {
		return true
	}
	if _, isNumber := list[0].(json.Number); !isNumber {
		return !slices.ContainsFunc(list, func(element any) bool {
			inner, isList := element.([]any)
			return isList && !point(inner)
		})
	}
	other := slices.ContainsFunc(list, func(element any) bool { _, isNumber := element.(json.Number); return !isNumber })
	return !other && (len(list) == 2 || len(list) == 3)
}

func (c *conforming) move(name string, value any) { c.moved[name] = append(c.moved[name], value) }

// move keeps values under their name, several as a list, with those that are there.
func move(aside map[string]any, name string, values ...any) {
	if have, ok := aside[name]; ok {
		values = append([]any{have}, values...)
	}
	if len(values) == 1 {
		aside[name] = values[0]
		return
	}
	aside[name] = values
}

// shallow returns a value, or its JSON as a text where it is so deep that one level more is too many.
func shallow(value any) any {
	if nesting(value, maxNesting) {
		return value
	}
	text, err := json.Marshal(value)
	if err != nil || !utf8.Valid(text) {
		return nil // what was decoded from JSON can be written as JSON
	}
	return string(text)
}

// nesting reports whether objects and lists are within each other at most so many times.
func nesting(value any, most int) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, member := range v {
			if most == 0 || !nesting(member, most-1) {
				return false
			}
		}
	case []any:
		for _, element := range v {
			if most == 0 || !nesting(element, most-1) {
				return false
			}
		}
	}
	return true
}
