package splunk

import (
	"encoding/json"
	"slices"
	"strings"
)

// encodeJSON encodes the results of JSON functions.
func encodeJSON(v any) Value {
	var b strings.Builder
	writeJSON(&b, v)
	return Text(b.String())
}

// jsonOf returns a value as a JSON member. A text that is a JSON object or array becomes one.
func jsonOf(v Value) any {
	switch v.kind {
	case null:
		return nil
	case boolean:
		return v.number != 0
	case number:
		return json.Number(v.String())
	case several:
		list := make([]any, len(v.list))
		for i, x := range v.list {
			list[i] = jsonOf(x)
		}
		return list
	default:
		if d, ok := readJSON(v.text); ok {
			return d
		}
		return v.text
	}
}

// inferred is jsonOf with the types that texts appear to have.
func inferred(v Value) any {
	if v.kind == text {
		t := strings.TrimSpace(v.text)
		if _, isNumber := parseNumber(t); isNumber && json.Valid([]byte(t)) {
			return json.Number(t)
		}
		switch t {
		case "true", "false":
			return t == "true"
		case "null":
			return nil
		}
	}
	return jsonOf(v)
}

// changed returns a function that changes the JSON of its first argument by pairs of path and value.
func changed(change func(place *any, v any)) function {
	return func(_ *scope, a []Value) Value {
		d, ok := readJSON(a[0].String())
		if !ok {
			return Null
		}
		for i := 1; i+1 < len(a); i += 2 {
			reach(&d, readPath(a[i].String()), func(place *any) { change(place, jsonOf(a[i+1])) })
		}
		return encodeJSON(d)
	}
}

// reach visits the values at a path. Missing members are created.
func reach(place *any, steps []step, visit func(*any)) {
	if len(steps) == 0 {
		visit(place)
		return
	}
	s := steps[0]
	if !s.array {
		if *place == nil {
			*place = newObject()
		}
		if o, ok := (*place).(*object); ok {
			m := o.members[s.name]
			reach(&m, steps[1:], visit)
			o.set(s.name, m)
		}
		return
	}
	list, ok := (*place).([]any)
	for i := range list {
		if ok && (s.index == everyElement || s.index == i) {
			reach(&list[i], steps[1:], visit)
		}
	}
}

// appendTo appends to an array; another value becomes the first element of a new one.
func appendTo(place *any, values ...any) {
	list, ok := (*place).([]any)
	if !ok && *place != nil {
		list = []any{*place}
	}
	*place = slices.Concat(list, values)
}

// ofObject is a function of a JSON object; null for any other argument.
func ofObject(f func(o *object, a []Value) Value) func(*scope, []Value) Value {
	return func(_ *scope, a []Value) Value {
		d, _ := readJSON(a[0].String())
		o, ok := d.(*object)
		if !ok {
			return Null
		}
		return f(o, a)
	}
}

var jsonFunctions = map[string]function{
	"spath": func(_ *scope, a []Value) Value {
		return each(a[0], func(v Value) Value {
			d, ok := document(v.String())
			if !ok {
				return Null
			}
			return textsOf(walkPath(d, a[1].String()))
		})
	},
	"json_extract": func(_ *scope, a []Value) Value {
		d, ok := readJSON(a[0].String())
		if !ok {
			return Null
		}
		switch len(a) {
		case 1:
			return Text(jsonText(d))
		case 2:
			return textsOf(walkPath(d, a[1].String()))
		}
		list := []any{}
		for _, path := range a[1:] {
			list = append(list, walkPath(d, path.String())...)
		}
		return encodeJSON(list)
	},
	"json_extract_exact": ofObject(func(o *object, a []Value) Value {
		list := []any{}
		for _, name := range a[1:] {
			if m, has := o.members[name.String()]; has {
				list = append(list, m)
			}
		}
		if len(a) == 2 {
			return textsOf(list)
		}
		return encodeJSON(list)
	}),
	"json_valid": func(_ *scope, a []Value) Value {
		if a[0].IsNull() {
			return Null
		}
		return truth(json.Valid([]byte(a[0].String())))
	},
	"json": func(_ *scope, a []Value) Value {
		if a[0].IsNull() || !json.Valid([]byte(a[0].String())) {
			return Null
		}
		return a[0]
	},
	"json_object": func(_ *scope, a []Value) Value {
		o := newObject()
		for i := 0; i+1 < len(a); i += 2 {
			o.set(a[i].String(), jsonOf(a[i+1]))
		}
		return encodeJSON(o)
	},
	"json_array": func(_ *scope, a []Value) Value {
		list := []any{}
		for _, v := range a {
			list = append(list, jsonOf(v))
		}
		return encodeJSON(list)
	},
	"json_keys": ofObject(func(o *object, _ []Value) Value {
		list := []any{}
		for _, name := range o.names {
			list = append(list, name)
		}
		return encodeJSON(list)
	}),
	"json_entries": ofObject(func(o *object, _ []Value) Value {
		list := []any{}
		for _, name := range o.names {
			entry := newObject()
			entry.set("key", name)
			entry.set("value", o.members[name])
			list = append(list, entry)
		}
		return encodeJSON(list)
	}),
	"json_set":    changed(func(place *any, v any) { *place = v }),
	"json_append": changed(func(place *any, v any) { appendTo(place, v) }),
	"json_extend": changed(func(place *any, v any) {
		if list, ok := v.([]any); ok {
			appendTo(place, list...)
			return
		}
		appendTo(place, v)
	}),
	"json_set_exact": ofObject(func(o *object, a []Value) Value {
		for i := 1; i+1 < len(a); i += 2 {
			o.set(a[i].String(), jsonOf(a[i+1]))
		}
		return encodeJSON(o)
	}),
	"json_delete": func(_ *scope, a []Value) Value {
		d, ok := readJSON(a[0].String())
		if !ok {
			return Null
		}
		for _, path := range a[1:] {
			steps := readPath(path.String())
			if n := len(steps) - 1; n >= 0 && !steps[n].array {
				for _, v := range walkSteps(d, steps[:n]) {
					if o, is := v.(*object); is {
						o.remove(steps[n].name)
					}
				}
			}
		}
		return encodeJSON(d)
	},
	"json_has_key_exact": ofObject(func(o *object, a []Value) Value {
		_, has := o.members[a[1].String()]
		return truth(has)
	}),
	"json_array_to_mv": func(_ *scope, a []Value) Value {
		d, _ := readJSON(a[0].String())
		list, ok := d.([]any)
		if !ok {
			return Null
		}
		quoted := len(a) > 1 && a[1].isTrue()
		var out []Value
		for _, m := range list {
			if quoted {
				out = append(out, encodeJSON(m))
			} else if v := memberValue(m); !v.IsNull() {
				out = append(out, v)
			}
		}
		return Several(out...)
	},
	"mv_to_json_array": func(_ *scope, a []Value) Value {
		if a[0].IsNull() {
			return Null
		}
		infer := len(a) > 1 && a[1].isTrue()
		list := []any{}
		for _, x := range a[0].Each() {
			if infer {
				list = append(list, inferred(x))
			} else {
				list = append(list, x.String())
			}
		}
		return encodeJSON(list)
	},
}
