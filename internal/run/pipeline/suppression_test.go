package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
)

// suppressing plans a rule that takes every event and folds its alerts as the table says.
func suppressing(t *testing.T, table, query0 string, maxSignals int) query.Plan {
	t.Helper()
	content := strings.Replace(ruleFile, "any where true", query0, 1) + fmt.Sprintf("max_signals = %d\n", maxSignals)
	if table != "" {
		content += "alert_suppression = " + table + "\n"
	}
	r, diags := rule.Parse("rule.toml", content)
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	p, diags := plans.For(r)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return p
}

// of is an event of a user, some seconds into the window; further fields are JSON members.
func of(id, user string, second int, more ...string) event.Event {
	fields := append([]string{`"@timestamp":"` + span.From.Add(time.Duration(second)*time.Second).Format(time.RFC3339Nano) + `"`}, more...)
	if user != "" {
		fields = append(fields, `"user":{"name":`+user+`}`)
	}
	return anEvent(id, "{"+strings.Join(fields, ",")+"}")
}

// meddler is a store in which others write too.
type meddler struct {
	*store.Memory
	// before is done once, before alerts are created or replaced.
	beforeCreate, beforeReplace func()
	findErr                     error
	// now is the clock of the runs over it.
	now func() time.Time
}

func (m *meddler) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	if do := m.beforeCreate; do != nil {
		m.beforeCreate = nil
		do()
	}
	return m.Memory.Create(ctx, docs)
}

func (m *meddler) Update(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	if do := m.beforeReplace; do != nil {
		m.beforeReplace = nil
		do()
	}
	return m.Memory.Update(ctx, docs)
}

func (m *meddler) Find(ctx context.Context, q alert.InstanceQuery, visit func(alert.Document) (bool, error)) error {
	if m.findErr != nil {
		return m.findErr
	}
	return m.Memory.Find(ctx, q, visit)
}

// suppressed runs a plan over pages of events.
func suppressed(t *testing.T, m *meddler, p query.Plan, pages ...[]event.Event) pipeline.Execution {
	t.Helper()
	target := ordinary()
	target.Fields = mapping.Table{
		"@timestamp": {Name: "@timestamp", Type: mapping.Date}, "step": {Name: "step", Type: mapping.Long},
		"host.name": {Name: "host.name", Type: mapping.Keyword},
	}
	if m.now == nil {
		m.now = clock()
	}
	line := &pipeline.Pipeline{Events: &fakeEvents{target: target, pages: pages}, Alerts: m, Instances: m, Now: m.now}
	return line.Run(t.Context(), pipeline.Job{Plan: p, Slot: slot, Window: span})
}

