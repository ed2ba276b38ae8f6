package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// line is the position of one line in its file, without its newline.
type line struct {
	number int
	offset int64
	length int
	// tooLong: only the beginning of the line was kept.
	tooLong bool
}

const (
	// readBuffer is the size of a read from a long file.
	readBuffer = 256 << 10
	// keptOfLong is how much is kept of a line over the limit, to show where it is.
	keptOfLong = 256
)

var byteOrderMark = []byte("\ufeff")

// lineReader splits a file into lines of any length. A byte order mark at the start of the file
// belongs to no line.
type lineReader struct {
	buf    *bufio.Reader
	limit  int
	offset int64
	number int
}

func newLineReader(r io.Reader, size, limit int) *lineReader {
	l := &lineReader{buf: bufio.NewReaderSize(r, size), limit: limit}
	if head, err := l.buf.Peek(len(byteOrderMark)); err == nil && bytes.Equal(head, byteOrderMark) {
		n, _ := l.buf.Discard(len(byteOrderMark))
		l.offset = int64(n)
	}
	return l
}

// next appends the next line to dst. The error is io.EOF after the last line, which needs no
// newline.
func (l *lineReader) next(dst []byte) ([]byte, line, error) {
	start := len(dst)
	at := line{number: l.number + 1, offset: l.offset}
	for {
		part, err := l.buf.ReadSlice('\n')
		ended := err == nil
		l.offset += int64(len(part))
		if ended {
			part = part[:len(part)-1]
		}
		at.length += len(part)
		dst = l.keep(dst, start, part, &at)
		switch {
		case ended, errors.Is(err, io.EOF) && at.length > 0:
			l.number++
			return dst, at, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return dst, line{}, io.EOF
		default:
			return dst[:start], line{}, fmt.Errorf("line %d: %w", at.number, err)
		}
	}
}

// keep appends a part of the line that began at start, unless the line is over the limit.
func (l *lineReader) keep(dst []byte, start int, part []byte, at *line) []byte {
	if at.tooLong {
		return dst
	}
	dst = append(dst, part...)
	if at.length > l.limit {
		at.tooLong = true
		dst = dst[:start+min(keptOfLong, at.length)]
	}
	return dst
}

// isBlank reports whether a line contains only JSON's white space.
func isBlank(text []byte) bool { return len(bytes.Trim(text, blank)) == 0 }
