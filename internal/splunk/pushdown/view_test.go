package pushdown_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/fieldmap"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/membership"
	"tocsin/internal/translate/spl"
)

const testMap = `
[[source]]
name = "agent"
when = { sourcetype = ["agent:exec", "agent:*"], source = "agent" }
index = ["logs-agent-*"]
where = "event.dataset:agent"
prefix = ["agent."]
[source.fields]
process = "process.command_line"
dest = ["host.name", "host.id"]
exe = { first = "process.executable", base = true }
hash = { all = ["h.md5", "h.sha1"] }
level = { first = "agent.Level", lower = true }
act = { first = "agent.act", values = { start = "allowed", Stop = "blocked" } }

[[source]]
name = "processes"
model = "Endpoint.Processes"
index = ["logs-*"]
where = "event.category:process"
[source.fields]
process_name = "process.name"
user = "user.name"
`

var fields = mapping.Table{
	"event.dataset":        {Name: "event.dataset", Type: mapping.Keyword},
	"event.category":       {Name: "event.category", Type: mapping.Keyword},
	"process.command_line": {Name: "process.command_line", Type: mapping.Wildcard},
	"process.name":         {Name: "process.name", Type: mapping.Keyword},
	"process.executable":   {Name: "process.executable", Type: mapping.Keyword},
	"user.name":            {Name: "user.name", Type: mapping.Keyword},
	"host.name":            {Name: "host.name", Type: mapping.Keyword},
	"host.id":              {Name: "host.id", Type: mapping.Keyword},
	"port":                 {Name: "port", Type: mapping.Long},
	"ok":                   {Name: "ok", Type: mapping.Boolean},
	"ip":                   {Name: "ip", Type: mapping.IP},
	"short":                {Name: "short", Type: mapping.Keyword, IgnoreAbove: 5},
	"other":                {Name: "other", Type: mapping.Keyword, IgnoreAbove: 5, Path: "short"},
	"text":                 {Name: "text", Type: mapping.Text},
	"agent.act":            {Name: "agent.act", Type: mapping.Keyword},
	"agent.Level":          {Name: "agent.Level", Type: mapping.Keyword},
	"sourcetype":           {Name: "sourcetype", Type: mapping.Keyword},
}

func load(t *testing.T) pushdown.Map {
	t.Helper()
	return loadText(t, testMap)
}

func loadText(t *testing.T, text string) pushdown.Map {
	t.Helper()
	data, diags := fieldmap.Load(diag.NewText("map.toml", text), membership.Check, pushdown.Check)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return compile(t, data)
}

func compile(t *testing.T, data fieldmap.Map) pushdown.Map {
	t.Helper()
	m, diags := pushdown.NewMap(data)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return m
}

