package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search"
)

func TestExecution(t *testing.T) {
	e := &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 3)}}
	a := &fakeAlerts{}
	x := run(t, e, a, 100)
	if diff := cmp.Diff(counts{Status: pipeline.Succeeded, Hits: 3, Created: 3}, countsOf(x)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if x.RuleID != "r1" || x.RuleName != "Thing" || !x.Slot.Equal(slot) || x.Window != span || x.Err != nil || x.Problem() != "" {
		t.Errorf("execution %+v", x)
	}
	if len(x.Warnings)+len(x.Diagnostics) != 0 {
		t.Errorf("warnings %q, diagnostics %v", x.Warnings, x.Diagnostics)
	}
	if x.Took <= 0 {
		t.Errorf("took %s", x.Took)
	}
	source := a.docs[0].Source
	for name, want := range map[string]any{
		"kibana.alert.rule.execution.uuid": x.ID, "kibana.alert.rule.execution.type": "scheduled",
		"kibana.alert.intended_timestamp": "2026-01-15T14:10:00.000Z", "@timestamp": "2026-01-15T14:10:03.000Z",
	} {
		if source[name] != want {
			t.Errorf("%s is %v, want %v", name, source[name], want)
		}
	}
	request := e.requests[0]
	if !slices.Equal(request.Patterns, []string{"logs-*", "other-*"}) || request.Time.Window != span || request.Time.Field != "@timestamp" {
		t.Errorf("request %+v", request)
	}
	if second := run(t, e, a, 100); second.ID == x.ID || second.ID == "" {
		t.Errorf("two executions have the id %q", second.ID)
	}
}

func TestOptionsAndManual(t *testing.T) {
	a := &fakeAlerts{}
	page := []event.Event{anEvent("1", `{"event":{"id":"x"}}`), anEvent("2", `{"event":{"id":"x"}}`)}
	line := &pipeline.Pipeline{
		Events: &fakeEvents{target: ordinary(), pages: [][]event.Event{page}}, Alerts: a,
		Options: alert.Options{Space: "soc", IdentityField: "event.id"},
	}
	before := time.Now()
	x := line.Run(t.Context(), pipeline.Job{Plan: plan(t, "any where true", 100), Slot: slot, Window: span, Manual: true})
	if x.Created != 1 || x.Duplicates != 1 {
		t.Errorf("%+v", countsOf(x))
	}
	source := a.docs[0].Source
	if source["kibana.alert.rule.execution.type"] != "manual" || !slices.Equal(source["kibana.space_ids"].([]string), []string{"soc"}) {
		t.Errorf("type %v, space %v", source["kibana.alert.rule.execution.type"], source["kibana.space_ids"])
	}
	// Without a clock, it is the current time.
	at, err := time.Parse(time.RFC3339, source["@timestamp"].(string))
	if err != nil || at.Before(before.Truncate(time.Millisecond)) || at.After(time.Now()) {
		t.Errorf("@timestamp %s (%v)", source["@timestamp"], err)
	}
}

func TestMaxSignals(t *testing.T) {
	tests := []struct {
		name string
		hits int
		max  int
		want counts
	}{
		{"none", 0, 10, counts{Status: pipeline.Succeeded}},
		{"below", 9, 10, counts{Status: pipeline.Succeeded, Hits: 9, Created: 9}},
		{"exactly", 10, 10, counts{Status: pipeline.Succeeded, Hits: 10, Created: 10}},
		{"one above", 11, 10, counts{Status: pipeline.PartialFailure, Hits: 10, Created: 10, Left: 1}},
		{"far above", 95, 10, counts{Status: pipeline.PartialFailure, Hits: 10, Created: 10, Left: 85}},
		{"one", 2, 1, counts{Status: pipeline.PartialFailure, Hits: 1, Created: 1, Left: 1}},
	}
	for _, size := range []int{1, 4, 5, 1000} {
		for _, test := range tests {
			t.Run(fmt.Sprintf("%s, pages of %d", test.name, size), func(t *testing.T) {
				e := &fakeEvents{target: ordinary(), pages: slices.Collect(slices.Chunk(events(0, test.hits), size))}
				a := &fakeAlerts{}
				x := run(t, e, a, test.max)
				if diff := cmp.Diff(test.want, countsOf(x)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				warned := slices.ContainsFunc(x.Warnings, func(w string) bool { return strings.Contains(w, "max_signals") })
				if warned != (test.want.Left > 0) {
					t.Errorf("warnings %q", x.Warnings)
				}
				// One page more may be needed to know whether something is left.
				if most := (test.max+size-1)/size + 1; e.read > most {
					t.Errorf("%d pages were read, %d hold all that is wanted", e.read, most)
				}
			})
		}
	}
}

// TestUnknownTotal: a backend may not know the number of hits. Hits that were seen and left are reported.
func TestUnknownTotal(t *testing.T) {
	unknown := int64(-1)
	e := &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 8), events(8, 8)}, total: &unknown}
	x := run(t, e, &fakeAlerts{}, 10)
	if x.Status != pipeline.PartialFailure || x.Created != 10 || x.Left < 6 {
		t.Errorf("%+v, want a partial failure with at least 6 hits left", countsOf(x))
	}
	e = &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 8)}, total: &unknown}
	if x := run(t, e, &fakeAlerts{}, 10); x.Status != pipeline.Succeeded || x.Left != 0 {
		t.Errorf("%+v, want success: everything was looked at", countsOf(x))
	}
}

