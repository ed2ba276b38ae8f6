package alert

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/internal/match/mapping"
)

// misfitField is the field for values that the alerts' mapping cannot store, and for values under the
// alert's own names: by full name, as in the event. It is not a field of ECS and is not indexed.
const misfitField = "tocsin.event"

// Limits above which Elasticsearch rejects a whole document.
const (
	// maxTerm is the maximum length of a term, in bytes.
	maxTerm = 32766
	// maxDepth is the maximum depth of a flattened field. Filters made in Kibana are far below it.
	maxDepth = 20
	// maxNested is the maximum number of nested objects in a document, with room left for the
	// indicators of an alert.
	maxNested = 9000
	// maxNesting is the maximum depth of moved values: the limit is 1,000 levels.
	maxNesting = 900
)

// reserved are the top-level names of the alert's own fields.
var reserved = map[string]bool{"kibana": true, "signal": true, "threshold_result": true, "tocsin": true}

// metadata are the top-level names that Elasticsearch reserves.
var metadata = map[string]bool{
	"_id": true, "_index": true, "_type": true, "_source": true, "_routing": true, "_ignored": true, "_field_names": true,
	"_nested_path": true, "_seq_no": true, "_primary_term": true, "_version": true, "_doc_count": true, "_tier": true, "_feature": true,
	"_data_stream_timestamp": true, "_ignored_source": true, "_inference_fields": true, "_ts_routing_hash": true, "_size": true, "_tsid": true,
}

// conform returns the event's fields that fit the alerts' mapping and do not collide with the
// alert's own fields, and separately the other fields under their full names. If the event is an
// alert, its alert fields are dropped and the fields of its event stay. The result may share values
// with the source.
func conform(source map[string]any, ofAlert bool) (fitting, moved map[string]any) {
	kept, aside := map[string]any{}, map[string]any{}
	for name, value := range source {
		top, _, _ := strings.Cut(name, ".")
		switch {
		case reserved[top] && ofAlert:
			if earlier, ok := value.(map[string]any); ok && name == misfitField {
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

// conforming is the state of [conform].
type conforming struct {
	// moved holds, by full name, the values that do not fit.
	moved map[string][]any
	// nested is the number of nested objects kept; flat: none are allowed.
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

// value returns the part of a value that fits a name; false when nothing does.
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

// takes reports whether a scalar fits the place.
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

// levels returns how deep the place is in its flattened field.
func (p *place) levels() int {
	if p.key == "" {
		return 0
	}
	return 1 + strings.Count(p.key, ".")
}

// flattens reports whether a flattened field accepts a value under a key at that depth.
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

// point reports whether a list can be read as a point or as a list of points: a list that begins
// with a number is a point and needs two or three numbers.
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

// move appends values under their name, as a list if there are several.
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

// shallow returns a value, or its JSON text if it is too deep for one more level.
func shallow(value any) any {
	if nesting(value, maxNesting) {
		return value
	}
	text, err := json.Marshal(value)
	if err != nil || !utf8.Valid(text) {
		return nil // a value decoded from JSON can be encoded as JSON
	}
	return string(text)
}

// nesting reports whether the depth of objects and lists is at most most.
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
