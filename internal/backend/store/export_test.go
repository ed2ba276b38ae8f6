package store

import (
	"errors"
	"io"

	"tocsin/internal/match/event"
)

// Line is one line as the line reader returns it.
type Line struct {
	Number  int
	Offset  int64
	Length  int
	TooLong bool
	Text    string
}

// Lines reads all lines, for the fuzz target.
func Lines(r io.Reader, limit int) ([]Line, error) {
	l := newLineReader(r, readBuffer, limit)
	var out []Line
	for {
		text, at, err := l.next(nil)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, Line{at.number, at.offset, at.length, at.tooLong, string(text)})
	}
}

// Parsed is the event of a line.
type Parsed struct {
	// Index and ID are as named in the line.
	Index, ID string
	Source    map[string]any
}

// ParseLine decodes one line and returns the offset of its fault, -1 when it has none.
func ParseLine(text []byte) (p Parsed, at int) {
	decoded, f := parse(text)
	if f != nil {
		_ = f.diagnostic("fuzz", line{number: 1, length: len(text)}, text)
		return p, f.at
	}
	return Parsed{decoded.index, decoded.id, decoded.source}, -1
}

// CutLine splits a line without decoding it; false: it is not an event. It also returns its source
// as written.
func CutLine(text []byte) (p Parsed, source string, ok bool) {
	var c cutter
	found, ok := c.of(text)
	if !ok {
		return p, "", false
	}
	decoded, err := event.DecodeObject(found.source)
	return Parsed{string(found.index), string(found.id), decoded}, string(found.source), err == nil
}

// OnPage returns how many of the lines of these lengths make a page of at most size lines.
func OnPage(lengths []int, size int) int {
	hits := make([]hit, len(lengths))
	for i, n := range lengths {
		hits[i].length = int32(n)
	}
	return onPage(hits, size)
}

// PageBytes is how large a page is at most.
const PageBytes = pageBytes

// MaxRemarks is how many bad lines are shown.
const MaxRemarks = maxRemarks
