package plans_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/testkit/trial"
)

// TestNearAgreesWithRuns: of generated events, a group has reached an alert where the run finds one, and the others say what
// they lack.
func TestNearAgreesWithRuns(t *testing.T) {
	sequence := func(text string) query.Plan { return trial.EQL(t, text) }
	threshold := trial.Rule(t, "threshold", `
language = "kuery"
index = ["logs-*"]
query = "process.name: a"
threshold = { field = ["user.name"], value = 2, cardinality = [{ field = "host.name", value = 2 }] }
`)
	counted, diags := plans.For(threshold)
	if counted == nil {
		t.Fatal(diags)
	}
	rules := map[string]query.Plan{
		"sequence":  sequence(`sequence by user.name with maxspan=30s [any where process.name == "a"] [any where process.name == "b"] [any where process.name == "c"]`),
		"until":     sequence(`sequence by user.name with maxspan=30s [any where process.name == "a"] [any where process.name == "b"] until [any where process.name == "c"]`),
		"missing":   sequence(`sequence by user.name with maxspan=30s [any where process.name == "a"] ![any where process.name == "c"] [any where process.name == "b"]`),
		"without":   sequence(`sequence [any where process.name == "a"] by user.name [any where process.name == "b"] by host.name`),
		"threshold": counted,
	}
	for name, plan := range rules {
		t.Run(name, func(t *testing.T) {
			reached, lacking := 0, 0
			rapid.Check(t, func(rt *rapid.T) {
				var lines strings.Builder
				at := trial.Noon.Add(-9 * time.Minute)
				// An alert of a threshold rule names five of its events.
				for i := range rapid.IntRange(1, 5).Draw(rt, "events") {
					at = at.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "gap")) * time.Second)
					fmt.Fprintf(&lines, `logs-a/%d {"@timestamp":%q,"process":{"name":%q},"user":{"name":%q},"host":{"name":%q}}`+"\n", i, at.Format(time.RFC3339),
						rapid.SampledFrom([]string{"abc"[i%3 : i%3+1], "abc"[i%3 : i%3+1], "a", "b", "c"}).Draw(rt, "name"), rapid.SampledFrom([]string{"x", "x", "x", "y"}).Draw(rt, "user"),
						rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "host"))
				}
				events := trial.Events(t, lines.String())
				w := window.Window{From: trial.Noon.Add(-10 * time.Minute), To: trial.Noon}
				src := query.Source{Events: events, At: trial.Noon, Window: w}
				prepared, diags, err := plan.Prepare(t.Context(), src)
				if err != nil || prepared == nil {
					rt.Fatal(err, diags)
				}
				found := map[string]bool{}
				_, err = prepared.Execute(t.Context(), src, w, func(hits []query.Hit) (bool, error) {
					for _, h := range hits {
						members := h.Parents
						if h.Group != nil {
							members = h.Group.Present()
						}
						for _, e := range members {
							found[e.ID] = true
						}
					}
					return true, nil
				})
				if err != nil {
					rt.Fatal(err)
				}
				r := search.Request{Patterns: []string{"*"}, Where: condition.Const(true), FieldTypes: events.Fields()}
				_, err = events.Search(t.Context(), r, func(page []event.Event) (bool, error) {
					// An alert of a threshold rule names five of its events.
					for i := range page {
						page[i].Types = mapping.OfIndex(prepared.Target().Fields, page[i].Index)
						doc, err := page[i].Document()
						if err != nil {
							return false, err
						}
						trace, err := prepared.Trace(t.Context(), doc)
						if err != nil {
							return false, err
						}
						if !trace.Holds {
							continue
						}
						near, err := prepared.(query.Inquirer).Inquire(t.Context(), src, w, &page[i])
						if err != nil || len(near) == 0 {
							rt.Fatalf("event %s: %v, %v\n%s", page[i].ID, near, err, lines.String())
						}
						one := false
						for _, n := range near {
							one = one || n.Reached
							if n.Text == "" {
								rt.Fatalf("event %s: a group says nothing", page[i].ID)
							}
						}
						if one {
							reached++
						} else {
							lacking++
						}
						if one != found[page[i].ID] {
							rt.Fatalf("event %s: %v, and a run finds it: %t\n%s", page[i].ID, near, found[page[i].ID], lines.String())
						}
					}
					return true, nil
				})
				if err != nil {
					rt.Fatal(err)
				}
			})
			if reached == 0 || lacking == 0 {
				t.Errorf("%d reached, %d not", reached, lacking)
			}
		})
	}
}
