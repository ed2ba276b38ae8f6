package event_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// viewFields see the names of anySource under every type.
func viewFields(names ...string) []mapping.Field {
	constant := "always"
	var fields []mapping.Field
	for _, name := range names {
		for _, typ := range []mapping.Type{
			mapping.Keyword, mapping.Long, mapping.Short, mapping.Double, mapping.HalfFloat, mapping.Boolean, mapping.Date, mapping.IP, mapping.Version,
			mapping.Text, mapping.Flattened, mapping.Unknown, mapping.Object,
		} {
			fields = append(fields, mapping.Field{Name: name, Type: typ})
		}
		fields = append(fields,
			mapping.Field{Name: name, Type: mapping.Keyword, IgnoreAbove: 2},
			mapping.Field{Name: name, Type: mapping.Keyword, Normalizer: "lowercase"},
			mapping.Field{Name: name, Type: mapping.Keyword, NullValue: "NUL"},
			mapping.Field{Name: name, Type: mapping.Long, NullValue: json.Number("7")},
			mapping.Field{Name: name, Type: mapping.Flattened, NullValue: "NUL"},
			mapping.Field{Name: name, Type: mapping.Flattened, Keyed: true, IgnoreAbove: 3},
			mapping.Field{Name: name, Type: mapping.Keyword, Nested: "n"},
			mapping.Field{Name: name, Type: mapping.ConstantKeyword, Constant: &constant},
			mapping.Field{Name: name + ".alias", Path: name, Type: mapping.Keyword},
			mapping.Field{Name: name, Type: mapping.Keyword, Copied: []string{"a.b", "c.c"}},
		)
	}
	for _, f := range mapping.Metadata() {
		fields = append(fields, f)
	}
	return fields
}

// sameAsDocument says where a view of a source and its document differ.
func sameAsDocument(v *event.View, e *event.Event, fields []mapping.Field, objects []string) string {
	want, wantErr := e.Document()
	err := v.ReadEvent(e)
	if (err == nil) != (wantErr == nil) {
		return fmt.Sprintf("view: %v, document: %v", err, wantErr)
	}
	if err != nil {
		return ""
	}
	filled := v.Filled(nil)
	for i, f := range fields {
		if len(v.Column(i)) > 0 && !slices.Contains(filled, int32(i)) {
			return fmt.Sprintf("%+v has values and is not filled", f)
		}
		var of []string
		for _, value := range v.Column(i) {
			of = append(of, value.String)
		}
		if !slices.Equal(of, v.Texts(i)) {
			return fmt.Sprintf("%+v has texts %q of %q", f, v.Texts(i), of)
		}
		for _, got := range [][]mapping.Value{v.Column(i), v.Values(f)} {
			if diff := cmp.Diff(described(event.ValuesOf(want, f)), described(got)); diff != "" {
				return fmt.Sprintf("%+v (-document +view):\n%s", f, diff)
			}
		}
	}
	for i, name := range objects {
		if got := v.ObjectAt(i); got != want.HasObject(name) || v.HasObject(name) != got {
			return fmt.Sprintf("%q has an object: %t", name, got)
		}
	}
	return ""
}

// described writes every member of values, in order, as their own has no meaning.
func described(values []mapping.Value) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, fmt.Sprintf("%q %v %d %t %v %v", v.String, v.Number, v.Whole, v.Bool, v.Time, v.IP))
	}
	slices.Sort(out)
	return out
}

var viewNames = []string{"a", "b", "a.b", "a.b.c", "a.c", "b.a.b.c", "c.c", "none", "none.a"}

// A view has the values of the document, whatever the source.
func TestViewAgreesWithDocument(t *testing.T) {
	fields := viewFields(viewNames...)
	v := event.NewSelection(fields, viewNames).NewView()
	rapid.Check(t, func(t *rapid.T) {
		source := anyObject(3).Draw(t, "source")
		e := &event.Event{Index: rapid.SampledFrom([]string{"", "logs", ".ds-logs-2026.01.01-000001"}).Draw(t, "index"), ID: "x", Source: json.RawMessage(source)}
		if rapid.IntRange(0, 9).Draw(t, "with fields") == 0 {
			e.Fields = map[string][]any{"a": {"x", json.Number("1"), nil}, "a.b": {true, []any{"no"}}}
		}
		if diff := sameAsDocument(v, e, fields, viewNames); diff != "" {
			t.Errorf("%s\n%s", source, diff)
		}
	})
}

