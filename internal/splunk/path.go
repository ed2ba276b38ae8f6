package splunk

import (
	"strconv"
	"strings"
)

// step is one step of a path: to a named member, to elements of an array, or to an XML attribute.
type step struct {
	name string
	// array selects elements: the element at index, or all if index is -1.
	array bool
	index int
}

// readPath parses a path such as a.b{}.c{0} or a.b{@name}. A name may be in single quotes.
func readPath(path string) []step {
	var steps []step
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case path[0] == '{':
			inner, rest, _ := strings.Cut(path[1:], "}")
			path = rest
			if strings.HasPrefix(inner, "@") {
				steps = append(steps, step{name: inner})
				continue
			}
			n, err := strconv.Atoi(inner)
			switch {
			case inner == "":
				n = everyElement
			case err != nil || n < 0:
				n = noElement
			}
			steps = append(steps, step{array: true, index: n})
		case path[0] == '\'' && strings.IndexByte(path[1:], '\'') > 0:
			name, rest, _ := strings.Cut(path[1:], "'")
			steps, path = append(steps, step{name: name}), rest
		default:
			end := strings.IndexAny(path, ".{")
			if end < 0 {
				end = len(path)
			}
			steps, path = append(steps, step{name: path[:end]}), path[end:]
		}
	}
	return steps
}

// Special indices: all elements, and no element.
const (
	everyElement = -1
	noElement    = -2
)

// walkPath returns the values at a path in JSON or XML. Indices start at 0 in JSON and at 1 in XML.
func walkPath(v any, path string) []any {
	return walkSteps(v, readPath(path))
}

func walkSteps(v any, steps []step) []any {
	values := []any{v}
	for _, s := range steps {
		var next []any
		for _, v := range values {
			if s.array {
				next = append(next, elementsOf(v, s.index)...)
			} else {
				next = append(next, membersOf(v, s.name)...)
			}
		}
		values = next
	}
	var out []any
	for _, v := range values {
		if same, ok := v.(siblings); ok {
			for _, e := range same {
				out = append(out, e)
			}
			continue
		}
		out = append(out, v)
	}
	return out
}

func membersOf(v any, name string) []any {
	var out []any
	switch v := v.(type) {
	case *object:
		if m, has := v.members[name]; has {
			out = append(out, m)
		}
	case siblings:
		for _, e := range v {
			out = append(out, membersOf(e, name)...)
		}
	case *element:
		if attribute, ok := strings.CutPrefix(name, "@"); ok {
			for _, a := range v.attributes {
				if a.name == attribute {
					out = append(out, a.value)
				}
			}
		} else if same := v.children(name); len(same) > 0 {
			out = append(out, same)
		}
	}
	return out
}

func elementsOf(v any, index int) []any {
	var list []any
	switch v := v.(type) {
	case []any:
		list = v
	case siblings:
		index--
		if index == everyElement-1 {
			index = everyElement
		}
		for _, e := range v {
			list = append(list, e)
		}
	}
	switch {
	case index == everyElement:
		return list
	case index >= 0 && index < len(list):
		return list[index : index+1]
	}
	return nil
}
