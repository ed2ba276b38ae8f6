package tomltree

import (
	"fmt"
	"maps"
	"slices"

	"tocsin/internal/diag"
)

// Decoder fills structs from a tree and collects diagnostics, under codes that start with Area.
type Decoder struct {
	File diag.Text
	Area string
	List diag.List
	// Hint may explain an unknown key; "" when it cannot. Without an explanation the nearest known
	// key is named.
	Hint func(key string) string
}

// Field reads one value into a T.
type Field[T any] func(d *Decoder, v *Value, to *T)

// Fields are the keys that a table may have.
type Fields[T any] map[string]Field[T]

// Report appends a diagnostic about a span of the file.
func (d *Decoder) Report(sev diag.Severity, kind string, s diag.Span, format string, args ...any) {
	d.List = append(d.List, d.File.Report(sev, d.Area+"/"+kind, s, format, args...))
}

// is reports whether v has the wanted kind, and reports an error if not.
func (d *Decoder) is(v *Value, want Kind, phrase string) bool {
	if v.Kind != want {
		d.Report(diag.Error, "wrong-type", v.Span, "%s must be %s, not %s", v.Path(), phrase, v.Kind)
	}
	return v.Kind == want
}

// Into reads the members of a table. A null counts as a missing member. An unknown key is a
// warning: the file may be newer than the program.
func Into[T any](d *Decoder, v *Value, fields Fields[T], to *T) {
	if !d.is(v, Table, Table.String()) {
		return
	}
	for _, item := range v.Items {
		if field, ok := fields[item.Key]; ok {
			if item.Kind != Null {
				field(d, item, to)
			}
			continue
		}
		d.unknown(item, slices.Collect(maps.Keys(fields)))
	}
}

// unknown reports an unknown key of a table.
func (d *Decoder) unknown(v *Value, known []string) {
	message := "unknown key " + v.Path()
	near, why := diag.Nearest(v.Key, known), ""
	if d.Hint != nil {
		why = d.Hint(v.Key)
	}
	switch {
	case why != "":
		message += ": " + why
	case near != "":
		message += fmt.Sprintf(": did you mean %s?", near)
	}
	d.Report(diag.Warning, "unknown-key", v.KeySpan, "%s", message)
}

// Scalar reads a string.
func Scalar[T any, S ~string](at func(*T) *S) Field[T] {
	return func(d *Decoder, v *Value, to *T) {
		if d.is(v, String, String.String()) {
			*at(to) = S(v.Text)
		}
	}
}

// Source reads a string together with the positions of its bytes.
func Source[T any](at func(*T) *diag.Text) Field[T] {
	return func(d *Decoder, v *Value, to *T) {
		if d.is(v, String, String.String()) {
			*at(to) = v.StringText(d.File)
		}
	}
}

// Number reads an integer.
func Number[T any](at func(*T) *int) Field[T] {
	return func(d *Decoder, v *Value, to *T) {
		if d.is(v, Integer, Integer.String()) {
			*at(to) = int(v.Int)
		}
	}
}

// Flag reads a boolean.
func Flag[T any](at func(*T) *bool) Field[T] {
	return func(d *Decoder, v *Value, to *T) {
		if d.is(v, Boolean, Boolean.String()) {
			*at(to) = v.Text == "true"
		}
	}
}

// List reads a list of strings.
func List[T any, S ~string](at func(*T) *[]S) Field[T] {
	return func(d *Decoder, v *Value, to *T) {
		if d.is(v, Array, "a list of strings") {
			*at(to) = elements[S](d, v)
		}
	}
}

// OneOrList reads a list of strings or a single string.
func OneOrList[T any, S ~string](at func(*T) *[]S) Field[T] {
	return func(d *Decoder, v *Value, to *T) {
		switch {
		case v.Kind == String:
			*at(to) = []S{S(v.Text)}
		case d.is(v, Array, "a string or a list of strings"):
			*at(to) = elements[S](d, v)
		}
	}
}

// elements returns the strings of a list. It is not nil when the list exists but is empty.
func elements[S ~string](d *Decoder, v *Value) []S {
	list := make([]S, 0, len(v.Items))
	for _, item := range v.Items {
		if d.is(item, String, String.String()) {
			list = append(list, S(item.Text))
		}
	}
	return list
}

// Sub reads a table into a field of T that is a struct.
func Sub[T, U any](fields Fields[U], at func(*T) *U) Field[T] {
	return func(d *Decoder, v *Value, to *T) { Into(d, v, fields, at(to)) }
}

// Each reads a list of tables.
func Each[T, U any](fields Fields[U], at func(*T) *[]U) Field[T] {
	return func(d *Decoder, v *Value, to *T) {
		if !d.is(v, Array, "a list of tables") {
			return
		}
		list := make([]U, len(v.Items))
		for i, item := range v.Items {
			Into(d, item, fields, &list[i])
		}
		*at(to) = list
	}
}

// EachOfEach reads a list of lists of tables.
func EachOfEach[T, U any](fields Fields[U], at func(*T) *[][]U) Field[T] {
	return func(d *Decoder, v *Value, to *T) {
		if !d.is(v, Array, "a list of lists of tables") {
			return
		}
		lists := make([][]U, len(v.Items))
		for i, item := range v.Items {
			Each(fields, func(*T) *[]U { return &lists[i] })(d, item, to)
		}
		*at(to) = lists
	}
}

// Free reads a table with arbitrary keys.
func Free[T any](at func(*T) *map[string]any) Field[T] {
	return func(d *Decoder, v *Value, to *T) {
		if d.is(v, Table, Table.String()) {
			*at(to), _ = v.Native().(map[string]any)
		}
	}
}

// FreeList reads a list of tables with arbitrary keys.
func FreeList[T any](at func(*T) *[]map[string]any) Field[T] {
	return func(d *Decoder, v *Value, to *T) {
		if !d.is(v, Array, "a list of tables") {
			return
		}
		for _, item := range v.Items {
			if d.is(item, Table, Table.String()) {
				table, _ := item.Native().(map[string]any)
				*at(to) = append(*at(to), table)
			}
		}
	}
}
