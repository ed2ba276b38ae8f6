package store

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"tocsin/internal/match/event"
)

// cut is a line in parts, without decoding its source.
type cut struct {
	// index and id are empty if the line has none.
	index, id []byte
	// source is the document as in the line, without its metadata.
	source []byte
}

// blank is JSON's white space.
const blank = " \t\r\n"

// cutter splits lines as [parse] does. It is for one goroutine at a time.
type cutter struct {
	// memory holds the sources that are not contiguous in their lines.
	memory []byte
	// expects: the last line had metadata, so the next one probably has, too.
	expects bool
}

// forget allows the memory of all cut lines to be reused.
func (c *cutter) forget() { c.memory = c.memory[:0] }

// bare returns a line as a document without metadata. It returns false if the first name may be
// metadata, if metadata is expected, or if the line is not an object. The reader of the document
// has to check later names.
func (c *cutter) bare(text []byte) (cut, bool) {
	text = bytes.Trim(text, blank)
	if c.expects || len(text) == 0 || text[0] != '{' || !utf8.Valid(text) {
		return cut{}, false
	}
	name := bytes.TrimLeft(text[1:], blank)
	return cut{source: text}, len(name) > 1 && !underscored(name[1:])
}

// underscored reports whether a name may begin with an underscore, like metadata, in any spelling.
func underscored(name []byte) bool { return len(name) > 0 && (name[0] == '_' || name[0] == '\\') }

// of splits a line of any form; false: it is not an event.
func (c *cutter) of(text []byte) (cut, bool) {
	if !utf8.Valid(text) {
		return cut{}, false
	}
	m, ok := membersOf(text)
	if !ok {
		return cut{}, false
	}
	c.expects = len(m.metadata) > 0
	index, indexOK := textOf(m.index)
	id, idOK := textOf(m.id)
	out := cut{index: index, id: id}
	switch {
	case !indexOK || !idOK:
		return cut{}, false
	case m.around && len(m.source) > 0 && m.source[0] == '{':
		out.source = m.source
	case len(m.metadata) == 0:
		out.source = bytes.Trim(text, blank)
	default:
		out.source = c.without(text, m)
	}
	return out, true
}

// members are the members of a line that can be metadata.
type members struct {
	// index, id and source are values as written; of several the last one counts.
	index, id, source []byte
	// around: every name begins with an underscore.
	around bool
	// metadata holds the spans of index and id, each from the end of the previous member to the end
	// of its value; first is where the first member begins, end where the last one ends.
	metadata   []span
	first, end int
}

type span struct{ from, to int }

// membersOf scans the members of a line; false: it is not an object.
func membersOf(text []byte) (members, bool) {
	c := event.NewCursor(text)
	m := members{around: true, first: c.Offset() + 1}
	m.end = m.first
	c.Members(func(key []byte) {
		value := c.Value()
		place := span{m.end, c.Offset()}
		m.end = place.to
		m.around = m.around && len(key) > 0 && key[0] == '_'
		switch string(key) {
		case metaIndex:
			m.index, m.metadata = value, append(m.metadata, place)
		case metaID:
			m.id, m.metadata = value, append(m.metadata, place)
		case metaSource:
			m.source = value
		}
	})
	return m, c.Whole()
}

// without returns a line without its metadata.
func (c *cutter) without(text []byte, m members) []byte {
	start, from := len(c.memory), m.first
	c.memory = append(c.memory, '{')
	for _, gone := range append(m.metadata, span{m.end, m.end}) {
		piece := text[from:gone.from]
		if len(c.memory) == start+1 {
			piece = bytes.TrimLeft(piece, blank+",") // the comma after what was removed
		}
		c.memory = append(c.memory, piece...)
		from = gone.to
	}
	c.memory = append(c.memory, '}')
	return c.memory[start:len(c.memory):len(c.memory)]
}

// textOf returns the text of a string as written; empty for a missing value, and false for a value
// that is not a string.
func textOf(value []byte) ([]byte, bool) {
	switch {
	case len(value) == 0:
		return nil, true
	case value[0] != '"':
		return nil, false
	case bytes.IndexByte(value, '\\') < 0:
		return value[1 : len(value)-1], true
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		return nil, false
	}
	return []byte(text), true
}
