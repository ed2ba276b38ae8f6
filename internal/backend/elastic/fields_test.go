package elastic

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/mapping"
)

// The answers are a server's as it would give them; some types are not on every test node.
func TestFields(t *testing.T) {
	const (
		keyword = `"keyword":{"metadata_field":false}`
		k       = `{"type":"keyword"}`
		unread  = "the mapping of its index may not be read"
	)
	rows := []struct {
		name, caps string
		// definitions are the fields' definitions by index.
		definitions map[string]map[string]string
		asked       []string
		want        mapping.Table
	}{
		{
			"metadata and unmapped are no types",
			`{"_id":{"_id":{"metadata_field":true}},"a":{"unmapped":{"indices":["j"]},"ip":{"indices":["i"]}}}`,
			map[string]map[string]string{"i": {"a": `{"type":"ip"}`}, "j": {}},
			[]string{"_id", "a"},
			mapping.Table{"a": {Name: "a", Type: mapping.IP}},
		},
		{
			"families merge to the finer type, others conflict",
			`{"n":{"unsigned_long":{"indices":["j"]},"integer":{"indices":["i"]},"double":{"indices":["k"]}}}`,
			map[string]map[string]string{"i": {"n": `{"type":"integer"}`}, "j": {"n": `{"type":"unsigned_long"}`}, "k": {"n": `{"type":"double"}`}},
			[]string{"n"},
			mapping.Table{"n": {Name: "n", Type: mapping.UnsignedLong, Conflict: []string{"double in [k]"}}},
		},
		{
			"other types never merge", `{"n":{"geo_point":{"indices":["j"]},"histogram":{"indices":["i"]}}}`,
			map[string]map[string]string{"i": {"n": `{"type":"histogram"}`}, "j": {"n": `{"type":"geo_point"}`}},
			[]string{"n"},
			mapping.Table{"n": {Name: "n", Type: "histogram", Conflict: []string{"geo_point in [j]"}}},
		},
		{
			"an object is known by its members", `{"o":{"object":{}},"o.k":{` + keyword + `}}`,
			map[string]map[string]string{"i": {"o.k": k}, "j": {"o.k": k}},
			[]string{"o"},
			mapping.Table{
				"o":   {Name: "o", Type: mapping.Object, Members: []string{"o.k"}},
				"o.k": {Name: "o.k", Type: mapping.Keyword},
			},
		},
		{
			"a normalized sub-field is not exact", `{"t":{"text":{}},"t.k":{` + keyword + `}}`,
			map[string]map[string]string{"i": {"t": `{"type":"text"}`, "t.k": `{"type":"keyword","normalizer":"lowercase"}`}},
			[]string{"t"},
			mapping.Table{
				"t":   {Name: "t", Type: mapping.Text},
				"t.k": {Name: "t.k", Type: mapping.Keyword, Path: "t", Normalizer: "lowercase"},
			},
		},
		{
			"wildcards are told from keywords", `{"w":{` + keyword + `}}`,
			map[string]map[string]string{"i": {"w": `{"type":"wildcard","null_value":"-"}`}},
			[]string{"w"},
			mapping.Table{"w": {Name: "w", Type: mapping.Wildcard, NullValue: "-"}},
		},
		{
			"the longest ignore_above counts", `{"k":{` + keyword + `}}`,
			map[string]map[string]string{"i": {"k": `{"type":"keyword","ignore_above":10}`}, "j": {"k": `{"type":"keyword","ignore_above":20}`}},
			[]string{"k"},
			mapping.Table{"k": {Name: "k", Type: mapping.Keyword, IgnoreAbove: 20}},
		},
		{
			"no limit is longer than any", `{"k":{` + keyword + `}}`,
			map[string]map[string]string{"i": {"k": `{"type":"keyword","ignore_above":10}`}, "j": {"k": k}},
			[]string{"k"},
			mapping.Table{"k": {Name: "k", Type: mapping.Keyword}},
		},
		{
			"a constant of every index", `{"c":{` + keyword + `}}`,
			map[string]map[string]string{"i": {"c": `{"type":"constant_keyword","value":"x"}`}, "j": {"c": `{"type":"constant_keyword","value":"x"}`}},
			[]string{"c"},
			mapping.Table{"c": {Name: "c", Type: mapping.ConstantKeyword, Constant: new("x")}},
		},
		{
			"a constant of one index of two", `{"c":{` + keyword + `}}`,
			map[string]map[string]string{"i": {"c": `{"type":"constant_keyword","value":"x"}`}, "j": {}},
			[]string{"c"},
			mapping.Table{"c": {Name: "c", Type: mapping.ConstantKeyword}},
		},
		{
			"a star stands for fields, and for what is above them",
			`{"n":{"nested":{}},"n.k":{` + keyword + `},"n.other":{` + keyword + `},"o.k":{` + keyword + `}}`,
			map[string]map[string]string{"i": {"n.k": k, "n.other": k, "o.k": k}},
			[]string{"n*k"},
			mapping.Table{
				"n":   {Name: "n", Type: mapping.Nested, Members: []string{"n.k"}},
				"n.k": {Name: "n.k", Type: mapping.Keyword, Opaque: mapping.InNested("n")},
			},
		},
		{
			"an alias has its target's definition", `{"a":{` + keyword + `}}`,
			map[string]map[string]string{"i": {"a": `{"type":"alias","path":"b.c"}`, "b.c": `{"type":"keyword","ignore_above":7}`}},
			[]string{"a"},
			mapping.Table{"a": {Name: "a", Type: mapping.Keyword, Path: "b.c", IgnoreAbove: 7}},
		},
		{
			"without mappings only a search can tell", `{"a":{` + keyword + `}}`, nil,
			[]string{"a"},
			mapping.Table{"a": {Name: "a", Type: mapping.Keyword, Unsourced: unread}},
		},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			tables := tablesOf(t, row.caps, row.definitions, row.asked)
			indices := map[string]bool{}
			for index := range row.definitions {
				indices[index] = true
			}
			if len(indices) == 0 {
				indices["i"] = true
			}
			fields := tables.fields(indices)
			got := mapping.Table{}
			for _, name := range fields.Names() {
				got[name], _ = fields.Field(name)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// tablesOf takes the answers of the field capabilities, for the indices i, j and k, and of mappings.
func tablesOf(t *testing.T, caps string, byIndex map[string]map[string]string, asked []string) tables {
	t.Helper()
	a := capsAnswer{Indices: []string{"i", "j", "k"}}
	if err := json.Unmarshal([]byte(caps), &a.Fields); err != nil {
		t.Fatal(err)
	}
	answer := map[string]any{}
	for index, fields := range byIndex {
		mappings := map[string]any{}
		for name, definition := range fields {
			mappings[name] = map[string]any{"mapping": map[string]any{"x": json.RawMessage(definition)}}
		}
		answer[index] = map[string]any{"mappings": mappings}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	var f fieldMappingAnswer
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	types, d := map[string]fieldTypes{}, definitions{}
	a.addTo(types)
	for _, one := range types {
		one.sort()
	}
	d.add(f)
	return tables{whole: fieldTable(types, asked), types: types, details: d}
}
