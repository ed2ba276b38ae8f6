package splunk_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// fileCase is a search of a file, its events, and what it gives: rows, or the text of an error.
type fileCase struct{ name, search, events, rows, fault string }

// fileCases reads the files of testdata: each is about one thing, which its first lines name. Events are those
// of all searches behind them.
func fileCases(t *testing.T) []fileCase {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	var cases []fileCase
	for _, name := range files {
		file, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		events := ""
		for i, part := range file.Files {
			text := strings.TrimSpace(string(part.Data))
			switch part.Name {
			case "events":
				events = text
			case "search":
				c := fileCase{name: filepath.Base(name) + ": " + text, search: text, events: events}
				switch next := file.Files[i+1]; next.Name {
				case "rows":
					c.rows = string(next.Data)
				case "error":
					c.fault = strings.TrimSpace(string(next.Data))
				default:
					t.Fatalf("%s: %s has neither rows nor an error", name, text)
				}
				cases = append(cases, c)
			}
		}
	}
	return cases
}

func TestFiles(t *testing.T) {
	for _, c := range fileCases(t) {
		got, err := run(t.Context(), t, c.search, env(), rowsOf(t, c.events))
		switch {
		case err != nil && c.fault == "":
			t.Errorf("%s: %v", c.name, err)
		case err == nil && c.fault != "":
			t.Errorf("%s: no error, but %v", c.name, got)
		case err != nil && !strings.Contains(err.Error(), c.fault):
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.fault)
		case err == nil:
			want(t, c.name, got, c.rows)
		}
	}
}

// TestPrinted requires that a printed search is parsed to the same tree and gives the same rows.
func TestPrinted(t *testing.T) {
	var searches []fileCase
	for _, c := range fileCases(t) {
		if c.fault == "" {
			searches = append(searches, c)
		}
	}
	for _, c := range commandCases {
		searches = append(searches, fileCase{name: c.name, search: c.search, events: c.events})
	}
	for name, search := range everyCommand {
		if name == "makeresults" { // a million rows
			continue
		}
		searches = append(searches, fileCase{name: search, search: search, events: `{"id": "1", "host": "h"}`})
	}
	for _, c := range searches {
		printed := parsed(t, c.search).String()
		if again := parsed(t, printed).String(); again != printed {
			t.Errorf("%s\nis printed %s\nand read as %s", c.name, printed, again)
			continue
		}
		events := rowsOf(t, c.events)
		got, err := run(t.Context(), t, c.search, env(), events)
		again, fault := run(t.Context(), t, printed, env(), events)
		if diff := cmp.Diff(got, again); diff != "" || (err == nil) != (fault == nil) {
			t.Errorf("%s\nprinted %s (-search +printed): %v, %v\n%s", c.name, printed, err, fault, diff)
		}
	}
}
