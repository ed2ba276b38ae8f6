package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// table writes aligned columns; flush must be called at the end. On a terminal, rows are as wide as it: the widest
// columns are narrowed.
type table struct {
	w io.Writer
	// width is that of the terminal, 0 for other writers.
	width int
	rows  [][]string
	// fixed is the number of the column that is not narrowed, -1 for none.
	fixed int
}

// gap is the distance of columns, narrowest the least width of one that is narrowed.
const (
	gap       = 2
	narrowest = 8
)

func newTable(w io.Writer, head ...string) *table {
	return &table{w: w, width: widthOf(w), rows: [][]string{head}, fixed: -1}
}

func (t *table) row(cells ...any) {
	text := make([]string, len(cells))
	for i, c := range cells {
		text[i] = escaped(fmt.Sprint(c))
	}
	t.rows = append(t.rows, text)
}

// cells writes a row. Its last cell is written unescaped and may contain colours; its column is not narrowed.
func (t *table) cells(last string, cells ...any) {
	t.row(cells...)
	t.fixed = len(cells)
	t.rows[len(t.rows)-1] = append(t.rows[len(t.rows)-1], last)
}

// flush writes the rows.
func (t *table) flush() error {
	widths := t.widths()
	var out strings.Builder
	for _, row := range t.rows {
		for i, cell := range row {
			if i != t.fixed {
				cell = shorten(cell, widths[i])
			}
			out.WriteString(cell)
			if i < len(row)-1 {
				out.WriteString(strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell))+gap))
			}
		}
		out.WriteByte('\n')
	}
	t.rows = nil
	if _, err := io.WriteString(t.w, out.String()); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// widths returns the widths of the columns.
func (t *table) widths() []int {
	var widths []int
	for n, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if i != t.fixed || n == 0 { // the head says how wide a fixed column is
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	if t.width > 0 {
		narrow(widths, t.width, t.fixed)
	}
	return widths
}

// narrow makes columns fit a width, the widest first; columns that are narrow already, and the fixed one, stay.
func narrow(widths []int, width, fixed int) {
	over := gap*(len(widths)-1) - width
	for _, w := range widths {
		over += w
	}
	for over > 0 {
		widest, next := -1, narrowest
		for i, w := range widths {
			if i != fixed && w > narrowest && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		for i, w := range widths {
			if i != fixed && i != widest && w < widths[widest] {
				next = max(next, w)
			}
		}
		by := max(1, min(over, widths[widest]-next))
		widths[widest] -= by
		over -= by
	}
}

// widthOf returns the width of the terminal that a writer writes to, 0 if it is none.
func widthOf(w io.Writer) int {
	if below, ok := w.(interface{ Unwrap() io.Writer }); ok {
		w = below.Unwrap()
	}
	f, ok := w.(*os.File)
	if !ok || !isTerminal(f) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd())) //nolint:gosec // file descriptors are small
	if err != nil {
		return 0
	}
	return width
}

// paints reports whether colours are written to a writer: to terminals that have some, unless NO_COLOR is set.
func paints(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && !slices.Contains([]string{"", "dumb"}, os.Getenv("TERM"))
}
