package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/run/pipeline"
)

// oneStream says that every index is a backing index of one data stream.
type oneStream struct {
	err   error
	asked []string
}

func (o *oneStream) Of(_ context.Context, indices []string) (map[string]string, error) {
	o.asked = append(o.asked, indices...)
	out := map[string]string{}
	for _, index := range indices {
		out[index] = "stream"
	}
	return out, o.err
}

// stream runs a rule over events of a data stream, some at a time.
type stream struct {
	plan   query.Plan
	alerts *store.Memory
}

func (s *stream) find(t *testing.T, pages ...[]event.Event) pipeline.Execution {
	t.Helper()
	target := ordinary()
	table := fields(mapping.Keyword)
	for name, kind := range map[string]mapping.Type{"step": mapping.Long, "host.name": mapping.Keyword} {
		table[name] = mapping.Field{Name: name, Type: kind}
	}
	target.Fields = table
	e := &fakeEvents{target: target, pages: pages}
	line := &pipeline.Pipeline{Events: e, Alerts: s.alerts, Instances: s.alerts, Series: &oneStream{}, Now: clock()}
	return line.Run(t.Context(), pipeline.Job{Plan: s.plan, Slot: slot, Window: span})
}

// said lists the alerts by what their events say, building blocks left out.
func (s *stream) said(t *testing.T) []string {
	t.Helper()
	out := []string{}
	err := s.alerts.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
		if d.Source["kibana.alert.building_block_type"] == nil {
			out = append(out, fmt.Sprint(d.Source["message"]))
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func message(index, id, text string) event.Event {
	source, _ := json.Marshal(map[string]any{"@timestamp": "2026-01-15T14:05:00Z", "message": text}) //nolint:errchkjson // strings
	return event.Event{Index: index, ID: id, Source: source}
}

// TestSameIDInOtherIndices: there are as many alerts as different documents with an _id, in whatever order
// and in how many runs they are found; a new version of a document is the same document.
func TestSameIDInOtherIndices(t *testing.T) {
	p := plan(t, "any where true", 100)
	rapid.Check(t, func(rt *rapid.T) {
		var events []event.Event
		distinct := map[string]bool{}
		for _, index := range []string{"logs-1", "logs-2", "logs-3", "logs-4"} {
			for _, id := range []string{"a", "b"} {
				if rapid.Bool().Draw(rt, "there") {
					text := id + rapid.SampledFrom([]string{"x", "y", "z"}).Draw(rt, "content")
					events = append(events, message(index, id, text))
					distinct[text] = true
				}
			}
		}
		want := []string{}
		for text := range distinct {
			want = append(want, text)
		}
		slices.Sort(want)
		s := &stream{p, store.NewMemory()}
		total := 0
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			order := rapid.Permutation(events).Draw(rt, "order")
			for len(order) > 0 {
				n := rapid.IntRange(1, len(order)).Draw(rt, "n")
				x := s.find(t, order[:n])
				if x.Status != pipeline.Succeeded || x.Created+x.Duplicates != n {
					rt.Fatalf("%+v", countsOf(x))
				}
				total += x.Created
				order = order[n:]
			}
		}
		if diff := cmp.Diff(want, s.said(t)); diff != "" || total != len(want) {
			rt.Fatalf("%d created, alerts (-want +got):\n%s", total, diff)
		}
	})
}

// TestNewVersionIsNoOtherEvent: documents that change in their index make no further alert, whichever of those with
// their _id was found first.
func TestNewVersionIsNoOtherEvent(t *testing.T) {
	p := plan(t, "any where true", 100)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(rt, "indices")
		version := func(i, v int) event.Event {
			return message(fmt.Sprintf("logs-%d", i), "a", fmt.Sprintf("%d v%d", i, v))
		}
		s := &stream{p, store.NewMemory()}
		versions := make([]int, n)
		for i := range n {
			s.find(t, []event.Event{version(i, 0)})
		}
		for range rapid.IntRange(1, 6).Draw(rt, "changes") {
			i := rapid.IntRange(0, n-1).Draw(rt, "index")
			versions[i]++
			if x := s.find(t, []event.Event{version(i, versions[i])}); x.Created != 0 || x.Duplicates != 1 {
				rt.Fatalf("version %d of %d: %+v", versions[i], i, countsOf(x))
			}
		}
		if got := s.said(t); len(got) != n {
			rt.Fatalf("%d documents, alerts %q", n, got)
		}
	})
}

