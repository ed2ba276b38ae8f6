package lint_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/lint"
)

// section is the heading of a section about a code.
var section = regexp.MustCompile("(?m)^### `([a-z-]+/[a-z-]+)`$")

// TestDocs wants a section of docs/lints.md for every lint, and no other about lints; each says the level of its lint and
// what to write instead.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/lints.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	sections := map[string]string{}
	found := section.FindAllStringSubmatchIndex(page, -1)
	for i, m := range found {
		end := len(page)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		sections[page[m[2]:m[3]]] = page[m[1]:end]
	}
	for _, l := range lint.All() {
		text, ok := sections[l.Code]
		if !ok {
			t.Errorf("docs/lints.md has no section about %s", l.Code)
			continue
		}
		level := map[diag.Severity]string{diag.Error: "Error", diag.Warning: "Warning", diag.Note: "Note"}[l.Severity]
		if l.Style {
			level += ", off"
		}
		if !strings.HasPrefix(strings.TrimSpace(text), level+".") {
			t.Errorf("%s begins %.40q, not %q", l.Code, strings.TrimSpace(text), level+".")
		}
		if !strings.Contains(text, "Instead:") {
			t.Errorf("%s does not say what to write instead", l.Code)
		}
		delete(sections, l.Code)
	}
	delete(sections, "lint/ignore")
	for code := range sections {
		if strings.HasPrefix(code, "lint/") {
			t.Errorf("docs/lints.md has a section about %s, which is no lint", code)
		}
	}
}