// TestDrain: existing alerts do not count towards max_signals, so each run over the same window gets further.
func TestDrain(t *testing.T) {
	a := &fakeAlerts{}
	var got []counts
	for range 4 {
		e := &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 10), events(10, 10), events(20, 5)}}
		got = append(got, countsOf(run(t, e, a, 10)))
	}
	want := []counts{
		{Status: pipeline.PartialFailure, Hits: 10, Created: 10, Left: 15},
		{Status: pipeline.PartialFailure, Hits: 20, Created: 10, Duplicates: 10, Left: 5},
		{Status: pipeline.Succeeded, Hits: 25, Created: 5, Duplicates: 20},
		{Status: pipeline.Succeeded, Hits: 25, Duplicates: 25},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(a.order) != 25 || a.order[0] != "e0" || a.order[24] != "e24" {
		t.Errorf("alerts of %v", a.order)
	}
}

func TestSameEventTwice(t *testing.T) {
	page := slices.Concat(events(0, 2), events(0, 2))
	x := run(t, &fakeEvents{target: ordinary(), pages: [][]event.Event{page}}, &fakeAlerts{}, 100)
	if diff := cmp.Diff(counts{Status: pipeline.Succeeded, Hits: 4, Created: 2, Duplicates: 2}, countsOf(x)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFailedWrites(t *testing.T) {
	a := &fakeAlerts{outcome: func(id string) alert.Written {
		if id == "e1" {
			return alert.Written{Outcome: alert.Failed, Err: errBroken}
		}
		return alert.Written{Outcome: alert.Created}
	}}
	x := run(t, &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 2), events(2, 2)}}, a, 100)
	if diff := cmp.Diff(counts{Status: pipeline.PartialFailure, Hits: 4, Created: 3, Failed: 1}, countsOf(x)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	want := "alert " + alert.EventID("r1", event.Key{Series: "logs-a", ID: "e1"}) + " was not written: broken"
	if diff := cmp.Diff([]string{want}, x.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if x.Problem() == "" {
		t.Error("a partial failure without a problem: the log's error would be empty")
	}
	// The alerts that were not written are made by the next run.
	a.outcome = nil
	x = run(t, &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 4)}}, a, 100)
	if diff := cmp.Diff(counts{Status: pipeline.Succeeded, Hits: 4, Created: 1, Duplicates: 3}, countsOf(x)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWarningsAreBounded(t *testing.T) {
	a := &fakeAlerts{outcome: func(string) alert.Written { return alert.Written{Outcome: alert.Failed, Err: errBroken} }}
	x := run(t, &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 300)}}, a, 100)
	if x.Failed != 300 || x.Status != pipeline.PartialFailure {
		t.Errorf("%+v", countsOf(x))
	}
	if n := len(x.Warnings); n > 60 || x.Warnings[n-1] != "further warnings are left out" {
		t.Errorf("%d warnings, the last is %q", n, x.Warnings[n-1])
	}
}

