package store

import (
	"tocsin/internal/event"
	"tocsin/internal/mapping"
)

// sighted is a name of events as somebody has seen it, with the names below. Nearly every line of a file
// has nothing but names that were there before: of such a line no mapping can be learned, and it need
// not be decoded. The zero value has seen nothing.
type sighted struct {
	name  string
	below map[string]*sighted // not nil once an object was there
	leaf  bool                // a value was there, and no other decides anything any more
	// longest is the length of the longest text, of those that are longer than what is indexed of a text
	// without a mapping.
	longest int
	// first is the name that the last object there began with, next the one that was behind this one: the
	// lines of a file have most names in the same order.
	first, next *sighted
}

// document reports whether a text is an object of which every name and kind was sighted.
func (s *sighted) document(text []byte) bool {
	c := event.NewCursor(text)
	return c.Kind() == '{' && s.members(c) && c.Whole()
}

// longText is the length in bytes up to which no text is of account for its length.
const longText = 256

// all reports whether the next value is one of whose names and kinds every one was sighted.
func (s *sighted) all(c *event.Cursor) bool {
	switch c.Kind() {
	case '{':
		return s.members(c)
	case '[':
		all := true
		c.Elements(func() { all = all && s.all(c) })
		return all
	case 'n':
		c.Value()
		return true // null decides nothing
	}
	text := c.Value()
	return s.leaf && (len(text) <= longText || textLen(text) <= max(longText, s.longest))
}

// textLen is the length of a text of JSON in UTF-16 units.
func textLen(text []byte) int {
	n := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && text[i+1] == 'u':
			i += 5
			n++
		case c == '\\':
			i++
			n++
		case c >= 0xf0:
			n += 2
		case c < 0x80 || c >= 0xc0:
			n++
		}
	}
	return n - len(`""`)
}

func (s *sighted) members(c *event.Cursor) bool {
	if s.below == nil {
		return false
	}
	all, expected := true, &s.first
	c.Members(func(key []byte) {
		if !all {
			return
		}
		below := *expected
		if below == nil || below.name != string(key) {
			if below = s.below[string(key)]; below == nil {
				all = false
				return
			}
			*expected = below
		}
		expected = &below.next
		all = below.all(c)
	})
	return all
}

// see takes in a decoded value of that name, after the mapping has learned of it.
func (s *sighted) see(learned *mapping.Inferred, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		if s.below == nil {
			s.below = make(map[string]*sighted, len(v))
		}
		for key, member := range v {
			below := s.below[key]
			if below == nil {
				below = &sighted{name: key}
				s.below[key] = below
			}
			name := key
			if path != "" {
				name = path + "." + key
			}
			below.see(learned, name, member)
		}
	case []any:
		for _, element := range v {
			s.see(learned, path, element)
		}
	case nil:
	default:
		s.leaf = s.leaf || learned.Settled(path)
		s.longest = learned.Longest(path)
	}
}
