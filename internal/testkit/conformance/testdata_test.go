package conformance_test

import (
	"fmt"
	"testing"

	"tocsin/internal/rule"
	"tocsin/internal/testkit/conformance"
)

// TestWritten holds the cases of queries against their datasets: each names events that are there,
// and its text is nobody else's.
func TestWritten(t *testing.T) {
	for language, folder := range map[rule.Language]string{rule.EQL: "eql", rule.Kuery: "kql", rule.Lucene: "lucene"} {
		cases, sets, err := conformance.WrittenQueries(language, folder)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]string{}
		for _, c := range cases {
			text := fmt.Sprint(c.Query, c.Size, c.PerKey)
			if other, twice := seen[text]; twice {
				t.Errorf("%s is %s again", c.Name, other)
			}
			seen[text] = c.Name
			known := map[any]bool{float64(-1): true}
			for _, e := range sets[c.Dataset].Events {
				known[e.Name] = true
			}
			for _, name := range flat(c.Alternatives) {
				if !known[name] {
					t.Errorf("%s: no event %v", c.Name, name)
				}
			}
		}
	}
}

// flat are the names in lists of lists.
func flat(v any) []any {
	list, ok := v.([]any)
	if !ok {
		return []any{v}
	}
	var out []any
	for _, element := range list {
		out = append(out, flat(element)...)
	}
	return out
}

// What is not there is an error, not an empty list.
func TestWrittenMissing(t *testing.T) {
	if _, err := conformance.WrittenDataset("nosuch"); err == nil {
		t.Error("a dataset that is not there is read")
	}
	if _, err := conformance.Written("nosuch", "finds"); err == nil {
		t.Error("a language without cases is read")
	}
}