// TestBadSource: an event that cannot be read fails alone.
func TestBadSource(t *testing.T) {
	page := []event.Event{anEvent("good", `{}`), anEvent("bad", `{`), anEvent("none", `null`), anEvent("fine", `{}`)}
	a := &fakeAlerts{}
	x := run(t, &fakeEvents{target: ordinary(), pages: [][]event.Event{page}}, a, 100)
	if diff := cmp.Diff(counts{Status: pipeline.PartialFailure, Hits: 4, Created: 2, Failed: 2}, countsOf(x)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(x.Warnings) != 2 || !strings.Contains(x.Warnings[0], "logs-a/bad") {
		t.Errorf("warnings %q", x.Warnings)
	}
}

func TestOwnAlertsAreSkipped(t *testing.T) {
	own := `{"kibana.alert.rule.uuid":"` + alert.RuleUUID("r1") + `"}`
	other := `{"kibana.alert.rule.uuid":"` + alert.RuleUUID("r2") + `"}`
	page := []event.Event{storedAlert("a", own), storedAlert("b", other), storedAlert("c", own)}
	a := &fakeAlerts{}
	x := run(t, &fakeEvents{target: ordinary(), pages: [][]event.Event{page, {storedAlert("d", own)}}}, a, 100)
	if diff := cmp.Diff(counts{Status: pipeline.Succeeded, Hits: 4, Created: 1, Skipped: 3}, countsOf(x)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if a.calls != 1 {
		t.Errorf("%d calls for one alert", a.calls)
	}
}

// storedAlert is a document of an index of alerts.
func storedAlert(id, source string) event.Event {
	e := anEvent(id, source)
	e.Index = alert.IndexPrefix + "default-000001"
	return e
}

// TestErrors: a Partial failure leaves the hits that could be had; every other one fails the run.
func TestErrors(t *testing.T) {
	kinds := map[failure.Kind]pipeline.Status{
		failure.Partial: pipeline.PartialFailure, failure.Unavailable: pipeline.Failed, failure.Refused: pipeline.Failed,
		failure.Rejected: pipeline.Failed, failure.Internal: pipeline.Failed,
	}
	for kind, want := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			broken := &failure.Error{Kind: kind, Op: "search [logs-*]", Err: errBroken}
			e := &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 2)}, err: broken}
			a := &fakeAlerts{}
			x := run(t, e, a, 100)
			if diff := cmp.Diff(counts{Status: want, Hits: 2, Created: 2}, countsOf(x)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if !errors.Is(x.Err, errBroken) || failure.KindOf(x.Err) != kind || !strings.Contains(x.Problem(), "search [logs-*]: broken") {
				t.Errorf("error %v, problem %q", x.Err, x.Problem())
			}
		})
	}
}

func TestPartialAndFull(t *testing.T) {
	e := &fakeEvents{
		target: ordinary(), pages: [][]event.Event{events(0, 5)},
		err: &failure.Error{Kind: failure.Partial, Op: "search", Err: errBroken},
	}
	x := run(t, e, &fakeAlerts{}, 3)
	// The search ended before it could report the shards: only max_signals makes it partial.
	if x.Status != pipeline.PartialFailure || x.Left != 2 {
		t.Errorf("%+v", countsOf(x))
	}
}

func TestIndexerFails(t *testing.T) {
	tests := []struct {
		name string
		call int
		kind failure.Kind
		want counts
	}{
		{"at once", 1, failure.Unavailable, counts{Status: pipeline.Failed, Hits: 2}},
		{"on the second page", 2, failure.Refused, counts{Status: pipeline.Failed, Hits: 4, Created: 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := &fakeAlerts{fail: func(call int) error {
				if call == test.call {
					return &failure.Error{Kind: test.kind, Op: "create alerts", Err: errBroken}
				}
				return nil
			}}
			e := &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 2), events(2, 2), events(4, 2)}}
			x := run(t, e, a, 100)
			if diff := cmp.Diff(test.want, countsOf(x)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if failure.KindOf(x.Err) != test.kind || !strings.Contains(x.Problem(), "r1") {
				t.Errorf("error %v", x.Err)
			}
			if e.read != test.call {
				t.Errorf("%d pages were read after the failure", e.read-test.call)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 2), events(2, 2)}}
	a := &fakeAlerts{outcome: func(string) alert.Written {
		cancel()
		return alert.Written{Outcome: alert.Created}
	}}
	line := &pipeline.Pipeline{Events: e, Alerts: a, Now: clock()}
	x := line.Run(ctx, pipeline.Job{Plan: plan(t, "any where true", 100), Slot: slot, Window: span})
	if x.Status != pipeline.Failed || !errors.Is(x.Err, context.Canceled) || x.Created != 2 {
		t.Errorf("%+v, error %v", countsOf(x), x.Err)
	}
	x = line.Run(ctx, pipeline.Job{Plan: plan(t, "any where true", 100), Slot: slot, Window: span})
	if x.Status != pipeline.Failed || !errors.Is(x.Err, context.Canceled) || x.Hits != 0 {
		t.Errorf("a run that begins after the end: %+v, error %v", countsOf(x), x.Err)
	}
}