// A view knows of every name of the source's own that begins with an underscore, and finds few others.
func TestViewUnderscored(t *testing.T) {
	v := event.NewSelection(viewFields("a", "a.b"), []string{"a"}).NewView()
	rapid.Check(t, func(t *rapid.T) {
		source := anyObject(3).Draw(t, "source")
		if err := v.Read([]byte(source)); err != nil {
			t.Fatal(err)
		}
		object, err := event.DecodeObject([]byte(source))
		if err != nil {
			t.Fatal(err)
		}
		has := slices.ContainsFunc(slices.Collect(maps.Keys(object)), func(name string) bool { return strings.HasPrefix(name, "_") })
		if may := strings.Contains(source, `"_`) || strings.Contains(source, `"\u`); has && !v.Underscored() || !may && v.Underscored() {
			t.Fatalf("%s: underscored %t, want %t", source, v.Underscored(), has)
		}
	})
}

// anyObject generates an object of JSON as text: keys with dots, repeated ones too, escapes, blanks.
func anyObject(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var members []string
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			key := rapid.SampledFrom([]string{
				"a", "b", "c", "a.b", "a.b.c", "b.c", "a.c", "b.a.b", "x", "a.x", "a.b.x", `\u0061`, `a\u002eb`, "é", "none", "", ".", "a.", ".a", "a..b", "_id", `\u005fid`,
			}).Draw(t, "key")
			members = append(members, blank(t)+`"`+key+`"`+blank(t)+":"+blank(t)+anyJSON(depth).Draw(t, "value")+blank(t))
		}
		return "{" + blank(t) + strings.Join(members, ",") + "}"
	})
}

func blank(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "", "", " ", "\n\t \r"}).Draw(t, "blank")
}

func anyJSON(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		shape := rapid.IntRange(0, 9).Draw(t, "shape")
		switch {
		case depth > 0 && shape < 3:
			return anyObject(depth-1).Draw(t, "object")
		case depth > 0 && shape < 5:
			elements := rapid.SliceOfN(anyJSON(depth-1), 0, 3).Draw(t, "elements")
			return "[" + blank(t) + strings.Join(elements, blank(t)+","+blank(t)) + blank(t) + "]"
		}
		return rapid.SampledFrom([]string{
			"null", "true", "false", "0", "-0", "5.70", "1e3", "-1E-2", "123456789012345678901234567890", `""`, `"x"`, `"ABC"`, `"true"`, `"5"`, `"2026-01-01"`,
			`"10.0.0.1"`, `"fe80::1"`, `"1.2.3"`, `"C:\\Windows\\x.exe"`, `"\"\/\b\f\n\r\t"`, `"\u00e9 é"`, `"\ud83d\ude00😀"`, `"\ud83d"`, `"\ud83d\u0041"`, `"\ude00\ud83d"`,
			"\"\xff\xfe ab\"", "\"longer than a word or two \xc3\"", `"nan"`, `"Infinity"`, `"0x10p1"`,
		}).Draw(t, "scalar")
	})
}

