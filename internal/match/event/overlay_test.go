package event_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/event"
)

func TestPut(t *testing.T) {
	for _, tt := range []struct{ source, name, want string }{
		{`{}`, "a", `{"a":1}`},
		{`{}`, "a.b.c", `{"a":{"b":{"c":1}}}`},
		{`{"a":{"b":2,"x":3}}`, "a.b", `{"a":{"b":1,"x":3}}`},
		{`{"a.b":2}`, "a.b", `{"a":{"b":1}}`},
		{`{"a.b":2,"a":{"b":3}}`, "a.b", `{"a":{"b":1}}`},
		{`{"a.b":{"c":2,"x":3}}`, "a.b.c", `{"a.b":{"c":1,"x":3}}`},
		{`{"a":5}`, "a.b", `{"a":5,"a.b":1}`},
		{`{"a":{"b":5}}`, "a.b.c", `{"a":{"b":5,"b.c":1}}`},
		{`{"a":[{"b":2},{"b":3,"x":4}]}`, "a.b", `{"a":[{},{"x":4}],"a.b":1}`},
		{`{"a":null}`, "a.b", `{"a":null,"a.b":1}`},
		{`{"a":{"b":{"c":2}}}`, "a.b", `{"a":{"b":1}}`},
		{`{}`, ".a", `{".a":1}`},
		{`{}`, "a.", `{"a.":1}`},
	} {
		var source, want map[string]any
		if err := json.Unmarshal([]byte(tt.source), &source); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
			t.Fatal(err)
		}
		event.Put(source, tt.name, float64(1))
		if diff := cmp.Diff(want, source); diff != "" {
			t.Errorf("%s in %s (-want +got):\n%s", tt.name, tt.source, diff)
		}
	}
}

// The value that was put is found, whatever the name had before.
func TestPutIsFound(t *testing.T) {
	name := rapid.SampledFrom([]string{"a", "b", "a.b", "a.b.c", "b.c", "a.c.b.a"})
	rapid.Check(t, func(t *rapid.T) {
		source := map[string]any{}
		for i := range rapid.IntRange(0, 6).Draw(t, "before") {
			value := rapid.SampledFrom([]any{i, nil, []any{i, map[string]any{"b": i}}, map[string]any{"c": i, "b.c": i}}).Draw(t, "value")
			source[name.Draw(t, "name")] = value
		}
		at := name.Draw(t, "put")
		event.Put(source, at, "put")
		if diff := cmp.Diff([]any{"put"}, event.Lookup(source, at)); diff != "" {
			t.Errorf("%s in %v (-want +got):\n%s", at, source, diff)
		}
	})
}
