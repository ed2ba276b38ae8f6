package mapping_test

import (
	"strings"
	"testing"

	"tocsin/internal/match/mapping"
)

func TestSeriesOfMapping(t *testing.T) {
	tests := []struct{ name, text, index, want string }{
		{"of an index", `{"a-000001":{"series":"a","mappings":{"properties":{"x":{"type":"keyword"}}}}}`, "a-000001", "a"},
		{"of another", `{"a-000001":{"series":"a","mappings":{}}}`, "a-000002", ""},
		{"of a pattern", `{"a-*":{"series":"a","properties":{}},"a-000002":{"series":"b","mappings":{}},"*":{"series":"c"}}`, "a-000001", "a"},
		{"a name before a pattern", `{"a-*":{"series":"a","properties":{}},"a-000002":{"series":"b","mappings":{}},"*":{"series":"c"}}`, "a-000002", "b"},
		{"the shortest pattern last", `{"a-*":{"series":"a","properties":{}},"*":{"series":"c"}}`, "z", "c"},
		{"beside one mapping", `{"properties":{"x":{"type":"keyword"}},"series":{"a-*":"a"}}`, "a-000001", "a"},
		{"beside mappings", `{"mappings":{"properties":{}},"series":{"a-*":"a"}}`, "a-000001", "a"},
		{"beside those of indices", `{"a-000001":{"mappings":{}},"series":{"a-*":"a"}}`, "a-000001", "a"},
		{"an index of that name", `{"series":{"mappings":{"properties":{"x":{"type":"keyword"}}}}}`, "series", ""},
		{"none", `{"properties":{}}`, "a", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := mapping.ParseIndices([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := m.Series(test.index); got != test.want || ok != (test.want != "") {
				t.Errorf("%q, %t", got, ok)
			}
		})
	}
	m, err := mapping.ParseIndices([]byte(`{"series":{"a":"b"},"a":{"mappings":{"properties":{"x":{"type":"ip"}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if of, ok := m.ForIndex("a"); !ok || of.Fields["x"].Type != mapping.IP {
		t.Error("the mapping beside is lost")
	}
	for _, text := range []string{
		`{"properties":{},"series":"a"}`, `{"properties":{},"series":{"a":1}}`, `{"a":{"series":1,"mappings":{}}}`, `{"a":{"series":"","mappings":{}}}`, `{"properties":{},"series":{"a":""}}`,
	} {
		if _, err := mapping.ParseIndices([]byte(text)); err == nil || !strings.Contains(err.Error(), "a") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
