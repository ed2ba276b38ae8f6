//go:build integration

package integration

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
	"tocsin/internal/search/planner"
)

// course runs a rule over slots, each with one event, while something disturbs its indices.
type course struct {
	n     *Node
	slots int
	// patterns are the index patterns of the rule, index is the index of its events.
	patterns []string
	index    string
	// make creates the index before slot made; by default it exists from the start.
	make func(t *testing.T)
	made int
	// client is the client of the runner.
	client elastic.Config
	// before is called before the run of a slot.
	before map[int]func(t *testing.T)
	// status has the status of slots after their run; the others are covered, unless why has a reason.
	status map[int]ledger.Status
	// why has the reasons of open slots.
	why map[int]ledger.Reason
	// another runs the open slots at the end, instead of the first runner.
	another bool
}

func newCourse(n *Node, index string) *course {
	return &course{
		n: n, slots: 12, index: index, client: elastic.Config{URLs: []string{n.URL}},
		make:   func(t *testing.T) { t.Helper(); n.CreateIndex(t, index, eventMapping()) },
		before: map[int]func(*testing.T){}, status: map[int]ledger.Status{},
	}
}

// run runs the slots, then the open ones. No slot may be covered before its event has alerted. In the end all
// events have alerted, as in an undisturbed run.
func (c *course) run(t *testing.T) {
	t.Helper()
	one := coverageRule(t, c.patterns)
	book := &ledger.Ledger{Store: ledger.NewMemory()}
	alerts := store.NewMemory()
	first := time.Now().UTC().Truncate(time.Minute).Add(time.Hour)
	at := func(slot int) time.Time { return first.Add(time.Duration(slot) * time.Minute) }
	now := at(0)
	_, err := book.Begin(t.Context(), []ledger.Grid{one.Grid()}, at(1))
	must(t, err)
	round := c.round(t, one, book, alerts, &now)
	run := func(slot time.Time) {
		round.Run(t.Context(), pipeline.Job{Plan: one.Plan, Slot: slot, Window: one.Window(slot)})
		c.check(t, book, one, alerts, at)
	}
	for slot := 1; slot <= c.slots; slot++ {
		now = at(slot)
		if slot == max(1, c.made) {
			c.fill(t, at)
		}
		if change := c.before[slot]; change != nil {
			change(t)
		}
		run(at(slot))
		c.checkStatus(t, book, one, slot, at(slot))
	}
	if c.another {
		round = c.round(t, one, book, alerts, &now)
	}
	owed := func() []ledger.Owed {
		all, err := book.Owed(t.Context(), []ledger.Grid{one.Grid()}, now)
		must(t, err)
		return all
	}
	for range 3 { // open slots are run again, as by catch-up
		for _, o := range owed() {
			run(o.Entry.Slot)
		}
	}
	for _, o := range owed() {
		t.Errorf("slot %s is open in the end: %s", o.Entry.Slot, o.Entry.Error)
	}
	var want []string
	for slot := 1; slot <= c.slots; slot++ {
		want = append(want, strconv.Itoa(slot))
	}
	slices.Sort(want)
	equal(t, "events that alerted", fmt.Sprint(alertedEvents(t, alerts)), fmt.Sprint(want))
}

// round returns a round for the rule, with its own client.
func (c *course) round(t *testing.T, one *service.Rule, book *ledger.Ledger, alerts *store.Memory, now *time.Time) *pipeline.Round {
	t.Helper()
	client, err := elastic.New(c.client)
	must(t, err)
	t.Cleanup(func() { _ = client.Close(context.WithoutCancel(t.Context())) })
	return &pipeline.Round{
		Pipeline: &pipeline.Pipeline{Events: client, Alerts: alerts}, Planner: &planner.Planner{}, Gather: time.Millisecond,
		Recorder: &service.Recorder{
			Ledger: book, Now: func() time.Time { return *now }, Log: slog.New(slog.DiscardHandler),
			Rules: map[string]*service.Rule{one.ID(): one}, Events: client,
		},
	}
}

// fill creates the index with the event of each slot.
func (c *course) fill(t *testing.T, at func(slot int) time.Time) {
	t.Helper()
	c.make(t)
	var docs []doc
	for slot := 1; slot <= c.slots; slot++ {
		docs = append(docs, doc{c.index, strconv.Itoa(slot), object{
			"@timestamp": at(slot).Add(-30 * time.Second).Format(time.RFC3339Nano), "process": object{"pid": 0}, "event": object{"category": "process"},
		}})
	}
	put(t, c.n, docs)
}

// check fails for covered slots whose event existed and was not read.
func (c *course) check(t *testing.T, book *ledger.Ledger, one *service.Rule, alerts *store.Memory, at func(slot int) time.Time) {
	t.Helper()
	if c.made > 0 { // slots that were covered before the index existed are opened again
		return
	}
	found := alertedEvents(t, alerts)
	pages, err := book.Store.Pages(t.Context(), []string{one.ID()}, at(1), at(c.slots))
	must(t, err)
	for slot := 1; slot <= c.slots; slot++ {
		for _, p := range pages {
			if e, ok := p.Find(at(slot)); ok && !e.Status.Open() && !slices.Contains(found, strconv.Itoa(slot)) {
				t.Errorf("slot %d is %s, and its event was not read", slot, e.Status)
			}
		}
	}
}

func (c *course) checkStatus(t *testing.T, book *ledger.Ledger, one *service.Rule, slot int, at time.Time) {
	t.Helper()
	pages, err := book.Store.Pages(t.Context(), []string{one.ID()}, at, at)
	must(t, err)
	e, _ := pages[0].Find(at)
	if reason, open := c.why[slot]; open && (!e.Status.Open() || e.Reason != reason) {
		t.Errorf("slot %d is %s for the reason %q (%s), want it open for %q", slot, e.Status, e.Reason, e.Error, reason)
	}
	want, told := c.status[slot]
	if !told && c.why == nil {
		want, told = ledger.Covered, true
	}
	if told && e.Status != want {
		t.Errorf("slot %d is %s (%s), want %s", slot, e.Status, e.Error, want)
	}
}
