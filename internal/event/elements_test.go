package event_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
)

func TestElements(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
		ok   bool
	}{
		{`[]`, nil, true},
		{" [ ] ", nil, true},
		{`[1, "a]" ,{"b":[2]},[null]]`, []string{"1", `"a]"`, `{"b":[2]}`, "[null]"}, true},
		{`[1,]`, []string{"1"}, false},
		{`[1`, []string{"1"}, false},
		{`{}`, nil, false},
		{``, nil, false},
		{`[1] 2`, []string{"1"}, false},
	} {
		var got []string
		ok := event.Elements([]byte(tt.text), func(value []byte) { got = append(got, string(value)) })
		if ok != tt.ok || ok && cmp.Diff(tt.want, got) != "" {
			t.Errorf("%q: %q, %t, want %q, %t", tt.text, got, ok, tt.want, tt.ok)
		}
	}
}
