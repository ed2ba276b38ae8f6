package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
)

// about returns an alert of a rule about an instance, made at a minute, with an event at another.
func about(id, rule, instance string, made, of int) alert.Document {
	minute := func(m int) string { return time.UnixMilli(int64(m) * 60_000).UTC().Format(time.RFC3339) }
	return alert.Document{ID: id, Source: map[string]any{
		"@timestamp": minute(made), "kibana.alert.rule.rule_id": rule, "kibana.alert.instance.id": instance,
		"kibana.alert.original_time": minute(of),
	}}
}

func found(t fataler, s alert.Instances, q alert.InstanceQuery) []alert.Document {
	t.Helper()
	var out []alert.Document
	err := s.Find(t.Context(), q, func(d alert.Document) (bool, error) {
		out = append(out, d)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func idsOf(docs []alert.Document) string {
	var out []string
	for _, d := range docs {
		out = append(out, d.ID)
	}
	return strings.Join(out, " ")
}

func TestFindInstances(t *testing.T) {
	suppressed := about("e", "r", "i", 5, 5)
	suppressed.Source["kibana.alert.suppression.end"] = time.UnixMilli(90 * 60_000).UTC().Format(time.RFC3339)
	docs := []alert.Document{
		about("b", "r", "i", 2, 12), about("a", "r", "i", 3, 11), about("c", "other", "i", 4, 20), about("d", "r", "j", 1, 1), suppressed,
		about("own", "r", "own", 1, 1),
		{ID: "bare", Source: map[string]any{}},
		about("j", "r", "i", 0, 1),
	}
	at := func(minute int) time.Time { return time.UnixMilli(int64(minute) * 60_000).UTC() }
	tests := []struct {
		name string
		q    alert.InstanceQuery
		want string
	}{
		{"none", alert.InstanceQuery{}, ""},
		{"unknown", alert.InstanceQuery{Instances: []string{"x", ""}}, ""},
		{"any rule, oldest first", alert.InstanceQuery{Instances: []string{"i"}}, "j b a c e"},
		{"newest first", alert.InstanceQuery{Instances: []string{"i"}, Newest: true}, "e c a b j"},
		{"one rule", alert.InstanceQuery{RuleID: "r", Instances: []string{"i"}}, "j b a e"},
		{"several, one twice", alert.InstanceQuery{RuleID: "r", Instances: []string{"j", "i", "j"}}, "j b a e d"},
		{"its own", alert.InstanceQuery{Instances: []string{"own", "bare"}}, "bare own"},
		{"since, by the last event", alert.InstanceQuery{RuleID: "r", Instances: []string{"i"}, Since: at(12)}, "b e"},
		{"since, to the millisecond", alert.InstanceQuery{Instances: []string{"i"}, Since: at(90).Add(999 * time.Microsecond)}, "e"},
		{"since then there is none", alert.InstanceQuery{Instances: []string{"i", "bare"}, Since: at(90).Add(time.Millisecond)}, ""},
	}
	for name, s := range stores(t) {
		mustCreate(t, s, docs...)
		for _, test := range tests {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				if d := cmp.Diff(test.want, idsOf(found(t, s, test.q))); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

func TestFindInstancesEnds(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			mustCreate(t, s, about("a", "r", "i", 1, 1), about("b", "r", "i", 2, 1), about("c", "r", "j", 1, 1))
			n := 0
			err := s.Find(t.Context(), alert.InstanceQuery{Instances: []string{"i", "j"}}, func(alert.Document) (bool, error) {
				n++
				return n < 2, nil
			})
			if n != 2 || err != nil {
				t.Errorf("visited %d alerts, %v; want 2", n, err)
			}
			broken := errors.New("broken")
			err = s.Find(t.Context(), alert.InstanceQuery{Instances: []string{"i"}}, func(alert.Document) (bool, error) { return true, broken })
			if !errors.Is(err, broken) {
				t.Errorf("got %v, want the visit's error", err)
			}
		})
	}
}

func TestUpdate(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			mustCreate(t, s, about("a", "r", "i", 1, 1), about("b", "r", "i", 2, 1), about("c", "r", "j", 3, 1))
			q := alert.InstanceQuery{Instances: []string{"i", "j"}}
			read := found(t, s, q)
			// The first changes its order, the second its instance; the third stays unchanged and
			// comes back as written.
			read[0].Set = map[string]any{"@timestamp": "1970-01-01T09:00:00Z"}
			read[1].Set = map[string]any{"kibana.alert.instance.id": "k"}
			unread := about("c", "r", "j", 3, 1)
			gone := read[0]
			gone.ID = "gone"
			written, err := s.Update(t.Context(), []alert.Document{read[0], read[1], read[0], unread, gone})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff("a=replaced b=replaced a=stale c=failed gone=stale", outcomes(written)); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff("a c", idsOf(found(t, s, q))); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff("b", idsOf(found(t, s, alert.InstanceQuery{Instances: []string{"k"}}))); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff("b c a", listed(t, s, alert.Filter{})); d != "" {
				t.Error(d)
			}
			// A reader of the old version gets Stale; after reading again it may replace.
			if written, _ = s.Update(t.Context(), read[1:2]); outcomes(written) != "b=stale" {
				t.Error(outcomes(written))
			}
			again := found(t, s, alert.InstanceQuery{Instances: []string{"k"}})
			if written, _ = s.Update(t.Context(), again); outcomes(written) != "b=replaced" {
				t.Error(outcomes(written))
			}
		})
	}
}

// TestInstancesOutliveTheProcess opens a database again.
func TestInstancesOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	mustCreate(t, db, about("a", "r", "i", 1, 1))
	before := found(t, db, alert.InstanceQuery{Instances: []string{"i"}})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	after := found(t, mustOpen(t, dir), alert.InstanceQuery{Instances: []string{"i"}})
	if d := cmp.Diff(before, after); d != "" || len(after) != 1 {
		t.Errorf("%d alerts, -before +after:\n%s", len(after), d)
	}
}

// After any creations and replacements, an instance has exactly its alerts, in order of time.
func TestInstancesProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := store.NewMemory()
		model := map[string]alert.Document{}
		small := rapid.IntRange(0, 3)
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			id := fmt.Sprintf("i%d", small.Draw(rt, "id"))
			d := about(id, "r", fmt.Sprintf("i%d", small.Draw(rt, "instance")), small.Draw(rt, "made"), 1)
			old, known := model[id]
			if !known {
				mustCreate(rt, s, d)
				model[id] = d
				continue
			}
			d.Set = d.Source
			for _, have := range found(rt, s, alert.InstanceQuery{Instances: []string{old.Source["kibana.alert.instance.id"].(string)}}) {
				if have.ID == id {
					d.Revision = have.Revision
				}
			}
			if w, err := s.Update(rt.Context(), []alert.Document{d}); err != nil || w[0].Outcome != alert.Replaced {
				rt.Fatal(w, err)
			}
			model[id] = d
		}
		for n := range 4 {
			instance := fmt.Sprintf("i%d", n)
			var want []string
			for id, d := range model {
				if d.Source["kibana.alert.instance.id"] == instance {
					want = append(want, id)
				}
			}
			slices.SortFunc(want, func(a, b string) int {
				return strings.Compare(model[a].Source["@timestamp"].(string)+a, model[b].Source["@timestamp"].(string)+b)
			})
			if d := cmp.Diff(strings.Join(want, " "), idsOf(found(rt, s, alert.InstanceQuery{Instances: []string{instance}}))); d != "" {
				rt.Fatal(d)
			}
		}
	})
}
