package single_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/query/single"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/testkit/trial"
)

const processes = `
logs-a/1 {"@timestamp":"2026-01-15T11:59:00Z","event":{"category":"process"},"user":{"name":"ann"}}
logs-a/2 {"@timestamp":"2026-01-15T11:58:00Z","event":{"category":"process"},"user":{"name":"bob"}}
logs-b/3 {"@timestamp":"2026-01-15T11:57:00Z","event":{"category":"process"},"user":{"name":"ann"}}
logs-a/4 {"@timestamp":"2026-01-15T11:56:00Z","event":{"category":"file"},"user":{"name":"ann"}}
logs-a/5 {"@timestamp":"2026-01-15T11:40:00Z","event":{"category":"process"},"user":{"name":"ann"}}
other/6 {"@timestamp":"2026-01-15T11:59:00Z","event":{"category":"process"},"user":{"name":"ann"}}
`

var slot = window.Window{From: trial.Noon.Add(-10 * time.Minute), To: trial.Noon}

func prepared(t *testing.T, text string) (query.Prepared, query.Source) {
	t.Helper()
	src := query.Source{Events: trial.Events(t, processes), At: trial.Noon}
	p, diags, err := trial.EQL(t, text).Prepare(t.Context(), src)
	if err != nil || p == nil {
		t.Fatal(diags, err)
	}
	return p, src
}

// TestPipesOfRules wants pipes to take of the events of a window in the order of time, from the end where they say tail.
func TestPipesOfRules(t *testing.T) {
	for text, want := range map[string]string{
		"process where true": "3 2 1", "process where true | head 2": "3 2", "process where true | tail 2": "2 1", "process where true | tail 2 | head 1": "2",
		"process where true | head 2 | tail 1": "2", `process where user.name == "ann"`: "3 1", "process where false": "", "process where true | head 0": "",
	} {
		p, src := prepared(t, text)
		var hits []query.Hit
		result, err := p.Execute(t.Context(), src, slot, func(h []query.Hit) (bool, error) {
			hits = append(hits, h...)
			return true, nil
		})
		if got := trial.IDs(hits); err != nil || got != want || result.Total != int64(len(hits)) || !result.Exact {
			t.Errorf("%s: %q, %+v, %v; want %q", text, got, result, err, want)
		}
		// With pipes it is another search for each window, and no run can stand for several.
		if reads := p.(query.Reader).Reads(slot); (len(reads) == 1) != (!strings.Contains(text, "|") && want != "") {
			t.Errorf("%s: %d reads", text, len(reads))
		}
		if result, err := p.Execute(t.Context(), src, window.Window{}, nil); err != nil || result.Total != 0 || len(p.(query.Reader).Reads(window.Window{})) > 0 {
			t.Errorf("%s over no time: %+v, %v", text, result, err)
		}
	}
}

// TestAdHoc wants the last events of a time in order, as many as are wanted, below the pipes of the query.
func TestAdHoc(t *testing.T) {
	for _, tt := range []struct {
		text string
		size int
		want string
	}{
		{"process where true", 2, "2 1"},
		{"process where true", 9, "3 2 1"},
		{"process where true | head 2", 1, "3"},
		{"process where true | head 2", 5, "3 2"},
		{"process where true | tail 1", 5, "1"},
		{"process where false", 5, ""},
	} {
		p, src := prepared(t, tt.text)
		answer, err := query.RunAdHoc(t.Context(), p, src, slot, tt.size)
		if got := trial.IDs(answer.Hits); err != nil || got != tt.want || answer.Columns != nil {
			t.Errorf("%s, %d: %q, %v; want %q", tt.text, tt.size, got, err, tt.want)
		}
	}
}

// TestVisitorFails wants what goes wrong with hits to end the execution, with pipes and without.
func TestVisitorFails(t *testing.T) {
	fault := errors.New("full")
	for _, text := range []string{"process where true", "process where true | head 2"} {
		p, src := prepared(t, text)
		if _, err := p.Execute(t.Context(), src, slot, func([]query.Hit) (bool, error) { return false, fault }); !errors.Is(err, fault) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestTrace wants one event to be judged by each part of the condition.
func TestTrace(t *testing.T) {
	p, _ := prepared(t, `process where user.name == "ann" and user.id == null`)
	for source, want := range map[string]bool{
		`{"event":{"category":"process"},"user":{"name":"ann"}}`:            true,
		`{"event":{"category":"process"},"user":{"name":"bob"}}`:            false,
		`{"event":{"category":"process"},"user":{"name":"ann","id":"7"}}`:   false,
		`{"event":{"category":["file","process"]},"user":{"name":["ann"]}}`: true,
	} {
		e := event.Event{Index: "logs-a", ID: "1", Source: json.RawMessage(source)}
		d, err := e.Document()
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Trace(t.Context(), d)
		if err != nil || got.Holds != want || len(got.Parts) < 2 {
			t.Errorf("%s: %+v, %v", source, got, err)
		}
	}
}

// TestBoundOnce wants a plan to be bound again only when mappings differ, or its condition depends on the moment.
func TestBoundOnce(t *testing.T) {
	r := trial.Rule(t, "query", "language = \"kuery\"\nindex = [\"logs-*\"]\nquery = '''user.name: ann'''\n")
	plan, diags := plans.For(r)
	if plan == nil {
		t.Fatal(diags)
	}
	p := plan.(*single.Plan)
	table := mapping.Table{"user.name": {Name: "user.name", Type: mapping.Keyword}}
	one, diags := p.Bind(search.Target{Indices: []string{"logs-a"}, Fields: table}, trial.Noon)
	if one == nil || len(diags) > 0 || one.OfNow() {
		t.Fatal(diags)
	}
	if diff := cmp.Diff([]string{"logs-a"}, one.Target().Indices); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	moving := trial.Rule(t, "query", "language = \"kuery\"\nindex = [\"logs-*\"]\nquery = '''@timestamp > now-1h'''\n")
	plan, diags = plans.For(moving)
	if plan == nil {
		t.Fatal(diags)
	}
	bound, diags := plan.(*single.Plan).Bind(search.Target{Indices: []string{"logs-a"}, Fields: mapping.Assumed()}, trial.Noon)
	if bound == nil || !bound.OfNow() {
		t.Errorf("a condition about now is another at each slot: %v", diags)
	}
}

// TestExplain wants the condition, what of it is searched, and the request.
func TestExplain(t *testing.T) {
	p, _ := prepared(t, `process where length(user.name) == 3`)
	got := p.Explain(slot)
	if got.Exact || got.Pushed == "" || got.Condition == "" || got.Request == nil || got.TimeField != "@timestamp" || len(got.Indices) != 1 {
		t.Errorf("%+v", got)
	}
	p, _ = prepared(t, `process where user.name == "ann"`)
	if got := p.Explain(slot); !got.Exact || got.Pushed != "" || !got.Scan {
		t.Errorf("%+v", got)
	}
}
