package diag

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// ShownWriter writes texts that hold something of somebody else's, as a terminal may be given them: what [Shown] keeps
// off one is written as its escape, as JSON has it, so that JSON means the same. Lines and tabs stay.
func ShownWriter(w io.Writer) io.Writer { return &shownWriter{w: w} }

type shownWriter struct {
	w io.Writer
	// rest is the beginning of a character that is not there whole yet.
	rest []byte
}

func (s *shownWriter) Write(p []byte) (int, error) {
	text := p
	if len(s.rest) > 0 {
		text = slices.Concat(s.rest, p)
	}
	s.rest = nil
	var out bytes.Buffer
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			s.rest = bytes.Clone(text)
			break
		}
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '\n', r == '\t', !special(r):
			out.WriteRune(r)
		default:
			_, _ = fmt.Fprintf(&out, `\u%04x`, r)
		}
		text = text[size:]
	}
	if _, err := s.w.Write(out.Bytes()); err != nil {
		return 0, err //nolint:wrapcheck // it is a writer
	}
	return len(p), nil
}
