package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// DecodeObject decodes exactly one JSON object, with [json.Number] for numbers, as encoding/json does.
func DecodeObject(data []byte) (map[string]any, error) {
	d := decoder{data: data}
	if len(data) <= maxShared {
		d.text = string(data)
	}
	if i := blanks(data, 0); i < len(data) && data[i] == '{' {
		if object, end := d.object(i+1, 1); end >= 0 && blanks(data, end) == len(data) {
			return object, nil
		}
	}
	return decodeReference(data) // it reports the error
}

// decodeReference is the reference for DecodeObject.
func decodeReference(data []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return nil, fmt.Errorf("decode JSON: %w", err)
	}
	if object == nil {
		return nil, errors.New("decode JSON: null is not an object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decode JSON: more text after the object")
	}
	return object, nil
}

// maxShared is the maximum length, in bytes, of a document whose values share one copy of it: one value of a
// longer document would keep too much memory alive.
const maxShared = 16 << 10

// decoder decodes values of a text. Strings and numbers without escapes are parts of text, one copy of it,
// unless that is "".
type decoder struct {
	data []byte
	text string
}

func (d *decoder) part(from, to int) string {
	if d.text == "" {
		return string(d.data[from:to])
	}
	return d.text[from:to]
}

// value decodes the value at i and returns the position after it; negative if there is none.
func (d *decoder) value(i, depth int) (any, int) {
	if i >= len(d.data) {
		return nil, broken
	}
	switch d.data[i] {
	case '"':
		t, end := scanText(d.data, i+1)
		if end < 0 {
			return nil, broken
		}
		return d.string(t), end
	case '{':
		return boxed(d.object(i+1, depth+1))
	case '[':
		return boxed(d.array(i+1, depth+1))
	case 't':
		return true, skipWord(d.data, i, "true")
	case 'f':
		return false, skipWord(d.data, i, "false")
	case 'n':
		return nil, skipWord(d.data, i, "null")
	}
	end := skipNumber(d.data, i)
	if end < 0 {
		return nil, broken
	}
	return json.Number(d.part(i, end)), end
}

func boxed[T any](v T, end int) (any, int) { return v, end }

func (d *decoder) string(t text) string {
	if t.escaped || t.wide {
		return string(appendText(nil, d.data[t.start:t.end]))
	}
	return d.part(t.start, t.end)
}

func (d *decoder) object(i, depth int) (map[string]any, int) {
	if depth > maxDepth {
		return nil, broken
	}
	object := map[string]any{}
	if i = blanks(d.data, i); i < len(d.data) && d.data[i] == '}' {
		return object, i + 1
	}
	for more := true; more; {
		key, at := nextKey(d.data, i)
		if at < 0 {
			return nil, broken
		}
		var value any
		if value, i = d.value(at, depth); i < 0 {
			return nil, broken
		}
		object[d.string(key)] = value
		if i, more = nextMember(d.data, i, '}'); i < 0 {
			return nil, broken
		}
	}
	return object, i
}

func (d *decoder) array(i, depth int) ([]any, int) {
	if depth > maxDepth {
		return nil, broken
	}
	array := []any{}
	if i = blanks(d.data, i); i < len(d.data) && d.data[i] == ']' {
		return array, i + 1
	}
	for more := true; more; {
		var value any
		if value, i = d.value(i, depth); i < 0 {
			return nil, broken
		}
		array = append(array, value)
		if i, more = nextMember(d.data, i, ']'); i < 0 {
			return nil, broken
		}
	}
	return array, i
}
