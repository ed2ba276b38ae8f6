package mapping_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/mapping"
)

// learnUnder adds documents to a mapping.
func learnUnder(t interface {
	Helper()
	Fatal(args ...any)
}, text string, documents ...string,
) *mapping.Inferred {
	t.Helper()
	indices, err := mapping.ParseIndices([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	inferred := mapping.NewInferred(indices.Merged())
	for _, d := range documents {
		inferred.Add(decoded(t, d))
	}
	return inferred
}

func decoded(t interface{ Fatal(args ...any) }, text string) map[string]any {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil {
		t.Fatal(text, err)
	}
	return out
}

// typesOf lists names and types of fields other than objects, with the parameters of keywords and
// dates.
func typesOf(i *mapping.Inferred) string {
	var out []string
	for _, name := range slices.Sorted(slices.Values(i.Names())) {
		f, _ := i.Field(name)
		text := name + "=" + string(f.Type)
		switch {
		case f.Type == mapping.Object:
			continue
		case f.Type == mapping.Keyword && f.IgnoreAbove > 0:
			text += fmt.Sprintf("<%d", f.IgnoreAbove+1)
		case f.Format != "":
			text += "(" + f.Format + ")"
		}
		if f.Nested != "" {
			text += " in " + f.Nested
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// The rows are the results of Elasticsearch 8.19.
func TestDynamicTemplates(t *testing.T) {
	const slashes = "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"
	for _, tt := range []struct{ name, mapping, document, want string }{
		{"the first that fits", `"dynamic_templates": [{"a": {"match": "raw_*", "mapping": {"type": "keyword", "ignore_above": 9}}}, {"b": {"match": "*", "match_mapping_type": "string", "mapping": {"type": "keyword"}}}]`, `{"raw_x": "a", "x": "a"}`, "raw_x=keyword<10, x=keyword"},
		{"every kind", `"dynamic_templates": [{"a": {"match": "x*", "mapping": {}}}]`, `{"xs": "abc", "xd": "2026-01-01", "xl": 5, "xf": 5.5, "xb": true, "xo": {"y": "s"}}`, "xb=boolean, xd=date, xf=float, xl=long, xo.y=text, xo.y.keyword=keyword<257, xs=text"},
		{"placeholders", `"dynamic_templates": [{"a": {"match_mapping_type": "string", "mapping": {"type": "keyword", "fields": {"{name}_t": {"type": "text"}}}}}, {"b": {"match": "z*", "mapping": {"type": "{dynamic_type}"}}}]`, `{"o": {"y": "s"}, "zf": 5.5, "zd": "2026/01/01"}`, "o.y=keyword, o.y.y_t=text, zd=date(" + slashes + "), zf=float"},
		{"paths", `"dynamic_templates": [{"a": {"path_match": "a.*.c", "mapping": {"type": "keyword"}}}]`, `{"a": {"b": {"c": "x", "d": 1}, "c": 2}, "a.x.c": "z"}`, "a.b.c=keyword, a.b.d=long, a.c=long, a.x.c=keyword"},
		{"lists of patterns", `"dynamic_templates": [{"a": {"match": ["b*", "c*"], "unmatch": ["bb*"], "path_unmatch": "*.bu", "match_mapping_type": ["string", "long"], "mapping": {"type": "keyword"}}}]`, `{"b": 1, "bb": 1, "c": "x", "o": {"bu": 2, "bz": 1}, "cf": 1.5}`, "b=keyword, bb=long, c=keyword, cf=float, o.bu=long, o.bz=keyword"},
		{"regular expressions match the whole", `"dynamic_templates": [{"a": {"match_pattern": "regex", "match": "^prof.*\\d$", "mapping": {"type": "keyword"}}}]`, `{"profile1": "x", "myprof1": 5, "profile": 5}`, "myprof1=long, profile=long, profile1=keyword"},
		{"kinds that are not meant", `"dynamic_templates": [{"a": {"unmatch_mapping_type": ["string", "object"], "mapping": {"type": "keyword"}}}]`, `{"num": 7, "o": {"b": true}, "d": "2026-01-01"}`, "d=keyword, num=keyword, o.b=keyword"},
		{"no pattern and no kind", `"dynamic_templates": [{"a": {"unmatch": "x", "mapping": {"type": "keyword"}}}]`, `{"y": 5}`, "y=long"},
		{"objects", `"dynamic_templates": [{"a": {"match_mapping_type": "object", "match": "fl*", "mapping": {"type": "flattened"}}}, {"b": {"match_mapping_type": "object", "match": "dis*", "mapping": {"enabled": false}}}, {"c": {"match_mapping_type": "object", "match": "ne*", "mapping": {"type": "nested"}}}, {"d": {"match_mapping_type": "object", "match": "dy*", "mapping": {"dynamic": false, "properties": {"p": {"type": "keyword"}}}}}]`, `{"fl1": {"a": {"b": 1}}, "dis": {"a": 1}, "ne": [{"a": 1}], "dy": {"p": "x", "q": "y"}}`, "dy.p=keyword, fl1=flattened, ne=nested, ne.a=long in ne"},
		{"runtime", `"dynamic_templates": [{"a": {"match": "w*", "match_mapping_type": "*", "runtime": {}}}]`, `{"ws": "abc", "wf": 1.5, "wl": 5, "wd": "2026-01-01", "wo": {"q": 1}}`, "wd=date, wf=double, wl=long, wo.q=long, ws=keyword"},
		{"an object at the name of a runtime field", `"dynamic_templates": [{"a": {"match_mapping_type": "object", "mapping": {"enabled": false}}}, {"b": {"match": "b", "runtime": {}}}]`, `{"b": ["x", {"o": 1}], "c": {"o": 1}}`, "b=keyword"},
		{"a field at the name of a runtime field", `"runtime": {"b": {"type": "keyword"}}, "properties": {"b": {"type": "long"}}`, `{"b": {"o": 1}}`, "b=keyword"},
		{"a field and a runtime field of one document", `"dynamic_templates": [{"a": {"match_mapping_type": "long", "runtime": {}}}]`, `{"b": ["x", 5]}`, "b=long, b.keyword=keyword<257"},
		{"a runtime field and a field of one document", `"dynamic_templates": [{"a": {"match_mapping_type": "long", "runtime": {}}}]`, `{"b": [5, "x"]}`, "b=long, b.keyword=keyword<257"},
		{"two templates for one field", `"dynamic_templates": [{"a": {"match_mapping_type": "long", "mapping": {"type": "text", "fields": {"raw": {"type": "keyword", "normalizer": "lowercase"}}}}}]`, `{"b": [-1, "x"]}`, "b=text, b.keyword=keyword<257, b.raw=keyword"},
		{"a first value that the type cannot read", `"dynamic_templates": [{"a": {"match": "x", "mapping": {"type": "ip"}}}]`, `{"x": "abc"}`, ""},
		{"an object for a field", `"dynamic_templates": [{"a": {"match": "x", "mapping": {"type": "keyword"}}}]`, `{"x": {"y": "abc"}}`, ""},
		{"what is mapped is no new field", `"properties": {"x": {"type": "ip"}}, "dynamic_templates": [{"a": {"match": "*", "mapping": {"type": "keyword"}}}]`, `{"x": "10.0.0.1", "y": "10.0.0.1"}`, "x=ip, y=keyword"},
		{"a date of a template", `"dynamic_date_formats": ["yyyy/MM", "dd.MM.yyyy||yyyy-MM-dd"], "dynamic_templates": [{"a": {"match": "k", "match_mapping_type": "date", "mapping": {"type": "date", "format": "yyyy/MM"}}}, {"b": {"match_mapping_type": "date", "mapping": {}}}]`, `{"a": "2026/01", "e": "01.02.2026", "k": "2026/01"}`, "a=date(yyyy/MM), e=date(dd.MM.yyyy||yyyy-MM-dd), k=date(yyyy/MM)"},
		{"a key that is a path of nothing", ``, `{"a.b": null}`, ""},
		{"no dates", `"date_detection": false`, `{"a": "2026-01-01"}`, "a=text, a.keyword=keyword<257"},
		{"numbers", `"numeric_detection": true`, `{"a": "5", "b": "5.5", "c": "1e3", "d": "5d", "e": " 5", "f": "99999999999999999999", "g": "x1"}`, "a=long, b=float, c=float, d=float, e=float, f=float, g=text, g.keyword=keyword<257"},
		{"not dynamic", `"dynamic": false, "properties": {"o": {"dynamic": true, "properties": {}}}`, `{"a": 1, "o": {"b": {"c": 1}}, "p": {"q": 1}}`, "o.b.c=long"},
		{"strict", `"dynamic": "strict", "properties": {"o": {"properties": {"b": {"type": "long"}}}}`, `{"a": 1, "o": {"b": 1, "c": 1}}`, "o.b=long"},
		{"not enabled", `"properties": {"o": {"enabled": false}}`, `{"a": 1, "o": {"b": {"c": 1}}}`, "a=long"},
		{"all runtime", `"dynamic": "runtime", "properties": {"o": {"dynamic": true, "properties": {}}}`, `{"s": "abc", "f": 5.5, "q": {"r": "x"}, "o": {"s": "abc"}, "n": {"d": "2026/01/01"}}`, "f=double, n.d=date(" + slashes + "), o.s=text, o.s.keyword=keyword<257, q.r=keyword, s=keyword"},
		{"names with dots", `"subobjects": false`, `{"a": {"b": 1}, "c.d": "y", "e.f.g": 1}`, "a.b=long, c.d=text, c.d.keyword=keyword<257, e.f.g=long"},
		{"within nested", `"properties": {"n": {"type": "nested"}}`, `{"n": {"a": 1}}`, "n=nested, n.a=long in n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := `{"mappings": {` + tt.mapping + `}}`
			if tt.mapping == "" {
				text = `{"properties": {}}`
			}
			if got := typesOf(learnUnder(t, text, tt.document)); got != tt.want {
				t.Errorf("%s\ngot  %s\nwant %s", tt.document, got, tt.want)
			}
		})
	}
}

func TestDynamicErrors(t *testing.T) {
	for text, want := range map[string]string{
		`"dynamic": "perhaps"`: "true, false, strict or runtime", `"dynamic_date_formats": ["EEE"]`: "[EEE] is not supported",
		`"dynamic_templates": [{"a": {"match": "x"}}]`:                                          "dynamic template [a]: neither",
		`"dynamic_templates": [{"a": {"match": "x", "mapping": {}, "runtime": {}}}]`:            "dynamic template [a]: both",
		`"dynamic_templates": [{"a": {"matches": "x", "mapping": {}}}]`:                         `unknown field "matches"`,
		`"dynamic_templates": [{"a": {"match_mapping_type": "text", "mapping": {}}}]`:           "no field type matched on [text]",
		`"dynamic_templates": [{"a": {"match_mapping_type": ["long", "*"], "mapping": {}}}]`:    "no field type matched on [*]",
		`"dynamic_templates": [{"a": {"match_mapping_type": "object", "runtime": {}}}]`:         "[object] is not supported as runtime field",
		`"dynamic_templates": [{"a": {"match_pattern": "glob", "match": "x", "mapping": {}}}]`:  "match_pattern is [glob]",
		`"dynamic_templates": [{"a": {"match_pattern": "regex", "match": "(", "mapping": {}}}]`: "is not read",
		`"dynamic_templates": [{"a": {"match": "x", "mapping": {}}, "b": {}}]`:                  "one name each",
		`"dynamic_templates": {"a": {"match": "x", "mapping": {}}}`:                             "not a definition",
		`"properties": {"o": {"properties": {}, "dynamic": 5}}`:                                 "field [o]",
	} {
		_, err := mapping.ParseIndices([]byte(`{"logs-a": {"mappings": {` + text + `}}}`))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "index [logs-a]") {
			t.Errorf("%s: error %v, want it to say %q", text, err, want)
		}
	}
}

func TestForIndex(t *testing.T) {
	const one = `{"mappings": {"properties": {%q: {"type": "long"}}}}`
	var members []string
	for _, name := range []string{"logs-a", "logs-*", "logs-a*", "*-b-*", "logs-a*z"} {
		members = append(members, fmt.Sprintf(`%q: `+one, name, name))
	}
	indices, err := mapping.ParseIndices([]byte("{" + strings.Join(members, ",") + "}"))
	if err != nil {
		t.Fatal(err)
	}
	for index, want := range map[string]string{
		"logs-a": "logs-a", "logs-b": "logs-*", "logs-ab": "logs-a*", "logs-abz": "logs-a*z", "x-b-y": "*-b-*", "logs-b-c": "logs-*", "other": "",
	} {
		m, ok := indices.ForIndex(index)
		got := ""
		if ok {
			got = strings.Join(slices.Collect(maps.Keys(m.Fields)), " ")
		}
		if got != want {
			t.Errorf("%s has the mapping of %q, want %q", index, got, want)
		}
		if again, _ := indices.ForIndex(index); again != m {
			t.Errorf("%s has another mapping each time", index)
		}
	}
	if names := indices.Merged().Fields.Names(); len(names) != 5 {
		t.Errorf("all together have %v", names)
	}
	everywhere, _ := mapping.Everywhere(mapping.Table{"a": {Name: "a"}}).ForIndex("any")
	if _, ok := everywhere.Fields.Field("a"); !ok {
		t.Error("a mapping of every index is not one of any")
	}
}

// TestDynamicSpelling: a document adds the same fields to a mapping, however the names of its
// fields are spelled; an object without new fields gets nothing.
func TestDynamicSpelling(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := `{"mappings": {"properties": {"shut": {"dynamic": ` + rapid.SampledFrom([]string{"false", `"strict"`}).Draw(rt, "dynamic") + `, "properties": {"open": {"dynamic": true, "properties": {}}}}},
			"dynamic_templates": [{"a": {"path_match": "` + rapid.SampledFrom([]string{"a.*", "*.b", "*"}).Draw(rt, "path") + `", "match_mapping_type": "string", "mapping": {"type": "keyword"}}}]}}`
		var paths []string
		leaf := map[string]string{}
		for range rapid.IntRange(1, 5).Draw(rt, "fields") {
			names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "shut", "open"}), 1, 3).Draw(rt, "names")
			path := strings.Join(names, ".")
			if slices.ContainsFunc(paths, func(p string) bool {
				return strings.HasPrefix(p, path+".") || strings.HasPrefix(path, p+".") || p == path
			}) {
				continue
			}
			paths = append(paths, path)
			leaf[path] = rapid.SampledFrom([]string{`"x"`, `5`, `true`, `"2026-01-01"`}).Draw(rt, "value")
		}
		var dotted, nested []string
		for _, path := range slices.Sorted(slices.Values(paths)) {
			dotted = append(dotted, fmt.Sprintf(`{%q: %s}`, path, leaf[path]))
			object := leaf[path]
			for _, name := range slices.Backward(strings.Split(path, ".")) {
				object = fmt.Sprintf(`{%q: %s}`, name, object)
			}
			nested = append(nested, object)
		}
		one, other := learnUnder(rt, text, dotted...), learnUnder(rt, text, nested...)
		if diff := cmp.Diff(typesOf(one), typesOf(other)); diff != "" {
			rt.Fatalf("%v\n%v\n%s", dotted, nested, diff)
		}
		for _, path := range paths {
			_, mapped := one.Field(path)
			shut := strings.HasPrefix(path, "shut.") && !strings.HasPrefix(path, "shut.open.") || path == "shut" || path == "shut.open"
			if mapped == shut && path != "shut" && path != "shut.open" {
				rt.Fatalf("%s under %s: mapped is %t", path, text, mapped)
			}
			if settled := one.Settled(path); !settled {
				rt.Fatalf("%s of %s is not settled", path, dotted)
			}
		}
	})
}
