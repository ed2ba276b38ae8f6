package splunk_test

import (
	"path/filepath"
	"strings"
	"testing"

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
