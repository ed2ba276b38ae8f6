package pipeline_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
)

// folding plans a rule of a type with further keys, over the events of TestSuppressionByEachValue and on.
func folding(t *testing.T, keys string, maxSignals int) query.Plan {
	t.Helper()
	content := `
[rule]
description = "A rule."
from = "now-9m"
index = ["*"]
name = "Thing"
risk_score = 47
rule_id = "r1"
severity = "medium"
` + fmt.Sprintf("max_signals = %d\n", maxSignals) + keys
	r, diags := rule.Parse("rule.toml", content)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	p, diags := plans.For(r)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	kql  = "type = 'query'\nlanguage = 'kuery'\nquery = '*:*'\n"
	luce = "type = 'query'\nlanguage = 'lucene'\nquery = '*'\n"
	eql  = "type = 'eql'\nlanguage = 'eql'\nquery = 'any where true'\n"
)

// valued are the fields of these events.
var valued = mapping.Table{
	"@timestamp": {Name: "@timestamp", Type: mapping.Date}, "a": {Name: "a", Type: mapping.Keyword}, "b": {Name: "b", Type: mapping.Long},
	"t": {Name: "t", Type: mapping.Text}, "t.keyword": {Name: "t.keyword", Type: mapping.Keyword, Path: "t"}, "also": {Name: "also", Type: mapping.Long, Path: "b"},
	"ip":        {Name: "ip", Type: mapping.IP},
	"user.name": {Name: "user.name", Type: mapping.Keyword}, "host.name": {Name: "host.name", Type: mapping.Keyword},
}

// inFile runs a plan over events of a file.
func inFile(t *testing.T, m interface {
	alert.Indexer
	alert.Instances
}, p query.Plan, events ...event.Event,
) pipeline.Execution {
	t.Helper()
	var lines strings.Builder
	for _, e := range events {
		fmt.Fprintf(&lines, `{"_index":%q,"_id":%q,"_source":%s}`+"\n", e.Index, e.ID, e.Source)
	}
	file := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	found, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{file}, Mapping: mapping.Everywhere(valued)})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	defer func() { _ = found.Close() }()
	line := &pipeline.Pipeline{Events: found, Alerts: m, Instances: m, Now: clock()}
	return line.Run(t.Context(), pipeline.Job{Plan: p, Slot: slot, Window: span})
}

// values is an event some seconds into the window; members are JSON.
func values(id string, second int, members string) event.Event {
	at := span.From.Add(time.Duration(second) * time.Second).Format(time.RFC3339Nano)
	return anEvent(id, fmt.Sprintf(`{"@timestamp":%q%s}`, at, strings.TrimSuffix(","+members, ",")))
}

