package spl_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/translate/spl"
)

var update = flag.Bool("update", false, "write how searches are read into the files of testdata; look at the difference")

// written is a search of a file and what comes of it: the lines behind it begin with = for its canonical form and
// with ! for what is reported of it.
type written struct{ search, result string }

// readWritten reads the files of testdata: each is about one thing, which its first lines name.
func readWritten(tb testing.TB) map[string][]written {
	tb.Helper()
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) < 10 {
		tb.Fatalf("%d files: %v", len(names), err)
	}
	out := map[string][]written{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			text, isSearch := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "> ")
			switch n := len(out[name]) - 1; {
			case isSearch || text == ">":
				out[name] = append(out[name], written{search: strings.TrimPrefix(text, ">")})
			case strings.HasPrefix(text, "#") || text == "":
			case n < 0:
				tb.Fatalf("%s: %s stands before any search", name, text)
			default:
				out[name][n].result += text + "\n"
			}
		}
	}
	return out
}

// read returns how a search is read, in the form of the files.
func read(search string) (*spl.Search, string) {
	s, diags := spl.ParseText(diag.NewText("f", search), macros)
	var b strings.Builder
	if s != nil {
		fmt.Fprintf(&b, "= %s\n", strings.ReplaceAll(s.String(), "\n", `\n`))
	}
	for _, d := range diags {
		fmt.Fprintf(&b, "! %s\n", strings.TrimPrefix(d.Error(), "f:1:"))
	}
	return s, b.String()
}

// TestFiles pins how each command is read: the canonical form shows what binds to what and which options there are,
// and a fault has its place. What is printed is read as the same.
func TestFiles(t *testing.T) {
	for name, cases := range readWritten(t) {
		for _, c := range cases {
			s, got := read(c.search)
			if diff := cmp.Diff(c.result, got); diff != "" && !*update {
				t.Errorf("%s: %s (-want +got):\n%s", name, c.search, diff)
			}
			if s != nil {
				roundTrip(t, s)
				placed(t, c.search, s)
			}
		}
		if *update {
			rewrite(t, name)
		}
	}
}

// aliases are the commands that have other names.
var aliases = map[string]string{"bucket": "bin", "discretize": "bin", "kv": "extract"}

// placed wants each command to know its name, and its place to begin with that and end with what belongs to it.
func placed(t *testing.T, search string, s *spl.Search) {
	t.Helper()
	if s.Source.Value != search { // A macro has been replaced.
		return
	}
	end := 0
	for i, stage := range s.Stages {
		span := stage.Pos()
		if span == (diag.Span{}) { // It stands for nothing in the text.
			continue
		}
		if span.Start < end || span.End > len(search) || span.End < span.Start {
			t.Errorf("%s: %s is at %v", search, stage, span)
			return
		}
		text := search[span.Start:span.End]
		name := strings.ToLower(text[:len(text)-len(strings.TrimLeft(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz"))])
		if other, ok := aliases[name]; ok {
			name = other
		}
		_, isOutlier := stage.(*spl.Outlier)
		_, isTable := stage.(*spl.InputLookup)
		_, isTotals := stage.(*spl.AddTotals)
		switch {
		case name == stage.Command(), isOutlier && name == "anomalydetection", isTable && name == "from", isTotals && name == "addcoltotals":
		case i == 0 && stage.Command() == "search" && !strings.HasPrefix(name, "search"):
		default:
			t.Errorf("%s: the command %s stands at %q", search, stage.Command(), text)
		}
		if rest := strings.TrimLeft(search[span.End:], " ,"); rest != "" && rest[0] != '|' {
			t.Errorf("%s: %s ends before %q", search, stage.Command(), rest)
		}
		end = span.End
	}
}

// rewrite puts how searches are read into a file.
func rewrite(t *testing.T, name string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(data)) {
		if line[0] == '=' || line[0] == '!' {
			continue
		}
		b.WriteString(line)
		if line[0] == '>' {
			_, got := read(strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(line, ">"), " "), "\n"))
			b.WriteString(got)
		}
	}
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
