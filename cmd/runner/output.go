package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"tocsin/internal/diag"
	"tocsin/internal/search"
)

// table writes aligned columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer, head ...string) table {
	t := table{tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)}
	_, _ = fmt.Fprintln(t.w, strings.Join(head, "\t"))
	return t
}

func (t table) row(cells ...any) {
	text := make([]string, len(cells))
	for i, c := range cells {
		text[i] = escaped(fmt.Sprint(c))
	}
	_, _ = fmt.Fprintln(t.w, strings.Join(text, "\t"))
}

// cells writes a row whose last cell, which is ours, may drive the terminal.
func (t table) cells(last string, cells ...any) {
	text := make([]string, len(cells), len(cells)+1)
	for i, c := range cells {
		text[i] = escaped(fmt.Sprint(c))
	}
	_, _ = fmt.Fprintln(t.w, strings.Join(append(text, last), "\t"))
}

// escaped keeps what came from events and rules from breaking lines or driving the terminal.
func escaped(text string) string { return diag.Shown(text) }

func (t table) flush() error {
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// writeJSON writes a list as one JSON array, or one element a line.
func writeJSON[T any](w io.Writer, format string, list []T) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if format == "json" {
		enc.SetIndent("", "  ")
		if list == nil {
			list = []T{}
		}
		return wrapWrite(enc.Encode(list))
	}
	for _, element := range list {
		if err := enc.Encode(element); err != nil {
			return wrapWrite(err)
		}
	}
	return nil
}

// writeObject writes one value as JSON for people and scripts.
func writeObject(w io.Writer, v any) error {
	data, err := search.JSON(v, "  ")
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return wrapWrite(err)
}

func wrapWrite(err error) error {
	if err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// were is count with its verb.
func were(n int, noun string) string {
	if n == 1 {
		return count(n, noun) + " was"
	}
	return count(n, noun) + " were"
}
