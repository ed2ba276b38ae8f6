package main

import (
	"encoding/json"
	"fmt"
	"io"

	"tocsin/internal/diag"
	"tocsin/internal/search"
)

// escaped returns text from events and rules with line breaks and terminal control sequences escaped.
func escaped(text string) string { return diag.Shown(text) }

// writeJSON writes a list as one JSON array, or with the format ndjson as one element a line.
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

// writeObject writes one value as indented JSON.
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

// count returns a number with its noun, such as "2 rules".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// were returns a number with its noun and verb, such as "2 rules were".
func were(n int, noun string) string {
	if n == 1 {
		return count(n, noun) + " was"
	}
	return count(n, noun) + " were"
}
