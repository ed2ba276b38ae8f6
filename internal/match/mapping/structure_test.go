package mapping_test

import (
	"strings"
	"testing"

	"tocsin/internal/match/mapping"
)

func TestStructureDynamic(t *testing.T) {
	const settings = "index.mapping.total_fields.ignore_dynamic_beyond_limit"
	rows := []struct {
		mapping string
		flat    map[string]string
		open    []string
		closed  []string
	}{
		{`{}`, nil, []string{"a", "a.b"}, nil},
		{`{}`, map[string]string{settings: "true"}, nil, []string{"a"}},
		{`{"dynamic":"false"}`, nil, nil, []string{"a", "a.b"}},
		{`{"dynamic":false,"properties":{"o":{"dynamic":"true","properties":{"p":{"dynamic":"false"}}}}}`, nil, []string{"o.x", "o"}, []string{"a", "o.p", "o.p.x"}},
		{`{"dynamic":"strict"}`, nil, []string{"a"}, nil},
		{`{"dynamic":"runtime","properties":{"off":{"enabled":false}}}`, nil, []string{"a"}, []string{"off", "off.x", "off.x.y"}},
		{`{"enabled":false}`, nil, nil, []string{"a"}},
		{`{"properties":{"enabled":{"type":"boolean"},"dynamic":{"properties":{"x":{"copy_to":"y"}}}}}`, nil, []string{"enabled.a", "dynamic.b"}, nil},
		{`{"properties":{"a.b":{"dynamic":"false"}}}`, nil, []string{"a.c"}, []string{"a.b.c"}},
	}
	for _, row := range rows {
		s, err := mapping.ParseStructure([]byte(row.mapping))
		if err != nil {
			t.Fatalf("%s: %v", row.mapping, err)
		}
		s.Settings(row.flat)
		for _, name := range row.open {
			if !s.Dynamic(name) {
				t.Errorf("%s: values of [%s] may stay unmapped", row.mapping, name)
			}
		}
		for _, name := range row.closed {
			if s.Dynamic(name) {
				t.Errorf("%s: values of [%s] are said to be mapped", row.mapping, name)
			}
		}
	}
}

func TestStructureApply(t *testing.T) {
	constant := "c"
	table := func() mapping.Table {
		return mapping.Table{
			"a":     {Name: "a", Type: mapping.Keyword},
			"a.k":   {Name: "a.k", Type: mapping.Keyword, Path: "a"},
			"b.c":   {Name: "b.c", Type: mapping.Keyword},
			"const": {Name: "const", Type: mapping.ConstantKeyword, Constant: &constant},
			"flat":  {Name: "flat", Type: mapping.Flattened},
			"alias": {Name: "alias", Type: mapping.Keyword, Path: "b.c"},
		}
	}
	rows := []struct {
		mapping string
		flat    map[string]string
		// opaque has the fields whose values cannot be derived from a source, with a part of the
		// reason.
		opaque map[string]string
	}{
		{`{}`, nil, nil},
		{`{"_source":{"enabled":false}}`, nil, map[string]string{"a": "_source", "a.k": "_source", "b.c": "_source", "flat": "_source", "alias": "_source"}},
		{`{"_source":{"excludes":["a"]}}`, nil, map[string]string{"a": "excludes", "a.k": "excludes"}},
		{`{"_source":{"excludes":["b"]}}`, nil, map[string]string{"b.c": "excludes", "alias": "excludes"}},
		{`{"_source":{"excludes":["*.c","flat.x"]}}`, nil, map[string]string{"b.c": "excludes", "alias": "excludes", "flat": "excludes"}},
		{`{"_source":{"includes":["b.*","flat"]}}`, nil, map[string]string{"a": "excludes", "a.k": "excludes"}},
		{`{"properties":{"x":{"copy_to":["a","zz"]}}}`, nil, map[string]string{"a": "copied from [x]", "a.k": "copied"}},
		{`{"runtime":{"b.c":{"type":"keyword"}}}`, nil, map[string]string{"b.c": "runtime", "alias": "runtime"}},
		{`{}`, map[string]string{"index.mode": "logsdb"}, map[string]string{"a": "synthetic", "a.k": "synthetic", "b.c": "synthetic", "flat": "synthetic", "alias": "synthetic"}},
		{`{}`, map[string]string{"index.mode": "logsdb", "index.mapping.source.mode": "stored"}, nil},
		{`{"_source":{"mode":"synthetic"}}`, nil, map[string]string{"a": "synthetic", "a.k": "synthetic", "b.c": "synthetic", "flat": "synthetic", "alias": "synthetic"}},
	}
	for _, row := range rows {
		s, err := mapping.ParseStructure([]byte(row.mapping))
		if err != nil {
			t.Fatalf("%s: %v", row.mapping, err)
		}
		s.Settings(row.flat)
		got := table()
		s.Apply(got)
		for name, f := range got {
			want, opaque := row.opaque[name]
			if (f.Unsourced != "") != opaque || !strings.Contains(f.Unsourced, want) {
				t.Errorf("%s %v: [%s]: unsourced %q, want %q", row.mapping, row.flat, name, f.Unsourced, want)
			}
		}
	}
}

// TestWays: indices are distinguished only by the requested names, and an index without values
// under a name belongs to any way.
func TestWays(t *testing.T) {
	keyword := mapping.Field{Name: "k", Type: mapping.Keyword}
	lower := mapping.Field{Name: "k", Type: mapping.Keyword, Normalizer: "lowercase"}
	other := mapping.Field{Name: "o", Type: mapping.Long}
	tables := map[string]mapping.Table{
		"a": {"k": keyword, "o": other}, "b": {"k": lower, "o": other}, "c": {"k": keyword}, "d": {"o": other}, "e": {"o": other},
	}
	x := mapping.NewIndexFields(tables, func(index, _ string) bool { return index != "e" })
	count := func(names ...string) int { return len(mapping.Ways(x, names)) }
	if got := []int{count("o"), count("k"), count("k", "o"), count("none"), count()}; got[0] != 1 || got[1] != 3 || got[2] != 3 || got[3] != 1 || got[4] != 1 {
		t.Errorf("ways of o, k, both, none: %v", got)
	}
	for _, way := range mapping.Ways(x, []string{"k"}) {
		for index := range tables {
			own, ok := mapping.OfIndex(x, index).Field("k")
			f, mapped := way.Fields.Field("k")
			if way.Has(index) && (ok != mapped || !f.SameValues(own) && ok) {
				t.Errorf("[%s] is of a way with %+v, and has %+v", index, f, own)
			}
		}
	}
	if f, ok := mapping.OfIndex(x, "d").Field("k"); !ok || f.Normalizer != "" {
		t.Errorf("an index without the field: %+v", f)
	}
	if _, ok := mapping.OfIndex(x, "e").Field("k"); ok {
		t.Error("an index that keeps values unmapped has the field")
	}
	if ways := mapping.Ways(mapping.Untyped(), []string{"k"}); len(ways) != 1 || !ways[0].Has("any") {
		t.Errorf("ways of fields that know no indices: %v", ways)
	}
}
