package event_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/event"
)

func TestWithoutComments(t *testing.T) {
	for text, want := range map[string]any{
		`{"a":1}`:                                 map[string]any{"a": 1.0},
		`{"a":1 /* x */,"b":"/* y */"}`:           map[string]any{"a": 1.0, "b": "/* y */"},
		"{// one\n\"a\":\"http://b\\\"//c\"//\n}": map[string]any{"a": `http://b"//c`},
		`/**/{"a\\":/*"*/"\\/*"}/* open`:          map[string]any{`a\`: `\/*`},
		"[1,//x\n2/*/**/,3]":                      []any{1.0, 2.0, 3.0},
	} {
		var got any
		if err := json.Unmarshal(event.WithoutComments([]byte(text)), &got); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{"/", `{"a":1/2}`, "a/", ""} {
		if got := string(event.WithoutComments([]byte(text))); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
