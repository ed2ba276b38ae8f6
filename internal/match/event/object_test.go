package event_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/event"
)

func TestObject(t *testing.T) {
	for _, tt := range []struct {
		source string
		want   map[string]any
	}{
		{`{"t":{"i":{"a":"x","b":{"c":"y"}}}}`, map[string]any{"a": "x", "b": map[string]any{"c": "y"}}},
		{`{"t.i.a":"x","t.i.b.c":"y","t.ii":"no"}`, map[string]any{"a": "x", "b.c": "y"}},
		{`{"t.i":{"a":"x"},"t":{"i.b":"y"}}`, map[string]any{"a": "x", "b": "y"}},
		{`{"t":{"i":[{"a":"x"},{"a":"z"}]}}`, map[string]any{"a": "x"}},
		{`{"t":[{"i.a":"x"}]}`, map[string]any{"a": "x"}},
		{`{"t":{"i":"text"}}`, nil},
		{`{}`, nil},
	} {
		if diff := cmp.Diff(tt.want, event.Object(document(t, tt.source).Source, "t.i")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.source, diff)
		}
	}
}
