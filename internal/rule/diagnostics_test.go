package rule_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
)

var update = flag.Bool("update", false, "rewrite the want sections of testdata")

// TestDiagnostics compares the diagnostics of the rule.toml in each archive with its want section.
// {CRLF} at the start of the archive's comment converts the rule's line ends, {BOM} adds a byte
// order mark, and \xNN in the rule is that byte.
func TestDiagnostics(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, list := rule.Parse("rule.toml", input(archive))
			got := render(t, list)
			if *update {
				setWant(archive, got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(section(archive, "want"), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func input(archive *txtar.Archive) string {
	text := strings.ReplaceAll(section(archive, "rule.toml"), `\xff`, "\xff")
	if strings.HasPrefix(string(archive.Comment), "{CRLF}") {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if strings.HasPrefix(string(archive.Comment), "{BOM}") {
		text = "\uFEFF" + text
	}
	return text
}

func section(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func setWant(archive *txtar.Archive, text string) {
	for i, f := range archive.Files {
		if f.Name == "want" {
			archive.Files[i].Data = []byte(text)
			return
		}
	}
	archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(text)})
}

func render(t *testing.T, list diag.List) string {
	t.Helper()
	var b strings.Builder
	if err := diag.Render(&b, list); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