func TestTargets(t *testing.T) {
	tests := []struct {
		name   string
		target search.Target
		hits   int64
		want   []string
	}{
		{"all there", ordinary(), 2, nil},
		{
			"one missing",
			search.Target{Indices: []string{"logs-a"}, Missing: []string{"other-*"}, Fields: fields(mapping.Keyword)},
			2,
			[]string{"no open index matches other-*"},
		},
		{
			"one closed",
			search.Target{Indices: []string{"logs-a"}, Closed: []string{"logs-b", "logs-c"}, Fields: fields(mapping.Keyword)},
			2,
			[]string{"closed indices were not searched: logs-b, logs-c"},
		},
		{
			"none there",
			search.Target{Missing: []string{"logs-*", "other-*"}},
			0,
			[]string{"no open index matches logs-*, other-*: nothing was searched"},
		},
		{
			"all closed",
			search.Target{Missing: []string{"logs-*", "other-*"}, Closed: []string{"logs-a"}},
			0,
			[]string{"no open index matches logs-*, other-*: nothing was searched", "closed indices were not searched: logs-a"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := &fakeEvents{target: test.target, pages: [][]event.Event{events(0, 2)}}
			x := run(t, e, &fakeAlerts{}, 100)
			if x.Status != pipeline.Succeeded || x.Hits != test.hits {
				t.Errorf("%+v", countsOf(x))
			}
			if diff := cmp.Diff(test.want, x.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.want, pipeline.TargetWarnings([]string{"logs-*", "other-*"}, test.target)); diff != "" {
				t.Errorf("TargetWarnings (-want +got):\n%s", diff)
			}
			if asked := len(e.requests) > 0; asked != (len(test.target.Indices) > 0) {
				t.Errorf("searched: %t", asked)
			}
		})
	}
}

func TestResolveFails(t *testing.T) {
	e := &fakeEvents{target: ordinary(), resolveErr: &failure.Error{Kind: failure.Refused, Op: "resolve", Status: 401}, pages: [][]event.Event{events(0, 2)}}
	x := run(t, e, &fakeAlerts{}, 100)
	if x.Status != pipeline.Failed || x.Hits != 0 || failure.KindOf(x.Err) != failure.Refused || !strings.Contains(x.Problem(), "r1") {
		t.Errorf("%+v, error %v", countsOf(x), x.Err)
	}
}

// TestMappingPartlyKnown: when the mapping of some index cannot be read, the others are searched.
func TestMappingPartlyKnown(t *testing.T) {
	e := &fakeEvents{
		target: ordinary(), resolveErr: &failure.Error{Kind: failure.Partial, Op: "field capabilities", Err: errBroken},
		pages: [][]event.Event{events(0, 2)},
	}
	x := run(t, e, &fakeAlerts{}, 100)
	if diff := cmp.Diff(counts{Status: pipeline.PartialFailure, Hits: 2, Created: 2}, countsOf(x)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !errors.Is(x.Err, errBroken) {
		t.Errorf("error %v", x.Err)
	}
}

func TestRuleDoesNotFitTheMappings(t *testing.T) {
	tests := []struct {
		name string
		typ  mapping.Type
		code string
	}{
		{"wrong type", mapping.Long, "eql/type"},
		{"nested", mapping.Nested, "eql/field"},
		{"text alone", mapping.Text, "eql/field"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			target := ordinary()
			target.Fields = mapping.Table{"my.field": {Name: "my.field", Type: test.typ}}
			e := &fakeEvents{target: target, pages: [][]event.Event{events(0, 2)}}
			x := runPlan(t, e, &fakeAlerts{}, plan(t, `any where my.field == "x"`, 100))
			if diff := cmp.Diff(counts{Status: pipeline.Failed}, countsOf(x)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if x.Err != nil || !x.Diagnostics.HasErrors() || len(e.requests) != 0 {
				t.Errorf("error %v, diagnostics %v, %d requests", x.Err, x.Diagnostics, len(e.requests))
			}
			if x.Diagnostics[0].Code != test.code || x.Diagnostics[0].File != "rule.toml" || x.Diagnostics[0].Line == 0 {
				t.Errorf("diagnostic %+v", x.Diagnostics[0])
			}
			if !strings.Contains(x.Problem(), "my.field") {
				t.Errorf("problem %q", x.Problem())
			}
		})
	}
}

func TestUnmappedFieldIsAWarning(t *testing.T) {
	e := &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 2)}}
	x := runPlan(t, e, &fakeAlerts{}, plan(t, `any where no.such.field == "x" or true`, 100))
	if x.Status != pipeline.Succeeded || len(x.Warnings) != 1 || !strings.Contains(x.Warnings[0], "no.such.field") {
		t.Errorf("%+v, warnings %q", countsOf(x), x.Warnings)
	}
}

