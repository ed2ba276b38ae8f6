package elastic

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/mapping"
)

// The answers are a server's as it would give them; some types are not on every test node.
func TestFieldTable(t *testing.T) {
	const keyword = `"keyword":{"metadata_field":false}`
	rows := []struct {
		name, caps, definitions string
		asked                   []string
		want                    mapping.Table
	}{
		{
			"metadata and unmapped are no types",
			`{"_id":{"_id":{"metadata_field":true}},"a":{"unmapped":{"indices":["j"]},"ip":{"indices":["i"]}}}`, `{}`,
			[]string{"_id", "a"},
			mapping.Table{"a": {Name: "a", Type: mapping.IP}},
		},
		{
			"families merge to the finer type, others conflict",
			`{"n":{"unsigned_long":{"indices":["j"]},"integer":{"indices":["i"]},"double":{"indices":["k"]}}}`, `{}`,
			[]string{"n"},
			mapping.Table{"n": {Name: "n", Type: mapping.UnsignedLong, Conflict: []string{"double in [k]"}}},
		},
		{
			"other types never merge", `{"n":{"geo_point":{"indices":["j"]},"histogram":{"indices":["i"]}}}`, `{}`,
			[]string{"n"},
			mapping.Table{"n": {Name: "n", Type: "histogram", Conflict: []string{"geo_point in [j]"}}},
		},
		{
			"an object is known by its members", `{"o":{"object":{}},"o.k":{` + keyword + `}}`, `{}`,
			[]string{"o"},
			mapping.Table{
				"o":   {Name: "o", Type: mapping.Object, Members: []string{"o.k"}},
				"o.k": {Name: "o.k", Type: mapping.Keyword},
			},
		},
		{
			"a normalized sub-field is not exact", `{"t":{"text":{}},"t.k":{` + keyword + `}}`,
			`{"i":{"mappings":{"t.k":{"mapping":{"k":{"type":"keyword","normalizer":"lowercase"}}}}}}`,
			[]string{"t"},
			mapping.Table{
				"t":   {Name: "t", Type: mapping.Text},
				"t.k": {Name: "t.k", Type: mapping.Keyword, Path: "t", Normalizer: "lowercase"},
			},
		},
		{
			"wildcards are told from keywords", `{"w":{` + keyword + `}}`,
			`{"i":{"mappings":{"w":{"mapping":{"w":{"type":"wildcard","null_value":"-"}}}}}}`,
			[]string{"w"},
			mapping.Table{"w": {Name: "w", Type: mapping.Wildcard, NullValue: "-"}},
		},
		{
			"the longest ignore_above counts", `{"k":{` + keyword + `}}`,
			`{"i":{"mappings":{"k":{"mapping":{"k":{"type":"keyword","ignore_above":10}}}}},
			  "j":{"mappings":{"k":{"mapping":{"k":{"type":"keyword","ignore_above":20}}}}}}`,
			[]string{"k"},
			mapping.Table{"k": {Name: "k", Type: mapping.Keyword, IgnoreAbove: 20}},
		},
		{
			"no limit is longer than any", `{"k":{` + keyword + `}}`,
			`{"i":{"mappings":{"k":{"mapping":{"k":{"type":"keyword","ignore_above":10}}}}},
			  "j":{"mappings":{"k":{"mapping":{"k":{"type":"keyword"}}}}}}`,
			[]string{"k"},
			mapping.Table{"k": {Name: "k", Type: mapping.Keyword}},
		},
		{
			"a constant of every index", `{"c":{` + keyword + `}}`,
			`{"i":{"mappings":{"c":{"mapping":{"c":{"type":"constant_keyword","value":"x"}}}}},
			  "j":{"mappings":{"c":{"mapping":{"c":{"type":"constant_keyword","value":"x"}}}}}}`,
			[]string{"c"},
			mapping.Table{"c": {Name: "c", Type: mapping.ConstantKeyword, Constant: new("x")}},
		},
		{
			"a constant of one index of two", `{"c":{` + keyword + `}}`,
			`{"i":{"mappings":{"c":{"mapping":{"c":{"type":"constant_keyword","value":"x"}}}}}}`,
			[]string{"c"},
			mapping.Table{"c": {Name: "c", Type: mapping.ConstantKeyword}},
		},
		{
			"a star stands for fields, and for what is above them",
			`{"n":{"nested":{}},"n.k":{` + keyword + `},"n.other":{` + keyword + `},"o.k":{` + keyword + `}}`, `{}`,
			[]string{"n*k"},
			mapping.Table{"n": {Name: "n", Type: mapping.Nested}, "n.k": {Name: "n.k", Type: mapping.Keyword}},
		},
		{
			"an alias has its target's definition", `{"a":{` + keyword + `}}`,
			`{"i":{"mappings":{"a":{"mapping":{"a":{"type":"alias","path":"b.c"}}},
				"b.c":{"mapping":{"c":{"type":"keyword","ignore_above":7}}}}}}`,
			[]string{"a"},
			mapping.Table{"a": {Name: "a", Type: mapping.Keyword, Path: "b.c", IgnoreAbove: 7}},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := capsAnswer{Indices: []string{"i", "j"}}
			var f fieldMappingAnswer
			if err := json.Unmarshal([]byte(row.caps), &a.Fields); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(row.definitions), &f); err != nil {
				t.Fatal(err)
			}
			types, d := map[string]typesOf{}, definitions{}
			a.addTo(types)
			d.add(f)
			got := fieldTable(types, row.asked)
			d.complete(got, len(a.Indices))
			setExact(got)
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
