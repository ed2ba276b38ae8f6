package series_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert/series"
)

// cluster says what its indices are.
type cluster struct {
	facts map[string]series.Facts
	err   error
}

func (c *cluster) SeriesFacts(_ context.Context, indices []string) (map[string]series.Facts, error) {
	out := map[string]series.Facts{}
	for _, index := range indices {
		if f, ok := c.facts[index]; ok {
			out[index] = f
		}
	}
	return out, c.err
}

// of asks for the series of one index.
func of(t *testing.T, r *series.Registry, index string) string {
	t.Helper()
	got, err := r.Of(t.Context(), []string{index})
	if err != nil {
		t.Fatal(err)
	}
	return got[index]
}

func TestDecision(t *testing.T) {
	kept := []series.Record{{"u1", "orders", "sales"}, {"u2", "audit-000001", "audit"}}
	tests := []struct {
		name, index string
		facts       *series.Facts
		want        string
	}{
		{"an index", "customer-000001", &series.Facts{UUID: "a"}, "customer-000001"},
		{"one that looks like the next", "customer-000002", &series.Facts{UUID: "b"}, "customer-000002"},
		{"a backing index", ".ds-logs-x-2026.01.01-000001", &series.Facts{UUID: "a", DataStream: "logs-x"}, "logs-x"},
		{"any index can be one", "restored", &series.Facts{UUID: "a", DataStream: "logs-x", RolloverAlias: "other"}, "logs-x"},
		{"one that is none any more", ".ds-logs-x-2026.01.01-000001", &series.Facts{UUID: "a"}, ".ds-logs-x-2026.01.01-000001"},
		{"an alias that rolls over by its settings", "audit-000007", &series.Facts{UUID: "a", RolloverAlias: "audit", Aliases: []string{"audit", "other"}}, "audit"},
		{"one that was rolled over", "audit-000007", &series.Facts{UUID: "a", RolledOver: []string{"z", "audit"}, Aliases: []string{"audit", "z"}}, "audit"},
		{"the next of one that was decided about before", "audit-000007", &series.Facts{UUID: "a", RolledOver: []string{"x"}, Chain: []string{"u9", "u1", "u2"}}, "sales"},
		{"the next of none", "audit-000007", &series.Facts{UUID: "a", RolloverAlias: "x", Chain: []string{"u9", "a"}}, "x"},
		{"an alias alone", "audit-000007", &series.Facts{UUID: "a", Aliases: []string{"audit"}}, "audit-000007"},
		{"a copy by its source", "copy", &series.Facts{UUID: "a", SourceUUID: "u1", SourceName: "whatever", RolloverAlias: "other"}, "sales"},
		{"a copy of which nothing was decided", "copy", &series.Facts{UUID: "a", SourceUUID: "u9", SourceName: "original"}, "original"},
		{"a mounted snapshot", "partial-audit-000001", &series.Facts{UUID: "a", SourceName: "audit-000001"}, "audit"},
		{"a mounted snapshot of a backing index", "x", &series.Facts{UUID: "a", SourceName: ".ds-logs-x-2026.01.01-000001"}, "logs-x"},
		{"a copy in the place of its original", "shrink-ab1c-orders", &series.Facts{UUID: "a", Aliases: []string{"orders"}}, "sales"},
		{"a copy in the place of one that nobody saw", "reindexed-v8-old", &series.Facts{UUID: "a", Aliases: []string{"old"}}, "old"},
		{"a name like a copy's", "partial-orders", &series.Facts{UUID: "a"}, "partial-orders"},
		{"gone, and decided about before", "orders", nil, "sales"},
		{"gone, and never seen", "lost-000001", nil, "lost-000001"},
		{"a backing index that may not be asked about", ".ds-logs-x-2026.01.01-000001", nil, "logs-x"},
		{"one of a remote cluster", "edge:.ds-logs-x-2026.01.01-000001", nil, "edge:logs-x"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := &series.Memory{}
			if _, err := m.Keep(t.Context(), kept); err != nil {
				t.Fatal(err)
			}
			c := &cluster{facts: map[string]series.Facts{}}
			if test.facts != nil {
				c.facts[test.index] = *test.facts
			}
			if got := of(t, series.NewRegistry(c, m), test.index); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// TestDecidedOnce: the series of an index never changes, whatever happens to indices, and whichever runner
// asks at which time.
func TestDecidedOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &series.Memory{}
		c := &cluster{facts: map[string]series.Facts{}}
		runners := []*series.Registry{series.NewRegistry(c, m), series.NewRegistry(c, m)}
		said := map[string]string{} // by UUID
		born := 0
		names := []string{"audit-000001", "audit-000002", "shrink-ab1c-audit-000001", ".ds-logs-x-2026.01.01-000001", "plain"}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			name := rapid.SampledFrom(names).Draw(rt, "index")
			f, there := c.facts[name]
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0: // it is created again
				born++
				c.facts[name] = series.Facts{UUID: fmt.Sprint("u", born)}
			case 1:
				if there {
					f.Aliases = []string{"audit", "audit-000001"}
					f.RolloverAlias = rapid.SampledFrom([]string{"", "audit"}).Draw(rt, "alias")
				}
			case 2:
				if there {
					f.DataStream = rapid.SampledFrom([]string{"", "logs-x"}).Draw(rt, "stream")
				}
			case 3:
				if there {
					f.SourceUUID = rapid.SampledFrom([]string{"", "u1", "u2"}).Draw(rt, "source")
				}
			case 4: // runners start again
				runners[rapid.IntRange(0, 1).Draw(rt, "runner")] = series.NewRegistry(c, m)
			default:
				if !there {
					continue
				}
				got, err := runners[rapid.IntRange(0, 1).Draw(rt, "runner")].Of(t.Context(), []string{name})
				if err != nil {
					rt.Fatal(err)
				}
				if before, ok := said[f.UUID]; ok && before != got[name] {
					rt.Fatalf("%s (%s) was %q and is %q", name, f.UUID, before, got[name])
				}
				said[f.UUID] = got[name]
			}
			if there && c.facts[name].UUID == f.UUID {
				c.facts[name] = f
			}
		}
	})
}