// TestSuppressionByEachValue: to a query, an event is in a group for each value of a list; to other rules
// the list is one value.
func TestSuppressionByEachValue(t *testing.T) {
	const one, two = "alert_suppression = { group_by = ['a'] }\n", "alert_suppression = { group_by = ['a', 'b'] }\n"
	const apart = "alert_suppression = { group_by = ['a', 'b'], missing_fields_strategy = 'doNotSuppress' }\n"
	events := []event.Event{
		values("1", 1, `"a":["x","y"],"b":[1,"2",1.0]`), values("2", 2, `"a":"x","b":"1"`), values("3", 3, `"a":["y","x","y"]`), values("4", 4, `"b":7`),
	}
	tests := []struct {
		name, keys string
		want       []string
	}{
		{"KQL", kql + one, []string{"1 x 1-3 +2", "1 y 1-3 +1", "4 <nil> 4-4 +0"}},
		{"Lucene", luce + one, []string{"1 x 1-3 +2", "1 y 1-3 +1", "4 <nil> 4-4 +0"}},
		{"EQL", eql + one, []string{"1 [x y] 1-1 +0", "2 x 2-2 +0", "3 [x y y] 3-3 +0", "4 <nil> 4-4 +0"}},
		{"each with each", kql + two, []string{
			"1 x/1 1-2 +1", "1 x/2 1-1 +0", "1 y/1 1-1 +0", "1 y/2 1-1 +0", "3 x/<nil> 3-3 +0", "3 y/<nil> 3-3 +0", "4 <nil>/7 4-4 +0",
		}},
		{"missing ones apart", kql + apart, []string{"1 x/1 1-2 +1", "1 x/2 1-1 +0", "1 y/1 1-1 +0", "1 y/2 1-1 +0", "3", "4"}},
		{"EQL, missing ones apart", eql + apart, []string{"1 [x y]/[1 1 2] 1-1 +0", "2 x/1 2-2 +0", "3", "4"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := &meddler{Memory: store.NewMemory()}
			p := folding(t, test.keys, 100)
			first := inFile(t, m, p, events...)
			if diff := gocmp.Diff(test.want, grouped(t, m)); diff != "" || first.Created != len(test.want) {
				t.Errorf("%d created (-want +got):\n%s", first.Created, diff)
			}
			again := inFile(t, m, p, events...)
			if again.Hits != first.Hits || int64(again.Duplicates) != again.Hits || again.Created+again.Suppressed > 0 {
				t.Errorf("again: %v after %v", tally(again), tally(first))
			}
			if diff := gocmp.Diff(test.want, grouped(t, m)); diff != "" {
				t.Errorf("again (-want +got):\n%s", diff)
			}
		})
	}
}

