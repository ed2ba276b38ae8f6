package tomltree

import (
	"strconv"
	"strings"

	"tocsin/internal/diag"
)

// Kind is the TOML type of a value.
type Kind uint8

// The kinds, named as in the TOML specification; JSON's object is a table here. The four date and
// time types are one kind: rule files write dates as strings.
const (
	String Kind = iota
	Integer
	Float
	Boolean
	DateTime
	Array
	Table
	Null // in JSON only
)

// phrases are the kinds' names in messages.
var phrases = [...]string{"a string", "an integer", "a float", "a boolean", "a date", "a list", "a table", "null"}

// String returns the kind's name in messages: "a string".
func (k Kind) String() string { return phrases[k] }

// Value is a node of the tree: the document itself, a table, a list, an element or a scalar.
type Value struct {
	Kind Kind
	// Key is the name in the enclosing table, "" for list elements and the document.
	Key string
	// KeySpan is the span of the key, Span the span of the value. The Span of a table with a header
	// is the span of the header. Both are offsets into the file.
	KeySpan, Span diag.Span
	// Text is the decoded string, or the scalar as written.
	Text string
	// Int and Float hold the value of a number of that kind.
	Int   int64
	Float float64
	// Items are the members of a table or the elements of a list, in source order.
	Items []*Value

	parent  *Value
	members map[string]*Value
	made    origin
}

// origin is how a table or list was made, which decides what may be added to it later.
type origin uint8

const (
	closed   origin = iota // scalar, inline table or list value: nothing may be added
	implicit               // parent of a [header], may get its own header once
	header                 // has its own [header]
	dotted                 // made by a dotted key
	listed                 // list made by [[header]]
)

// Get returns the member of a table, nil when there is none.
func (v *Value) Get(key string) *Value {
	if v == nil {
		return nil
	}
	return v.members[key]
}

// Path returns the path from the document to the value: rule.threat[1].tactic.id.
func (v *Value) Path() string {
	if v.parent == nil {
		return ""
	}
	up := v.parent.Path()
	switch {
	case v.parent.Kind == Array:
		return up + "[" + strconv.Itoa(v.position()) + "]"
	case up == "":
		return quoteKey(v.Key)
	}
	return up + "." + quoteKey(v.Key)
}

// quoteKey names a key, in quotes when it is not a bare one.
func quoteKey(name string) string {
	bare := func(r rune) bool {
		return r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	if name != "" && strings.IndexFunc(name, func(r rune) bool { return !bare(r) }) < 0 {
		return name
	}
	return strconv.Quote(name)
}

// position returns the index of a list element.
func (v *Value) position() int {
	for i, item := range v.parent.Items {
		if item == v {
			return i
		}
	}
	return -1
}

// Find follows a path as [Value.Path] writes it, of bare keys and indices. When a part is missing,
// it returns the last existing value with found false: the table that a missing key belongs in.
func (v *Value) Find(path string) (last *Value, found bool) {
	for path != "" {
		var next *Value
		if rest, ok := strings.CutPrefix(path, "["); ok {
			number, after, _ := strings.Cut(rest, "]")
			path = strings.TrimPrefix(after, ".")
			if i, err := strconv.Atoi(number); err == nil && i >= 0 && i < len(v.Items) {
				next = v.Items[i]
			}
		} else {
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			next = v.Get(path[:end])
			path = strings.TrimPrefix(path[end:], ".")
		}
		if next == nil {
			return v, false
		}
		v = next
	}
	return v, true
}

// add appends a member to a table.
func (v *Value) add(child *Value) *Value {
	child.parent = v
	v.Items = append(v.Items, child)
	if v.Kind == Table {
		if v.members == nil {
			v.members = make(map[string]*Value)
		}
		v.members[child.Key] = child
	}
	return child
}

// Native returns the value in the types of encoding/json's generic decoding, but int64 for
// integers; a date is its text.
func (v *Value) Native() any {
	switch v.Kind {
	case Integer:
		return v.Int
	case Float:
		return v.Float
	case Boolean:
		return v.Text == "true"
	case Null:
		return nil
	case Array:
		list := make([]any, len(v.Items))
		for i, item := range v.Items {
			list[i] = item.Native()
		}
		return list
	case Table:
		table := make(map[string]any, len(v.Items))
		for _, item := range v.Items {
			table[item.Key] = item.Native()
		}
		return table
	default:
		return v.Text
	}
}
