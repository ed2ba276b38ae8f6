package tomltree_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// jsonDocuments are valid and invalid documents; encoding/json decides which is which.
var jsonDocuments = []string{
	``, ` `, `{}`, `[]`, `null`, `true`, `false`, `tru`, `nul`, `"a"`, `"`, `"a`, `{`, `[`, `}`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`,
	`[1,]`, `[1 2]`, `[,1]`, `{"a" 1}`, `{a:1}`, `{'a':1}`, `{} {}`, `{}x`, ` {"a" : [ 1 , { "b" : null } ] } `,
	`0`, `-0`, `01`, `1.`, `.5`, `1.5`, `-1.5e10`, `1e+5`, `1E-5`, `1e`, `+1`, `1e400`, `9223372036854775807`, `9223372036854775808`, `0x10`, `1_000`, `NaN`, `Infinity`,
	`"\"\\\/\b\f\n\r\t"`, `"\u00e9\u20AC"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\ud83dx"`, `"\u12"`, `"\u12G4"`, `"\x41"`, `"\e"`, `"\'"`, `"\`,
	"\"a\tb\"", "\"a\nb\"", `"ä€😀"`, `["",""]`, `"\\"`, `"""a"""`, `[[[[1]]]]`, `{"a":{"b":{"c":[{"d":1.0}]}}}`,
}

func TestParseJSON(t *testing.T) {
	for _, document := range jsonDocuments {
		t.Run(document, func(t *testing.T) {
			v, list := parseJSON(document)
			var want any
			if err := json.Unmarshal([]byte(document), &want); err != nil {
				if v != nil || !list.HasErrors() {
					t.Fatalf("%v is no JSON (%v), and nothing was said: %v", v, err, list)
				}
				return
			}
			if v == nil || len(list) > 0 {
				t.Fatal(list)
			}
			if diff := cmp.Diff(want, floats(v.Native())); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// floats turns integers into the float64 of encoding/json.
func floats(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case []any:
		for i := range v {
			v[i] = floats(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = floats(v[k])
		}
	}
	return v
}

func parseJSON(document string) (*tomltree.Value, diag.List) {
	return tomltree.ParseJSON(diag.NewText("f", document), diag.Span{End: len(document)}, "x")
}

func TestJSONDiagnostics(t *testing.T) {
	deep := strings.Repeat("[", 300)
	tests := []struct{ document, want string }{
		{`{"a":1,"a":2}`, `f:1:8: error: a stands in its object twice [x/duplicate-key]`},
		{`{"a":[1,}`, `f:1:9: error: JSON: expected a value but found "}" [x/syntax]`},
		{`{"a":1`, `f:1:7: error: JSON ends where a comma or } was expected [x/syntax]`},
		{`{"ä":"b`, `f:1:6: error: JSON: string is not closed [x/syntax]`},
		{`{"ä":"\q"}`, `f:1:7: error: JSON: no such escape [x/syntax]`},
		{`1e999`, `f:1:1: error: JSON: 1e999: the number does not fit 64 bits [x/syntax]`},
		{deep, `f:1:202: error: JSON: more than 200 levels [x/syntax]`},
		{`{"a":01}`, `f:1:6: error: JSON: expected a value but found "0" [x/syntax]`},
	}
	for _, tt := range tests {
		_, list := parseJSON(tt.document)
		if got := fmt.Sprint(list.Err()); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.document, got, tt.want)
		}
	}
}

// A document is parsed at its span of a file, and has the positions of its parts.
func TestJSONPlaces(t *testing.T) {
	const content = "{\"first\":1}\n" + `{"q": "a\u00e9\ud83d\ude00\nb", "list": [{"k": true}]}` + "\n"
	file := diag.NewText("f", content)
	start := strings.IndexByte(content, '\n') + 1
	v, list := tomltree.ParseJSON(file, diag.Span{Start: start, End: len(content) - 1}, "x")
	if len(list) > 0 {
		t.Fatal(list)
	}
	root := tomltree.Under("rule", v)
	k, found := root.Find("rule.list[0].k")
	if !found || k.Path() != "rule.list[0].k" {
		t.Fatalf("%v at %q", found, k.Path())
	}
	if place := file.Report(diag.Error, "", k.Span, "").Place(); place != "f:2:48" {
		t.Errorf("the value is at %s", place)
	}
	if place := file.Report(diag.Error, "", k.KeySpan, "").Place(); place != "f:2:43" {
		t.Errorf("the key is at %s", place)
	}
	text := v.Get("q").StringText(file)
	if text.Value != "aé😀\nb" {
		t.Errorf("string %q", text.Value)
	}
	at := strings.IndexByte(text.Value, 'b')
	if d := text.Report(diag.Error, "", diag.Span{Start: at, End: at + 1}, ""); d.Place() != "f:2:29" || d.Width != 1 {
		t.Errorf("b is at %s, %d wide", d.Place(), d.Width)
	}
}

// A null counts as a missing member.
func TestIntoPassesNullOver(t *testing.T) {
	v, _ := parseJSON(`{"a": null, "b": "x"}`)
	var got [2]string
	d := tomltree.Decoder{File: diag.NewText("f", ""), Area: "x"}
	tomltree.Into(&d, v, tomltree.Fields[[2]string]{
		"a": tomltree.Scalar(func(p *[2]string) *string { return &p[0] }),
		"b": tomltree.Scalar(func(p *[2]string) *string { return &p[1] }),
	}, &got)
	if got != [2]string{"", "x"} || len(d.List) > 0 {
		t.Errorf("%v, %v", got, d.List)
	}
}
