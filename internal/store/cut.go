package store

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"tocsin/internal/event"
)

// cut is a line taken apart, without decoding its source.
type cut struct {
	// index and id are empty where the line names none.
	index, id []byte
	// source is the document as the line writes it, without what is metadata of it.
	source []byte
}

// blank is the white space of JSON.
const blank = " \t\r\n"

// cutter takes lines apart as [parse] does. It is for one goroutine at a time.
type cutter struct {
	// memory holds the sources that do not stand in their lines in one piece.
	memory []byte
	// expects: the last line had metadata, as the next one will have.
	expects bool
}

// forget lets the memory of all that was cut be used again.
func (c *cutter) forget() { c.memory = c.memory[:0] }

// bare returns a line as a document without metadata; false where its first name may be one of metadata, or
// metadata is expected, and of what is no object. Whether a later name is one, who reads the document has to
// see.
func (c *cutter) bare(text []byte) (cut, bool) {
	text = bytes.Trim(text, blank)
	if c.expects || len(text) == 0 || text[0] != '{' || !utf8.Valid(text) {
		return cut{}, false
	}
	name := bytes.TrimLeft(text[1:], blank)
	return cut{source: text}, len(name) > 1 && !underscored(name[1:])
}

// underscored reports whether a name may begin with an underscore, as those of metadata do, however it
// is written.
func underscored(name []byte) bool { return len(name) > 0 && (name[0] == '_' || name[0] == '\\') }

// of takes a line of any form apart; false: it is no event.
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

// members are those of a line that can be metadata.
type members struct {
	// index, id and source are values as they are written; of several the last one counts.
	index, id, source []byte
	// around: every name begins with an underscore.
	around bool
	// metadata are the places of index and id, each with its name and all that stands before it behind
	// the member before; first and end are where the first member begins so, and the last one ends.
	metadata   []span
	first, end int
}

type span struct{ from, to int }

// membersOf goes through the members of a line; false: it is no object.
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

// without writes a line without its metadata.
func (c *cutter) without(text []byte, m members) []byte {
	start, from := len(c.memory), m.first
	c.memory = append(c.memory, '{')
	for _, gone := range append(m.metadata, span{m.end, m.end}) {
		piece := text[from:gone.from]
		if len(c.memory) == start+1 {
			piece = bytes.TrimLeft(piece, blank+",") // the comma behind what is gone
		}
		c.memory = append(c.memory, piece...)
		from = gone.to
	}
	c.memory = append(c.memory, '}')
	return c.memory[start:len(c.memory):len(c.memory)]
}

// textOf returns the text of a string as it is written; none of a value that is not there, and false of
// one that is no string.
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
