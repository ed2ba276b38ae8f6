package pushdown_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/search/tally"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/spl"
)

// cluster is a store that counts groups and events itself, unless it fails.
type cluster struct {
	*store.Events
	asked int
	fault error
}

func (c *cluster) Groups(ctx context.Context, r search.GroupRequest, visit search.GroupVisit) (search.Result, error) {
	if c.fault != nil {
		return search.Result{}, c.fault
	}
	c.asked++
	return tally.Groups(ctx, c.Events, r, tally.Options{}, visit)
}

func (c *cluster) Count(ctx context.Context, r search.Request) (int64, error) {
	r.Where = kept(r.Where)
	found, err := c.Search(ctx, r, func([]event.Event) (bool, error) { return true, nil })
	return found.Total, err
}

// kept is a condition over events of which an index keeps all values.
func kept(x condition.Expr) condition.Expr {
	switch x := x.(type) {
	case condition.And:
		out := make(condition.And, len(x))
		for i, m := range x {
			out[i] = kept(m)
		}
		return out
	case condition.Or:
		out := make(condition.Or, len(x))
		for i, m := range x {
			out[i] = kept(m)
		}
		return out
	case condition.Terms:
		if x.Field == "_ignored" {
			return condition.Const(false)
		}
	case condition.Term:
		if x.Field == "_ignored" {
			return condition.Const(false)
		}
	}
	return x
}

// typed are the types of the events that are counted.
var typed = mapping.Table{
	"@timestamp": {Name: "@timestamp", Type: mapping.Date}, "event.dataset": {Name: "event.dataset", Type: mapping.Keyword},
	"event.category": {Name: "event.category", Type: mapping.Keyword}, "process.command_line": {Name: "process.command_line", Type: mapping.Wildcard},
	"process.name": {Name: "process.name", Type: mapping.Keyword}, "process.executable": {Name: "process.executable", Type: mapping.Keyword},
	"user.name": {Name: "user.name", Type: mapping.Keyword}, "host.name": {Name: "host.name", Type: mapping.Keyword}, "host.id": {Name: "host.id", Type: mapping.Keyword},
	"who": {Name: "who", Type: mapping.Keyword}, "n": {Name: "n", Type: mapping.Long}, "sourcetype": {Name: "sourcetype", Type: mapping.Keyword},
	"note": {Name: "note", Type: mapping.Text},
}

const dayWindow = 24 * time.Hour

// results runs a search, whose events are counted where they are if the place can.
func results(t *testing.T, place search.Events, text string) ([]string, error) {
	t.Helper()
	m := load(t)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := splunk.Window{Earliest: begin, Latest: begin.Add(dayWindow), Now: begin.Add(dayWindow)}
	s, diags := spl.ParseText(diag.NewText("search", text), none{})
	if s == nil {
		t.Fatal(diags)
	}
	var out []string
	source := &pushdown.Events{Search: place, Map: m, Index: []string{"splunk-*"}}
	err := splunk.Run(t.Context(), s, splunk.Env{}, source, w, func(row splunk.Row) error {
		data, err := json.Marshal(row.Native())
		out = append(out, string(data))
		return err
	})
	slices.Sort(out)
	return out, err
}

// TestCountedIsRead wants a search to have the same results whether the place counts or its events are read.
func TestCountedIsRead(t *testing.T) {
	searches := []string{
		"sourcetype=plain | stats count by who", "sourcetype=plain | stats count min(_time) as a max(_time) as b dc(n) as d by who", "sourcetype=plain n>1 | stats values(who) as w count by n",
		"source=agent | stats count by process", "source=agent process=*x* | stats count values(dest) as d by process", "source=agent | stats count by dest", "source=agent | stats count by exe",
		"source=agent | stats count by level", "sourcetype=plain | stats count by sourcetype", "sourcetype=plain | stats count by note",
		"| tstats count from datamodel=Endpoint.Processes by Processes.process_name", "| tstats count values(Processes.process_name) as p from datamodel=Endpoint.Processes by Processes.user",
		"| tstats count from datamodel=Endpoint.Processes where Processes.user!=ann by Processes.user Processes.process_name", "| tstats fillnull_value=none count from datamodel=Endpoint.Processes by Processes.dest",
	}
	counted := 0
	rapid.Check(t, func(rt *rapid.T) {
		var lines []string
		word := func(name string, words ...string) any {
			switch rapid.IntRange(0, 5).Draw(rt, name) {
			case 0:
				return nil
			case 1:
				return rapid.SliceOfNDistinct(rapid.SampledFrom(words), 1, 2, rapid.ID).Draw(rt, "words")
			default:
				return rapid.SampledFrom(words).Draw(rt, "word")
			}
		}
		for i := range rapid.IntRange(1, 10).Draw(rt, "events") {
			at := time.Date(2026, 1, 1, 10, 0, rapid.IntRange(0, 50).Draw(rt, "second"), 0, time.UTC)
			source := map[string]any{"@timestamp": at.Format(time.RFC3339)}
			index := rapid.SampledFrom([]string{"splunk-1", "logs-agent-1", "logs-p"}).Draw(rt, "index")
			switch index {
			case "splunk-1":
				source["sourcetype"], source["who"], source["note"] = "plain", word("who", "ann", "bob", "Ann"), word("note", "x y")
				if n := rapid.IntRange(-1, 3).Draw(rt, "n"); n >= 0 {
					source["n"] = n
				}
			case "logs-agent-1":
				source["event"] = map[string]any{"dataset": "agent"}
				source["process"] = map[string]any{"command_line": word("process", "a x", "b"), "executable": "/bin/sh"}
				source["host"] = map[string]any{"name": word("host", "h", "i"), "id": word("id", "h", "j")}
			default:
				source["event"] = map[string]any{"category": "process"}
				source["process"], source["user"] = map[string]any{"name": word("name", "cmd", "sh")}, map[string]any{"name": word("user", "ann", "bob")}
			}
			data, err := json.Marshal(map[string]any{"_index": index, "_id": strconv.Itoa(i), "_source": source})
			if err != nil {
				rt.Fatal(err)
			}
			lines = append(lines, string(data))
		}
		events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{
			Files: []string{"-"}, Stdin: strings.NewReader(strings.Join(lines, "\n")), Mapping: mapping.Everywhere(typed),
		})
		if err != nil || diags.HasErrors() {
			rt.Fatal(err, diags)
		}
		defer func() { _ = events.Close() }()
		text := rapid.SampledFrom(searches).Draw(rt, "search")
		place := &cluster{Events: events}
		got, fault := results(t, place, text)
		want, err := results(t, events, text)
		if fault != nil || err != nil {
			rt.Fatal(fault, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Errorf("%s over\n%s\n(-read +counted):\n%s", text, strings.Join(lines, "\n"), diff)
		}
		if place.asked > 0 {
			counted++
		}
	})
	if counted < 10 {
		t.Errorf("only %d searches were counted", counted)
	}
}

// TestNotCounted wants events to be read where a place refuses to count, and its failure to be that of the search.
func TestNotCounted(t *testing.T) {
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines), Mapping: mapping.Everywhere(typed)})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	t.Cleanup(func() { _ = events.Close() })
	const text = "sourcetype=plain | stats count by who"
	want, err := results(t, events, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range []error{search.ErrUngroupable, &failure.Error{Kind: failure.Rejected, Op: "x"}} {
		got, err := results(t, &cluster{Events: events, fault: fault}, text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v: %v (-want +got):\n%s", fault, err, diff)
		}
	}
	gone := errors.New("gone")
	if _, err := results(t, &cluster{Events: events, fault: gone}, text); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
}