func parse(t *testing.T, text string) spl.Expr {
	t.Helper()
	x, err := spl.ParseCondition(text)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestLower(t *testing.T) {
	m := load(t)
	for _, tt := range []struct {
		search, want string
		exact        bool
	}{
		// Names that the map does not know are themselves.
		{`user.name=Root`, `(term~ user.name "Root")`, true},
		{`user.name="ad*min?"`, `(wildcard~ user.name "ad*min\\?")`, true},
		{`user.name=*`, `(exists user.name)`, true},
		{`user.name=a OR user.name=b process.name=c`, `(and (or (term~ user.name "a") (term~ user.name "b")) (term~ process.name "c"))`, true},
		{`NOT user.name=a`, `(not (term~ user.name "a"))`, true},
		{`user.name!=a`, `(residual "user.name != a")`, true},
		{`user.name IN (a, "b*")`, `(or (term~ user.name "a") (wildcard~ user.name "b*"))`, true},
		{`user.name=10.0.0.0/8`, `(residual "user.name = 10.0.0.0/8")`, true},
		{`port=22`, `(range port gte 22 lte 22)`, true},
		{`port>1024`, `(or (range port gt 1024) (left-out port))`, false},
		{`port=2*`, `(or (residual "port = 2*") (left-out port))`, false},
		{`port=ssh`, `(left-out port)`, false},
		{`short=abc`, `(term~ short "abc")`, true},
		{`short=abcdef`, `(or (term~ short "abcdef") (left-out short))`, false},
		{`short=a*`, `(or (wildcard~ short "a*") (left-out short))`, false},
		{`NOT short=a*`, `(not (wildcard~ short "a*"))`, false},
		{`other=a*`, `(or (wildcard~ other "a*") (left-out other))`, false},
		{`ok=true`, `(or (term ok true) (left-out ok))`, false},
		{`ok=TRUE`, `(or (term ok true) (left-out ok))`, false},
		{`ip=10.0.0.0/8`, `(cidr ip 10.0.0.0/8)`, true},
		{`nowhere=a`, `false`, true},
		{`NOT nowhere=a`, `true`, true},
		// What cannot be said leaves more through, also below a NOT.
		{`text=a`, `(exists text)`, false},
		{`NOT text=a`, `true`, false},
		{`word user.name=a`, `(term~ user.name "a")`, false},
		{`NOT word`, `true`, false},
		// A source that is known: its filter, its fields, and its prefix.
		{`sourcetype=agent:exec process=*-k*`, `(and (or (term event.dataset "agent") (term~ sourcetype "agent:exec")) (wildcard~ process.command_line "*-k*"))`, true},
		{`source=agent dest=web`, `(and (term event.dataset "agent") (or (term~ host.name "web") (term~ host.id "web")))`, false},
		{`source=agent dest!=web`, `(and (term event.dataset "agent") (or (exists host.name) (exists host.id)))`, false},
		{`source=agent Level=high`, `(and (term event.dataset "agent") (term~ agent.Level "high"))`, true},
		{`source=agent exe=curl`, `(and (term event.dataset "agent") (exists process.executable))`, false},
	} {
		x := parse(t, tt.search)
		got, exact, diags := m.Select(x).Lower(x, fields)
		if len(diags) > 0 {
			t.Errorf("%s: %v", tt.search, diags)
			continue
		}
		if got.String() != tt.want || exact != tt.exact {
			t.Errorf("%s:\n got %s %t\nwant %s %t", tt.search, got, exact, tt.want, tt.exact)
		}
	}
}

func TestLowerModel(t *testing.T) {
	m := load(t)
	for _, tt := range []struct{ search, want string }{
		{`process_name=cmd.exe`, `(and (term event.category "process") (term~ process.name "cmd.exe"))`},
		// A user that is missing is "unknown" in the model.
		{`user=unknown`, `(and (term event.category "process") (or (term~ user.name "unknown") (not (exists user.name))))`},
		{`user!=root`, `(and (term event.category "process") (or (residual "user.name != root") (not (exists user.name))))`},
	} {
		x := parse(t, tt.search)
		got, exact, diags := m.Model("Endpoint", "Processes").Lower(x, fields)
		if len(diags) > 0 || !exact || got.String() != tt.want {
			t.Errorf("%s:\n got %v %t %v\nwant %s", tt.search, got, exact, diags, tt.want)
		}
	}
}

func document(t *testing.T, source string) *event.Document {
	t.Helper()
	d, err := (&event.Event{Source: json.RawMessage(source)}).Document()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestRow(t *testing.T) {
	m := load(t)
	rows, diags := m.Select(parse(t, "sourcetype=agent:exec")).Rows(fields)
	if rows == nil {
		t.Fatal(diags)
	}
	got := rows.Row(document(t, `{"event": {"dataset": "agent"}, "process": {"command_line": "curl -k x", "executable": "/usr/bin/curl"},
		"host": {"id": "7"}, "h": {"md5": "a", "sha1": "b"}, "agent": {"Level": "High", "x": {"y": 1}}}`), 5)
	want := map[string]any{
		"_time": int64(5), "sourcetype": "agent:exec", "source": "agent", "event.dataset": "agent",
		"process": "curl -k x", "process.command_line": "curl -k x", "process.executable": "/usr/bin/curl", "exe": "curl",
		"dest": "7", "host.id": "7", "h.md5": "a", "h.sha1": "b", "hash": []any{"a", "b"},
		"agent.Level": "High", "Level": "High", "level": "high", "agent.x.y": "1", "x.y": "1",
	}
	if diff := cmp.Diff(want, got.Native()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// An event as Splunk has it is a row as it is.
	got = rows.Row(document(t, `{"sourcetype": "other", "process": "curl"}`), 5)
	if diff := cmp.Diff(map[string]any{"_time": int64(5), "sourcetype": "other", "process": "curl"}, got.Native()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLowerIsWider holds what goes to Elasticsearch against the search itself, over rows.
func TestLowerIsWider(t *testing.T) {
	m := load(t)
	documents := []string{
		`{}`, `{"user": {"name": "a"}}`, `{"user": {"name": ["A", "b"]}, "port": 22}`, `{"text": "a", "port": 2200, "ok": true, "ip": "10.1.2.3"}`,
		`{"event": {"dataset": "agent"}, "host": {"name": "web"}, "process": {"command_line": "x -K y", "executable": "/bin/curl"}}`,
		`{"event": {"dataset": "agent", "category": "process"}, "host": {"name": "db", "id": "web"}, "user": {"name": "a"}}`,
		`{"event": {"dataset": "agent"}, "agent": {"act": "START"}}`, `{"event": {"dataset": "agent"}, "agent": {"act": ["stop", "other"]}}`,
		`{"event": {"dataset": "agent"}, "agent": {"act": "allowed"}}`, `{"agent": {"act": "stop"}}`,
		`{"sourcetype": "agent:exec", "process": {"command_line": "x"}, "user": {"name": "abc"}}`,
	}
	for _, search := range []string{
		`user.name=a`, `NOT user.name=a`, `user.name!=a`, `NOT user.name!=a`, `user.name=a* OR port>100`, `port=22*`, `text=a`, `NOT text=a`, `NOT (text=a port=2200)`,
		`ip=10.0.0.0/8`, `NOT ip=10.1.*`, `ok=true`, `source=agent dest=web`, `source=agent NOT dest=web`, `sourcetype=agent:exec process=x*`, `source=agent exe=curl`,
		`curl`, `NOT curl`, `NOT (NOT source=agent)`, `NOT source=agent`, `*`,
		`source=agent act=allowed`, `source=agent NOT act=allowed`, `source=agent act!=allowed`, `source=agent act=start`, `source=agent act=o*`, `NOT (source=agent act=b*)`, `act=*`,
		`source=agent act IN (other, blocked)`, `source=agent NOT act IN (other, blocked)`, `source=agent act>b`,
		`source=agent OR process=x`, `NOT (source=agent OR process=x)`, `sourcetype=agent:exec OR source=agent process=x*`,
	} {
		x := parse(t, search)
		view := m.Select(x)
		e, exact, diags := view.Lower(x, fields)
		if e == nil {
			t.Errorf("%s: %v", search, diags)
			continue
		}
		wide, pushed := condition.Pushdown(e, fields)
		matcher, err := condition.Compile(e, fields)
		if err != nil {
			t.Errorf("%s: %s: %v", search, e, err)
			continue
		}
		outer, err := condition.Compile(wide, fields)
		if err != nil {
			t.Errorf("%s: %s: %v", search, wide, err)
			continue
		}
		rows, _ := view.Rows(fields)
		for _, source := range documents {
			d := document(t, source)
			want := splunk.Matches(x, rows.Row(d, 1))
			got := matcher.Match(d)
			if want && !got || exact && want != got || want && !outer.Match(d) || pushed && exact && outer.Match(d) != want {
				t.Errorf("%s on %s: the search says %t, %s (exact %t) says %t", search, source, want, e, exact, got)
			}
		}
	}
}

func TestShipped(t *testing.T) {
	m := fieldmap.Default()
	if len(m.Sources) < 20 {
		t.Errorf("%d sources are shipped", len(m.Sources))
	}
	names := map[string]bool{}
	for _, s := range m.Sources {
		if names[s.Name] {
			t.Errorf("the source %s is there twice", s.Name)
		}
		names[s.Name] = true
		view := compile(t, fieldmap.Map{Sources: []fieldmap.Source{s}}).All()
		if _, diags := view.Rows(mapping.Assumed()); diags.HasErrors() {
			t.Errorf("%s: %v", s.Name, diags)
		}
	}
	// The fields of the common schema that are named exist.
	ecs := mapping.ECS()
	tops := []string{"process", "file", "host", "user", "source", "destination", "network", "dns", "url", "http", "event", "user_agent", "orchestrator"}
	for _, s := range m.Sources {
		if s.Shape == fieldmap.CIM {
			continue
		}
		for name, f := range s.Fields {
			for _, n := range f.Names {
				top, _, _ := strings.Cut(n, ".")
				if _, known := ecs[n]; !known && slices.Contains(tops, top) {
					t.Errorf("%s: %s is %s, which ECS does not have", s.Name, name, n)
				}
			}
		}
	}
}

func TestOver(t *testing.T) {
	own, diags := fieldmap.Load(diag.NewText("own.toml", "[[source]]\nname = \"Sysmon\"\nwhen = { sourcetype = \"mine\" }\nindex = [\"my-*\"]"))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	m := compile(t, fieldmap.Default().Over(own))
	if got := m.Select(parse(t, "sourcetype=mine")).Index(nil); !cmp.Equal(got, []string{"my-*"}) {
		t.Errorf("index %v", got)
	}
	if got := m.Select(parse(t, "sourcetype=other")).Index([]string{"usual-*"}); !cmp.Equal(got, []string{"usual-*"}) {
		t.Errorf("index %v", got)
	}
	if got := m.Select(parse(t, "sourcetype=mine")).Index([]string{"usual-*"}); !cmp.Equal(got, []string{"usual-*", "my-*"}) {
		t.Errorf("index %v", got)
	}
	x := parse(t, "sourcetype=mine OR sourcetype=other a=1")
	if got := m.Select(x).Unknown(x); len(got) != 1 || got[0].String() != "sourcetype=other" {
		t.Errorf("unknown %v", got)
	}
}

// TestProcessExec has the name that Splunk's add-on gives to a path and Isovalent to an object.
func TestProcessExec(t *testing.T) {
	view := pushdown.Default().Select(parse(t, "sourcetype=cisco:isovalent:processExec"))
	rows, diags := view.Rows(mapping.Assumed())
	if rows == nil {
		t.Fatal(diags)
	}
	row := rows.Row(document(t, `{"orchestrator": {"cluster": {"name": "c"}}, "process": {"executable": "/usr/bin/curl"},
		"process_exec": {"process": {"start_time": "2026-01-01", "arguments": "-k"}}}`), 1)
	for name, want := range map[string]string{
		"process_exec": "/usr/bin/curl", "process_exec.process.start_time": "2026-01-01", "cluster_name": "c", "sourcetype": "cisco:isovalent:processExec",
	} {
		if got := row.Get(name).String(); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
