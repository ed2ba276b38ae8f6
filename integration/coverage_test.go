//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/ledger"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/service"
)

// disturbance is an event that disturbs the indices of a rule before a slot runs.
type disturbance struct {
	name string
	// patterns are the index patterns of the rule, without the prefix of the test.
	patterns []string
	// before is called before the run of a slot, with its number. Events exist from the first slot on, unless the
	// index is created later.
	before map[int]func(t *testing.T, n *Node, index string)
	// made is the slot before which the index is created.
	made int
	// unread are the slots that cannot read the index, with their status.
	unread map[int]ledger.Status
}

// TestCoveredMeansRead: whatever happens to the indices of a rule, no slot is covered while events of its window
// were not read, and in the end the alerts are the same as in an undisturbed run.
func TestCoveredMeansRead(t *testing.T) {
	closes := func(t *testing.T, n *Node, index string) {
		t.Helper()
		n.Must(t, "POST", "/"+index+"/_close", nil)
	}
	opens := func(t *testing.T, n *Node, index string) {
		t.Helper()
		n.Must(t, "POST", "/"+index+"/_open?wait_for_active_shards=1", nil)
		n.Must(t, "GET", "/_cluster/health/"+index+"?wait_for_status=yellow&timeout=20s", nil)
	}
	vacant := map[int]ledger.Status{}
	for slot := 1; slot < 10; slot++ {
		vacant[slot] = ledger.Vacant
	}
	closed := map[int]ledger.Status{3: ledger.Partial, 4: ledger.Partial, 5: ledger.Partial}
	for _, d := range []disturbance{
		{name: "nothing", patterns: []string{"one", "other"}},
		{name: "appears", patterns: []string{"one"}, made: 10, unread: vacant},
		{name: "appears beside another", patterns: []string{"one", "other"}, made: 10, unread: map[int]ledger.Status{1: ledger.Covered}},
		{name: "appears to a wildcard", patterns: []string{"on*"}, made: 10, unread: vacant},
		{
			name: "closed", patterns: []string{"one", "other"}, unread: closed,
			before: map[int]func(*testing.T, *Node, string){3: closes, 6: opens},
		},
	} {
		t.Run(d.name, func(t *testing.T) { d.run(t) })
	}
}

func (d disturbance) run(t *testing.T) {
	t.Helper()
	n := newNode(t)
	index := n.Name("one")
	n.CreateIndex(t, n.Name("other"), eventMapping())
	c := newCourse(n, index)
	for _, p := range d.patterns {
		c.patterns = append(c.patterns, n.Name(p))
	}
	c.made, c.status = d.made, d.unread
	for slot, change := range d.before {
		c.before[slot] = func(t *testing.T) { t.Helper(); change(t, n, index) }
	}
	c.run(t)
}

func coverageRule(t *testing.T, patterns []string) *service.Rule {
	t.Helper()
	var index []string
	for _, p := range patterns {
		index = append(index, strconv.Quote(p))
	}
	path := filepath.Join(t.TempDir(), "rule.toml")
	must(t, os.WriteFile(path, []byte(fmt.Sprintf(`[rule]
rule_id = "covered"
name = "Covered"
description = "A rule of a test."
type = "query"
language = "kuery"
index = [%s]
severity = "low"
risk_score = 21
interval = "1m"
from = "now-1m"
query = "event.category: process"
`, strings.Join(index, ", "))), 0o600))
	set, diags := rule.Load(path)
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	plan, planned := plans.For(set.Rules()[0])
	if plan == nil {
		t.Fatal(planned.Err())
	}
	out, err := service.NewRule(plan)
	must(t, err)
	return out
}

// alertedEvents returns the ids of the events behind alerts, sorted.
func alertedEvents(t *testing.T, alerts *store.Memory) []string {
	t.Helper()
	var out []string
	must(t, alerts.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
		text, err := json.Marshal(d.Source["kibana.alert.ancestors"])
		must(t, err)
		var ancestors []struct{ ID string }
		must(t, json.Unmarshal(text, &ancestors))
		out = append(out, ancestors[0].ID)
		return true, nil
	}))
	slices.Sort(out)
	return out
}

// TestClosedMeanwhile closes the index before each single request of a run.
func TestClosedMeanwhile(t *testing.T) {
	for _, pattern := range []string{"one", "o*", "all"} {
		for request := range 7 {
			t.Run(fmt.Sprintf("%s ahead of request %d", pattern, request), func(t *testing.T) {
				t.Parallel()
				n := newNode(t)
				index, other := n.Name("one"), n.Name("other")
				n.CreateIndex(t, other, eventMapping())
				c := newCourse(n, index)
				made := c.make
				c.make = func(t *testing.T) {
					t.Helper()
					made(t)
					n.Must(t, "PUT", "/"+n.Name("o*")+"/_alias/"+n.Name("all"), nil)
				}
				c.patterns = []string{n.Name(pattern), other}
				c.slots, c.status[1], c.status[4] = 4, ledger.Covered, ledger.Covered
				c.why = map[int]ledger.Reason{3: ledger.ClosedIndex}
				c.client.Closed = elastic.ClosedUnread // the events are in the future
				left := atomic.Int64{}
				left.Store(-1)
				c.client.URLs = []string{between(t, n, func() {
					if left.Add(-1) == -1 {
						n.Must(t, "POST", "/"+index+"/_close", nil)
					}
				})}
				c.before[2] = func(t *testing.T) { t.Helper(); left.Store(int64(request)) }
				c.before[4] = func(t *testing.T) {
					t.Helper()
					n.Must(t, "POST", "/"+index+"/_open?wait_for_active_shards=1", nil)
					n.Must(t, "GET", "/_cluster/health/"+index+"?wait_for_status=yellow&timeout=20s", nil)
				}
				c.run(t)
			})
		}
	}
}
