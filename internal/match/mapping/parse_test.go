package mapping_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/mapping"
	"tocsin/internal/testkit/conformance"
)

func parse(t *testing.T, text string) mapping.Table {
	t.Helper()
	table, err := mapping.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestParseShapes(t *testing.T) {
	const properties = `{"properties": {"k": {"type": "keyword"}}}`
	want := mapping.Table{"k": {Name: "k", Type: mapping.Keyword}}
	for _, text := range []string{
		properties,
		`{"mappings": ` + properties + `}`,
		`{"logs-1": {"mappings": ` + properties + `}}`,
		`{"logs-1": ` + properties + `, "logs-2": {"mappings": ` + properties + `}}`,
		`{"dynamic": "strict", "_source": {"enabled": true}, "dynamic_templates": [{"x": {"mapping": {"type": "long"}}}], "properties": {"k": {"type": "keyword", "_dynamic": true, "meta": {"unit": "ms"}}}}`,
	} {
		if diff := cmp.Diff(want, parse(t, text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{`{}`, `{"mappings": {}}`, `{"mappings": {"dynamic": false}}`, `{"i": {"mappings": {}}}`, `{"mappings": {"enabled": false, "properties": {"k": {"type": "long"}}}}`} {
		if table := parse(t, text); len(table) != 0 {
			t.Errorf("%s: %v, want no fields", text, table)
		}
	}
}

func TestParseParameters(t *testing.T) {
	table := parse(t, `{"properties": {
		"k": {"type": "keyword", "ignore_above": "256", "null_value": "NULL", "normalizer": "lowercase"},
		"n": {"type": "long", "null_value": 9007199254740993},
		"d": {"type": "date", "format": "epoch_second"},
		"c": {"type": "constant_keyword", "value": "v"},
		"c5": {"type": "constant_keyword", "value": 5},
		"s": {"type": "scaled_float", "scaling_factor": 100.0},
		"t": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}, "low": {"type": "keyword", "normalizer": "lowercase"}}},
		"t2": {"type": "text", "fields": {"a": {"type": "keyword"}, "b": {"type": "wildcard"}}}
	}}`)
	v, five := "v", "5"
	want := mapping.Table{
		"k":         {Name: "k", Type: mapping.Keyword, IgnoreAbove: 256, NullValue: "NULL", Normalizer: "lowercase"},
		"n":         {Name: "n", Type: mapping.Long, NullValue: json.Number("9007199254740993")},
		"d":         {Name: "d", Type: mapping.Date, Format: "epoch_second"},
		"c":         {Name: "c", Type: mapping.ConstantKeyword, Constant: &v},
		"c5":        {Name: "c5", Type: mapping.ConstantKeyword, Constant: &five},
		"s":         {Name: "s", Type: mapping.ScaledFloat, ScalingFactor: 100},
		"t":         {Name: "t", Type: mapping.Text, Exact: "t.keyword"},
		"t.keyword": {Name: "t.keyword", Type: mapping.Keyword, Path: "t", IgnoreAbove: 256},
		"t.low":     {Name: "t.low", Type: mapping.Keyword, Path: "t", Normalizer: "lowercase"},
		"t2":        {Name: "t2", Type: mapping.Text},
		"t2.a":      {Name: "t2.a", Type: mapping.Keyword, Path: "t2"},
		"t2.b":      {Name: "t2.b", Type: mapping.Wildcard, Path: "t2"},
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseObjects(t *testing.T) {
	table := parse(t, `{"properties": {
		"o": {"properties": {"k": {"type": "keyword"}, "p": {"type": "object", "properties": {"n": {"type": "long"}}}}},
		"off": {"type": "object", "enabled": "false", "properties": {"k": {"type": "keyword"}}},
		"dotted.name": {"type": "keyword"},
		"nested": {"type": "nested", "properties": {"k": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "deep": {"type": "nested", "include_in_parent": true, "properties": {"k": {"type": "keyword"}}}}},
		"seen": {"type": "nested", "include_in_root": true, "properties": {"k": {"type": "keyword"}}}
	}}`)
	want := mapping.Table{
		"o":             {Name: "o", Type: mapping.Object, Members: []string{"o.k", "o.p.n"}},
		"o.k":           {Name: "o.k", Type: mapping.Keyword},
		"o.p":           {Name: "o.p", Type: mapping.Object, Members: []string{"o.p.n"}},
		"o.p.n":         {Name: "o.p.n", Type: mapping.Long},
		"off":           {Name: "off", Type: mapping.Object, Members: []string{}},
		"dotted.name":   {Name: "dotted.name", Type: mapping.Keyword},
		"nested":        {Name: "nested", Type: mapping.Nested, Members: []string{"nested.deep.k", "nested.k", "nested.k.raw"}},
		"nested.k":      {Name: "nested.k", Type: mapping.Text, Exact: "nested.k.raw", Nested: "nested"},
		"nested.k.raw":  {Name: "nested.k.raw", Type: mapping.Keyword, Path: "nested.k", Nested: "nested"},
		"nested.deep":   {Name: "nested.deep", Type: mapping.Nested, Nested: "nested", Members: []string{"nested.deep.k"}},
		"nested.deep.k": {Name: "nested.deep.k", Type: mapping.Keyword, Nested: "nested"},
		"seen":          {Name: "seen", Type: mapping.Nested, Members: []string{"seen.k"}},
		"seen.k":        {Name: "seen.k", Type: mapping.Keyword},
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseAliases(t *testing.T) {
	table := parse(t, `{"properties": {
		"k": {"type": "keyword", "ignore_above": 5, "fields": {"low": {"type": "keyword", "normalizer": "lowercase"}}},
		"flat": {"type": "flattened"},
		"o": {"properties": {"alias": {"type": "alias", "path": "k"}}},
		"low": {"type": "alias", "path": "k.low"},
		"tags": {"type": "alias", "path": "flat"},
		"lost": {"type": "alias", "path": "nowhere"}
	}}`)
	for name, want := range map[string]mapping.Field{
		"o.alias":  {Name: "o.alias", Type: mapping.Keyword, Path: "k", IgnoreAbove: 5},
		"low":      {Name: "low", Type: mapping.Keyword, Path: "k", Normalizer: "lowercase"},
		"tags":     {Name: "tags", Type: mapping.Flattened, Path: "flat"},
		"tags.a.b": {Name: "tags.a.b", Type: mapping.Flattened, Path: "flat.a.b", Keyed: true},
		"flat.a":   {Name: "flat.a", Type: mapping.Flattened, Path: "flat.a", Keyed: true},
		"lost":     {Name: "lost", Type: mapping.Alias, Path: "nowhere"},
	} {
		got, ok := table.Field(name)
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s: %t (-want +got):\n%s", name, ok, diff)
		}
	}
	if got, ok := table.Field("k.none"); ok {
		t.Errorf("a key of a keyword: %+v", got)
	}
}

// Fields whose values cannot be derived from a document need a search; all others do not.
func TestInMemory(t *testing.T) {
	table := parse(t, `{"properties": {
		"k": {"type": "keyword"}, "d": {"type": "date"}, "n": {"type": "long", "index": false},
		"column": {"type": "keyword", "index": false}, "dead": {"type": "long", "index": false, "doc_values": false}, "stored": {"type": "text", "index": false},
		"norm": {"type": "keyword", "normalizer": "mine"}, "low": {"type": "keyword", "normalizer": "lowercase"},
		"odd": {"type": "date", "format": "yyyy-MM-dd||EEE"}, "u": {"type": "unsigned_long"}, "g": {"type": "geo_point"},
		"from": {"type": "keyword", "copy_to": ["to", "nowhere"]}, "to": {"type": "keyword"}, "one": {"type": "long", "copy_to": "to"},
		"shadowed": {"type": "keyword"}
	}, "runtime": {"shadowed": {"type": "long"}, "computed": {"type": "keyword", "script": "emit('a')"}}}`)
	for name, want := range map[string]string{
		"k": "", "column": "", "d": "", "n": "", "low": "", "from": "", "shadowed": "", "to": "",
		"dead":     "neither indexed nor has doc values",
		"stored":   "neither indexed nor has doc values",
		"norm":     "normalizer [mine]",
		"odd":      "date format [yyyy-MM-dd||EEE]",
		"u":        "type [unsigned_long]",
		"g":        "type [geo_point]",
		"computed": "runtime field",
	} {
		err := table[name].InMemory()
		switch {
		case (err == nil) != (want == ""):
			t.Errorf("%s: error %v, want one: %t", name, err, want != "")
		case err != nil && (!strings.Contains(err.Error(), want) || !errors.Is(err, mapping.ErrOpaque)):
			t.Errorf("%s: error %q, want it to say %q", name, err, want)
		}
	}
	if !table["column"].DocValuesOnly || table["k"].DocValuesOnly {
		t.Error("which keyword has no index?")
	}
	if diff := cmp.Diff([]string{"from", "one"}, table["to"].Copied); diff != "" {
		t.Error(diff)
	}
	if got := table["shadowed"].Type; got != mapping.Long {
		t.Errorf("the runtime field does not shadow the mapped one: type %s", got)
	}
}

func TestParseMergesIndices(t *testing.T) {
	merged := func(a, b string) mapping.Field {
		return parse(t, `{"i1": {"properties": {"f": `+a+`}}, "i2": {"mappings": {"properties": {"f": `+b+`}}}}`)["f"]
	}
	for _, tt := range []struct{ a, b, conflict, opaque string }{
		{`{"type": "keyword"}`, `{"type": "keyword"}`, "", ""},
		{`{"type": "keyword"}`, `{"type": "wildcard"}`, "", ""},
		{`{"type": "long"}`, `{"type": "short"}`, "", ""},
		{`{"type": "keyword"}`, `{"type": "long"}`, "long in [i2]", ""},
		{`{"type": "object"}`, `{"type": "nested"}`, "nested in [i2]", ""},
		{`{"type": "keyword"}`, `{"type": "flattened"}`, "flattened in [i2]", ""},
		{`{"type": "keyword"}`, `{"type": "text"}`, "text in [i2]", ""},
		{`{"type": "double"}`, `{"type": "float"}`, "", "type"},
		{`{"type": "date"}`, `{"type": "date_nanos"}`, "", "type"},
		{`{"type": "keyword", "ignore_above": 5}`, `{"type": "keyword"}`, "", "ignore_above"},
		{`{"type": "keyword", "normalizer": "lowercase"}`, `{"type": "keyword"}`, "", "normalizer"},
		{`{"type": "keyword", "null_value": "a"}`, `{"type": "keyword"}`, "", "null_value"},
		{`{"type": "geo_point", "null_value": {"lat": 1}}`, `{"type": "geo_point", "null_value": {"lat": 2}}`, "", ""},
		{`{"type": "constant_keyword", "value": "a"}`, `{"type": "constant_keyword", "value": "b"}`, "", "value"},
		{`{"type": "constant_keyword", "value": "a"}`, `{"type": "keyword"}`, "", "value"},
		{`{"type": "constant_keyword", "value": "a"}`, `{"type": "constant_keyword", "value": "a"}`, "", ""},
		{`{"type": "date"}`, `{"type": "date", "format": "epoch_second"}`, "", "format"},
		{`{"type": "date"}`, `{"type": "date", "format": "strict_date_optional_time||epoch_millis"}`, "", ""},
		{`{"type": "date"}`, `{"type": "date", "format": "strict_date_optional_time"}`, "", ""},
		{`{"type": "date", "format": "dd/MM/yyyy"}`, `{"type": "date", "format": "MM/dd/yyyy"}`, "", "format"},
		{`{"type": "date"}`, `{"type": "date", "format": "EEE"}`, "", "format"},
		{`{"type": "scaled_float", "scaling_factor": 10}`, `{"type": "scaled_float", "scaling_factor": 100}`, "", "scaling_factor"},
		{`{"type": "keyword"}`, `{"type": "unsigned_long", "index": false, "doc_values": false}`, "unsigned_long in [i2]", ""},
		{`{"type": "long"}`, `{"type": "long", "index": false, "doc_values": false}`, "", "neither indexed"},
		{`{"type": "long", "index": false, "doc_values": false}`, `{"type": "long"}`, "", "neither indexed"},
	} {
		f := merged(tt.a, tt.b)
		if got := strings.Join(f.Conflict, ", "); got != tt.conflict {
			t.Errorf("%s and %s: conflict %q, want %q", tt.a, tt.b, got, tt.conflict)
		}
		if (f.Opaque != "") != (tt.opaque != "") || !strings.Contains(f.Opaque, tt.opaque) {
			t.Errorf("%s and %s: opaque %q, want %q", tt.a, tt.b, f.Opaque, tt.opaque)
		}
		if tt.conflict != "" && f.InMemory() == nil {
			t.Errorf("%s and %s: the field counts as one that memory can read", tt.a, tt.b)
		}
	}
	both := parse(t, `{"i1": {"properties": {"o": {"properties": {"a": {"type": "keyword"}}}}}, "i2": {"properties": {"o": {"properties": {"b": {"type": "keyword"}}}}}}`)
	if diff := cmp.Diff([]string{"o.a", "o.b"}, both["o"].Members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	dates := merged(`{"type": "date", "format": "strict_date_optional_time"}`, `{"type": "date_nanos", "format": "epoch_second"}`)
	if dates.Type != mapping.DateNanos || dates.Format != "strict_date_optional_time||epoch_second" {
		t.Errorf("joined dates: %s of %s", dates.Type, dates.Format)
	}
	paths := parse(t, `{"i1": {"properties": {"a": {"type": "keyword"}, "f": {"type": "alias", "path": "a"}}}, "i2": {"properties": {"f": {"type": "keyword"}}}}`)
	if got := paths["f"].Opaque; !strings.Contains(got, "path") {
		t.Errorf("an alias in one index only: opaque %q", got)
	}
	exact := parse(t, `{"i1": {"properties": {"f": {"type": "text", "fields": {"raw": {"type": "keyword"}}}}}, "i2": {"properties": {"f": {"type": "text"}}}}`)
	if got := exact["f"].Exact; got != "" {
		t.Errorf("an exact sub-field in one index only: %q", got)
	}
	nested := parse(t, `{"i1": {"properties": {"n": {"type": "nested", "properties": {"f": {"type": "long"}}}}}, "i2": {"properties": {"n": {"properties": {"f": {"type": "long"}}}}}}`)
	if got := nested["n.f"].Opaque; !strings.Contains(got, "nested") {
		t.Errorf("nested in one index only: opaque %q", got)
	}
}

func TestParseErrorsNameThePlace(t *testing.T) {
	for text, want := range map[string]string{
		`[]`: "parse mapping", `{`: "parse mapping",
		`{"properties": 5}`: "parse mapping",
		`{"properties": {"host": {"properties": {"name": 5}}}}`:              "field [host.name]",
		`{"properties": {"host": {"properties": 5}}}`:                        "field [host]",
		`{"properties": {"k": {"type": 5}}}`:                                 "field [k]",
		`{"properties": {"k": {"type": "keyword", "ignore_above": "many"}}}`: "field [k]",
		`{"properties": {"k": {"type": "keyword", "index": "perhaps"}}}`:     "field [k]",
		`{"properties": {"k": {"type": "keyword", "copy_to": 5}}}`:           "field [k]",
		`{"properties": {"t": {"type": "text", "fields": {"raw": []}}}}`:     "multi-field [raw]",
		`{"properties": {}, "runtime": {"r": 5}}`:                            "runtime field [r]",
		`{"logs-1": 5}`:                "index [logs-1]",
		`{"logs-1": {"settings": {}}}`: "index [logs-1]",
		`{"logs-1": {"mappings": {"properties": {"o": {"properties": {"k": "text"}}}}}}`: "field [o.k]",
	} {
		_, err := mapping.Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want it to name %q", text, err, want)
		}
	}
}

func TestParseField(t *testing.T) {
	got, err := mapping.ParseField("a.k", []byte(`{"type": "keyword", "ignore_above": 5, "fields": {"x": 5}}`))
	if diff := cmp.Diff(mapping.Field{Name: "a.k", Type: mapping.Keyword, IgnoreAbove: 5}, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if _, err := mapping.ParseField("a.k", []byte(`5`)); err == nil || !strings.Contains(err.Error(), "a.k") {
		t.Errorf("error %v, want one that names the field", err)
	}
}

func TestField(t *testing.T) {
	for typ, want := range map[mapping.Type]mapping.Family{
		mapping.Unknown: mapping.FamilyUnknown, mapping.Wildcard: mapping.FamilyString, mapping.MatchOnlyText: mapping.FamilyText,
		mapping.Byte: mapping.FamilyInteger, mapping.ScaledFloat: mapping.FamilyFloat, mapping.Boolean: mapping.FamilyBoolean,
		mapping.DateNanos: mapping.FamilyDate, mapping.IP: mapping.FamilyIP, mapping.Version: mapping.FamilyVersion,
		mapping.Nested: mapping.FamilyObject, mapping.Alias: mapping.FamilyOther, "histogram": mapping.FamilyOther,
	} {
		if got := typ.Family(); got != want {
			t.Errorf("%q: family %d, want %d", typ, got, want)
		}
		if got := typ.Family().IsNumber(); got != (want == mapping.FamilyInteger || want == mapping.FamilyFloat) {
			t.Errorf("%q: number %t", typ, got)
		}
	}
	f := mapping.Field{Name: "a", Type: mapping.Keyword}
	other := f
	other.Path = "b"
	if !f.SameValues(f) || f.SameValues(other) {
		t.Error("SameValues does not look at where values stand")
	}
	other = f
	other.Type = mapping.Wildcard
	if f.SameValues(other) {
		t.Error("SameValues does not look at the type")
	}
}

func TestECSAndLayers(t *testing.T) {
	ecs := mapping.ECS()
	for name, want := range map[string]mapping.Field{
		"process.name":          {Name: "process.name", Type: mapping.Keyword, IgnoreAbove: 1024},
		"process.name.text":     {Name: "process.name.text", Type: mapping.MatchOnlyText, Path: "process.name"},
		"host.cpu.usage":        {Name: "host.cpu.usage", Type: mapping.ScaledFloat, ScalingFactor: 1000},
		"threat.enrichments":    {Name: "threat.enrichments", Type: mapping.Nested},
		"dll.pe.sections.name":  {Name: "dll.pe.sections.name", Type: mapping.Keyword, IgnoreAbove: 1024, Nested: "dll.pe.sections"},
		"process.pid":           {Name: "process.pid", Type: mapping.Long},
		"file.elf.imports.libc": {Name: "file.elf.imports.libc", Type: mapping.Flattened, Path: "file.elf.imports.libc", Keyed: true},
	} {
		got, ok := ecs.Field(name)
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s: %t (-want +got):\n%s", name, ok, diff)
		}
	}
	if f, ok := mapping.Assumed().Field("my.own"); !ok || f.Type != mapping.Unknown || f.Source() != "my.own" {
		t.Errorf("a field of nobody's: %+v %t", f, ok)
	}
	first := mapping.Table{"process.pid": {Name: "process.pid", Type: mapping.Keyword}}
	if f, _ := (mapping.Layers{first, ecs}).Field("process.pid"); f.Type != mapping.Keyword {
		t.Errorf("the first layer does not win: %s", f.Type)
	}
	if _, ok := (mapping.Layers{first, ecs}).Field("my.own"); ok {
		t.Error("layers know a field that none of them has")
	}
}

// The mappings of the conformance cases: of the repository, and of Elastic's own tests.
func TestParseConformanceMappings(t *testing.T) {
	for _, name := range []string{"harbour", "doors"} {
		set, err := conformance.WrittenDataset(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := set.Fields(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	data, err := conformance.SharedFile("eql_mapping.json")
	if err != nil {
		t.Fatal(err)
	}
	if data == nil {
		t.Log("2 mappings of the repository, the shared data is not here")
		return
	}
	var sets map[string]struct {
		Indices json.RawMessage `json:"indices"`
	}
	if err := json.Unmarshal(data, &sets); err != nil {
		t.Fatal(err)
	}
	for name, set := range sets {
		table := parse(t, string(set.Indices))
		if len(table) == 0 {
			t.Errorf("%s: no fields", name)
		}
		for _, f := range table {
			if f.Type == mapping.Alias {
				t.Errorf("%s: alias %s leads nowhere", name, f.Name)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"mappings": {"properties": {"a": {"type": "text", "fields": {"k": {"type": "keyword"}}}, "b": {"type": "alias", "path": "a.k"}}}}`))
	f.Add([]byte(`{"i": {"properties": {"a": {"type": "nested", "properties": {"b": {"null_value": {}}}}}}, "j": {"properties": {"a": {"enabled": false}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := mapping.Parse(data)
		if err != nil {
			return
		}
		for name := range table {
			f, ok := table.Field(name)
			if !ok {
				t.Errorf("%q is in the table, but not found", name)
			}
			_ = f.InMemory()
			f.Index("x")
		}
	})
}
