package pipeline_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/alert/workflow"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
)

// decided is what people decided about an alert.
type decided struct {
	Status, Reason, User string
	Tags, Assignees      []string
}

func decisionOf(d alert.Document) decided {
	list := func(name string) []string {
		out := []string{}
		for _, v := range event.Lookup(d.Source, name) {
			out = append(out, fmt.Sprint(v))
		}
		return out
	}
	return decided{
		event.First(d.Source, workflow.StatusField), event.First(d.Source, workflow.ReasonField), event.First(d.Source, workflow.UserField),
		list(workflow.TagsField), list(workflow.AssigneesField),
	}
}

// drawAction draws an action of people.
func drawAction(rt *rapid.T) workflow.Action {
	some := func(label string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 2, rapid.ID).Draw(rt, label)
	}
	a := workflow.Action{By: rapid.SampledFrom([]string{"ann", "bob"}).Draw(rt, "by"), At: time.Unix(0, 0)}
	switch rapid.IntRange(0, 2).Draw(rt, "kind") {
	case 0:
		a.Status = rapid.SampledFrom(workflow.Statuses).Draw(rt, "status")
		a.Reason = rapid.SampledFrom([]string{"", "duplicate"}).Draw(rt, "reason")
	case 1:
		a.AddTags, a.RemoveTags = some("add"), some("remove")
	case 2:
		a.Assign, a.Unassign = some("assign"), some("unassign")
	}
	return a
}

// TestDecisionsSurvive: whatever people decide about alerts between the steps of runs that find events again, that are run
// again over past windows and that extend alerts, is there at the end. The alerts are those of the same runs without people,
// except that nothing is added to closed alerts.
func TestDecisionsSurvive(t *testing.T) {
	for name, rules := range map[string]string{
		"an alert each": "", "folded": `{ group_by = ["user.name"], duration = { value = 1, unit = "h" }, missing_fields_strategy = "suppress" }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := suppressing(t, rules, "any where true", 100)
			rapid.Check(t, func(rt *rapid.T) {
				m := &meddler{Memory: store.NewMemory()}
				expected := map[string]decided{}
				decide := func() {
					var ids []string
					_ = m.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
						ids = append(ids, d.ID)
						return true, nil
					})
					if len(ids) == 0 {
						return
					}
					id, a := rapid.SampledFrom(ids).Draw(rt, "alert"), drawAction(rt)
					if r, err := workflow.Apply(t.Context(), m.Memory, []string{id}, a); err != nil || r.Changed+r.Unchanged != 1 {
						rt.Fatal(r, err)
					}
					expected[id] = decisionOf(must(m.GetAll(t.Context(), []string{id}))[id])
				}
				known := map[string]bool{}
				for step := range rapid.IntRange(1, 8).Draw(rt, "runs") {
					var page []event.Event
					for range rapid.IntRange(0, 5).Draw(rt, "events") {
						id := fmt.Sprintf("e%d", rapid.IntRange(0, 9).Draw(rt, "event")) // some are found again
						if !slices.ContainsFunc(page, func(e event.Event) bool { return e.ID == id }) {
							known[id] = true
							page = append(page, of(id, `"u`+string(id[1]%3+'0')+`"`, int(id[1]-'0')))
						}
					}
					// People decide between runs, and between a run's reading of an alert and its writing.
					if rapid.Bool().Draw(rt, fmt.Sprint("before the writing of run ", step)) {
						m.beforeReplace = decide
					}
					if rapid.Bool().Draw(rt, "before the creation") {
						m.beforeCreate = decide
					}
					if x := suppressed(t, m, p, page); x.Failed > 0 || x.Err != nil {
						rt.Fatal(x.Err, x.Warnings)
					}
					m.beforeReplace, m.beforeCreate = nil, nil
					for range rapid.IntRange(0, 2).Draw(rt, "decisions") {
						decide()
					}
				}
				got, counted := map[string]decided{}, 0
				_ = m.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
					if _, touched := expected[d.ID]; touched {
						got[d.ID] = decisionOf(d)
					}
					counted++
					if s, folds := alert.SuppressionOf(d); folds {
						counted += s.Count
					}
					return true, nil
				})
				if diff := cmp.Diff(expected, got); diff != "" {
					rt.Fatal(diff)
				}
				if want := len(known); counted != want {
					rt.Fatalf("%d events are counted, not %d", counted, want)
				}
			})
		})
	}
}
