package event_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

func document(tb testing.TB, source string) *event.Document {
	tb.Helper()
	d, err := (&event.Event{Index: "i", ID: "1", Source: json.RawMessage(source)}).Document()
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// texts returns the values' text, sorted: the order of values has no meaning.
func texts(values []mapping.Value) []string {
	out := []string{}
	for _, v := range values {
		out = append(out, v.String)
	}
	slices.Sort(out)
	return out
}

// The rows are what Elasticsearch 8.19 indexes for each spelling.
func TestValues(t *testing.T) {
	keyword := func(name string) mapping.Field { return mapping.Field{Name: name, Type: mapping.Keyword} }
	flat := mapping.Field{Name: "f", Type: mapping.Flattened, IgnoreAbove: 6}
	key := func(name string) mapping.Field {
		f, _ := mapping.Table{"f": flat}.Field(name)
		return f
	}
	constant := "v"
	for _, tt := range []struct {
		f      mapping.Field
		source string
		want   []string
	}{
		{keyword("k"), `{"k": "a"}`, []string{"a"}},
		{keyword("k"), `{}`, []string{}},
		{keyword("k"), `{"k": null}`, []string{}},
		{keyword("k"), `{"k": []}`, []string{}},
		{keyword("k"), `{"k": ["a", ["b", ["c", null]]]}`, []string{"a", "b", "c"}},
		{keyword("k"), `{"k": {"x": "a"}}`, []string{}},
		{keyword("o.p.k"), `{"o": {"p": {"k": "a"}}}`, []string{"a"}},
		{keyword("o.p.k"), `{"o.p.k": "a"}`, []string{"a"}},
		{keyword("o.p.k"), `{"o.p": {"k": "a"}}`, []string{"a"}},
		{keyword("o.p.k"), `{"o": {"p.k": "a"}}`, []string{"a"}},
		{keyword("o.p.k"), `{"o": {"p": {"k": "a"}, "p.k": "b"}, "o.p": {"k": "c"}, "o.p.k": "d"}`, []string{"a", "b", "c", "d"}},
		{keyword("o.k"), `{"o": [{"k": "a"}, {"x": 1}, [{"k": ["b"]}], 5, null]}`, []string{"a", "b"}},
		{keyword("o.k"), `{"o": "text"}`, []string{}},
		{mapping.Field{Name: "o.alias", Path: "k", Type: mapping.Keyword}, `{"k": "a", "o.alias": "b"}`, []string{"a"}},
		{mapping.Field{Name: "k", Type: mapping.Keyword, NullValue: "NUL"}, `{"k": [null, "a"]}`, []string{"NUL", "a"}},
		{mapping.Field{Name: "k", Type: mapping.Keyword, NullValue: "NUL"}, `{"k": []}`, []string{}},
		{mapping.Field{Name: "k", Type: mapping.Keyword, IgnoreAbove: 1}, `{"k": ["a", "bb"]}`, []string{"a"}},
		{mapping.Field{Name: "c", Type: mapping.ConstantKeyword, Constant: &constant}, `{}`, []string{"v"}},
		{mapping.Field{Name: "c", Type: mapping.ConstantKeyword}, `{"c": "w"}`, []string{"w"}},
		{mapping.Field{Name: "n.k", Type: mapping.Keyword, Nested: "n"}, `{"n": {"k": "a"}}`, []string{}},
		{flat, `{"f": {"a": "x", "b": {"c": "y"}}}`, []string{"x", "y"}},
		{flat, `{"f.a": "x", "f": [{"b": [1, 2.50, true, null]}, {"c": {}}]}`, []string{"1", "2.50", "true", "x"}},
		{flat, `{"f": {"a": "toolong"}}`, []string{}},
		{flat, `{"ff": {"a": "x"}, "g.f": "x"}`, []string{}},
		{key("f.a"), `{"f": {"a": "x", "a.b": "z", "b": {"a": "y"}}}`, []string{"x"}},
		{key("f.a.b"), `{"f": {"a.b": "x", "a": {"b": "z"}}}`, []string{"x", "z"}},
		{key("f.a"), `{"f.a": "x"}`, []string{"x"}},
		{key("f.a"), `{"f": {"a": {"b": "x"}}}`, []string{}},
	} {
		d := document(t, tt.source)
		for range 2 { // The second time from memory.
			if diff := cmp.Diff(tt.want, texts(d.Values(tt.f))); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", tt.f.Name, tt.source, diff)
			}
		}
	}
}