// candidates are n events, every tenth of which has an address in 10.0.0.0/8.
func candidates(n int) []event.Event {
	list := make([]event.Event, n)
	for i := range list {
		address := "192.168.0.1"
		if i%10 == 9 {
			address = "10.0.0.1"
		}
		list[i] = anEvent(fmt.Sprintf("c%d", i), `{"source":{"ip":"`+address+`"}}`)
	}
	return list
}

func inNetwork(t *testing.T, maxSignals int) query.Plan {
	t.Helper()
	return plan(t, `any where cidrMatch(source.ip, "10.0.0.0/8")`, maxSignals)
}

// TestMatchedInMemory: tests that a search cannot express are evaluated in memory, and candidates are not
// hits.
func TestMatchedInMemory(t *testing.T) {
	tests := []struct {
		name string
		max  int
		want counts
	}{
		{"below", 5, counts{Status: pipeline.Succeeded, Hits: 3, Created: 3}},
		// The third hit is the last candidate: nothing is left.
		{"exactly", 3, counts{Status: pipeline.Succeeded, Hits: 3, Created: 3}},
		// The second hit is candidate 20 of 30.
		{"above", 2, counts{Status: pipeline.PartialFailure, Hits: 2, Created: 2, Left: 10}},
	}
	for _, test := range tests {
		for _, size := range []int{1, 10, 15} {
			t.Run(fmt.Sprintf("%s, pages of %d", test.name, size), func(t *testing.T) {
				e := &fakeEvents{target: ordinary(), pages: slices.Collect(slices.Chunk(candidates(30), size))}
				x := runPlan(t, e, &fakeAlerts{}, inNetwork(t, test.max))
				got := countsOf(x)
				if got.Left < 1 || test.want.Left < 1 {
					if diff := cmp.Diff(test.want, got); diff != "" {
						t.Errorf("-want +got:\n%s", diff)
					}
					return
				}
				// Nobody knows how many of the candidates are hits: the number is the most that it can be.
				if warnings := strings.Join(x.Warnings, "\n"); got.Left > 28 || !strings.Contains(warnings, "at most") {
					t.Errorf("%d are left, warnings %q", got.Left, warnings)
				}
				got.Left = test.want.Left
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

func TestExactFieldsOfTheRequest(t *testing.T) {
	target := ordinary()
	target.Fields = fields(mapping.IP)
	e := &fakeEvents{target: target, pages: [][]event.Event{candidates(30)}}
	x := runPlan(t, e, &fakeAlerts{}, inNetwork(t, 100))
	// The fake does not search: with an address field every event that it gives is a hit.
	if x.Hits != 30 || len(e.requests[0].Fields) != 0 {
		t.Errorf("%d hits, fields %q", x.Hits, e.requests[0].Fields)
	}
	e = &fakeEvents{target: ordinary(), pages: [][]event.Event{candidates(30)}}
	if runPlan(t, e, &fakeAlerts{}, inNetwork(t, 100)); !slices.Equal(e.requests[0].Fields, []string{"source.ip"}) {
		t.Errorf("fields %q, want those that are matched again", e.requests[0].Fields)
	}
}

func TestEmptyWindow(t *testing.T) {
	e := &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 2)}}
	line := &pipeline.Pipeline{Events: e, Alerts: &fakeAlerts{}, Now: clock()}
	empty := span
	empty.From = empty.To
	x := line.Run(t.Context(), pipeline.Job{Plan: plan(t, "any where true", 100), Slot: slot, Window: empty})
	if diff := cmp.Diff(counts{Status: pipeline.Succeeded}, countsOf(x)); diff != "" || len(e.requests) != 0 {
		t.Errorf("%d requests (-want +got):\n%s", len(e.requests), diff)
	}
}
