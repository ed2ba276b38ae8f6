package workflow_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/alert/workflow"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
)

var at = time.Date(2026, 1, 15, 14, 5, 0, 0, time.UTC)

func TestChanges(t *testing.T) {
	type object = map[string]any
	const changed = "2026-01-15T14:05:00.000Z"
	for name, test := range map[string]struct {
		source object
		action workflow.Action
		want   object
	}{
		"close": {
			object{workflow.StatusField: "open"},
			workflow.Action{Status: workflow.Closed, Reason: "duplicate", By: "ann", At: at},
			object{workflow.StatusField: "closed", workflow.ChangedField: changed, workflow.UserField: "ann", workflow.ReasonField: "duplicate"},
		},
		"closed already":  {object{workflow.StatusField: "closed"}, workflow.Action{Status: workflow.Closed, By: "bob", At: at}, nil},
		"another reason":  {object{workflow.StatusField: "closed", workflow.ReasonField: "x"}, workflow.Action{Status: workflow.Closed, Reason: "y", At: at}, object{workflow.ReasonField: "y"}},
		"open has none":   {object{workflow.StatusField: "closed", workflow.ReasonField: "x"}, workflow.Action{Status: workflow.Open, At: at}, object{workflow.StatusField: "open", workflow.ChangedField: changed, workflow.ReasonField: nil}},
		"nested":          {object{"kibana": object{"alert": object{"workflow_status": "closed"}}}, workflow.Action{Status: workflow.Closed, At: at}, nil},
		"tags":            {object{workflow.TagsField: []any{"a", "b"}}, workflow.Action{AddTags: []string{"c", "a"}, RemoveTags: []string{"b"}}, object{workflow.TagsField: []string{"a", "c"}}},
		"tags as wanted":  {object{workflow.TagsField: "a"}, workflow.Action{AddTags: []string{"a"}, RemoveTags: []string{"z"}}, nil},
		"assigned":        {object{}, workflow.Action{Assign: []string{"u"}}, object{workflow.AssigneesField: []string{"u"}}},
		"the last leaves": {object{workflow.AssigneesField: []any{"u"}}, workflow.Action{Unassign: []string{"u"}}, object{workflow.AssigneesField: []string{}}},
		"nothing":         {object{workflow.StatusField: "open"}, workflow.Action{}, nil},
	} {
		if d := cmp.Diff(test.want, test.action.Changes(alert.Document{Source: test.source})); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestChangesOnce: an action that is repeated changes nothing.
func TestChangesOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		some := func(label string) []string {
			return rapid.SliceOf(rapid.SampledFrom([]string{"a", "b", "c"})).Draw(rt, label)
		}
		a := workflow.Action{
			Status: rapid.SampledFrom(append([]string{""}, workflow.Statuses...)).Draw(rt, "status"), Reason: rapid.SampledFrom([]string{"", "x"}).Draw(rt, "reason"),
			AddTags: some("add"), RemoveTags: some("remove"), Assign: some("assign"), Unassign: some("unassign"), At: at,
		}
		source := map[string]any{workflow.StatusField: rapid.SampledFrom(workflow.Statuses).Draw(rt, "was"), workflow.ReasonField: rapid.SampledFrom([]any{nil, "y"}).Draw(rt, "why")}
		tags := []any{}
		for _, tag := range some("tags") {
			tags = append(tags, tag)
		}
		source[workflow.TagsField] = tags
		m := store.NewMemory()
		if _, err := m.Create(t.Context(), []alert.Document{{ID: "a", Source: source}}); err != nil {
			rt.Fatal(err)
		}
		for n := range 2 {
			r, err := workflow.Apply(t.Context(), m, []string{"a", "a", "gone"}, a)
			if err != nil || r.Missing != 1 || r.Changed+r.Unchanged != 1 || n == 1 && r.Changed > 0 {
				rt.Fatalf("time %d: %+v, %v", n, r, err)
			}
		}
	})
}

// TestConcurrentChanges: of many who change the same alerts at once, no change is lost.
func TestConcurrentChanges(t *testing.T) {
	db, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for name, s := range map[string]interface {
		workflow.Store
		alert.Indexer
	}{"memory": store.NewMemory(), "file": db} {
		t.Run(name, func(t *testing.T) {
			var docs []alert.Document
			var ids []string
			for i := range 30 {
				ids = append(ids, fmt.Sprintf("a%02d", i))
				docs = append(docs, alert.Document{ID: ids[i], Source: map[string]any{workflow.TagsField: []string{}, "n": i}})
			}
			if _, err := s.Create(t.Context(), docs); err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			var want []string
			for w := range 4 {
				tag := fmt.Sprintf("t%d", w)
				want = append(want, tag)
				all.Go(func() {
					for left := ids; len(left) > 0; left = left[5:] {
						if r, err := workflow.Apply(t.Context(), s, left[:5], workflow.Action{AddTags: []string{tag}}); err != nil || r.Changed != 5 {
							t.Error(r, err)
						}
					}
				})
			}
			all.Wait()
			found, err := s.GetAll(t.Context(), ids)
			if err != nil {
				t.Fatal(err)
			}
			for i, id := range ids {
				var got []string
				for _, v := range event.Lookup(found[id].Source, workflow.TagsField) {
					got = append(got, fmt.Sprint(v))
				}
				slices.Sort(got)
				if d := cmp.Diff(want, got); d != "" || event.First(found[id].Source, "n") != strconv.Itoa(i) {
					t.Errorf("%s: %s", id, d)
				}
			}
		})
	}
}

// busy is a store in which others change every alert after it was read.
type busy struct {
	*store.Memory
	n int
}

func (b *busy) Update(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	b.n++
	for _, d := range docs {
		d.Set = map[string]any{"n": b.n}
		if _, err := b.Memory.Update(ctx, []alert.Document{d}); err != nil {
			return nil, err
		}
	}
	return b.Memory.Update(ctx, docs)
}

// TestContended gives up, and says so.
func TestContended(t *testing.T) {
	b := &busy{Memory: store.NewMemory()}
	if _, err := b.Create(t.Context(), []alert.Document{{ID: "a", Source: map[string]any{}}}); err != nil {
		t.Fatal(err)
	}
	if r, err := workflow.Apply(t.Context(), b, []string{"a"}, workflow.Action{Status: workflow.Closed}); err == nil || r != (workflow.Result{Failed: 1}) {
		t.Error(r, err)
	}
}
