package event

// Cursor reads JSON in one pass: it enters the nested values that are requested, and skips the others.
// Invalid JSON ends it; see [Cursor.Whole].
type Cursor struct {
	text []byte
	at   int // position of the next value; negative: the text is not JSON
}

// NewCursor returns a cursor over text, which should hold one value.
func NewCursor(text []byte) *Cursor { return &Cursor{text: text, at: blanks(text, 0)} }

// Whole reports whether the text was exactly one JSON value, and has been read.
func (c *Cursor) Whole() bool { return c.at >= 0 && blanks(c.text, c.at) == len(c.text) }

// Kind returns the first byte of the next value; 0 if there is none.
func (c *Cursor) Kind() byte {
	if c.at < 0 || c.at >= len(c.text) {
		return 0
	}
	return c.text[c.at]
}

// Offset returns the position of the next value; negative if the text is not JSON.
func (c *Cursor) Offset() int { return c.at }

// Value reads the next value and returns its text, a part of the whole; nil if there is none.
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

// Members reads the next value, which must be an object. It calls visit at every member; what visit does not
// read is skipped. A repeated key is visited each time. The key is valid during the call.
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

// Elements reads the next value, which must be an array. It calls visit at every element; what visit does not
// read is skipped.
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

// enter goes to the first value within brackets; false if there is none, after skipping the brackets.
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

// leave goes from the value at a position, which may have been read, to the next one within brackets; more is
// false if there is none, after skipping the closing bracket.
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
