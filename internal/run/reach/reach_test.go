package reach_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/reach"
	"tocsin/internal/search"
	"tocsin/internal/testkit/trial"
)

// table has fields of process events and of indicators.
var table = mapping.Table{
	"@timestamp":             {Name: "@timestamp", Type: mapping.Date},
	"event.category":         {Name: "event.category", Type: mapping.Keyword},
	"event.kind":             {Name: "event.kind", Type: mapping.Keyword},
	"process.name":           {Name: "process.name", Type: mapping.Keyword, IgnoreAbove: 256},
	"data_stream.type":       {Name: "data_stream.type", Type: mapping.ConstantKeyword, Constant: new("logs")},
	"process.pid":            {Name: "process.pid", Type: mapping.Long},
	"user.name":              {Name: "user.name", Type: mapping.Keyword},
	"threat.indicator.type":  {Name: "threat.indicator.type", Type: mapping.Keyword},
	"threat.indicator.ip":    {Name: "threat.indicator.ip", Type: mapping.IP},
	"destination.ip":         {Name: "destination.ip", Type: mapping.IP},
	"process.parent.pid":     {Name: "process.parent.pid", Type: mapping.Keyword},
	"kibana.alert.rule.uuid": {Name: "kibana.alert.rule.uuid", Type: mapping.Keyword},
}

const oneEvent = `logs-a/1 {"@timestamp":"2026-01-15T11:55:00Z","event":{"category":"process"},"process":{"name":"sh"}}`

func planOf(t *testing.T, r *rule.Rule) query.Plan {
	t.Helper()
	plan, diags := plans.For(r)
	if plan == nil {
		t.Fatal(diags)
	}
	return plan
}

func bind(t *testing.T, plan query.Plan, events search.Events) *reach.Bound {
	t.Helper()
	prepared, diags, err := plan.Prepare(t.Context(), query.Source{Events: events, At: trial.Noon})
	return &reach.Bound{Plan: plan, Prepared: prepared, Diags: diags, Err: err, At: trial.Noon}
}

