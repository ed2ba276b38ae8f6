package splunk

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"tocsin/internal/translate/spl"
)

// object is a JSON object. Its members keep their order.
type object struct {
	names   []string
	members map[string]any
}

func newObject() *object { return &object{members: map[string]any{}} }

func (o *object) set(name string, v any) {
	if _, has := o.members[name]; !has {
		o.names = append(o.names, name)
	}
	o.members[name] = v
}

func (o *object) remove(name string) {
	if _, has := o.members[name]; !has {
		return
	}
	delete(o.members, name)
	for i, n := range o.names {
		if n == name {
			o.names = append(o.names[:i:i], o.names[i+1:]...)
			return
		}
	}
}

// readJSON parses one object or array: objects are *object, arrays []any, numbers json.Number.
func readJSON(s string) (any, bool) {
	s = strings.TrimSpace(s)
	if s == "" || s[0] != '{' && s[0] != '[' || !json.Valid([]byte(s)) {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	v, err := decodeJSON(d)
	if err != nil {
		return nil, false
	}
	_, err = d.Token()
	return v, errors.Is(err, io.EOF)
}

func decodeJSON(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err //nolint:wrapcheck // The caller says only that it is none.
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeJSON(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err //nolint:wrapcheck // As above.
	case json.Delim('{'):
		o := newObject()
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err //nolint:wrapcheck // As above.
			}
			v, err := decodeJSON(d)
			if err != nil {
				return nil, err
			}
			name, _ := key.(string)
			o.set(name, v)
		}
		_, err = d.Token()
		return o, err //nolint:wrapcheck // As above.
	}
	return token, nil
}

// jsonText returns a value as field text: texts unchanged, objects as JSON.
func jsonText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case *element:
		return v.String()
	}
	var b strings.Builder
	writeJSON(&b, v)
	return b.String()
}

// writeJSON writes a value as JSON.
func writeJSON(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case json.Number:
		b.WriteString(v.String())
	case string:
		var text strings.Builder
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		_ = e.Encode(v) // Encoding a string cannot fail.
		b.WriteString(strings.TrimSuffix(text.String(), "\n"))
	case []any:
		b.WriteByte('[')
		for i, m := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, m)
		}
		b.WriteByte(']')
	case *object:
		b.WriteByte('{')
		for i, name := range v.names {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, name)
			b.WriteByte(':')
			writeJSON(b, v.members[name])
		}
		b.WriteByte('}')
	}
}

// memberValue returns the field value of a JSON value: a number, a text, or the JSON text of an object or array.
func memberValue(v any) Value {
	switch v := v.(type) {
	case nil:
		return Null
	case json.Number:
		if x, ok := parseNumber(v.String()); ok {
			return Number(x)
		}
	}
	return Text(jsonText(v))
}

func textsOf(values []any) Value {
	var out []Value
	for _, v := range values {
		if v != nil {
			out = append(out, Text(jsonText(v)))
		}
	}
	return Several(out...)
}

// fromJSON makes fields from the members of an object.
func fromJSON(c *spl.FromJSON) func(Row) {
	return func(row Row) {
		v, _ := readJSON(row.Get(c.Field.Text).String())
		o, isObject := v.(*object)
		if !isObject {
			return
		}
		for name, m := range o.members {
			if list, isList := m.([]any); isList {
				row.set(c.Prefix+name, textsOf(list))
				continue
			}
			row.set(c.Prefix+name, textsOf([]any{m}))
		}
	}
}
