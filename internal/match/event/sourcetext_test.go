package event_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// TestSourceText: the texts of a source are as they were sent, whatever the field is mapped as and whatever a
// search returns beside the source.
func TestSourceText(t *testing.T) {
	source := json.RawMessage(`{"F": ["Ab", 1.50, true, null, ""], "o": {"p.q": "X", "r": [{"s": 7}, {"s": "Y"}]}}`)
	e := event.Event{Index: "i", ID: "1", Source: source, Fields: map[string][]any{"F": {"other"}, "_source.F": {"other"}}}
	for name, tt := range map[string]struct {
		field mapping.Field
		want  []string
	}{
		"normalized": {mapping.Field{Name: "F", Type: mapping.Keyword, Normalizer: "lowercase", IgnoreAbove: 1}.OfSource(), []string{"", "1.50", "Ab", "true"}},
		"a number":   {mapping.Field{Name: "F", Type: mapping.Long}.OfSource(), []string{"", "1.50", "Ab", "true"}},
		"sub-field":  {mapping.Field{Name: "F.x", Path: "F", Type: mapping.Keyword}.OfSource(), []string{"", "1.50", "Ab", "true"}},
		"nested":     {mapping.Field{Name: "o.r.s", Nested: "o.r", Type: mapping.Keyword}.OfSource(), []string{"7", "Y"}},
		"dotted":     {mapping.Field{Name: "o.p.q"}.OfSource(), []string{"X"}},
		"missing":    {mapping.Field{Name: "z"}.OfSource(), nil},
		"everything": {mapping.WholeSource(), []string{"", "1.50", "7", "Ab", "X", "Y", "true"}},
	} {
		doc, err := e.Document()
		if err != nil {
			t.Fatal(err)
		}
		view := event.NewSelection([]mapping.Field{tt.field}, nil).NewView()
		if err := view.ReadEvent(&e); err != nil {
			t.Fatal(err)
		}
		for reader, values := range map[string][]mapping.Value{"document": doc.Values(tt.field), "view": view.Column(0)} {
			if diff := cmp.Diff(tt.want, textsOf(values)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, reader, diff)
			}
		}
		texts := slices.Sorted(slices.Values(view.Texts(0)))
		if diff := cmp.Diff(tt.want, texts); diff != "" {
			t.Errorf("%s, texts (-want +got):\n%s", name, diff)
		}
	}
}

func textsOf(values []mapping.Value) []string {
	var out []string
	for _, v := range values {
		out = append(out, v.String)
	}
	slices.Sort(out)
	return out
}

// TestWholeSource draws sources: a view and a document have the same texts of them.
func TestWholeSource(t *testing.T) {
	var object *rapid.Generator[map[string]any]
	value := rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			return rapid.SliceOfN(rapid.StringN(0, 4, -1), 0, 3).Draw(t, "list")
		case 1:
			return rapid.Int().Draw(t, "number")
		case 2:
			return rapid.Bool().Draw(t, "bool")
		case 3:
			return object.Draw(t, "object")
		case 4:
			return nil
		}
		return rapid.StringN(0, 6, -1).Draw(t, "text")
	})
	object = rapid.Custom(func(t *rapid.T) map[string]any {
		return rapid.MapOfN(rapid.StringMatching(`[a-c](\.[a-c])?`), rapid.Deferred(func() *rapid.Generator[any] { return value }), 0, 3).Draw(t, "members")
	})
	rapid.Check(t, func(t *rapid.T) {
		source, err := json.Marshal(object.Draw(t, "source"))
		if err != nil {
			t.Fatal(err)
		}
		e := event.Event{Source: source}
		doc, err := e.Document()
		if err != nil {
			t.Fatal(err)
		}
		view := event.NewSelection([]mapping.Field{mapping.WholeSource(), {Name: "a.b", Type: mapping.Keyword}}, nil).NewView()
		if err := view.ReadEvent(&e); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(textsOf(doc.Values(mapping.WholeSource())), textsOf(view.Column(0))); diff != "" {
			t.Errorf("%s (-document +view):\n%s", source, diff)
		}
	})
}
