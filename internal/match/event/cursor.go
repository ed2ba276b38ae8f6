package event

// Cursor reads JSON once, from front to back: of nested values the wanted ones are gone into, the
// others are passed over. What is no JSON ends it; [Cursor.Whole] tells.
type Cursor struct {
	text []byte
	at   int // of what is read next; negative: the text is no JSON
}

// NewCursor reads text, which is to hold one value.
func NewCursor(text []byte) *Cursor { return &Cursor{text: text, at: blanks(text, 0)} }

// Whole reports whether the text was one value of JSON, and has been read.
func (c *Cursor) Whole() bool { return c.at >= 0 && blanks(c.text, c.at) == len(c.text) }

// Kind is the first byte of the next value, 0 when there is none.
func (c *Cursor) Kind() byte {
	if c.at < 0 || c.at >= len(c.text) {
		return 0
	}
	return c.text[c.at]
}

// Offset is the position in the text of what is read next; negative when the text is no JSON.
func (c *Cursor) Offset() int { return c.at }

// Value reads the next value and returns it as it is written, a part of the text; nil when there is none.
func (c *Cursor) Value() []byte {
	if c.at < 0 {
		return nil
	}
	start := c.at
	if c.at = skipValue(c.text, start, 1); c.at < 0 {
		return nil
	}
	return c.text[start:c.at]
}

// Members reads the next value, which has to be an object. It calls visit at every member; what
// visit does not read is passed over. A key that stands there twice is visited twice, and is good
// for the time of the call.
func (c *Cursor) Members(visit func(key []byte)) {
	if !c.enter('{', '}') {
		return
	}
	for more := true; more; {
		key, at := nextKey(c.text, c.at)
		if c.at = at; at < 0 {
			return
		}
		name := c.text[key.start:key.end]
		if key.escaped || key.wide {
			name = appendText(nil, name)
		}
		visit(name)
		if more = c.leave(at, '}'); c.at < 0 {
			return
		}
	}
}

// Elements reads the next value, which has to be an array. It calls visit at every element; what
// visit does not read is passed over.
func (c *Cursor) Elements(visit func()) {
	if !c.enter('[', ']') {
		return
	}
	for more := true; more; {
		at := c.at
		visit()
		if more = c.leave(at, ']'); c.at < 0 {
			return
		}
	}
}

// enter goes to the first value within brackets; false when there is none, and then they are passed.
func (c *Cursor) enter(opening, closing byte) bool {
	if c.at < 0 {
		return false
	}
	if c.at >= len(c.text) || c.text[c.at] != opening {
		c.at = broken
		return false
	}
	c.at = blanks(c.text, c.at+1)
	if c.at < len(c.text) && c.text[c.at] == closing {
		c.at++
		return false
	}
	return true
}

// leave goes from the value at a position, which may have been read, to the next one within brackets;
// false: there is none, and the brackets are passed.
func (c *Cursor) leave(at int, closing byte) (more bool) {
	if c.at == at {
		c.Value()
	}
	if c.at < 0 {
		return false
	}
	c.at, more = nextMember(c.text, c.at, closing)
	return more
}
