package mapping_test

import (
	"testing"

	"tocsin/internal/match/mapping"
)

// holder is a comparable type with a member that may not be comparable.
type holder struct{ mapping.Fields }

func TestSame(t *testing.T) {
	one, alike := mapping.Table{"a": {Name: "a"}}, mapping.Table{"a": {Name: "a"}}
	held := &holder{one}
	for _, tt := range []struct {
		name string
		a, b mapping.Fields
		want bool
	}{
		{"itself", one, one, true},
		{"one that is alike", one, alike, false},
		{"none", nil, nil, true},
		{"a table and none", one, nil, false},
		{"two that hold tables", holder{one}, holder{one}, false},
		{"one that holds a table, by its place", held, held, true},
		{"layers", mapping.Layers{one}, mapping.Layers{one}, false},
		{"a table and something else", one, mapping.Untyped(), false},
	} {
		if got := mapping.Same(tt.a, tt.b); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}
