package mapping_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/mapping"
)

func learn(t *testing.T, documents ...string) *mapping.Inferred {
	t.Helper()
	inferred := mapping.NewInferred(nil)
	for _, d := range documents {
		inferred.Add(decode(t, d).(map[string]any))
	}
	return inferred
}

// The rows are the results of dynamic mapping in Elasticsearch 8.19 for a first value.
func TestInferType(t *testing.T) {
	const unmapped = mapping.Type("unmapped")
	for _, tt := range []struct {
		raw  string
		want mapping.Type
	}{
		{`5`, mapping.Long},
		{`-0`, mapping.Long},
		{`5.5`, mapping.Float},
		{`5.0`, mapping.Float},
		{`1e3`, mapping.Float},
		{`9223372036854775808`, unmapped},
		{`1e400`, unmapped},
		{`true`, mapping.Boolean},
		{`null`, unmapped},
		{`[]`, unmapped},
		{`[null]`, unmapped},
		{`[null, 5]`, mapping.Long},
		{`[null, "x"]`, mapping.Text},
		{`[[1]]`, mapping.Long},
		{`[[], [null, [true]]]`, mapping.Boolean},
		{`[5, "x"]`, mapping.Long},
		{`{}`, mapping.Object},
		{`{"a": null}`, mapping.Object},
		{`[{"a": 1}]`, mapping.Object},
		{`""`, mapping.Text},
		{`" "`, mapping.Text},
		{`"abc"`, mapping.Text},
		{`"5"`, mapping.Text},
		{`"true"`, mapping.Text},
		{`"1.2.3.4"`, mapping.Text},
		{`"2026"`, mapping.Text},
		{`"20260102"`, mapping.Text},
		{`"-2026"`, mapping.Text},
		{`"1735787045123"`, mapping.Text},
		{`"2026-01"`, mapping.Date},
		{`"2026-01-02"`, mapping.Date},
		{`"2026-01-02T"`, mapping.Date},
		{`"2026-01-02T03:04:05.123456Z"`, mapping.Date},
		{`"2026-01-02T03:04:05,123"`, mapping.Date},
		{`"2026-01-02T03:04:05+02"`, mapping.Date},
		{`"-1234-01-01"`, mapping.Date},
		{`"2026-01-02 03:04:05"`, mapping.Text},
		{`"2026-1-1"`, mapping.Text},
		{`"2026-02-30"`, mapping.Text},
		{`"2026-01-02T24:00"`, mapping.Text},
		{`"12026-01-01"`, mapping.Text},
		{`"2026/01"`, mapping.Text},
		{`"2026/1/2"`, mapping.Text},
		{`"2026/02/30"`, mapping.Text},
		{`"2026/01/02"`, mapping.Date},
		{`"2026/01/02 03:04:05"`, mapping.Date},
		{`"2026/01/02 03:04"`, mapping.Text},
		{`"2026/01/02 03:04:05Z"`, mapping.Text},
	} {
		got := unmapped
		if f, ok := learn(t, `{"f": `+tt.raw+`}`).Field("f"); ok {
			got = f.Type
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.raw, got, tt.want)
		}
	}
}

func TestInferFields(t *testing.T) {
	inferred := learn(t,
		`{"s": null, "o": {"n": 1}, "when": "2026/01/02"}`,
		`{"s": "text", "o.p.b": true, "o": {"n": "later"}, "x.y": 1}`,
	)
	for name, want := range map[string]mapping.Field{
		"s":         {Name: "s", Type: mapping.Text, Exact: "s.keyword"},
		"s.keyword": {Name: "s.keyword", Type: mapping.Keyword, Path: "s", IgnoreAbove: 256},
		"when":      {Name: "when", Type: mapping.Date, Format: "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"},
		"o":         {Name: "o", Type: mapping.Object, Members: []string{"o.n", "o.p.b"}},
		"o.n":       {Name: "o.n", Type: mapping.Long},
		"o.p":       {Name: "o.p", Type: mapping.Object, Members: []string{"o.p.b"}},
		"x":         {Name: "x", Type: mapping.Object, Members: []string{"x.y"}},
	} {
		got, ok := inferred.Field(name)
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s: %t (-want +got):\n%s", name, ok, diff)
		}
	}
	if f, ok := inferred.Field("none"); ok {
		t.Errorf("a field of no document: %+v", f)
	}
}

// A later value of another kind is read by the type of the first, as far as possible.
func TestInferredTypeReadsLaterValues(t *testing.T) {
	for _, tt := range []struct {
		first, later, want string
	}{
		{`5`, `5.7`, "5.7"},
		{`5`, `"abc"`, none},
		{`5`, `"6"`, "6"},
		{`"a"`, `5`, "5"},
		{`"a"`, `true`, "true"},
		{`"2026-01-02"`, `"abc"`, none},
		{`"2026-01-02"`, `5`, "5"},
		{`true`, `"false"`, "false"},
		{`true`, `1`, none},
		{`5.5`, `5`, "5"},
	} {
		f, ok := learn(t, `{"f": `+tt.first+`}`, `{"f": `+tt.later+`}`).Field("f")
		got := none
		if v, indexed := f.Index(decode(t, tt.later)); ok && indexed {
			got = v.String
		}
		if got != tt.want {
			t.Errorf("%s, then %s: %s, want %s", tt.first, tt.later, got, tt.want)
		}
	}
}