// TestGoneAndBack: while no facts about an index are available, an earlier decision holds, else its name
// decides; that decision holds when the facts are available again.
func TestGoneAndBack(t *testing.T) {
	facts := map[string]series.Facts{
		"seen": {UUID: "s", RolloverAlias: "alias"}, "unseen": {UUID: "u", RolloverAlias: "alias"},
	}
	c, m := &cluster{facts: maps.Clone(facts)}, &series.Memory{}
	check := func(index, want string) {
		t.Helper()
		for _, r := range []*series.Registry{series.NewRegistry(c, m), series.NewRegistry(c, &series.Memory{Base: m})} {
			if got := of(t, r, index); got != want {
				t.Errorf("%s: %q, want %q", index, got, want)
			}
		}
	}
	check("seen", "alias")
	clear(c.facts)
	check("seen", "alias")
	check("unseen", "unseen")
	c.facts = facts
	check("seen", "alias")
	check("unseen", "unseen")
}

// TestPreview: what reads only writes no decisions.
func TestPreview(t *testing.T) {
	c, m := &cluster{facts: map[string]series.Facts{"i": {UUID: "1", RolloverAlias: "a"}}}, &series.Memory{}
	if got := of(t, series.NewRegistry(c, &series.Memory{Base: m}), "i"); got != "a" {
		t.Error(got)
	}
	records, err := m.Records(t.Context(), []string{"1"}, []string{"i"})
	if diff := cmp.Diff([]series.Record(nil), records); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

var errDown = errors.New("down")

type broken struct{ series.Memory }

func (*broken) Keep(context.Context, []series.Record) ([]series.Record, error) { return nil, errDown }

// TestUndecided: what could not be asked or kept is not decided.
func TestUndecided(t *testing.T) {
	c := &cluster{facts: map[string]series.Facts{"i": {UUID: "1"}}, err: errDown}
	for name, r := range map[string]*series.Registry{
		"source": series.NewRegistry(c, &series.Memory{}), "store": series.NewRegistry(&cluster{facts: c.facts}, &broken{}),
	} {
		if got, err := r.Of(t.Context(), []string{"i"}); !errors.Is(err, errDown) || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