// grouped writes all alerts: the id of the event, the terms, first and last second, and the count.
func grouped(t *testing.T, m *meddler) []string {
	t.Helper()
	var out []string
	err := m.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
		if d.Source["kibana.alert.uuid"] != d.ID {
			t.Errorf("alert %s says that it is %s", d.ID, d.Source["kibana.alert.uuid"])
		}
		s, ok := alert.SuppressionOf(d)
		if !ok {
			out = append(out, eventOf(d))
			return true, nil
		}
		var terms []string
		for _, term := range d.Source["kibana.alert.suppression.terms"].([]any) {
			terms = append(terms, fmt.Sprint(term.(map[string]any)["value"]))
		}
		second := func(t time.Time) int { return int(t.Sub(span.From) / time.Second) }
		out = append(out, fmt.Sprintf("%s %s %d-%d +%d", eventOf(d), strings.Join(terms, "/"), second(s.Start), second(s.End), s.Count))
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// TestSuppressionOfChangedEvents: an event that has another value by now is one of another group too, and
// takes nothing away from those that come after it there.
func TestSuppressionOfChangedEvents(t *testing.T) {
	m := &meddler{Memory: store.NewMemory()}
	p := folding(t, kql+"alert_suppression = { group_by = ['a'], duration = { value = 1, unit = 'h' } }\n", 100)
	inFile(t, m, p, values("1", 1, `"a":"x"`), values("2", 2, `"a":"x"`))
	x := inFile(t, m, p, values("1", 1, `"a":["x","y"]`), values("2", 2, `"a":"x"`), values("3", 3, `"a":"y"`))
	if diff := gocmp.Diff([7]int{4, 1, 2, 1}, tally(x)); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff([]string{"1 x 1-2 +1", "1 y 1-3 +1"}, grouped(t, m)); diff != "" {
		t.Error(diff)
	}
}

// TestSuppressionTurnedOnForLists: events that have alerts of their own are not counted in any group.
func TestSuppressionTurnedOnForLists(t *testing.T) {
	m := &meddler{Memory: store.NewMemory()}
	inFile(t, m, folding(t, kql, 100), values("1", 1, `"a":["x","y"]`))
	p := folding(t, kql+"alert_suppression = { group_by = ['a'], duration = { value = 1, unit = 'h' } }\n", 100)
	x := inFile(t, m, p, values("1", 1, `"a":["x","y"]`), values("2", 2, `"a":["y","z"]`))
	if diff := gocmp.Diff([7]int{4, 2, 2}, tally(x)); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff([]string{"1", "2 y 2-2 +0", "2 z 2-2 +0"}, grouped(t, m)); diff != "" {
		t.Error(diff)
	}
}

// TestSuppressionOfManyCombinations: what would be a thousand million groups is left, and said.
func TestSuppressionOfManyCombinations(t *testing.T) {
	many := make([]int, 1000)
	for i := range many {
		many[i] = i
	}
	list := string(must(json.Marshal(many)))
	m := &meddler{Memory: store.NewMemory()}
	p := folding(t, kql+"alert_suppression = { group_by = ['a', 'b', 'host.name'] }\n", 5)
	x := inFile(t, m, p, values("1", 1, fmt.Sprintf(`"a":%s,"b":%s,"host":{"name":%s}`, list, list, list)))
	if x.Created != 5 || x.Left < 10_000 || x.Status != pipeline.PartialFailure {
		t.Errorf("%s: %v", x.Status, tally(x))
	}
}

// TestSuppressedNewTerms: new combinations belong together by the suppression's fields, and one that is
// found again on another event is not counted again.
func TestSuppressedNewTerms(t *testing.T) {
	const keys = "type = 'new_terms'\nlanguage = 'kuery'\nquery = '*:*'\nnew_terms_fields = ['host.name']\nhistory_window_start = 'now-1d'\n"
	host := func(id string, second int, host, user string) event.Event {
		return values(id, second, fmt.Sprintf(`"host":{"name":%q},"user":{"name":%s}`, host, user))
	}
	events := []event.Event{
		host("1", 10, "h1", `["u","v"]`), host("2", 20, "h2", `["v","u"]`), host("3", 30, "h3", `"u"`), host("4", 40, "h1", `"u"`), host("5", -60, "old", `"u"`), host("6", 50, "old", `"u"`),
	}
	for _, duration := range []string{"", ", duration = { value = 1, unit = 'h' }"} {
		m := &meddler{Memory: store.NewMemory()}
		p := folding(t, keys+"alert_suppression = { group_by = ['user.name']"+duration+" }\n", 100)
		want := []string{"1 [u v] 10-20 +1", "3 u 30-30 +0"}
		for i := range 2 {
			x := inFile(t, m, p, events...)
			if diff := gocmp.Diff(want, grouped(t, m)); diff != "" {
				t.Fatalf("run %d, %v (-want +got):\n%s", i, tally(x), diff)
			}
		}
		// An earlier event with the same host comes late.
		x := inFile(t, m, p, append(events, host("0", 5, "h2", `["u","v"]`))...)
		if diff := gocmp.Diff(want, grouped(t, m)); diff != "" || x.Duplicates != 3 {
			t.Errorf("late: %v (-want +got):\n%s", tally(x), diff)
		}
	}
}

// TestSuppressedThreshold: the fields of a group have the rule's names, whatever the form of the events.
func TestSuppressedThreshold(t *testing.T) {
	m := &meddler{Memory: store.NewMemory()}
	const keys = "type = 'threshold'\nlanguage = 'kuery'\nquery = '*:*'\nthreshold = { field = ['t.keyword', 'also'], value = 2 }\n"
	p := folding(t, keys+"alert_suppression = { duration = { value = 1, unit = 'h' } }\n", 100)
	inFile(t, m, p, values("1", 1, `"t":"Two words","b":[7]`), values("2", 2, `"t":"Two words","b":"7"`), values("3", 3, `"t":"Two words","b":8`))
	if diff := gocmp.Diff([]string{"2 Two words/7 2-2 +0"}, grouped(t, m)); diff != "" {
		t.Error(diff)
	}
}

// TestSuppressedSequences: events share a value, however each of them spells it.
func TestSuppressedSequences(t *testing.T) {
	m := &meddler{Memory: store.NewMemory()}
	p := folding(t, "type = 'eql'\nlanguage = 'eql'\nquery = 'sequence by a [any where b == 1] [any where b == 2]'\nalert_suppression = { group_by = ['ip'] }\n", 100)
	step := func(id string, second int, key string, n int, ip string) event.Event {
		return values(id, second, fmt.Sprintf(`"a":%q,"b":%d,"ip":%s`, key, n, ip))
	}
	x := inFile(t, m, p,
		step("1", 1, "x", 1, `"2001:DB8::1"`), step("2", 2, "x", 2, `["2001:db8:0::1","::2"]`), step("3", 3, "y", 1, `"2001:0db8::1"`),
		step("4", 4, "y", 2, `"2001:db8::1"`), step("5", 5, "z", 1, `"::1"`), step("6", 6, "z", 2, `"::2"`))
	var shells []string
	for _, line := range grouped(t, m) {
		if _, about, isShell := strings.Cut(line, " "); isShell { // its last ancestor is a block
			shells = append(shells, about)
		}
	}
	slices.Sort(shells)
	if diff := gocmp.Diff([]string{"2001:db8::1 2-4 +1", "<nil> 6-6 +0"}, shells); diff != "" {
		t.Errorf("%v (-want +got):\n%s", tally(x), diff)
	}
}

// TestEachValueAgainstDefinition: the alerts of a query are the groups that an aggregation makes of its events,
// whichever pages they come in and however often the run is repeated.
func TestEachValueAgainstDefinition(t *testing.T) {
	type drawn struct {
		A []string `json:"a,omitempty"`
		B []int    `json:"b,omitempty"`
	}
	rapid.Check(t, func(rt *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) drawn {
			return drawn{
				rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "z"}), 0, 3).Draw(rt, "a"),
				rapid.SliceOfN(rapid.IntRange(1, 3), 0, 3).Draw(rt, "b"),
			}
		}), 1, 8).Draw(rt, "events")
		apart := rapid.Bool().Draw(rt, "apart")
		type group struct{ first, last, count int }
		groups := map[string]*group{}
		var want []string
		var page []event.Event
		for i, d := range all {
			id := strconv.Itoa(i)
			members := string(must(json.Marshal(d)))
			page = append(page, values(id, i, strings.Trim(members, "{}")))
			if apart && (len(d.A) == 0 || len(d.B) == 0) {
				want = append(want, id)
				continue
			}
			as, bs := choicesOf(d.A), choicesOf(d.B)
			for _, a := range as {
				for _, b := range bs {
					g := groups[a+"/"+b]
					if g == nil {
						g = &group{first: i}
						groups[a+"/"+b] = g
					} else {
						g.count++
					}
					g.last = i
				}
			}
		}
		for name, g := range groups {
			want = append(want, fmt.Sprintf("%d %s %d-%d +%d", g.first, name, g.first, g.last, g.count))
		}
		slices.Sort(want)
		strategy := "suppress"
		if apart {
			strategy = "doNotSuppress"
		}
		p := folding(t, kql+fmt.Sprintf("alert_suppression = { group_by = ['a', 'b'], missing_fields_strategy = %q }\n", strategy), 1000)
		m := &meddler{Memory: store.NewMemory()}
		target := ordinary()
		target.Fields = valued
		size := rapid.IntRange(1, 4).Draw(rt, "page")
		for range 2 { // The run again changes nothing.
			line := &pipeline.Pipeline{Events: &fakeEvents{target: target, pages: slices.Collect(slices.Chunk(page, size))}, Alerts: m, Instances: m, Now: clock()}
			x := line.Run(t.Context(), pipeline.Job{Plan: p, Slot: slot, Window: span})
			if x.Status != pipeline.Succeeded || int(x.Hits) != x.Created+x.Duplicates+x.Suppressed {
				rt.Fatalf("%s: %v", x.Status, tally(x))
			}
			if diff := gocmp.Diff(want, grouped(t, m)); diff != "" {
				rt.Fatalf("-want +got:\n%s", diff)
			}
		}
	})
}

// choicesOf returns the different values as texts; no values have a text of their own.
func choicesOf[T cmp.Ordered](values []T) []string {
	if len(values) == 0 {
		return []string{"<nil>"}
	}
	var out []string
	for _, v := range slices.Compact(slices.Sorted(slices.Values(values))) {
		out = append(out, fmt.Sprint(v))
	}
	return out
}
