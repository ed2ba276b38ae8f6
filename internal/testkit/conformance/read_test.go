package conformance

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	got, err := read("f", "# About.\ndataset: d\nsize: 5\n\n-- one\na\n  b\nfinds: x y\n\n-- two\nc: d\nsize: 1\nfinds:\nfinds: z\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Text{
		{Name: "f:5 one", Text: "a\n  b", Said: map[string][]string{"dataset": {"d"}, "size": {"5"}, "finds": {"x y"}}},
		{Name: "f:10 two", Text: "c: d", Said: map[string][]string{"dataset": {"d"}, "size": {"1"}, "finds": {"", "z"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{"a", []any{"b", float64(-1), "c"}}, hits(" a b,-,c ")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	for text, reason := range map[string]string{
		"a\n":                      "f:1: neither",
		"-- one\na\n":              "f:1 one: nothing is said",
		"-- one\na\nsize: 1\n":     "f:1 one: nothing is said",
		"-- one\na\nfinds: x\nb\n": "f:4: neither",
		"-- one\na\nfind: x\n":     "f:1 one: nothing is said",
	} {
		if got, err := read("f", text); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %v, %v, want %s", text, got, err, reason)
		}
	}
}