// folded writes all alerts: the id of the event, terms, first and last second, and the count.
func folded(t *testing.T, m *meddler) []string {
	t.Helper()
	var out []string
	err := m.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
		s, ok := alert.SuppressionOf(d)
		if !ok {
			out = append(out, eventOf(d))
			return true, nil
		}
		terms, _ := json.Marshal(d.Source["kibana.alert.suppression.terms"])
		second := func(t time.Time) int { return int(t.Sub(span.From) / time.Second) }
		out = append(out, fmt.Sprintf("%s %s %d-%d +%d", eventOf(d), terms, second(s.Start), second(s.End), s.Count))
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func terms(value string) string { return `[{"field":"user.name","value":` + value + `}]` }

const perRun, perHour = `{ group_by = ["user.name"] }`, `{ group_by = ["user.name"], duration = { value = 1, unit = "h" } }`

// tally are the numbers of an execution: hits, created, duplicates, suppressed, failed, skipped, left.
func tally(x pipeline.Execution) [7]int {
	return [7]int{int(x.Hits), x.Created, x.Duplicates, x.Suppressed, x.Failed, x.Skipped, int(x.Left)}
}

func TestSuppression(t *testing.T) {
	type run struct {
		pages [][]event.Event
		want  [7]int
	}
	page := func(events ...event.Event) []event.Event { return events }
	runs := func(list ...run) []run { return list }
	tests := []struct {
		name, table string
		max         int
		runs        []run
		want        []string
	}{
		{
			"a run over pages, and again", perRun, 100,
			runs(
				run{[][]event.Event{page(of("1", `"bob"`, 1), of("2", `"eve"`, 2)), page(of("3", `"bob"`, 3))}, [7]int{3, 2, 0, 1}},
				run{[][]event.Event{page(of("1", `"bob"`, 1), of("2", `"eve"`, 2), of("3", `"bob"`, 3))}, [7]int{3, 0, 3}},
			),
			[]string{"1 " + terms(`"bob"`) + " 1-3 +1", "2 " + terms(`"eve"`) + " 2-2 +0"},
		},
		{
			"the next run has alerts of its own", perRun, 100,
			runs(
				run{[][]event.Event{page(of("1", `"bob"`, 1), of("2", `"bob"`, 2))}, [7]int{2, 1, 0, 1}},
				run{[][]event.Event{page(of("2", `"bob"`, 2), of("3", `"bob"`, 3), of("4", `"bob"`, 4))}, [7]int{3, 1, 1, 1}},
			),
			[]string{"1 " + terms(`"bob"`) + " 1-2 +1", "3 " + terms(`"bob"`) + " 3-4 +1"},
		},
		{
			"the next run within the time does not", perHour, 100,
			runs(
				run{[][]event.Event{page(of("1", `"bob"`, 1), of("3", `"bob"`, 3))}, [7]int{2, 1, 0, 1}},
				run{[][]event.Event{page(of("1", `"bob"`, 1), of("2", `"bob"`, 2), of("3", `"bob"`, 3), of("4", `"bob"`, 4))}, [7]int{4, 0, 2, 2}},
			),
			[]string{"1 " + terms(`"bob"`) + " 1-4 +3"},
		},
		{
			"missing fields are a group", perHour, 100,
			runs(run{[][]event.Event{page(of("1", "", 1), of("2", "null", 2), of("3", "[]", 3), of("4", `""`, 4))}, [7]int{4, 2, 0, 2}}),
			[]string{"1 " + terms("null") + " 1-3 +2", "4 " + terms(`""`) + " 4-4 +0"},
		},
		{
			"missing fields are not suppressed", `{ group_by = ["user.name", "@timestamp"], missing_fields_strategy = "doNotSuppress" }`, 100,
			runs(
				run{[][]event.Event{page(of("1", "", 1), of("2", "null", 2))}, [7]int{2, 2}},
				run{[][]event.Event{page(of("1", "", 1), of("2", "null", 2))}, [7]int{2, 0, 2}},
			),
			[]string{"1", "2"},
		},
		{
			"a list is one value, in any order; a number is its text", perHour, 100,
			runs(run{[][]event.Event{page(
				of("1", `["b","a"]`, 1), of("2", `["a","b"]`, 2), of("3", `"a"`, 3), of("4", `["a"]`, 4), of("5", "7", 5), of("6", `"7"`, 6), of("7", `"b"`, 7),
			)}, [7]int{7, 4, 0, 3}}),
			[]string{
				"1 " + terms(`["a","b"]`) + " 1-2 +1", "3 " + terms(`"a"`) + " 3-4 +1", "5 " + terms("7") + " 5-6 +1", "7 " + terms(`"b"`) + " 7-7 +0",
			},
		},
		{
			"max_signals counts alerts, not what they take", perHour, 2,
			runs(
				run{
					[][]event.Event{page(of("1", `"a"`, 1), of("2", `"b"`, 2), of("3", `"a"`, 3)), page(of("4", `"c"`, 4), of("5", `"a"`, 5), of("6", `"c"`, 6))},
					[7]int{4, 2, 0, 2, 0, 0, 2},
				},
				run{
					[][]event.Event{page(of("1", `"a"`, 1), of("2", `"b"`, 2), of("3", `"a"`, 3), of("4", `"c"`, 4), of("5", `"a"`, 5), of("6", `"c"`, 6))},
					[7]int{6, 1, 4, 1},
				},
			),
			[]string{"1 " + terms(`"a"`) + " 1-5 +2", "2 " + terms(`"b"`) + " 2-2 +0", "4 " + terms(`"c"`) + " 4-6 +1"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := &meddler{Memory: store.NewMemory()}
			p := suppressing(t, test.table, "any where true", test.max)
			for i, r := range test.runs {
				x := suppressed(t, m, p, r.pages...)
				if diff := cmp.Diff(r.want, tally(x)); diff != "" || x.Err != nil {
					t.Errorf("run %d: %v %s", i, x.Err, diff)
				}
				if left := x.Left > 0; left != (x.Status == pipeline.PartialFailure) {
					t.Errorf("run %d: %s with %d left", i, x.Status, x.Left)
				}
			}
			if diff := cmp.Diff(test.want, folded(t, m)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSuppressedAlert(t *testing.T) {
	m := &meddler{Memory: store.NewMemory()}
	p := suppressing(t, perHour, "any where true", 9)
	suppressed(t, m, p, []event.Event{of("1", `"bob"`, 1)})
	suppressed(t, m, p, []event.Event{of("1", `"bob"`, 1), of("2", `"bob"`, 2)})
	bob := alert.InstanceID("r1", []alert.Term{{Field: "user.name", Value: "bob"}})
	want := map[string]any{
		"kibana.alert.suppression.start":      "2026-01-15T14:01:01.000Z",
		"kibana.alert.suppression.end":        "2026-01-15T14:01:02.000Z",
		"kibana.alert.suppression.docs_count": json.Number("1"),
		"kibana.alert.suppression.terms":      []any{map[string]any{"field": "user.name", "value": "bob"}},
		"kibana.alert.instance.id":            bob,
		"kibana.alert.original_time":          "2026-01-15T14:01:01.000Z",
		"kibana.alert.uuid":                   alert.FindingID("r1", []string{"suppressed", alert.EventID("r1", event.Key{Series: "logs-a", ID: "1"}), bob}),
	}
	err := m.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
		for name, value := range want {
			if diff := cmp.Diff(value, d.Source[name]); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		start, last := alert.TimeOf(d.Source, "kibana.alert.start"), alert.TimeOf(d.Source, "kibana.alert.last_detected")
		if !last.After(start) {
			t.Errorf("last detected %s, started %s", last, start)
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSuppressionOfSequences groups by what the events share; the blocks come with the shell.
func TestSuppressionOfSequences(t *testing.T) {
	m := &meddler{Memory: store.NewMemory()}
	pairs := `sequence by host.name with maxspan=1m [any where step == 1] [any where step == 2]`
	p := suppressing(t, perHour, pairs, 9)
	step := func(id, host string, n, second int) event.Event {
		return of(id, `"bob"`, second, fmt.Sprintf(`"step":%d,"host":{"name":%q}`, n, host))
	}
	events := []event.Event{step("1", "a", 1, 1), step("2", "a", 2, 2), step("3", "b", 1, 3), step("4", "b", 2, 4)}
	for i, want := range [][7]int{{2, 1, 0, 1}, {2, 0, 2}} {
		if diff := cmp.Diff(want, tally(suppressed(t, m, p, events))); diff != "" {
			t.Errorf("run %d: %s", i, diff)
		}
	}
	got := folded(t, m)
	if _, shell, _ := strings.Cut(got[len(got)-1], " "); len(got) != 3 || shell != terms(`"bob"`)+" 2-4 +1" {
		t.Errorf("%q, want two blocks and a shell", got)
	}
}

// TestClosedAlerts take no more.
func TestClosedAlerts(t *testing.T) {
	m := &meddler{Memory: store.NewMemory()}
	p := suppressing(t, perHour, "any where true", 9)
	suppressed(t, m, p, []event.Event{of("1", `"bob"`, 1), of("2", `"bob"`, 2)})
	change(t, m, func(d alert.Document) { d.Source["kibana.alert.workflow_status"] = "closed" })
	x := suppressed(t, m, p, []event.Event{of("1", `"bob"`, 1), of("2", `"bob"`, 2), of("3", `"bob"`, 3), of("4", `"bob"`, 4)})
	if diff := cmp.Diff([7]int{4, 1, 2, 1}, tally(x)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1 " + terms(`"bob"`) + " 1-2 +1", "3 " + terms(`"bob"`) + " 3-4 +1"}, folded(t, m)); diff != "" {
		t.Error(diff)
	}
}

// change changes all alerts.
func change(t *testing.T, m *meddler, how func(alert.Document)) {
	t.Helper()
	var names []string
	_ = m.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
		names = append(names, alert.InstanceOf(d))
		return true, nil
	})
	var docs []alert.Document
	_ = m.Memory.Find(t.Context(), alert.InstanceQuery{Instances: names}, func(d alert.Document) (bool, error) {
		how(d)
		d.Set = d.Source
		docs = append(docs, d)
		return true, nil
	})
	for _, w := range must(m.Memory.Update(t.Context(), docs)) {
		if w.Outcome != alert.Replaced {
			t.Fatal(w)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestSuppressionTurnedOn: events that have alerts of their own are not counted again.
func TestSuppressionTurnedOn(t *testing.T) {
	m := &meddler{Memory: store.NewMemory()}
	events := []event.Event{of("1", `"bob"`, 1), of("2", `"bob"`, 2)}
	suppressed(t, m, suppressing(t, "", "any where true", 9), events)
	p := suppressing(t, perHour, "any where true", 9)
	for i, want := range [][7]int{{4, 1, 2, 1}, {4, 0, 4}} {
		x := suppressed(t, m, p, append(events, of("3", `"bob"`, 3), of("4", `"bob"`, 4)))
		if diff := cmp.Diff(want, tally(x)); diff != "" {
			t.Errorf("run %d: %s", i, diff)
		}
	}
	if diff := cmp.Diff([]string{"1", "2", "3 " + terms(`"bob"`) + " 3-4 +1"}, folded(t, m)); diff != "" {
		t.Error(diff)
	}
}

// TestTwoRunnersSuppress lets another runner, and a person, get in between.
func TestTwoRunnersSuppress(t *testing.T) {
	m := &meddler{Memory: store.NewMemory()}
	p := suppressing(t, perHour, "any where true", 9)
	one, two, three := of("1", `"bob"`, 1), of("2", `"bob"`, 2), of("3", `"bob"`, 3)
	// The other founds the same alert and counts one event more.
	m.beforeCreate = func() { suppressed(t, m, p, []event.Event{one, two}) }
	if diff := cmp.Diff([7]int{2, 0, 1, 1}, tally(suppressed(t, m, p, []event.Event{one, three}))); diff != "" {
		t.Error(diff)
	}
	// The other runner extends it by the same event, and a user closes it.
	four := of("4", `"bob"`, 4)
	m.beforeReplace = func() {
		suppressed(t, m, p, []event.Event{one, two, three, four})
		change(t, m, func(d alert.Document) { d.Source["kibana.alert.workflow_status"] = "closed" })
	}
	if diff := cmp.Diff([7]int{2, 0, 1, 1}, tally(suppressed(t, m, p, []event.Event{four, of("5", `"bob"`, 5)}))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1 " + terms(`"bob"`) + " 1-5 +4"}, folded(t, m)); diff != "" {
		t.Error(diff)
	}
	// It is deleted while its next event is being added: this is reported, and the next run creates it again.
	reopen := func() { change(t, m, func(d alert.Document) { d.Source["kibana.alert.workflow_status"] = "open" }) }
	reopen()
	m.beforeReplace = func() { change(t, m, func(d alert.Document) { d.Source["kibana.alert.rule.rule_id"] = "another" }) }
	x := suppressed(t, m, p, []event.Event{of("6", `"bob"`, 6)})
	if x.Failed != 1 || x.Status != pipeline.PartialFailure || !strings.Contains(strings.Join(x.Warnings, "\n"), "it no longer exists") {
		t.Errorf("%v: %v", tally(x), x.Warnings)
	}
}

// TestSuppressionCutOff: the writes of a run that cannot continue.
func TestSuppressionCutOff(t *testing.T) {
	down := &failure.Error{Kind: failure.Unavailable, Op: "search", Reason: "gone"}
	red := &failure.Error{Kind: failure.Partial, Op: "search", Reason: "a shard is red"}
	for _, test := range []struct {
		name, table string
		err         error
		status      pipeline.Status
		want        int
	}{
		{"within a run", perRun, down, pipeline.Failed, 0},
		{"within a time", perHour, down, pipeline.Failed, 1},
		{"a shard within a run", perRun, red, pipeline.PartialFailure, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &meddler{Memory: store.NewMemory()}
			e := &fakeEvents{target: ordinary(), pages: [][]event.Event{{of("1", `"bob"`, 1)}}, err: test.err}
			line := &pipeline.Pipeline{Events: e, Alerts: m, Instances: m, Now: clock()}
			x := line.Run(t.Context(), pipeline.Job{Plan: suppressing(t, test.table, "any where true", 9), Slot: slot, Window: span})
			if x.Status != test.status || len(folded(t, m)) != test.want {
				t.Errorf("%s, %v", x.Status, folded(t, m))
			}
		})
	}
	t.Run("without sight of the alerts", func(t *testing.T) {
		m := &meddler{Memory: store.NewMemory(), findErr: red}
		x := suppressed(t, m, suppressing(t, perRun, "any where true", 9), []event.Event{of("1", `"bob"`, 1)})
		if x.Status != pipeline.PartialFailure || len(folded(t, m)) != 0 {
			t.Errorf("%s, %v", x.Status, folded(t, m))
		}
	})
}

// TestSuppressionWithoutHistory: where alerts can only be made, they are made once.
func TestSuppressionWithoutHistory(t *testing.T) {
	m := store.NewMemory()
	for i, want := range [][7]int{{2, 1, 0, 1}, {2, 0, 2}} {
		e := &fakeEvents{target: ordinary(), pages: [][]event.Event{{of("1", `"bob"`, 1), of("2", `"bob"`, 2)}}}
		line := &pipeline.Pipeline{Events: e, Alerts: m, Now: clock()}
		x := line.Run(t.Context(), pipeline.Job{Plan: suppressing(t, perHour, "any where true", 9), Slot: slot, Window: span})
		if diff := cmp.Diff(want, tally(x)); diff != "" {
			t.Errorf("run %d: %s", i, diff)
		}
	}
}