func TestValuesUnderTwoMappings(t *testing.T) {
	d := document(t, `{"k": ["a", "long"]}`)
	short := mapping.Field{Name: "k", Type: mapping.Keyword, IgnoreAbove: 3}
	for _, tt := range []struct {
		f    mapping.Field
		want []string
	}{
		{short, []string{"a"}},
		{mapping.Field{Name: "k", Type: mapping.Keyword}, []string{"a", "long"}},
		{short, []string{"a"}},
	} {
		if diff := cmp.Diff(tt.want, texts(d.Values(tt.f))); diff != "" {
			t.Errorf("ignore_above %d (-want +got):\n%s", tt.f.IgnoreAbove, diff)
		}
	}
}

func TestValuesOfSearchedFields(t *testing.T) {
	e := event.Event{Source: json.RawMessage(`{"k": "source"}`), Fields: map[string][]any{"k": {"index"}, "o": {"x"}}}
	d, err := e.Document()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"index"}, texts(d.Values(mapping.Field{Name: "k", Type: mapping.Keyword}))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !d.HasObject("o") {
		t.Error("a searched field is not there")
	}
	e.Fields = map[string][]any{"flat": {map[string]any{"a": "x", "b": []any{"y", map[string]any{"c": "z"}}}}, "flat.a": {"x"}}
	if d, err = e.Document(); err != nil {
		t.Fatal(err)
	}
	flat := texts(d.Values(mapping.Field{Name: "flat", Type: mapping.Flattened}))
	slices.Sort(flat)
	if diff := cmp.Diff([]string{"x", "y", "z"}, flat); diff != "" {
		t.Errorf("of a flattened field (-want +got):\n%s", diff)
	}
}

func TestHasObject(t *testing.T) {
	for source, want := range map[string]bool{
		`{"o": {"a": 1}}`: true, `{"o.a": 1}`: true, `{"o.a": {"b": "x"}}`: true, `{"o": [{"a": null}, {"b": [[false]]}]}`: true, `{"o": "x"}`: true,
		`{}`: false, `{"o": null}`: false, `{"o": {}}`: false, `{"o": []}`: false, `{"o": {"a": null, "b": [null, []]}}`: false, `{"oo.a": 1, "x.o": 1}`: false,
	} {
		if got := document(t, source).HasObject("o"); got != want {
			t.Errorf("%s: %t, want %t", source, got, want)
		}
	}
	if !document(t, `{"a.b": {"c.d": 1}}`).HasObject("a.b.c") {
		t.Error("a name within two dotted keys is not found")
	}
}

