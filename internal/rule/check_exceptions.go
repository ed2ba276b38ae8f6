package rule

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

var (
	namespaces = []NamespaceType{Single, Agnostic}
	systems    = []string{"windows", "linux", "macos"}
	entryTypes = []EntryType{EntryMatch, EntryMatchAny, EntryExists, EntryWildcard, EntryList, EntryNested}
	// innerTypes are the types that Kibana allows in a nested entry; the others work as well.
	innerTypes = entryTypes[:len(entryTypes)-1]
	operators  = []Operator{Included, Excluded}
)

// itemChecker collects diagnostics of an item beyond wrong types of values.
type itemChecker struct {
	item *ExceptionItem
	v    *tomltree.Value
	list diag.List
}

// checkItem checks an item that was decoded from v.
func checkItem(item *ExceptionItem, v *tomltree.Value) diag.List {
	c := itemChecker{item: item, v: v}
	for _, key := range []string{"item_id", "list_id"} {
		c.need(key)
	}
	oneOf(&c, "namespace_type", item.NamespaceType, namespaces)
	for i, system := range item.OSTypes {
		oneOf(&c, fmt.Sprintf("os_types[%d]", i), system, systems)
	}
	c.entries("entries", item.Entries, entryTypes)
	return c.list
}

func (c *itemChecker) fail(kind, key, format string, args ...any) {
	c.list = append(c.list, c.item.Report(diag.Error, area+"/"+kind, key, format, args...))
}

// given reports whether the file has a value at a key, valid or not.
func (c *itemChecker) given(key string) (tomltree.Kind, bool) {
	v, found := c.v.Find(key)
	return v.Kind, found && v.Kind != tomltree.Null
}

// need reports a missing or empty key.
func (c *itemChecker) need(key string) {
	v, found := c.v.Find(key)
	switch {
	case !found || v.Kind == tomltree.Null:
		c.fail("missing-field", key, "%s is missing", key)
	case v.Kind == tomltree.String && v.Text == "", v.Kind == tomltree.Array && len(v.Items) == 0:
		c.fail("bad-value", key, "%s must not be empty", key)
	}
}

// oneOf reports a string that is not one of the known ones.
func oneOf[S ~string](c *itemChecker, key string, got S, known []S) {
	if kind, found := c.given(key); !found || kind != tomltree.String || slices.Contains(known, got) {
		return
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	want := "want " + strings.Join(names, ", ")
	if near := diag.Nearest(string(got), names); near != "" {
		want = fmt.Sprintf("did you mean %s? (%s)", near, want)
	}
	c.fail("bad-value", key, "%s: unknown value %q, %s", key, got, want)
}

func (c *itemChecker) entries(at string, entries []Entry, types []EntryType) {
	c.need(at)
	for i, e := range entries {
		key := fmt.Sprintf("%s[%d].", at, i)
		c.need(key + "field")
		c.need(key + "type")
		oneOf(c, key+"type", e.Type, types)
		oneOf(c, key+"operator", e.Operator, operators)
		switch e.Type {
		case EntryMatch, EntryWildcard:
			c.value(key+"value", tomltree.String)
			if e.Type == EntryWildcard {
				c.escapes(key+"value", e.Value)
			}
		case EntryMatchAny:
			c.value(key+"value", tomltree.Array)
		case EntryList:
			c.valueList(key)
		case EntryNested:
			if len(types) == len(entryTypes) {
				c.entries(key+"entries", e.Entries, innerTypes)
			}
		case EntryExists:
		}
	}
}

// value requires a value of one kind: a text for match, which may be empty, a list for match_any.
func (c *itemChecker) value(key string, want tomltree.Kind) {
	switch kind, found := c.given(key); {
	case !found || want == tomltree.Array && kind == want:
		c.need(key)
	case kind != want && (kind == tomltree.String || kind == tomltree.Array): // others are reported already
		c.fail("wrong-type", key, "%s must be %s, not %s", key, want, kind)
	}
}

// escapes reports a wildcard after a backslash, as in Windows paths: it is an ordinary character.
func (c *itemChecker) escapes(key, pattern string) {
	for i := 0; i+1 < len(pattern); i++ {
		if pattern[i] != '\\' {
			continue
		}
		if i++; pattern[i] == '*' || pattern[i] == '?' {
			c.list = append(c.list, c.item.Report(diag.Note, area+"/escaped-wildcard", key,
				`in %s, \%[2]c is a literal %[3]s: write \\%[2]c for a backslash and a wildcard`, key, pattern[i], map[byte]string{'*': "star", '?': "question mark"}[pattern[i]]))
			return
		}
	}
}

func (c *itemChecker) valueList(key string) {
	kind, found := c.given(key + "list")
	if !found {
		c.need(key + "list")
		return
	}
	if kind != tomltree.Table {
		return // reported already
	}
	c.need(key + "list.id")
	c.need(key + "list.type")
	if kind, found := c.given(key + "list.type"); found && kind == tomltree.String {
		v, _ := c.v.Find(key + "list.type")
		if as := ValueType(v.Text); slices.Contains(otherValueTypes, as) {
			c.fail("unsupported", key+"list.type", "value lists of type %q are not supported: values of events are not compared with them", as)
		} else {
			oneOf(c, key+"list.type", as, valueTypes)
		}
	}
}
