package fieldmap_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/fieldmap"
)

// TestDocs loads the map of the page about log sources and asks it what the page says of it, and wants every log source
// that is shipped on the page.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/sigma-fields.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	_, text, found := strings.Cut(page, "```toml\n")
	text, _, ended := strings.Cut(text, "```")
	if !found || !ended {
		t.Fatal("the page has no map")
	}
	events := ownMap(t, text).Events(fieldmap.Log{Product: "acme", Category: "process_creation"})
	if len(events) != 1 || events[0].Where[0].Value != "event.dataset:acme.process" || !slices.Equal(events[0].Dropped, []string{"", "-"}) {
		t.Fatalf("the events are %+v", events)
	}
	for name, want := range map[string][]string{
		"User": {`{user.domain}\{user.name}`, "acme.user", "User"}, "Details": {"acme.values.*", "Details"}, "Ticket": {"acme.Ticket", "Ticket"},
	} {
		if got := places(events[0], name); !slices.Equal(got, want) {
			t.Errorf("%s is at %q, want %q", name, got, want)
		}
	}
	for _, s := range fieldmap.Default().LogSources {
		if len(s.Index) == 0 {
			continue
		}
		for _, key := range slices.Concat(s.Category, s.Service) {
			if !strings.Contains(page, "`"+key+"`") {
				t.Errorf("the page lacks %s of %s", key, s.Name)
			}
		}
		for _, product := range s.Product {
			if !strings.Contains(page, product) {
				t.Errorf("the page lacks the product %s", product)
			}
		}
	}
}
