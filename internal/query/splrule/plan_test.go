package splrule_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/testkit/trial"
)

const counted = "| tstats count from datamodel=Endpoint.Processes where Processes.user=ann by Processes.parent_process_name"

// keywords are the types of the fields of events by which they can be counted.
var keywords = mapping.Table{
	"@timestamp": {Name: "@timestamp", Type: mapping.Date}, "user": {Name: "user", Type: mapping.Keyword}, "action": {Name: "action", Type: mapping.Keyword},
	"dest": {Name: "dest", Type: mapping.Keyword}, "n": {Name: "n", Type: mapping.Long},
}

// preparedOf plans a search and binds it to the events of the test.
func preparedOf(t *testing.T, search string) (query.Prepared, query.Source) {
	t.Helper()
	plan, diags := planOf(t, "TTP", search, risk)
	if plan == nil {
		t.Fatal(diags)
	}
	src := query.Source{Events: trial.Events(t, events, keywords), At: trial.Noon}
	prepared, diags, err := plan.Prepare(t.Context(), src)
	if err != nil || prepared == nil {
		t.Fatal(err, diags)
	}
	return prepared, src
}

// TestPlan pins what a plan says of itself: its rule with the patterns of the first command, how it is run, and whether
// it writes tables.
func TestPlan(t *testing.T) {
	for search, want := range map[string]struct {
		strategy query.Strategy
		writes   bool
		ecs      bool
	}{
		"action=fail":                     {query.Search, false, false},
		"action=fail | table user dest":   {query.Search, false, false},
		"action=fail | stats sum(n) by x": {query.Search, false, false},
		counted:                           {query.Search, false, true},
		"action=fail | outputlookup t":    {query.Search, true, false},
		"a=1 | append [search b=1 | fit DensityFunction n into m]":          {query.Search, true, false},
		"| makeresults | eval a=1":                                          {query.Search, false, false},
		"| tstats count from datamodel=Endpoint.Processes by _time span=1h": {query.Search, false, true},
	} {
		plan, diags := planOf(t, "TTP", search, "")
		if plan == nil {
			t.Errorf("%s: %v", search, diags)
			continue
		}
		if plan.Strategy() != want.strategy || plan.(query.TableWriter).WritesTables() != want.writes {
			t.Errorf("%s: %s, writes %t", search, plan.Strategy(), plan.(query.TableWriter).WritesTables())
		}
		indices := strings.Join(plan.Rule().Index, " ")
		if strings.Contains(indices, "logs-*") != want.ecs || plan.Rule().ID != "i" || plan.Rule().Type != rule.TypeSPL {
			t.Errorf("%s: %s, %+v", search, indices, plan.Rule())
		}
	}
}

// TestCountedPlan wants a search by names of ECS to be counted where its events are.
func TestCountedPlan(t *testing.T) {
	const stats = "user.name=ann | stats count by host.name"
	for search, want := range map[string]query.Strategy{stats: query.Aggregation, stats + " | where count>1": query.Aggregation, strings.Replace(stats, "count", "list(x)", 1): query.Search} {
		plan, diags := planOf(t, "TTP", search, "")
		if plan == nil || plan.Strategy() != want {
			t.Errorf("%s: %v, %v", search, plan.Strategy(), diags)
		}
	}
}

// TestWants wants the patterns and fields that a search will ask about, and none of what asks for no events.
func TestWants(t *testing.T) {
	wants := func(search string) (string, string) {
		plan, diags := planOf(t, "TTP", search, "")
		if plan == nil {
			t.Fatal(diags)
		}
		patterns, fields := plan.(interface {
			Wants(at time.Time, w window.Window) ([]string, []string)
		}).Wants(trial.Noon, slot)
		return strings.Join(patterns, " "), strings.Join(fields, " ")
	}
	if patterns, fields := wants("action=fail user=ann"); patterns != "splunk-*" || !strings.Contains(fields, "action") || !strings.Contains(fields, "user") {
		t.Errorf("%s; %s", patterns, fields)
	}
	if patterns, fields := wants(counted); !strings.Contains(patterns, "logs-*") || !strings.Contains(fields, "process.parent.name") || !strings.Contains(fields, "user.name") {
		t.Errorf("%s; %s", patterns, fields)
	}
	for _, search := range []string{"| makeresults", "| tstats count from datamodel=Risk.All_Risk by All_Risk.risk_object"} {
		if patterns, fields := wants(search); patterns != "" || fields != "" {
			t.Errorf("%s: %s; %s", search, patterns, fields)
		}
	}
}

