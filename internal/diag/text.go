package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Span is a half-open range of byte offsets into the value of a [Text].
type Span struct{ Start, End int }

// To returns the span that covers both.
func (s Span) To(other Span) Span { return Span{min(s.Start, other.Start), max(s.End, other.End)} }

// Text is a user's value, together with its file. The value is the file itself, a verbatim part of
// it, or a decoded string whose bytes differ from those in the file (escapes).
type Text struct {
	Value string

	file    string
	content string
	start   int
	// steps are in order; empty for a verbatim part.
	steps []step
	// baseLine is the number of lines before baseOffset.
	baseOffset, baseLine int
}

// step maps a byte of a decoded value to a file offset. The following bytes are contiguous in the
// file up to the next step. This is compact: rules are many, and faults in them are few.
type step struct{ value, file int32 }

// NewText makes the text of a whole file, or of an argument with a name such as "query".
func NewText(file, content string) Text {
	return Text{Value: content, file: file, content: content}
}

// File returns the name of the text's file.
func (t Text) File() string { return t.file }

// Part returns the verbatim part of a whole-file text at span.
func (t Text) Part(s Span) Text {
	t.Value, t.start, t.steps = t.content[s.Start:s.End], s.Start, nil
	return t
}

// Line returns the same text for messages about one line of a large file: number is the line that
// begins at offset, so that earlier lines need not be counted each time.
func (t Text) Line(number, offset int) Text {
	t.baseOffset, t.baseLine = offset, number-1
	return t
}

// Decoded returns a text whose value is not verbatim in the file: offsets[i] is the file offset of
// the value's byte i, and one more entry is the offset of its end.
func (t Text) Decoded(value string, offsets []int) Text {
	t.Value, t.start, t.steps = value, 0, nil
	for i, at := range offsets {
		if i == 0 || at != offsets[i-1]+1 {
			t.steps = append(t.steps, step{int32(i), int32(at)})
		}
	}
	t.steps = slices.Clip(t.steps)
	return t
}

// Report makes a diagnostic about a span of the value.
func (t Text) Report(sev Severity, code string, s Span, format string, args ...any) Diagnostic {
	d := Diagnostic{Severity: sev, Code: code, Message: fmt.Sprintf(format, args...), File: t.file}
	from := t.offset(s.Start)
	to := max(from, t.offset(s.End))
	lineStart := strings.LastIndexByte(t.content[:from], '\n') + 1
	if from >= t.baseOffset {
		d.Line = t.baseLine + strings.Count(t.content[t.baseOffset:from], "\n") + 1
	} else {
		d.Line = strings.Count(t.content[:from], "\n") + 1
	}
	d.Column = utf8.RuneCountInString(t.content[lineStart:from]) + 1
	line := t.content[lineStart:]
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	d.Excerpt = strings.TrimSuffix(line, "\r")
	d.Width = max(1, utf8.RuneCountInString(t.content[from:min(to, lineStart+len(line))]))
	return d
}

// offset maps a byte offset of the value to one of the file, clamped to the file.
func (t Text) offset(i int) int {
	i = min(max(i, 0), len(t.Value))
	if len(t.steps) == 0 {
		return min(t.start+i, len(t.content))
	}
	n, found := slices.BinarySearchFunc(t.steps, i, func(s step, i int) int { return cmp.Compare(int(s.value), i) })
	if !found {
		n--
	}
	return min(int(t.steps[n].file)+i-int(t.steps[n].value), len(t.content))
}
