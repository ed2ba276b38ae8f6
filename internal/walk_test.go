package internal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// mapped are paths of the repository in its map.
	mapped = regexp.MustCompile("`((?:internal|cmd|integration|rules|tools)(?:/[A-Za-z0-9_.-]+)+)`")
	// walked are the files of the walk, one an item.
	walked = regexp.MustCompile("(?m)^\\d+\\. `([^`]+)`: ")
)

// TestWalk: the paths that ARCHITECTURE.md names exist, and each file of the walk from a rule to its alert says where the
// next one is.
func TestWalk(t *testing.T) {
	text, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	paths := mapped.FindAllStringSubmatch(string(text), -1)
	if len(paths) < 20 {
		t.Errorf("%d paths", len(paths))
	}
	for _, m := range paths {
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			t.Errorf("ARCHITECTURE.md: %s does not exist", m[1])
		}
	}
	var files []string
	for _, m := range walked.FindAllStringSubmatch(string(text), -1) {
		files = append(files, m[1])
	}
	if len(files) < 5 {
		t.Fatalf("the walk has %d files", len(files))
	}
	for i, file := range files {
		text, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n\n")
		if i+1 < len(files) && (!strings.HasPrefix(first, "// ") || !strings.Contains(first, files[i+1])) {
			t.Errorf("the first comment of %s does not say that %s is next", file, files[i+1])
		}
	}
}
