package store_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// value draws JSON of all kinds under few names.
func value(rt *rapid.T, depth int) string {
	kinds := 8
	if depth == 0 {
		kinds = 6
	}
	switch rapid.IntRange(0, kinds).Draw(rt, "kind") {
	case 0:
		return "null"
	case 1:
		return "true"
	case 2:
		return rapid.SampledFrom([]string{"1", "-2.5", "1e999", "123456789012345678901234567890"}).Draw(rt, "number")
	case 3, 4:
		return rapid.SampledFrom([]string{`"x"`, `"2026-01-15T12:00:00Z"`, `"2026/01/15"`, `"7"`, `""`, `"\u00e9"`, longText(rt)}).Draw(rt, "text")
	case 5, 6:
		return `[` + strings.Join(rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) string { return value(rt, max(depth-1, 0)) }), 0, 2).Draw(rt, "list"), ",") + `]`
	}
	var members []string
	for range rapid.IntRange(0, 2).Draw(rt, "members") {
		name := rapid.SampledFrom([]string{"a", "b", "a.b", "\\u0061", "é", "_index"}).Draw(rt, "name")
		members = append(members, `"`+name+`":`+value(rt, depth-1)) // the name is already escaped
	}
	return "{" + strings.Join(members, ",") + "}"
}

// longText draws a text about as long as dynamic mapping indexes, in characters of every length.
func longText(rt *rapid.T) string {
	character := rapid.SampledFrom([]string{"x", `\\`, `\u00e9`, "é", "日", "😀", `\ud83d\ude00`, `\n`}).Draw(rt, "character")
	return `"` + strings.Repeat(character, rapid.SampledFrom([]int{127, 128, 129, 255, 256, 257, 300}).Draw(rt, "length")) + `"`
}

// TestOpenLearnsAll: opening files infers the same mapping as adding every event in order, and
// counts every event.
func TestOpenLearnsAll(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := mapping.NewInferred(nil)
		var lines []string
		repeat := rapid.IntRange(1, 600).Draw(rt, "repeat") // over several batches
		for range rapid.IntRange(1, 6).Draw(rt, "kinds") {
			source := `{"m":` + value(rt, 2) + `,"data_stream":{"type":"logs","dataset":"d","namespace":"n"}}`
			line := source
			if rapid.Bool().Draw(rt, "wrapped") {
				line = `{"_index":"logs-d-n","_id":"1","_source":` + source + `}`
			}
			doc, err := (&event.Event{Source: []byte(source)}).Document()
			if err != nil {
				rt.Fatal(err)
			}
			want.Add(doc.Source)
			for range repeat {
				lines = append(lines, line)
			}
		}
		events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{
			Files: []string{"-"}, Stdin: strings.NewReader(strings.Join(lines, "\n")), Mapping: mapping.Everywhere(nil),
		})
		if err != nil || diags.HasErrors() {
			rt.Fatal(err, diags)
		}
		defer func() { _ = events.Close() }()
		if events.Len() != int64(len(lines)) {
			rt.Fatalf("%d events of %d", events.Len(), len(lines))
		}
		target, err := events.Resolve(t.Context(), []string{"*"}, nil)
		if err != nil || !slices.Equal(target.Indices, []string{"logs-d-n"}) {
			rt.Fatal(target.Indices, err)
		}
		if diff := cmp.Diff(fields(want), fields(events.Fields())); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// fields returns all fields by name.
func fields(of mapping.Fields) map[string]mapping.Field {
	out := map[string]mapping.Field{}
	if named, ok := of.(interface{ Names() []string }); ok {
		for _, name := range named.Names() {
			f, _ := of.Field(name)
			out[name] = f.Analyzed() // as an index has no settings
		}
	}
	return maps.Clone(out)
}