// TestReads wants the search of the first command to be shared with others, unless it is about a time of its own or about
// risk events, or the window is empty.
func TestReads(t *testing.T) {
	for search, want := range map[string]int{
		"action=fail": 1, "action=fail | stats count by user": 1, "action=fail earliest=-5m": 0, "| makeresults": 0,
		"| tstats count from datamodel=Risk.All_Risk by All_Risk.risk_object": 0,
	} {
		prepared, _ := preparedOf(t, search)
		reads := prepared.(query.Reader).Reads(slot)
		if len(reads) != want || len(prepared.(query.Reader).Reads(window.Window{})) > 0 {
			t.Errorf("%s: %+v", search, reads)
		}
		if len(reads) == 1 && reads[0].ScanOnly != strings.Contains(search, "stats") {
			t.Errorf("%s: scan only is %t", search, reads[0].ScanOnly)
		}
	}
}

// TestTarget wants the indices of the first command, and no remark on those that are missing as long as there are others.
func TestTarget(t *testing.T) {
	target := func(text string) search.Target {
		prepared, _ := preparedOf(t, text)
		return prepared.(interface{ Target() search.Target }).Target()
	}
	if got := target("action=fail"); len(got.Indices) != 1 || got.Indices[0] != "splunk-x" || got.Missing != nil {
		t.Errorf("%+v", got)
	}
	if got := target(counted); len(got.Indices) == 0 || got.Missing != nil {
		t.Errorf("%+v", got)
	}
	if got := target("| makeresults"); len(got.Indices) > 0 || got.Fields == nil {
		t.Errorf("%+v", got)
	}
}

// TestExplain pins what is shown of a search: what is asked for first, and what is then done in memory.
func TestExplain(t *testing.T) {
	explain := func(search string) query.Explanation {
		prepared, _ := preparedOf(t, search)
		return prepared.Explain(slot)
	}
	for _, tt := range []struct {
		search   string
		strategy query.Strategy
		exact    bool
		memory   []string
		by       []string
	}{
		{"action=fail", query.Search, true, []string{}, nil},
		{"action=fail | table user", query.Search, true, []string{"table user"}, nil},
		{"action=fail | stats count by user | where count>1", query.Aggregation, true, []string{"where count > 1"}, []string{"user"}},
		{"action=fail | stats sum(n) by user", query.Search, true, []string{`stats sum(n) as "sum(n)" by user`}, nil},
		{"| makeresults | eval a=1", query.Search, false, []string{"makeresults", "eval a = 1"}, nil},
		{"action=fail earliest=-5m | head 1", query.Search, true, []string{"head 1"}, nil},
	} {
		got := explain(tt.search)
		if got.RuleID != "i" || got.Name != "N" || got.Type != "spl" || got.Strategy != tt.strategy || got.Exact != tt.exact {
			t.Errorf("%s: %+v", tt.search, got)
		}
		if diff := cmp.Diff([][]string{tt.memory, tt.by}, [][]string{got.InMemory, got.GroupBy}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.search, diff)
		}
		if (got.Request == nil) != (tt.search == "| makeresults | eval a=1") {
			t.Errorf("%s: request %v", tt.search, got.Request)
		}
	}
	if got := explain(counted); len(got.Sources) == 0 {
		t.Errorf("the sources are not named: %+v", got)
	}
}

