package diag

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// ShownWriter returns a writer that makes untrusted text safe for a terminal. Characters that
// [Shown] keeps from a terminal are written as JSON escapes, so that JSON keeps its meaning. Line
// ends and tabs are kept.
func ShownWriter(w io.Writer) io.Writer { return &shownWriter{w: w} }

type shownWriter struct {
	w io.Writer
	// rest is the beginning of an incomplete character.
	rest []byte
}

// Unwrap returns the writer below.
func (s *shownWriter) Unwrap() io.Writer { return s.w }

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