// TestDecide has a rule of each type and each kind of cause.
func TestDecide(t *testing.T) {
	kql := func(query string) string {
		return "language = \"kuery\"\nindex = [\"logs-*\"]\nquery = '''" + query + "'''\n"
	}
	eql := func(query string) string {
		return "language = \"eql\"\nindex = [\"logs-*\"]\nquery = '''" + query + "'''\n"
	}
	threshold := func(field string) string {
		return kql("process.name:sh") + "[rule.threshold]\nfield = [\"" + field + "\"]\nvalue = 2\n"
	}
	terms := func(field string) string {
		return kql("process.name:sh") + "[rule.new_terms]\nfield = \"new_terms_fields\"\nvalue = [\"" + field + "\"]\n[[rule.new_terms.history_window_start]]\nfield = \"history_window_start\"\nvalue = \"now-7d\"\n"
	}
	for _, c := range []struct {
		name, typ, lines string
		// want are the causes of a rule that cannot match, kind and object; "" if it can.
		want string
		// partly are the missing parts of one that can.
		partly string
	}{
		{"a field", "query", kql("process.name:sh"), "", "ignore-above process.name"},
		{"an unmapped field", "query", kql("process.hash.md5:a"), "missing-field process.hash.md5", ""},
		{"two unmapped fields", "query", kql("process.hash.md5:a and file.path:b and process.name:sh"), "missing-field file.path, missing-field process.hash.md5", ""},
		{"one of two", "query", kql("process.hash.md5:a or user.name:b"), "", "missing-field process.hash.md5"},
		{"alternatives", "query", kql("(process.hash.md5:a or file.path:b) and user.name:c"), "missing-field process.hash.md5 or file.path", ""},
		{"negated", "query", kql("user.name:a and not file.path:b"), "", "missing-field file.path"},
		{"contradiction", "eql", eql("process where false"), "contradiction ", ""},
		{"no index", "query", strings.Replace(kql("user.name:a"), "logs-*", "other-*", 1), "no-index other-*", ""},
		{"an index less", "query", strings.Replace(kql("user.name:a"), `"logs-*"`, `"logs-*", "other-*"`, 1), "", "no-index other-*"},
		{"a category", "eql", eql("process where user.name == \"a\""), "", ""},
		{"optional", "eql", eql("process where ?file.path == \"a\""), "missing-field file.path", ""},
		{"optional null", "eql", eql("process where ?file.path == null"), "", ""},
		{"type error", "eql", eql("process where process.pid == \"a\""), "type *", ""},
		{"a long value", "query", kql("process.name:" + strings.Repeat("x", 257)), "type process.name", ""},
		{"a value of the length", "query", kql("process.name:" + strings.Repeat("x", 256)), "", "ignore-above process.name"},
		{"a constant", "query", kql("data_stream.type:metrics"), "type data_stream.type", ""},
		{"the constant", "query", kql("data_stream.type:logs"), "", ""},
		{"a sequence", "eql", eql("sequence by user.name [process where true] [process where user.name == \"a\"]"), "", ""},
		{"a step", "eql", eql("sequence [process where true] [process where file.path == \"a\"]"), "missing-field file.path", ""},
		{"a missing step", "eql", eql("sequence with maxspan=1m [process where true] ![process where file.path == \"a\"]"), "", "missing-field file.path"},
		{"a key", "eql", eql("sequence by file.path [process where true] [process where true]"), "missing-field file.path, missing-field file.path", ""},
		{"threshold", "threshold", threshold("user.name"), "", "ignore-above process.name"},
		{"threshold by nothing", "threshold", threshold("host.id"), "missing-field host.id", ""},
		{"new terms", "new_terms", terms("user.name"), "", "ignore-above process.name"},
		{"new terms of nothing", "new_terms", terms("host.id"), "missing-field host.id", ""},
		{"indicators", "threat_match", trial.ThreatHead + trial.ThreatByAddress, "no-index ti-*", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := trial.Events(t, oneEvent, table)
			v := bind(t, planOf(t, trial.Rule(t, c.typ, c.lines)), events).Decide()
			if v.CanMatch != (c.want == "") || (v.Because == "") != v.CanMatch {
				t.Errorf("can match: %v, because %q", v.CanMatch, v.Because)
			}
			if c.want == "type *" {
				if len(v.Causes) != 1 || v.Causes[0].Kind != reach.Type {
					t.Errorf("%+v", v.Causes)
				}
				return
			}
			if diff := cmp.Diff(c.want, words(v.Causes)); diff != "" {
				t.Errorf("causes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.partly, words(v.Partly)); diff != "" {
				t.Errorf("partly (-want +got):\n%s", diff)
			}
		})
	}
}

func words(causes []reach.Cause) string {
	var out []string
	for _, c := range causes {
		out = append(out, string(c.Kind)+" "+c.What)
	}
	return strings.Join(out, ", ")
}

// TestApart has fields that indices have, but none of them together.
func TestApart(t *testing.T) {
	events := trial.Events(t, `
logs-a/1 {"@timestamp":"2026-01-15T11:55:00Z","own":{"a":"a"}}
logs-b/1 {"@timestamp":"2026-01-15T11:55:00Z","own":{"b":"b"}}
`)
	for query, want := range map[string]string{
		"own.a:a and own.b:b":     "missing-field own.a and own.b in one index",
		"own.a:a or own.b:b":      "",
		"own.a:a and not own.b:b": "",
	} {
		r := trial.Rule(t, "query", "language = \"kuery\"\nindex = [\"logs-*\"]\nquery = '''"+query+"'''\n")
		if got := words(bind(t, planOf(t, r), events).Decide().Causes); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

// TestLimitsOfIndices has a limit that is different in two indices: a value can be in one of them.
func TestLimitsOfIndices(t *testing.T) {
	mapped := func(limit int) string {
		return fmt.Sprintf(`{"mappings":{"properties":{"@timestamp":{"type":"date"},"own":{"properties":{"a":{"type":"keyword","ignore_above":%d}}}}}}`, limit)
	}
	for _, c := range []struct {
		first, second int
		want          string
	}{{4, 4, "type own.a"}, {4, 9, ""}, {9, 4, ""}} {
		types, err := mapping.ParseIndices([]byte(`{"logs-a":` + mapped(c.first) + `,"logs-b":` + mapped(c.second) + `}`))
		if err != nil {
			t.Fatal(err)
		}
		lines := `{"_index":"logs-a","_id":"1","_source":{"own":{"a":"x"}}}` + "\n" + `{"_index":"logs-b","_id":"1","_source":{"own":{"a":"x"}}}`
		events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines), Mapping: types})
		if err != nil || diags.HasErrors() {
			t.Fatal(err, diags)
		}
		t.Cleanup(func() { _ = events.Close() })
		r := trial.Rule(t, "query", "language = \"kuery\"\nindex = [\"logs-*\"]\nquery = 'own.a:longer'\n")
		if got := words(bind(t, planOf(t, r), events).Decide().Causes); got != c.want {
			t.Errorf("limits %d and %d: %q, want %q", c.first, c.second, got, c.want)
		}
	}
}

