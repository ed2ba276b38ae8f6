package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/ledger"
	"tocsin/internal/search/planner"
)

// readPages reads every page of documentation by its path from the root of the repository.
func readPages(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	paths := []string{"../README.md", "../ARCHITECTURE.md", "../CONTRIBUTING.md"}
	err := filepath.WalkDir("../docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages[strings.TrimPrefix(path, "../")] = string(data)
	}
	return pages
}

var (
	docsLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fence    = regexp.MustCompile("(?s)\n```.*?\n```")
	notWord  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestDocsLinks follows every link from one page to another, as far as its heading.
func TestDocsLinks(t *testing.T) {
	pages := readPages(t)
	followed := 0
	for name, text := range pages {
		for _, m := range docsLink.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			followed++
			path := name
			if target != "" {
				path = filepath.Join(filepath.Dir(name), target)
			}
			if _, err := os.Stat(filepath.Join("..", path)); err != nil {
				t.Errorf("%s: %s leads nowhere", name, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(pages[path]), anchor) {
				t.Errorf("%s: %s has no such heading", name, m[1])
			}
		}
	}
	if followed < 50 {
		t.Errorf("followed %d links", followed)
	}
}

// anchors are the names that headings have in links.
func anchors(text string) []string {
	var out []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		out = append(out, strings.ReplaceAll(notWord.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return out
}

// TestDocsIndex wants every page in the index.
func TestDocsIndex(t *testing.T) {
	pages := readPages(t)
	for name := range pages {
		short, isDocs := strings.CutPrefix(name, "docs/")
		if isDocs && short != "README.md" && !strings.Contains(pages["docs/README.md"], "]("+short+")") {
			t.Errorf("docs/README.md does not lead to %s", short)
		}
	}
	for _, name := range []string{"README.md", "ARCHITECTURE.md"} {
		for _, page := range []string{"](docs/README.md)", "](docs/glossary.md)"} {
			if !strings.Contains(pages[name], page) {
				t.Errorf("%s does not lead to %s", name, page)
			}
		}
	}
}

// TestGlossary wants terms in the order of the alphabet, each once; and the words that output has for
// statuses, reasons and strategies among them or in the page that they lead to.
func TestGlossary(t *testing.T) {
	pages := readPages(t)
	var terms []string
	for line := range strings.Lines(pages["docs/glossary.md"]) {
		cells := strings.Split(line, " | ")
		if term, ok := strings.CutPrefix(cells[0], "| "); ok && term != "term" {
			terms = append(terms, term)
		}
	}
	if !slices.IsSorted(terms) || len(slices.Compact(slices.Clone(terms))) != len(terms) || len(terms) < 50 {
		t.Errorf("%d terms, in order: %t", len(terms), slices.IsSorted(terms))
	}
	for status := ledger.Planned; status.String() != "unknown"; status++ {
		if name := strings.ReplaceAll(status.String(), "_", " "); !slices.Contains(terms, name) {
			t.Errorf("no entry for slots that are %s", name)
		}
	}
	for _, s := range []planner.Strategy{planner.Scan, planner.Search} {
		if !slices.Contains(terms, string(s)) {
			t.Errorf("no entry for the strategy %s", s)
		}
	}
	// A term that no other page and no code speaks of is not one.
	all := []string{sources(t)}
	for name, text := range pages {
		if name != "docs/glossary.md" {
			all = append(all, text)
		}
	}
	source := strings.ReplaceAll(strings.ToLower(strings.Join(all, "\n")), "_", " ")
	for _, term := range terms {
		if !strings.Contains(source, term) {
			t.Errorf("nobody speaks of %q", term)
		}
	}
}

// sources is the code of the packages.
func sources(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			data, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			b.Write(data)
		}
	}
	return b.String()
}
