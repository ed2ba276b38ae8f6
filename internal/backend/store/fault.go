package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"tocsin/internal/diag"
)

// Codes of diagnostics.
const (
	codeBadLine    = "events/bad-line"
	codeUnreadable = "events/unreadable"
)

// fault is why a line is not an event, with the byte offset.
type fault struct {
	at      int
	message string
}

// findFault finds the position of a fault in a line that could not be decoded.
func findFault(text []byte, cause error) *fault {
	if errors.Is(cause, errNotUTF8) {
		at := 0
		for at < len(text) {
			r, size := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && size <= 1 {
				break
			}
			at += size
		}
		return &fault{at, "not UTF-8 text"}
	}
	var value json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, &value); errors.As(err, &syntax) {
		at := int(syntax.Offset) - 1
		if strings.HasPrefix(syntax.Error(), "unexpected end") {
			at = len(bytes.TrimRight(text, blank))
		}
		return &fault{min(max(at, 0), len(text)), "not one JSON object: " + syntax.Error()}
	}
	at := len(text) - len(bytes.TrimLeft(text, blank))
	return &fault{at, "not one JSON object: " + kindAt(text, at)}
}

// kindAt names the JSON value that begins at a byte of the line.
func kindAt(text []byte, at int) string {
	if at >= len(text) {
		return "nothing"
	}
	switch text[at] {
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	case '{':
		return "an object that cannot be decoded"
	}
	return "a number"
}

// memberFault reports that a top-level member is not a string, at its last value, which is the one
// that counts.
func memberFault(text []byte, name string) *fault {
	f := &fault{0, name + " is not a string"}
	dec := json.NewDecoder(bytes.NewReader(text))
	if _, err := dec.Token(); err != nil {
		return f
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return f
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return f
		}
		if key == json.Token(name) {
			f.at = int(dec.InputOffset()) - len(value)
		}
	}
	return f
}

const (
	// shownBefore is the maximum offset of a fault for which the beginning of the line is shown.
	shownBefore = 2000
	// shownBehind is how much is shown after a fault.
	shownBehind = 80
)

// diagnostic makes a diagnostic of a fault. Only a bounded part of the line is kept; for a fault
// far into a long line it quotes the surrounding text instead.
func (f *fault) diagnostic(name string, at line, text []byte) diag.Diagnostic {
	d := diag.Diagnostic{
		Severity: diag.Error, Code: codeBadLine, Message: f.message,
		File: name, Line: at.number, Column: utf8.RuneCount(text[:f.at]) + 1, Width: 1,
	}
	end := min(len(text), f.at+shownBehind)
	if f.at > shownBefore {
		d.Message += fmt.Sprintf(", near %q", string(text[f.at-shownBehind/2:end]))
		return d
	}
	d.Excerpt = string([]rune(strings.TrimRight(string(text[:end]), "\r"))) // a character for each byte of invalid UTF-8
	return d
}

// tooLong returns the diagnostic of a line over the limit; text is its beginning.
func tooLong(name string, at line, text []byte, limit int) diag.Diagnostic {
	f := fault{0, fmt.Sprintf("line of %d bytes is longer than the limit of %d", at.length, limit)}
	return f.diagnostic(name, at, text)
}

// unreadable returns the diagnostic of a file that could not be read, or not to its end.
func unreadable(name string, err error) diag.Diagnostic {
	return diag.Diagnostic{
		Severity: diag.Error, Code: codeUnreadable, File: name, Message: "cannot read events: " + err.Error(),
	}
}
