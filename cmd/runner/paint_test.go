package main

import (
	"bytes"
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
)

func TestPainter(t *testing.T) {
	file := diag.NewText("r.toml", "x = 1\nquery = 'error: \x1b[31m'\n")
	list := diag.List{
		file.Report(diag.Error, "a/b", diag.Span{Start: 14, End: 22}, "warning: of an error\x1b[31m"),
		file.Report(diag.Warning, "a/c", diag.Span{Start: 0, End: 1}, "w"),
		{Severity: diag.Note, Message: "n", File: "s.toml"},
	}
	var out bytes.Buffer
	if err := diag.Render(diag.ShownWriter(painter{&out}), list); err != nil {
		t.Fatal(err)
	}
	const want = "r.toml:2:9: \x1b[1;31merror\x1b[0m: warning: of an error�[31m [a/b]\n" +
		"    2 | query = 'error: �[31m'\n      |         \x1b[1;31m^^^^^^^^\x1b[0m\n" +
		"r.toml:1:1: \x1b[1;33mwarning\x1b[0m: w [a/c]\n    1 | x = 1\n      | \x1b[1;31m^\x1b[0m\n" +
		"s.toml: \x1b[1;36mnote\x1b[0m: n\n"
	if got := out.String(); got != want {
		t.Errorf("%q, want\n%q", got, want)
	}
}

// TestPainterKeeps: without its colours, a text is what it was.
func TestPainterKeeps(t *testing.T) {
	colours := regexp.MustCompile("\x1b\\[[0-9;]*m")
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`((a.toml:1:2: )?(error|warning|note|other)?: [a-z|^ ]*\n?|      \| \^{0,3}\n)*`).Draw(rt, "text")
		var out bytes.Buffer
		if n, err := (painter{&out}).Write([]byte(text)); n != len(text) || err != nil {
			rt.Fatal(n, err)
		}
		if got := colours.ReplaceAllString(out.String(), ""); got != text {
			rt.Errorf("%q became %q", text, got)
		}
	})
}