// TestSequencesOfSameIDs: the same for sequences, whose alerts have the same identity where their events' ids are.
func TestSequencesOfSameIDs(t *testing.T) {
	p := suppressing(t, "", `sequence by host.name with maxspan=1m [any where step == 1] [any where step == 2]`, 100)
	rapid.Check(t, func(rt *rapid.T) {
		s := &stream{p, store.NewMemory()}
		distinct := map[string]bool{}
		pairs := make([][2]string, rapid.IntRange(1, 4).Draw(rt, "pairs"))
		for i := range pairs {
			for step := range 2 {
				pairs[i][step] = rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "content")
			}
			distinct[pairs[i][0]+pairs[i][1]] = true
		}
		for range 2 {
			for _, i := range rapid.Permutation([]int{0, 1, 2, 3}).Draw(rt, "order") {
				if i >= len(pairs) {
					continue
				}
				var events []event.Event
				for step := range 2 {
					e := of(strconv.Itoa(step), `"u"`, step+1, fmt.Sprintf(`"step":%d,"host":{"name":"h"},"text":%q`, step+1, pairs[i][step]))
					e.Index = fmt.Sprintf("logs-%d", i)
					events = append(events, e)
				}
				if x := s.find(t, events); x.Status != pipeline.Succeeded || x.Created+x.Duplicates != 1 {
					rt.Fatalf("%+v", countsOf(x))
				}
			}
		}
		blocks, shells := map[any]int{}, 0
		err := s.alerts.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
			if d.Source["kibana.alert.building_block_type"] == nil {
				shells++
			} else {
				blocks[d.Source["kibana.alert.group.id"]]++
			}
			return true, nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		if shells != len(distinct) || len(blocks) != shells {
			rt.Fatalf("%d alerts of %d different sequences, blocks %v", shells, len(distinct), blocks)
		}
		for id, n := range blocks {
			if n != 2 {
				rt.Fatalf("%s has %d blocks", id, n)
			}
		}
	})
}

// TestSeriesUnknown: without knowing what an index belongs to there is no alert, and the run has failed.
func TestSeriesUnknown(t *testing.T) {
	a := &fakeAlerts{}
	series := &oneStream{err: errBroken}
	line := &pipeline.Pipeline{Events: &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, 2)}}, Alerts: a, Series: series, Now: clock()}
	x := line.Run(t.Context(), pipeline.Job{Plan: plan(t, "any where true", 10), Slot: slot, Window: span})
	if x.Status != pipeline.Failed || !errors.Is(x.Err, errBroken) || a.calls > 0 {
		t.Errorf("%s: %v, %d calls", x.Status, x.Err, a.calls)
	}
	if diff := cmp.Diff([]string{"logs-a"}, series.asked); diff != "" {
		t.Error(diff)
	}
}

// TestSuppressedSameIDs: an alert that stands for several events counts each different document once, whatever their ids
// are, in whatever runs they are found.
func TestSuppressedSameIDs(t *testing.T) {
	for _, table := range []string{perHour, perRun} {
		p := suppressing(t, table, "any where true", 100)
		rapid.Check(t, func(rt *rapid.T) {
			var events []event.Event
			distinct := map[string]bool{}
			for _, index := range []string{"logs-1", "logs-2", "logs-3"} {
				for _, id := range []string{"1", "2"} {
					if !rapid.Bool().Draw(rt, "there") {
						continue
					}
					user := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "user")
					text := rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "content")
					e := of(id, fmt.Sprintf("%q", user), 1, fmt.Sprintf(`"message":%q`, text))
					e.Index = index
					events = append(events, e)
					distinct[id+user+text] = true
				}
			}
			s := &stream{p, store.NewMemory()}
			for range 3 {
				order := rapid.Permutation(events).Draw(rt, "order")
				for len(order) > 0 {
					n := rapid.IntRange(1, len(order)).Draw(rt, "n")
					if x := s.find(t, order[:n]); x.Status != pipeline.Succeeded || x.Created+x.Suppressed+x.Duplicates != n {
						rt.Fatalf("%+v, suppressed %d", countsOf(x), x.Suppressed)
					}
					order = order[n:]
				}
			}
			counted := 0
			err := s.alerts.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
				of, ok := alert.SuppressionOf(d)
				if !ok {
					rt.Fatalf("alert %s stands for one event", d.ID)
				}
				counted += 1 + of.Count
				return true, nil
			})
			if err != nil || counted != len(distinct) {
				rt.Fatalf("%d events counted of %d: %v", counted, len(distinct), err)
			}
		})
	}
}
