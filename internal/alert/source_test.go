package alert_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
)

// sourceOf returns the source of the alert about an event, as read back.
func sourceOf(t *testing.T, e event.Event) *alert.Source {
	t.Helper()
	doc, err := alert.NewBuilder(aRule(), alert.Options{}, alert.Indices{}).Build(alert.Finding{Event: e}, aRun())
	if err != nil {
		t.Fatal(err)
	}
	return stored(t, doc)
}

func stored(t *testing.T, doc alert.Document) *alert.Source {
	t.Helper()
	data, err := json.Marshal(doc.Source)
	if err != nil {
		t.Fatal(err)
	}
	s, err := alert.ReadSource(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := alert.SourceOf(doc)
	if diff := cmp.Diff(s, again); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	return s
}

func TestSameSource(t *testing.T) {
	in := func(index, source string) event.Event {
		return event.Event{Index: index, ID: "1", Source: []byte(source)}
	}
	tests := []struct {
		name string
		a, b event.Event
		same bool
	}{
		{"the same", in("a", `{"x":1}`), in("a", `{"x":1}`), true},
		{"another version in its index", in("a", `{"x":1}`), in("a", `{"x":2}`), true},
		{"a copy", in("a", `{"x":1,"y":{"z":[1,"2"]}}`), in("b", `{"y": {"z": [1, "2"]}, "x": 1}`), true},
		{"another document", in("a", `{"x":1}`), in("b", `{"x":2}`), false},
		{"sent again after a rollover", in("a", `{"x":1,"event":{"id":"1","ingested":"2026-01-01T00:00:00Z"}}`), in("b", `{"x":1,"event":{"id":"1","ingested":"2026-01-02T00:00:00Z"}}`), true},
		{"sent again, dotted", in("a", `{"x":1,"event.ingested":"2026-01-01T00:00:00Z"}`), in("b", `{"x":1,"event.ingested":"2026-01-02T00:00:00Z"}`), true},
		{"another event that came in otherwise", in("a", `{"x":1,"event":{"ingested":"2026-01-01T00:00:00Z"}}`), in("b", `{"x":2,"event":{"ingested":"2026-01-01T00:00:00Z"}}`), false},
		{"no source to compare", in("a", `{}`), in("b", `{}`), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, b := sourceOf(t, test.a), sourceOf(t, test.b)
			if a.Same(b) != test.same || b.Same(a) != test.same {
				t.Errorf("%+v and %+v: want the same: %t", a, b, test.same)
			}
		})
	}
	if s := sourceOf(t, event.Event{Source: []byte(`{"x":1}`)}); s != nil {
		t.Errorf("what is no document has %+v", s)
	}
	if a := sourceOf(t, in("a", `{}`)); !a.Same(nil) || !(*alert.Source)(nil).Same(a) {
		t.Error("an alert that does not tell differs")
	}
}

// TestSecondIdentity: an alert whose identity is taken gets another one, the same for the same
// content in any index, as do its blocks.
func TestSecondIdentity(t *testing.T) {
	second := aRun()
	second.Second = true
	rapid.Check(t, func(rt *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) event.Event {
			return event.Event{
				Index: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "index"), ID: rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "id"),
				Source: []byte(rapid.SampledFrom([]string{`{"x":1}`, `{"x":2}`}).Draw(rt, "source")),
			}
		}), 2, 3).Draw(rt, "events")
		moved := make([]event.Event, len(events))
		for i, e := range events {
			e.Index = "c"
			moved[i] = e
		}
		b := alert.NewBuilder(aRule(), alert.Options{}, alert.Indices{Series: func(string) string { return "s" }})
		ids := func(events []event.Event, run alert.Run) []string {
			docs, err := b.BuildGroup(alert.Group{Events: events}, run)
			if err != nil {
				rt.Fatal(err)
			}
			var out []string
			for _, d := range docs {
				out = append(out, d.ID)
			}
			shell := docs[len(docs)-1]
			if of := stored(t, shell); run.Second && (of.First == "" || alert.InstanceOf(shell) != of.First) || !run.Second && of.First != "" {
				rt.Fatalf("first is %q, instance %q", of.First, alert.InstanceOf(shell))
			}
			return out
		}
		first, other, copied := ids(events, aRun()), ids(events, second), ids(moved, second)
		if diff := cmp.Diff(other, copied); diff != "" {
			rt.Errorf("copies have another identity:\n%s", diff)
		}
		seen := map[string]bool{}
		for _, id := range append(first, other...) {
			if seen[id] {
				rt.Errorf("%s twice", id)
			}
			seen[id] = true
		}
		for i := range events { // one with other content
			e := events[i]
			events[i].Source = []byte(`{"x":3}`)
			if got := ids(events, second); got[len(got)-1] == other[len(other)-1] {
				rt.Errorf("event %d is of no account", i)
			}
			if got := ids(events, aRun()); !cmp.Equal(got, first) {
				rt.Errorf("the first identity depends on the content of event %d", i)
			}
			events[i] = e
		}
	})
}
