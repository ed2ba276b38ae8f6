package splunk_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/translate/spl"
)

// TestDocs runs the examples of the SPL page, and compares its lists of commands and functions with the code.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/languages/spl.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	var events string
	accepted, refused := 0, 0
	for i, section := range strings.Split(page, "\n```") {
		if i%2 == 0 {
			continue
		}
		info, body, _ := strings.Cut(section, "\n")
		switch info {
		case "json":
			events = body
		case "spl":
			accepted++
			search, results, _ := strings.Cut(body, "\n")
			got, err := run(t.Context(), t, search, env(), rowsOf(t, events))
			if err != nil {
				t.Errorf("%s: %v", search, err)
			}
			want(t, search, got, results)
		case "spl error":
			refused++
			search, reason, _ := strings.Cut(body, " // ")
			if _, err := run(t.Context(), t, search, env(), nil); err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%s: %v", search, err)
			}
		}
	}
	if accepted < 9 || refused < 2 {
		t.Errorf("found %d searches and %d errors: are the blocks still marked?", accepted, refused)
	}
	for section, names := range map[string][]string{
		"## Commands": spl.Commands(), "## Functions of expressions": spl.Functions(), "## Functions of stats": spl.Aggregates(),
	} {
		listed := listOf(page, section)
		for _, name := range names {
			if !slices.Contains(listed, name) {
				t.Errorf("%s does not name %s", section, name)
			}
		}
	}
}

var code = regexp.MustCompile("`([a-z_0-9]+)`")

// listOf returns the words in back quotes of a section.
func listOf(page, section string) []string {
	_, rest, _ := strings.Cut(page, section+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	var out []string
	for _, m := range code.FindAllStringSubmatch(rest, -1) {
		out = append(out, m[1])
	}
	return out
}
