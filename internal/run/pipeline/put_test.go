package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

var errPoison = errors.New("poison")

// choosy refuses alerts that a test chooses, and writes others reduced.
type choosy struct {
	*store.Memory
	refuses func(alert.Document) bool
	form    func(alert.Document) alert.Form
}

func (c *choosy) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	written := make([]alert.Written, len(docs))
	var taken []alert.Document
	var places []int
	for i, d := range docs {
		written[i] = alert.Written{ID: d.ID, Err: errPoison}
		if !c.refuses(d) {
			taken, places = append(taken, d), append(places, i)
		}
	}
	got, err := c.Memory.Create(ctx, taken)
	for i, w := range got {
		if c.form != nil {
			if w.Form = c.form(taken[i]); w.Form != alert.WithEvent {
				w.Refused = errPoison
			}
		}
		written[places[i]] = w
	}
	return written, err
}

// TestNoShellWithoutItsBlocks: whichever blocks are rejected, the alert of a sequence exists exactly if its
// blocks exist; once nothing is rejected any more, all of them exist.
func TestNoShellWithoutItsBlocks(t *testing.T) {
	for _, table := range []string{"", perHour} {
		p := suppressing(t, table, `sequence by host.name with maxspan=1m [any where step == 1] [any where step == 2]`, 100)
		rapid.Check(t, func(rt *rapid.T) {
			n := rapid.IntRange(1, 6).Draw(rt, "n")
			bad := map[string]bool{}
			var events []event.Event
			for i := range n {
				for step := range 2 {
					id := fmt.Sprintf("%d-%d", i, step)
					bad[id] = rapid.IntRange(0, 3).Draw(rt, "bad") == 0
					events = append(events, of(id, fmt.Sprintf(`"u%d"`, i), 2*i+step+1, fmt.Sprintf(`"step":%d,"host":{"name":"h%d"}`, step+1, i)))
				}
			}
			c := &choosy{Memory: store.NewMemory()}
			isBlock := func(d alert.Document) bool { return d.Source["kibana.alert.building_block_type"] != nil }
			c.refuses = func(d alert.Document) bool { return isBlock(d) && bad[eventOf(d)] }
			check := func(want int) {
				shells, blocks := map[any]bool{}, map[any]int{}
				err := c.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
					if group := d.Source["kibana.alert.group.id"]; isBlock(d) {
						blocks[group]++
					} else {
						shells[group] = true
					}
					return true, nil
				})
				if err != nil {
					rt.Fatal(err)
				}
				for group := range shells {
					if blocks[group] != 2 {
						rt.Fatalf("a shell with %d blocks", blocks[group])
					}
				}
				if len(shells) != want {
					rt.Fatalf("%d shells, want %d", len(shells), want)
				}
			}
			whole := 0
			for i := range n {
				if !bad[fmt.Sprintf("%d-0", i)] && !bad[fmt.Sprintf("%d-1", i)] {
					whole++
				}
			}
			x := runOver(t, c, p, events)
			if x.Created != whole || x.Failed != n-whole || (x.Failed > 0) != (x.Status == pipeline.PartialFailure) {
				rt.Fatalf("created %d, failed %d, %s; want %d of %d", x.Created, x.Failed, x.Status, whole, n)
			}
			check(whole)
			c.refuses = func(alert.Document) bool { return false }
			if x := runOver(t, c, p, events); x.Created != n-whole || x.Status != pipeline.Succeeded {
				rt.Fatalf("run again: created %d of %d, %s", x.Created, n-whole, x.Status)
			}
			check(n)
		})
	}
}

func runOver(t *testing.T, c *choosy, p query.Plan, events []event.Event) pipeline.Execution {
	t.Helper()
	target := ordinary()
	target.Fields = mapping.Table{
		"@timestamp": {Name: "@timestamp", Type: mapping.Date}, "step": {Name: "step", Type: mapping.Long},
		"host.name": {Name: "host.name", Type: mapping.Keyword},
	}
	line := &pipeline.Pipeline{Events: &fakeEvents{target: target, pages: [][]event.Event{events}}, Alerts: c, Instances: c.Memory, Now: clock()}
	return line.Run(t.Context(), pipeline.Job{Plan: p, Slot: slot, Window: span})
}

// TestReducedAlertsAreTold: they are counted and said once.
func TestReducedAlertsAreTold(t *testing.T) {
	forms := map[string]alert.Form{"1": alert.EventAside, "2": alert.EventOmitted, "3": alert.EventAside}
	c := &choosy{
		Memory: store.NewMemory(), refuses: func(alert.Document) bool { return false },
		form: func(d alert.Document) alert.Form { return forms[eventOf(d)] },
	}
	p := suppressing(t, "", "any where true", 100)
	events := []event.Event{of("0", `"a"`, 1), of("1", `"a"`, 2), of("2", `"a"`, 3), of("3", `"a"`, 4)}
	x := runOver(t, c, p, events)
	if diff := cmp.Diff([]int{4, 2, 1}, []int{x.Created, x.Aside, x.Omitted}); diff != "" || x.Status != pipeline.Succeeded {
		t.Errorf("%s %s", x.Status, diff)
	}
	if len(x.Warnings) != 2 || !strings.Contains(x.Warnings[0], "2 alerts have their event, whole, in tocsin.event") || !strings.Contains(x.Warnings[1], "poison") {
		t.Errorf("%q", x.Warnings)
	}
	data, err := x.MarshalJSON()
	if err != nil || !strings.Contains(string(data), `"event_aside":2,"event_omitted":1`) {
		t.Errorf("%s, %v", data, err)
	}
	if x := runOver(t, c, p, events); x.Aside+x.Omitted+len(x.Warnings) != 0 {
		t.Errorf("duplicates are told again: %q", x.Warnings)
	}
}
