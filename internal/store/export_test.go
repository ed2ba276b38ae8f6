package store

import (
	"errors"
	"io"
)

// Line is what the line reader says of one line.
type Line struct {
	Number  int
	Offset  int64
	Length  int
	TooLong bool
	Text    string
}

// Lines reads all lines, for the fuzz target.
func Lines(r io.Reader, limit int) ([]Line, error) {
	l := newLineReader(r, limit)
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

// ParseLine parses one line and returns the place of its fault, -1 when it has none.
func ParseLine(text []byte) (at int, source, id string, err error) {
	p, f := parse(text)
	if f != nil {
		_ = f.diagnostic("fuzz", line{number: 1, length: len(text)}, text)
		return f.at, "", "", nil
	}
	raw, err := p.rawSource(text)
	return -1, string(raw), p.identity(), err
}

// MaxRemarks is how many bad lines are shown.
const MaxRemarks = maxRemarks