// silent returns the silent fields of rules over the events of all time.
func silent(t *testing.T, events search.Events, bounds ...*reach.Bound) []string {
	t.Helper()
	verdicts := make([]reach.Verdict, len(bounds))
	p := reach.Presence{}
	for i, b := range bounds {
		verdicts[i] = b.Decide()
		p.Add(b.Prepared, &verdicts[i])
	}
	if err := p.Ask(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	p.Decide("")
	out := make([]string, len(bounds))
	for i, v := range verdicts {
		out[i] = words(v.Silent)
	}
	return out
}

// TestSilent has fields that an index maps, and no event has.
func TestSilent(t *testing.T) {
	events := trial.Events(t, oneEvent, table)
	var bounds []*reach.Bound
	var want []string
	for _, c := range []struct{ query, want string }{
		{"process where user.name == \"a\"", "no-event user.name"},
		{"process where process.name == \"other\"", ""},
		{"process where user.name == \"a\" or process.name == \"b\"", ""},
		{"process where not user.name == \"a\"", ""},
		{"process where user.name == null", ""},
		{"sequence [process where true] [process where process.pid == 1]", "no-event process.pid"},
	} {
		bounds, want = append(bounds, bind(t, trial.EQL(t, c.query), events)), append(want, c.want)
	}
	if diff := cmp.Diff(want, silent(t, events, bounds...)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// deaf is events whose fields cannot be asked for.
type deaf struct{ search.Events }

func (deaf) Present(context.Context, search.Request, []string) (map[string]bool, error) {
	return map[string]bool{}, fmt.Errorf("no answer")
}

// TestUnknownIsNotSilent: a place that did not answer is not without events.
func TestUnknownIsNotSilent(t *testing.T) {
	events := trial.Events(t, oneEvent, table)
	b := bind(t, trial.EQL(t, "process where user.name == \"a\""), events)
	v := b.Decide()
	p := reach.Presence{}
	p.Add(b.Prepared, &v)
	if err := p.Ask(t.Context(), deaf{events}); err == nil {
		t.Error("the failure is not reported")
	}
	p.Decide("")
	if len(v.Silent) > 0 {
		t.Errorf("%+v", v.Silent)
	}
}

// TestRefused: a rule that could not be prepared cannot match, because of the first error.
func TestRefused(t *testing.T) {
	events := trial.Events(t, oneEvent, table)
	r := trial.Rule(t, "esql", "language = \"esql\"\nquery = 'from logs-* | where user.name == \"a\"'\n")
	v := bind(t, planOf(t, r), events).Decide()
	if v.CanMatch || len(v.Causes) != 1 || v.Causes[0].Kind != reach.Refused {
		t.Errorf("%+v", v)
	}
	b := &reach.Bound{Plan: trial.EQL(t, "process where true"), Diags: diag.List{{Severity: diag.Error, Message: "wrong"}}, At: trial.Noon}
	if v := b.Decide(); v.CanMatch || v.Because != "wrong" {
		t.Errorf("%+v", v)
	}
}
