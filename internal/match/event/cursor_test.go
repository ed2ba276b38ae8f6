package event_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/event"
)

func TestCursorMembers(t *testing.T) {
	for _, tt := range []struct {
		object string
		want   []string
		ok     bool
	}{
		{`{}`, nil, true},
		{" { } ", nil, true},
		{`{"a": 1, "\u005fid" : [{"b":2}] ,"é":"x" }`, []string{"a=1", `_id=[{"b":2}]`, `é="x"`}, true},
		{`{"a":1,"a":2}`, []string{"a=1", "a=2"}, true},
		{`[]`, nil, false},
		{``, nil, false},
		{`{"a":1`, []string{"a=1"}, false},
		{`{"a":tru}`, []string{"a="}, false},
		{`{"a"}`, nil, false},
		{`{} {}`, nil, false},
	} {
		for _, reads := range []bool{true, false} {
			var got, want []string
			c := event.NewCursor([]byte(tt.object))
			c.Members(func(key []byte) {
				if reads {
					got = append(got, string(key)+"="+string(c.Value()))
				}
			})
			if reads {
				want = tt.want
			}
			if diff := cmp.Diff(want, got); diff != "" || c.Whole() != tt.ok {
				t.Errorf("%s, read %t: %t (-want +got):\n%s", tt.object, reads, c.Whole(), diff)
			}
		}
	}
}

func TestCursorElements(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
		ok   bool
	}{
		{`[]`, nil, true},
		{" [ ] ", nil, true},
		{`[1, "a]" ,{"b":[2]},[null]]`, []string{"1", `"a]"`, `{"b":[2]}`, "[null]"}, true},
		{`[1,]`, []string{"1", ""}, false},
		{`[1`, []string{"1"}, false},
		{`{}`, nil, false},
		{``, nil, false},
		{`[1] 2`, []string{"1"}, false},
	} {
		var got []string
		c := event.NewCursor([]byte(tt.text))
		c.Elements(func() { got = append(got, string(c.Value())) })
		if diff := cmp.Diff(tt.want, got); diff != "" || c.Whole() != tt.ok {
			t.Errorf("%q: %t (-want +got):\n%s", tt.text, c.Whole(), diff)
		}
	}
}

// TestCursorNested: entered and skipped values side by side.
func TestCursorNested(t *testing.T) {
	c := event.NewCursor([]byte(`{"skip":{"deep":[1,{"x":2}]},"hits":{"total":3,"hits":[{"_id":"a","_source":{"b":1}},{"_id":"b"}]},"last":[]}`))
	var got []string
	c.Members(func(key []byte) {
		if string(key) != "hits" {
			return
		}
		c.Members(func(key []byte) {
			if string(key) == "total" {
				return
			}
			c.Elements(func() {
				c.Members(func(key []byte) { got = append(got, string(key)+" "+string(c.Value())) })
			})
		})
	})
	if diff := cmp.Diff([]string{`_id "a"`, `_source {"b":1}`, `_id "b"`}, got); diff != "" || !c.Whole() {
		t.Errorf("%t\n%s", c.Whole(), diff)
	}
}
