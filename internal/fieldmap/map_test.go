package fieldmap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
)

func load(t *testing.T) fieldmap.Map {
	t.Helper()
	m, diags := fieldmap.Load(diag.NewText("map.toml", everyKey))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return m
}

// everyKey has each key of a source in each of its forms.
const everyKey = `
[[source]]
name = "Logons"
model = "Authentication.Failed.Privileged"
when = { sourcetype = "a", source = ["b*", "c"] }
index = ["logs-*", "old-*"]
only = true
shape = "ecs"
where = "event.category: authentication"
prefix = ["user.", "x."]

[source.fields]
user = "user.name"
dest = ["host.name", "host.ip"]
first = { first = "a.b" }
firsts = { first = ["a.b", "c.d"], lower = true }
every = { all = ["e", "f"], base = true }
action = { first = "event.outcome", values = { Failure = "failed", success = "ok" } }

[[source]]
name = "Own"
when = { index = "own" }
shape = "cim"
tags = ["network", "dns"]
search = "tag=x"
`

// TestLoad pins what a file says.
func TestLoad(t *testing.T) {
	got := load(t)
	want := []fieldmap.Source{
		{
			Name: "Logons", Model: "Authentication", Dataset: "Failed.Privileged", When: map[string][]string{"sourcetype": {"a"}, "source": {"b*", "c"}},
			Index: []string{"logs-*", "old-*"}, Only: true, Shape: fieldmap.ECS, Prefixes: []string{"user.", "x."},
			Fields: map[string]fieldmap.Field{
				"user": {Names: []string{"user.name"}}, "dest": {Names: []string{"host.name", "host.ip"}}, "first": {Names: []string{"a.b"}},
				"firsts": {Names: []string{"a.b", "c.d"}, Lower: true}, "every": {Names: []string{"e", "f"}, All: true, Base: true},
				"action": {Names: []string{"event.outcome"}, Values: map[string]string{"failure": "failed", "success": "ok"}},
			},
		},
		{Name: "Own", When: map[string][]string{"index": {"own"}}, Shape: fieldmap.CIM, Tags: []string{"network", "dns"}},
	}
	if diff := cmp.Diff(want, got.Sources, cmpopts.IgnoreTypes(diag.Text{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if where, search := got.Sources[0].Where.Value, got.Sources[1].Search.Value; where != "event.category: authentication" || search != "tag=x" {
		t.Errorf("where %q, search %q", where, search)
	}
}

// TestLoadReports pins what is wrong with a file, at its place.
func TestLoadReports(t *testing.T) {
	for _, tt := range []struct{ content, want string }{
		{"source = ", "map.toml:1:9: error: expected value"},
		{"[[source]]\nname = \"a\"\nmodel = 5", "map.toml:3:9: error: source[0].model must be a string, not an integer [fieldmap/wrong-type]"},
		{"[[source]]\nname = \"a\"\nmodel = \"m\"\nfields = 5", "map.toml:4:10: error: source[0].fields must be a table, not an integer [fieldmap/wrong-type]"},
		{"[[source]]\nname = \"a\"\nmodel = \"m\"\nfields = { b = { first = \"c\", values = 1 } }", "map.toml:4:40: error: source[0].fields.b.values must be a table, not an integer"},
		{"[[source]]\nname = \"a\"\nmodel = \"m\"\ncolour = 1", "map.toml:4:1: warning: unknown key source[0].colour"},
		{"[[source]]\nname = \"a\"\nmodel = \"m\"\nsearch = \"tag=x\"", "map.toml:1:1: error: the source a has tags or a search, which are for the shape cim [fieldmap/shape]"},
	} {
		m, diags := fieldmap.Load(diag.NewText("map.toml", tt.content))
		if len(diags) == 0 || !strings.Contains(fmt.Sprint(diags), tt.want) || diags.HasErrors() != (len(m.Sources) == 0) {
			t.Errorf("%s:\n got %v\nwant %s", tt.content, diags, tt.want)
		}
	}
}

// TestLoadChecks wants each check to see each source, and what one reports to refuse the map.
func TestLoadChecks(t *testing.T) {
	var seen []string
	check := func(s fieldmap.Source) diag.List {
		seen = append(seen, s.Name)
		if s.Name == "Own" {
			return diag.List{s.Search.Report(diag.Error, "test/odd", diag.Span{End: 3}, "this is odd")}
		}
		return nil
	}
	m, diags := fieldmap.Load(diag.NewText("map.toml", everyKey), check)
	if len(m.Sources) > 0 || diags.Err() == nil || !strings.Contains(diags.Err().Error(), "map.toml:25:11: error: this is odd") {
		t.Errorf("%d sources, %v", len(m.Sources), diags)
	}
	if diff := cmp.Diff([]string{"Logons", "Own"}, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLookup pins where a name is looked for.
func TestLookup(t *testing.T) {
	s := load(t).Sources[0]
	cim := s
	cim.Shape = fieldmap.CIM
	names := func(fields []fieldmap.Field) (out []string) {
		for _, f := range fields {
			out = append(out, strings.Join(f.Names, "+"))
		}
		return out
	}
	for _, tt := range []struct {
		source fieldmap.Source
		name   string
		want   []string
	}{
		{s, "user", []string{"user.name"}},
		{s, "dest", []string{"host.name+host.ip"}},
		{s, "other", []string{"user.other", "x.other"}},
		{s, "list{}.name", []string{"user.list.name", "x.list.name"}},
		{cim, "user", []string{"user.name", "user.user", "x.user"}},
		{fieldmap.Source{}, "user", nil},
	} {
		if diff := cmp.Diff(tt.want, names(tt.source.Places(tt.name))); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", tt.name, tt.source.Shape, diff)
		}
	}
}

// TestCovers wants a source to have the events of its dataset and of those that ask for more or less of it.
func TestCovers(t *testing.T) {
	for _, tt := range []struct {
		source, model, dataset string
		want                   bool
	}{
		{"Web", "Web", "", true},
		{"Web", "Web", "Proxy", true},
		{"Web", "Mail", "", false},
		{"Web.Proxy", "Web", "Proxy", true},
		{"Web.Proxy", "Web", "", true},
		{"Web.Proxy", "Web", "Storage", false},
		{"Web.Proxy", "Web", "Proxy.Cached", true},
		{"Web.Proxy.Cached", "Web", "Proxy", false},
		{"Web.Proxy.Cached", "Web", "Proxy.Cached", true},
		{"Web.Proxy", "Mail", "Proxy", false},
	} {
		model, dataset, _ := strings.Cut(tt.source, ".")
		if got := (fieldmap.Source{Model: model, Dataset: dataset}).Covers(tt.model, tt.dataset); got != tt.want {
			t.Errorf("%s covers %s.%s: %t", tt.source, tt.model, tt.dataset, got)
		}
	}
}

// TestPatterns wants the indices of sources besides those of the user, which are left out only when every source says
// that its events are nowhere else.
func TestPatterns(t *testing.T) {
	only := fieldmap.Source{Index: []string{"a", "b"}, Only: true}
	also := fieldmap.Source{Index: []string{"b", "c"}}
	own := []string{"mine", "a"}
	for _, tt := range []struct {
		sources []fieldmap.Source
		want    string
	}{
		{nil, "mine a"},
		{[]fieldmap.Source{only}, "a b"},
		{[]fieldmap.Source{also}, "mine a b c"},
		{[]fieldmap.Source{only, also}, "mine a b c"},
		{[]fieldmap.Source{only, {Index: []string{"d"}, Only: true}}, "a b d"},
	} {
		if got := strings.Join(fieldmap.Patterns(own, tt.sources...), " "); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.sources, got, tt.want)
		}
	}
	if diff := cmp.Diff([]string{"mine", "a"}, own); diff != "" {
		t.Errorf("the user's patterns are changed (-want +got):\n%s", diff)
	}
}

// TestIn wants other patterns for the sources of one model, in a copy.
func TestIn(t *testing.T) {
	m := load(t)
	got := m.In("Authentication", "x", "y")
	if diff := cmp.Diff([]string{"x", "y"}, got.Sources[0].Index); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m.Sources[0].Index[0] != "logs-*" || got.Sources[1].Index != nil {
		t.Errorf("other sources changed: %v, %v", m.Sources[0].Index, got.Sources[1].Index)
	}
}

// TestTell wants a map that is shipped, and what is laid over it, to be spoken of once, and a user's own always.
func TestTell(t *testing.T) {
	own := load(t)
	for range 2 {
		if !own.Tell() {
			t.Error("a user's map is not spoken of again")
		}
	}
	shipped := fieldmap.Default()
	shipped.Tell()
	if shipped.Tell() || shipped.Over(own).Tell() || shipped.In("Web", "x").Tell() {
		t.Error("the shipped map is spoken of again")
	}
}

// TestDefault wants the shipped map to have data models and sourcetypes, each source once.
func TestDefault(t *testing.T) {
	models, kinds := map[string]bool{}, 0
	names := map[string]bool{}
	for _, s := range fieldmap.Default().Sources {
		if names[s.Name] {
			t.Errorf("the source %s is there twice", s.Name)
		}
		names[s.Name] = true
		if s.Model != "" {
			models[s.Model] = true
		}
		if len(s.When["sourcetype"]) > 0 {
			kinds++
		}
	}
	for _, model := range []string{"Endpoint", "Web", "Authentication", "Network_Traffic", "Risk"} {
		if !models[model] {
			t.Errorf("the data model %s is not there", model)
		}
	}
	if kinds < 10 {
		t.Errorf("only %d sources have a sourcetype", kinds)
	}
}
