package diag

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Severity ranks a diagnostic. Only an Error makes its object unusable.
type Severity int

// The severities, the most severe first.
const (
	Error Severity = iota
	Warning
	Note
)

// String returns the word shown to people and written to JSON.
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	case Note:
		return "note"
	}
	return fmt.Sprintf("severity(%d)", int(s))
}

// MarshalText writes a severity as its word in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Diagnostic is a message about one place of one file. Line and Column count from 1, columns in
// characters; both are 0 when the message is about the file as a whole.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	// Code identifies the kind of message for filters and documentation, as area/kind:
	// "eql/syntax".
	Code    string `json:"code"`
	Message string `json:"message"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`

	// Field is the field that the message is about, where it is about one that no index has.
	Field string `json:"-"`

	// Excerpt is the source line, Width the number of its characters that the message is about.
	Excerpt string `json:"-"`
	Width   int    `json:"-"`
}

// About returns the diagnostic with its field.
func (d Diagnostic) About(field string) Diagnostic {
	d.Field = field
	return d
}

// Place returns file:line:column, without the unknown parts.
func (d Diagnostic) Place() string {
	if d.Line == 0 {
		return d.File
	}
	return fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
}

// Error returns the diagnostic on one line, so that it can be used as an error.
func (d Diagnostic) Error() string {
	head := d.Severity.String() + ": " + d.Message
	if place := d.Place(); place != "" {
		head = place + ": " + head
	}
	if d.Code == "" {
		return head
	}
	return head + " [" + d.Code + "]"
}

// List holds the diagnostics of a stage, in source order after [List.Sort].
type List []Diagnostic

// HasErrors reports whether one of the list is an Error.
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity == Error })
}

// Err returns the errors of the list joined, nil when there are none.
func (l List) Err() error {
	var errs []error
	for _, d := range l {
		if d.Severity == Error {
			errs = append(errs, d)
		}
	}
	return errors.Join(errs...)
}

// Sort orders the list by file and place, keeping the order of equals.
func (l List) Sort() {
	slices.SortStableFunc(l, func(a, b Diagnostic) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// Render writes every diagnostic with its source line and a row of carets under the relevant part.
func Render(w io.Writer, l List) error {
	for _, d := range l {
		if _, err := io.WriteString(w, Shown(d.Error())+"\n"+d.caret()); err != nil {
			return fmt.Errorf("write diagnostic: %w", err)
		}
	}
	return nil
}

// maxExcerpt keeps a very long line from filling the screen.
const maxExcerpt = 160

// caret returns the excerpt and its caret line, or "" without a place. Tabs are kept in both lines,
// so that the caret is aligned whatever their width.
func (d Diagnostic) caret() string {
	if d.Line == 0 || d.Excerpt == "" {
		return ""
	}
	line := []rune(d.Excerpt)
	col := min(max(d.Column-1, 0), len(line))
	start, end := window(len(line), col)
	var text, pad strings.Builder
	run := 0
	for i := start; i < end; i++ {
		as := shown(line[i])
		if line[i] == '\t' {
			as = "\t"
		}
		width := utf8.RuneCountInString(as)
		text.WriteString(as)
		switch {
		case i < col && as == "\t":
			pad.WriteString(as)
		case i < col:
			pad.WriteString(strings.Repeat(" ", width))
		case i < col+d.Width:
			run += width
		}
	}
	number := fmt.Sprintf("%5d", d.Line)
	return fmt.Sprintf("%s | %s\n%s | %s%s\n", number, text.String(), strings.Repeat(" ", len(number)), pad.String(), strings.Repeat("^", max(1, run)))
}

// window returns which part of a long line is shown around column col.
func window(length, col int) (start, end int) {
	if length <= maxExcerpt {
		return 0, length
	}
	start = max(0, col-maxExcerpt/2)
	end = min(length, start+maxExcerpt)
	return max(0, end-maxExcerpt), end
}
