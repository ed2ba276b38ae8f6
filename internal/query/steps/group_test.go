package steps_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/testkit/trial"
)

var noon = trial.Noon

// eventsOf makes an event store of words such as a10, b12:h2: a category, the seconds after noon,
// and the host.
func eventsOf(t *testing.T, words string) *store.Events {
	t.Helper()
	var lines strings.Builder
	for word := range strings.FieldsSeq(words) {
		name, host, _ := strings.Cut(word, ":")
		var seconds int
		if _, err := fmt.Sscanf(name[1:], "%d", &seconds); err != nil {
			t.Fatal(err)
		}
		at := noon.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339)
		fmt.Fprintf(&lines, `{"_index":"logs-x","_id":%q,"_source":{"@timestamp":%q,"event":{"category":%q},"host":{"id":"h%s"}}}`+"\n", name, at, name[:1], host)
	}
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines.String())})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	t.Cleanup(func() { _ = events.Close() })
	return events
}

// execute runs a plan over the window from one second after noon to another.
func execute(ctx context.Context, t *testing.T, plan query.Plan, events *store.Events, from, to int) ([]string, query.Result) {
	t.Helper()
	prepared, diags, err := plan.Prepare(ctx, query.Source{Events: events})
	if err != nil || prepared == nil {
		t.Fatal(err, diags)
	}
	var got []string
	second := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
	result, err := prepared.Execute(ctx, query.Source{Events: events}, window.Window{From: second(from), To: second(to)}, func(hits []query.Hit) (bool, error) {
		for _, h := range hits {
			got = append(got, nameOf(h))
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, result
}

func nameOf(h query.Hit) string {
	if h.Group == nil {
		return h.Event.ID
	}
	var ids []string
	for _, e := range h.Group.Events {
		if e == nil {
			ids = append(ids, "-")
			continue
		}
		ids = append(ids, e.ID)
	}
	return strings.Join(ids, " ")
}

// What a sequence is ordered by has one value in every event that fits a step; Elasticsearch refuses the
// sequence otherwise.
func TestSequenceOrderNeedsOneValue(t *testing.T) {
	const one, two, three = `"2026-01-15T12:00:01Z"`, `"2026-01-15T12:00:02Z"`, `"2026-01-15T12:00:03Z"`
	for _, tt := range []struct{ name, at, rest, query, want string }{
		{"one time", two, ``, `sequence [a where true] [b where true]`, ""},
		{"several times", `[` + two + `,` + three + `]`, ``, `sequence [a where true] [b where true]`, "arrays (here of [@timestamp], with 2 values)"},
		{"the same twice", `[` + two + `,` + two + `]`, ``, `sequence [a where true] [b where true]`, "arrays (here of [@timestamp], with 2 values)"},
		{"in an event of no step", `[` + two + `,` + three + `]`, ``, `sequence [a where true] [c where true]`, ""},
		{"in a sample", `[` + two + `,` + three + `]`, ``, `sample by host.id [a where true] [b where true]`, ""},
		{"several tiebreakers", two, `,"seq":[1,2]`, `sequence [a where true] [b where true]`, "arrays (here of [seq], with 2 values)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := fmt.Sprintf(`{"_id":"a","@timestamp":%s,"event":{"category":"a"},"host":{"id":"h"}}`+"\n"+`{"_id":"b","@timestamp":%s,"event":{"category":"b"},"host":{"id":"h"}%s}`, one, tt.at, tt.rest)
			events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines)})
			if err != nil || diags.HasErrors() {
				t.Fatal(err, diags)
			}
			t.Cleanup(func() { _ = events.Close() })
			plan, diags := plans.AdHoc(plans.AdHocQuery{Text: diag.NewText("query", tt.query), Language: rule.EQL, TiebreakerField: "seq"})
			if plan == nil {
				t.Fatal(diags)
			}
			prepared, diags, err := plan.Prepare(t.Context(), query.Source{Events: events})
			if err != nil || prepared == nil {
				t.Fatal(err, diags)
			}
			_, err = prepared.Execute(t.Context(), query.Source{Events: events}, window.Window{From: noon, To: noon.Add(time.Minute)}, func([]query.Hit) (bool, error) { return true, nil })
			if (err == nil) != (tt.want == "") || err != nil && (failure.KindOf(err) != failure.Rejected || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestSequenceWindows(t *testing.T) {
	const pair = `sequence by host.id with maxspan=10s [a where true] [b where true]`
	const absent = `sequence by host.id with maxspan=10s [a where true] ![b where true]`
	tests := []struct {
		name, query, events string
		from, to            int
		want                []string
		undecided           int
	}{
		{"within the window", pair, "a12 b15", 10, 20, []string{"a12 b15"}, 0},
		{"begun before it", pair, "a5 b12", 10, 20, []string{"a5 b12"}, 0},
		{"ended before it", pair, "a2 b9", 10, 20, nil, 0},
		{"ends with it", pair, "a12 b20", 10, 20, nil, 0},
		{"begun more than the span before", pair, "a1 b12", 10, 20, nil, 0},
		{"by key", pair, "a12:x b13:y b14:x", 10, 20, []string{"a12 b14"}, 0},
		{"the wait ends within the window", absent, "a5", 10, 20, []string{"a5 -"}, 0},
		{"the wait ended before", absent, "a5", 16, 30, nil, 0},
		{"the wait ends after it", absent, "a12", 10, 20, nil, 1},
		{"and within the next", absent, "a12", 20, 30, []string{"a12 -"}, 0},
		{"spoiled", absent, "a5 b12", 10, 20, nil, 0},
		{"spoiled in the next window", absent, "a12 b21", 20, 30, nil, 0},
		{"pipe", pair + " | tail 1", "a11 b12 a13 b14", 10, 20, []string{"a13 b14"}, 0},
		{"pipe of events", `a where true | head 2`, "a11 a12 a13", 10, 20, []string{"a11", "a12"}, 0},
		{"pipes of events", `a where true | tail 3 | head 2`, "a11 a12 a13 a14", 10, 20, []string{"a12", "a13"}, 0},
		{"sample", `sample by host.id [b where true] [a where true]`, "a11:x b12:x a13:y", 10, 20, []string{"b12 a11"}, 0},
		{"runs", `sequence by host.id with maxspan=10s [a where true] with runs=3`, "a11 a12 a13 a14", 10, 20, []string{"a11 a12 a13", "a12 a13 a14"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, result := execute(t.Context(), t, trial.EQL(t, tt.query), eventsOf(t, tt.events), tt.from, tt.to)
			if diff := cmp.Diff(tt.want, got); diff != "" || result.Undecided != tt.undecided {
				t.Errorf("%d undecided, -want +got:\n%s", result.Undecided, diff)
			}
		})
	}
}

// TestSequenceOverWindows: the windows of a schedule together yield what one window over everything
// does, each sequence at least once and nothing else.
func TestSequenceOverWindows(t *testing.T) {
	events := eventsOf(t, "a1 b4 a6 b18 a19 b22 a25 a31 b39 a58")
	for _, eql := range []string{
		`sequence by host.id with maxspan=10s [a where true] [b where true]`,
		`sequence by host.id with maxspan=10s [a where true] ![b where true]`,
		`sequence by host.id with maxspan=10s ![b where true] [a where true]`,
	} {
		plan := trial.EQL(t, eql)
		whole, _ := execute(t.Context(), t, plan, events, -100, 200)
		want := map[string]bool{}
		for _, name := range whole {
			want[name] = true
		}
		got := map[string]bool{}
		for to := 0; to <= 100; to += 5 {
			names, _ := execute(t.Context(), t, plan, events, to-9, to)
			for _, name := range names {
				got[name] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-whole +windows):\n%s", eql, diff)
		}
	}
}
