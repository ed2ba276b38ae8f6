package escu_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/splunk/escu"
)

// TestBrokenDetections damages a detection in a folder in every way, from behind its type on: either it is loaded,
// or an error names the file.
func TestBrokenDetections(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := generations[rapid.SampledFrom([]string{"v4", "v5", "v6"}).Draw(t, "generation")]
		known := strings.Index(text, "\ntype:") + len("\ntype: Anomaly\n")
		switch rapid.SampledFrom([]string{"none", "cut", "dropped", "put in", "utf16", "gzip", "bytes", "mark"}).Draw(t, "broken") {
		case "cut":
			text = text[:rapid.IntRange(known, len(text)).Draw(t, "at")]
		case "dropped":
			at := rapid.IntRange(known, len(text)-1).Draw(t, "at")
			text = text[:at] + text[at+1:]
		case "put in":
			at := rapid.IntRange(known, len(text)-1).Draw(t, "at")
			text = text[:at] + rapid.SampledFrom([]string{"{", "]", `"`, "'", ":", "\n", "\t", "\x00", "x"}).Draw(t, "what") + text[at:]
		case "utf16":
			zeros := make([]byte, 0, 2*len(text))
			for _, b := range []byte(text) {
				zeros = append(zeros, b, 0)
			}
			if text = string(zeros); rapid.Bool().Draw(t, "big") {
				text = "\x00" + text[:len(text)-1]
			}
			if mark := rapid.Bool().Draw(t, "mark"); mark {
				text = map[bool]string{true: "\xfe\xff", false: "\xff\xfe"}[text[0] == 0] + text
			}
		case "gzip":
			text = "\x1f\x8b\x08\x00" + text
		case "bytes":
			text = "\x80\x00\xff" + text
		case "mark":
			text = "\ufeff" + text
		}
		library, list, err := escu.Load(t.Context(), fstest.MapFS{"d.yml": {Data: []byte(text)}}, ".")
		if err != nil {
			t.Fatal(err)
		}
		named := slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.File == "d.yml" && d.Severity == diag.Error })
		if len(library.Detections) == 0 && (!named || len(library.Broken) != 1) {
			t.Fatalf("%d broken, %v:\n%.2000s", len(library.Broken), list, text)
		}
	})
}
