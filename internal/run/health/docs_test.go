package health_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/run/health"
)

// TestDocumented holds the table of docs/health.md and the kinds together.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/health.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, d := range health.Kinds {
		var causes []string
		for _, c := range d.Causes {
			causes = append(causes, "`"+string(c)+"`")
		}
		want = append(want, fmt.Sprintf("| %#q | %s | %s | %s. | %s. | %s |", d.Kind, d.Severity, d.Subject, d.Meaning, d.Advice, strings.Join(causes, ", ")))
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `") && strings.Count(line, " | ") == 5 {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/health.md (-want +got):\n%s", diff)
	}
}

// TestKinds: causes come before what they explain, so that no two states explain each other, and every text says something.
func TestKinds(t *testing.T) {
	for i, d := range health.Kinds {
		if d.Meaning == "" || d.Advice == "" || d.Subject == "" || d.After < 1 || d.Calm < 1 || d.Severity == "" {
			t.Errorf("%+v", d)
		}
		for _, c := range d.Causes {
			at := slices.IndexFunc(health.Kinds, func(o health.Description) bool { return o.Kind == c })
			if at < 0 || at == i {
				t.Errorf("%s has the cause %s", d.Kind, c)
			}
			if slices.Contains(health.Describe(c).Causes, d.Kind) {
				t.Errorf("%s and %s explain each other", d.Kind, c)
			}
		}
	}
}