// TestTrace wants one event to be judged by the first condition, and by the search over it alone.
func TestTrace(t *testing.T) {
	trace := func(search, source string) (condition.Trace, error) {
		prepared, _ := preparedOf(t, search)
		e := event.Event{Index: "splunk-x", ID: "1", Source: json.RawMessage(source)}
		d, err := e.Document()
		if err != nil {
			t.Fatal(err)
		}
		return prepared.Trace(t.Context(), d)
	}
	const failed = `{"@timestamp":"2026-01-15T11:59:00Z","user":"ann","action":"fail"}`
	for _, tt := range []struct {
		search, source string
		first, whole   bool
		rows           string
	}{
		{"action=fail", failed, true, true, "1 row"},
		{"action=ok", failed, false, false, ""}, // that there are no rows follows
		{"action=fail | stats count by user | where count>1", failed, true, false, "0 rows"},
		{"action=fail | append [search action=fail]", failed, true, true, "2 rows"},
	} {
		got, err := trace(tt.search, tt.source)
		if tt.rows == "" && err == nil && len(got.Parts) == 1 && !got.Parts[0].Holds && !got.Holds {
			continue
		}
		if err != nil || len(got.Parts) != 2 {
			t.Errorf("%s: %+v, %v", tt.search, got, err)
			continue
		}
		if got.Op != condition.OpAnd || got.Parts[0].Holds != tt.first || got.Holds != tt.whole || got.Parts[1].Holds != tt.whole || got.Parts[1].Values[0] != tt.rows {
			t.Errorf("%s: %+v", tt.search, got)
		}
	}
	if _, err := trace("| makeresults", failed); err == nil || !strings.Contains(err.Error(), "asks for no events first") {
		t.Errorf("a search without events: %v", err)
	}
}

// TestAdHoc wants the first rows of a search in their order, as events that have no place.
func TestAdHoc(t *testing.T) {
	rows := func(text string, size int) (users []string, columns string) {
		prepared, src := preparedOf(t, text)
		answer, err := query.RunAdHoc(t.Context(), prepared, src, slot, size)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range answer.Hits {
			if h.Event.ID != "" || h.Event.Index != "" || strings.Contains(string(h.Event.Source), `"_id"`) {
				t.Errorf("%s: %+v", text, h.Event)
			}
			var row map[string]any
			if err := json.Unmarshal(h.Event.Source, &row); err != nil {
				t.Fatal(err)
			}
			user, _ := row["user"].(string)
			users = append(users, user)
		}
		return users, strings.Join(answer.Columns, " ")
	}
	for _, tt := range []struct {
		search  string
		size    int
		want    []string
		columns string
	}{
		{"user=*", 10, []string{"ann", "ann", "bob"}, ""},
		{"user=*", 2, []string{"ann", "ann"}, ""},
		{"user=* | table user dest", 1, []string{"ann"}, "user dest"},
		{"user=* | stats count by user | sort - user", 10, []string{"bob", "ann"}, "user count"},
		{"user=nobody", 10, nil, ""},
		{"user=* | outputlookup t", 1, []string{"ann"}, ""},
	} {
		users, columns := rows(tt.search, tt.size)
		if diff := cmp.Diff(tt.want, users); diff != "" || columns != tt.columns {
			t.Errorf("%s: %s (-want +got):\n%s", tt.search, columns, diff)
		}
	}
}

// TestAssume wants a plan that is bound to the types of ECS to have its indices, without asking for them.
func TestAssume(t *testing.T) {
	plan, diags := planOf(t, "TTP", counted, "")
	if plan == nil {
		t.Fatal(diags)
	}
	prepared, diags := plan.Assume(trial.Noon)
	if prepared == nil || len(diags) > 0 {
		t.Fatal(diags)
	}
	if target := prepared.(interface{ Target() search.Target }).Target(); len(target.Indices) == 0 || target.Fields == nil {
		t.Errorf("%+v", target)
	}
}
