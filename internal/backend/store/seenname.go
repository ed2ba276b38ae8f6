package store

import (
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// seenName is a name that occurred in events, with the names below it. Nearly every line of a file
// has only names that occurred before: such a line cannot change the mapping, and need not be
// decoded. The zero value has seen nothing.
type seenName struct {
	name  string
	below map[string]*seenName // not nil once an object occurred
	leaf  bool                 // a value occurred, and no other value changes anything any more
	// longest is the length of the longest text, among texts longer than what dynamic mapping
	// indexes.
	longest int
	// first is the first name of the last object here, next the name after this one: the lines of a
	// file have most names in the same order.
	first, next *seenName
}

// document reports whether a text is an object whose names and kinds have all been seen.
func (s *seenName) document(text []byte) bool {
	c := event.NewCursor(text)
	return c.Kind() == '{' && s.members(c) && c.Whole()
}

// longText is the length in bytes up to which the length of a text does not matter.
const longText = 256

// all reports whether all names and kinds of the next value have been seen.
func (s *seenName) all(c *event.Cursor) bool {
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

// textLen returns the length of a JSON text in UTF-16 units.
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

func (s *seenName) members(c *event.Cursor) bool {
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

// see adds a decoded value of that name, after the mapping has been extended by it.
func (s *seenName) see(learned *mapping.Inferred, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		if s.below == nil {
			s.below = make(map[string]*seenName, len(v))
		}
		for key, member := range v {
			below := s.below[key]
			if below == nil {
				below = &seenName{name: key}
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