func TestFirstAndObjects(t *testing.T) {
	source := document(t, `{"a": {"b": [null, {"x": 1}, 7, "later"]}, "list": [{"id": "1"}, "no", [{"id": "2"}]]}`).Source
	if got := event.First(source, "a.b"); got != "7" {
		t.Errorf("first: %q, want 7", got)
	}
	if got := event.First(source, "a.none"); got != "" {
		t.Errorf("first of nothing: %q", got)
	}
	want := []map[string]any{{"id": "1"}, {"id": "2"}}
	if diff := cmp.Diff(want, event.Objects(source, "list")); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

func TestDocumentRefuses(t *testing.T) {
	for _, source := range []string{``, `null`, `5`, `[]`, `{`, `{} {}`, `{}x`} {
		if _, err := (&event.Event{Index: "i", ID: "1", Source: json.RawMessage(source)}).Document(); err == nil {
			t.Errorf("%q is taken for a document", source)
		}
	}
	if d := event.NewDocument(map[string]any{"k": "a"}); event.First(d.Source, "k") != "a" {
		t.Error("a decoded source is not kept")
	}
}

// However a name is cut into keys, its value is found, and nothing else is.
func TestLookupFindsEverySpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab"}), 1, 5).Draw(t, "name")
		var value any = "x"
		name, key := "", ""
		for i, part := range slices.Backward(parts) {
			key = part + key
			name = part + name
			if i == 0 || rapid.Bool().Draw(t, "nested") {
				value = map[string]any{key: value}
				if rapid.Bool().Draw(t, "in array") {
					value = []any{value}
				}
				key = ""
			} else {
				key = "." + key
			}
			if i > 0 {
				name = "." + name
			}
		}
		if list, ok := value.([]any); ok {
			value = list[0]
		}
		source := value.(map[string]any)
		if diff := cmp.Diff([]any{"x"}, event.Lookup(source, name)); diff != "" {
			t.Errorf("%s in %v (-want +got):\n%s", name, source, diff)
		}
		if got := event.Lookup(source, name+".a"); len(got) > 0 {
			t.Errorf("%s.a in %v: %v", name, source, got)
		}
		if d := event.NewDocument(source); !d.HasObject(parts[0]) || !d.HasObject(name) || d.HasObject(name+".a") {
			t.Errorf("HasObject of the parts of %s in %v", name, source)
		}
	})
}

func TestAnyObject(t *testing.T) {
	n := mapping.Field{Name: "a.n.k", Type: mapping.Keyword}
	tests := []struct {
		source string
		want   []string // the values of a.n.k of each object, joined
	}{
		{`{"a":{"n":[{"k":["x","y"]},{"k":"z"},{}]}}`, []string{"x y", "z", ""}},
		{`{"a":[{"n":{"k":"x"}},{"n":[[{"k":"y"}]]}]}`, []string{"x", "y"}},
		{`{"a.n":{"k":"x"}}`, []string{"x"}},
		{`{"a":{"n.k":"x"}}`, []string{"x"}},
		{`{"a.n.k":"x"}`, []string{"x"}},
		{`{"a":{"n":"text"}}`, nil},
		{`{"a":{"nn":{"k":"x"}},"n":{"k":"y"}}`, nil},
		{`{"a":{"n":null}}`, nil},
	}
	for _, tt := range tests {
		d, err := (&event.Event{Source: []byte(tt.source)}).Document()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		visit := func() bool {
			var values []string
			for _, v := range d.Values(n) {
				values = append(values, v.Text())
			}
			got = append(got, strings.Join(values, " "))
			return false
		}
		if d.AnyObject("a.n", visit) {
			t.Errorf("%s: a test that holds of none holds of one", tt.source)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.source, diff)
		}
		if holds := d.AnyObject("a.n", func() bool { return true }); holds != (tt.want != nil) {
			t.Errorf("%s: %t", tt.source, holds)
		}
		if whole := d.Source["a"] == nil && d.Source["a.n"] == nil && d.Source["a.n.k"] == nil; whole {
			t.Errorf("%s: the document is not itself again", tt.source)
		}
	}
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"a": {"b.c": [1, null, {"d": "x"}]}, "a.b": {"c": true}}`), "a.b.c")
	f.Add([]byte(`{"": {"": 1}, ".": 2, "a.": 3, ".a": 4}`), ".a.")
	f.Add([]byte(`{"a":1}{}`), "")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		d, err := (&event.Event{Source: data}).Document()
		if err != nil {
			return
		}
		found := event.Lookup(d.Source, name)
		for _, v := range found {
			if v != nil && !d.HasObject(name) {
				t.Errorf("%q has %v, but HasObject says it has nothing", name, v)
			}
		}
		event.First(d.Source, name)
		event.Objects(d.Source, name)
		for _, typ := range []mapping.Type{mapping.Keyword, mapping.Long, mapping.Float, mapping.Date, mapping.IP, mapping.Version, mapping.Flattened, mapping.Unknown} {
			if n := len(d.Values(mapping.Field{Name: name, Type: typ})); typ != mapping.Flattened && n > len(found) {
				t.Errorf("%q has %d values of %s, but %d in the source", name, n, typ, len(found))
			}
		}
	})
}