func TestViewRefusesWhatDocumentRefuses(t *testing.T) {
	v := event.NewSelection(viewFields("a", "o.k"), []string{"o"}).NewView()
	for _, source := range []string{
		``, ` `, `null`, `5`, `[]`, `{`, `{} {}`, `{}x`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{a:1}`, `{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":+1}`,
		`{"a":1e}`, `{"a":-}`, `{"a":tru}`, `{"a":nul}`, `{"a":falsy}`, `{"a":"x}`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, "{\"a\":\"\n\"}", "{\"x\":\"12345678\t\"}",
		`{"x":[1,]}`, `{"x":[1 2]}`, `{"x":[}`, `{"x":{]}`, `{"x":{"y":tru}}`, `{"o":{"k":1}`, `{"a":'x'}`, `{"x":"\u00"}`, `{"a":1}}`, "{\"a\":1}\x00", "\ufeff{}",
		`{"x":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`, `{"a":` + strings.Repeat(`{"a":`, 10000) + "1" + strings.Repeat("}", 10000) + `}`,
	} {
		if err := v.Read([]byte(source)); err == nil {
			t.Errorf("%.40q is taken for a document", source)
		}
	}
	deep := `{"x":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `,"a":"kept"}`
	if err := v.Read([]byte(deep)); err != nil || v.Column(0)[0].String != "kept" {
		t.Errorf("nested as deep as may be: %v", err)
	}
}

// The last of repeated keys counts, as for encoding/json, wherever it matters.
func TestViewOfRepeatedKeys(t *testing.T) {
	fields := []mapping.Field{
		{Name: "a", Type: mapping.Keyword}, {Name: "o.k", Type: mapping.Keyword}, {Name: "f", Type: mapping.Flattened},
	}
	v := event.NewSelection(fields, []string{"o"}).NewView()
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, `"k%d": "x", `, i)
	}
	for _, source := range []string{
		`{"a": "1", "a": "2"}`, `{"o": {"k": "1"}, "o": {"x": "2"}}`, `{"o": {"k": "1"}, "o": null}`, `{"o": [{"k": "1"}, {"k": "2", "k": "3"}, {"k": "4"}]}`,
		`{"f": {"x": "1", "x": "2"}}`, `{"f.x": "1", "f.x": "2"}`, `{"f.x": {"y": "1"}, "f.x": {"z": "2"}}`, `{"f": {` + many.String() + `"k0": "y"}}`, `{"x": 1, "x": 2}`,
	} {
		if diff := sameAsDocument(v, &event.Event{Source: json.RawMessage(source)}, fields, []string{"o"}); diff != "" {
			t.Errorf("%.80s\n%s", source, diff)
		}
	}
}

// Fields outside the selection are found too, also after an event that had to be decoded completely.
func TestViewBeyondItsSelection(t *testing.T) {
	v := event.NewSelection([]mapping.Field{{Name: "a", Type: mapping.Keyword}}, nil).NewView()
	for range 2 {
		if err := v.Read([]byte(`{"a": "x", "b": {"c": "y"}}`)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"y"}, texts(v.Values(mapping.Field{Name: "b.c", Type: mapping.Keyword}))); diff != "" {
			t.Errorf("another field (-want +got):\n%s", diff)
		}
		if !v.HasObject("b") || v.HasObject("c") {
			t.Error("another object is not told")
		}
		if got := texts(v.Values(mapping.Field{Name: "a", Type: mapping.Keyword, IgnoreAbove: 1})); !slices.Equal(got, []string{"x"}) {
			t.Errorf("another mapping: %v", got)
		}
	}
}

// Strings outlive the event that they were read from; nothing else is allocated.
func TestViewKeepsStringsAndAllocatesLittle(t *testing.T) {
	v := event.NewSelection([]mapping.Field{{Name: "a", Type: mapping.Keyword}, {Name: "n", Type: mapping.Long}}, []string{"o"}).NewView()
	first, second := []byte(`{"a": "x\\y", "o": {"z": 1}}`), []byte(`{"a": "longer than \\ that", "n": [1, 2]}`)
	if err := v.Read(first); err != nil {
		t.Fatal(err)
	}
	kept := v.Column(0)[0].String
	allocations := testing.AllocsPerRun(1000, func() {
		if err := v.Read(second); err != nil || len(v.Column(0)) != 1 || len(v.Column(1)) != 2 || v.ObjectAt(0) {
			t.Fatal("not what the source says")
		}
	})
	if kept != `x\y` || allocations > 0.1 {
		t.Errorf("kept %q, %g allocations an event", kept, allocations)
	}
}

func FuzzView(f *testing.F) {
	f.Add([]byte(`{"a": {"b.c": [1, null, {"d": "x"}]}, "a.b": {"c": true}}`), "a.b.c")
	f.Add([]byte(`{"": {"": 1}, ".": 2, "a.": 3, ".a": 4}`), ".a.")
	f.Add([]byte(`{"a": {"": 1, ".b": {"\u0061": "\ud800"}}, "a": [2]}`), "a.")
	f.Add([]byte(`{"a":1}{}`), "")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		fields := []mapping.Field{
			{Name: name, Type: mapping.Keyword},
			{Name: name, Type: mapping.Flattened, NullValue: "N"},
			{Name: name + ".a", Type: mapping.Unknown},
			{Name: "a", Type: mapping.Long},
			{Name: "a.b.c", Type: mapping.Flattened, Keyed: true},
		}
		objects := []string{name, "a", "a.b"}
		v := event.NewSelection(fields, objects).NewView()
		for range 2 {
			if diff := sameAsDocument(v, &event.Event{Source: data}, fields, objects); diff != "" {
				t.Fatalf("%q of %q\n%s", name, data, diff)
			}
		}
	})
}
