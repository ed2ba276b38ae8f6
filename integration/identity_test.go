//go:build integration

package integration

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The tests in this file check that each event makes exactly one alert, whatever happens.

// count returns the number of alerts on the node.
func count(t *testing.T, n *Node) int64 {
	t.Helper()
	alias := "tocsin-alerts-" + n.Prefix
	if status, _ := n.Do(t, http.MethodPost, "/"+alias+"/_refresh", nil); status == http.StatusNotFound {
		return 0 // Not installed yet.
	}
	return n.Must(t, http.MethodGet, "/"+alias+"/_count", nil).At("count").Int()
}

// someEvents returns n events in an index; event i is i seconds before slot.
func someEvents(index string, slot time.Time, n int) []doc {
	docs := make([]doc, n)
	for i := range docs {
		docs[i] = doc{index, fmt.Sprintf("e%04d", i), object{"@timestamp": stamp(slot, time.Duration(i+1)*time.Second)}}
	}
	return docs
}

// TestIdentityOverlap: overlapping windows find the same events and make one alert of each.
func TestIdentityOverlap(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, someEvents(index, slot, 1200)) // twenty minutes
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", index, "any where true", "max_signals = 1000")
	for _, p := range []place{elasticsearch(n), embedded(t, dump(t, n, index))} {
		t.Run(p.name, func(t *testing.T) {
			for before, want := range []struct{ created, duplicates int64 }{{600, 0}, {180, 420}, {180, 420}, {180, 420}, {60, 420}} {
				x := p.mustOnce(t, string(rules), slot.Add(-time.Duration(before)*3*time.Minute))["r"]
				equal(t, fmt.Sprintf("slot %d", before), x.numbers(), [5]int64{want.created + want.duplicates, want.created, want.duplicates, 0, 0})
			}
			ids := eventsOf(p.list(t))["r"]
			equal(t, "alerts", len(ids), 1200)
			equal(t, "events with an alert", len(slices.Compact(ids)), 1200)
		})
	}
}

// TestIdentityTwoRunners: each alert of two parallel runners is new for one and a duplicate for the other.
func TestIdentityTwoRunners(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, someEvents(index, slot, 500))
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", index, "any where true", "max_signals = 1000")
	p := elasticsearch(n)
	outcomes := make([]outcome, 3)
	var together sync.WaitGroup
	for i := range outcomes {
		together.Go(func() { outcomes[i] = p.once(t, string(rules), slot) })
	}
	together.Wait()
	var created, duplicates int
	for _, o := range outcomes {
		equal(t, "exit code", o.code, 0)
		created += o.executions(t)["r"].Created
		duplicates += o.executions(t)["r"].Dupes
	}
	equal(t, "created by all", created, 500)
	equal(t, "found by all", duplicates, 1000)
	equal(t, "alerts", count(t, n), 500)
}

// TestIdentityKilled: after a kill in the middle of writing, the next run writes the missing alerts.
func TestIdentityKilled(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	docs := make([]doc, 5000)
	for i := range docs {
		docs[i] = doc{index, fmt.Sprintf("e%04d", i), object{"@timestamp": stamp(slot, time.Duration(i+1)*time.Millisecond)}}
	}
	put(t, n, docs)
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", index, "any where true", "max_signals = 10000")
	p := elasticsearch(n)
	binary, err := buildRunner()
	must(t, err)
	args := slices.Concat([]string{"run", "--once", "--at", slot.Format(time.RFC3339), "--rules", string(rules)}, p.flags)
	command := exec.CommandContext(t.Context(), binary, args...)
	command.Env = []string{"PATH=" + os.Getenv("PATH")}
	must(t, command.Start())
	for deadline := time.Now().Add(patience); count(t, n) == 0 && time.Now().Before(deadline); {
		continue // Each request takes the node some time.
	}
	must(t, command.Process.Kill())
	_ = command.Wait()
	before := count(t, n)
	x := p.mustOnce(t, string(rules), slot)["r"]
	equal(t, "hits", x.Hits, 5000)
	equal(t, "alerts", count(t, n), 5000)
	if before == 5000 {
		t.Log("the runner was through before it was killed")
	}
}

// TestIdentityService: the service finds each event many times, and again after a restart.
func TestIdentityService(t *testing.T) {
	n := newNode(t)
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	now := time.Now().UTC()
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", index, "any where true", `interval = "1s"`)
	binary, err := buildRunner()
	must(t, err)
	for round := 1; round <= 2; round++ {
		put(t, n, []doc{{index, fmt.Sprintf("e%d", round), object{"@timestamp": stamp(now, 0)}}})
		var stderr strings.Builder
		args := slices.Concat([]string{"run", "--rules", string(rules), "--listen", "127.0.0.1:0", "--log-level", "debug"}, elasticsearch(n).flags)
		command := exec.CommandContext(t.Context(), binary, args...)
		command.Env = []string{"PATH=" + os.Getenv("PATH")}
		command.Stderr = &stderr
		must(t, command.Start())
		for deadline := time.Now().Add(patience); count(t, n) < int64(round) && time.Now().Before(deadline); {
			continue
		}
		must(t, command.Process.Signal(syscall.SIGTERM))
		if err := command.Wait(); err != nil {
			t.Errorf("round %d: %v\n%s", round, err, stderr.String())
		}
		equal(t, fmt.Sprintf("alerts after round %d", round), count(t, n), int64(round))
		if !strings.Contains(stderr.String(), "stopped") {
			t.Errorf("the service does not say that it stopped:\n%s", stderr.String())
		}
	}
}

// TestIdentityOfAnUpdatedEvent: a new version of an event is the same event. The alert is not changed.
func TestIdentityOfAnUpdatedEvent(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	source := object{"@timestamp": stamp(slot, time.Minute), "user": object{"name": "bob"}}
	put(t, n, []doc{{index, "e", source}})
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", index, "any where true")
	p := elasticsearch(n)
	p.mustOnce(t, string(rules), slot)
	before := p.list(t)
	source["user"] = object{"name": "alice"}
	source["@timestamp"] = stamp(slot, 2*time.Minute)
	version := n.Must(t, http.MethodPut, "/"+index+"/_doc/e?refresh=true", source).At("_version").Int()
	equal(t, "version of the event", version, 2)
	equal(t, "second run", p.mustOnce(t, string(rules), slot)["r"].numbers(), [5]int64{1, 0, 1, 0, 0})
	equal(t, "alerts", p.list(t), before)
}

// TestIdentityOfAChangedRule: a rule whose text changes, with the same id, makes no second alert.
func TestIdentityOfAChangedRule(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, someEvents(index, slot, 3))
	rules := ruleDir(t.TempDir())
	p := elasticsearch(n)
	rules.add(t, "r", index, "any where true")
	p.mustOnce(t, string(rules), slot)
	rules.add(t, "r", index+"*", `any where user.name == null`, `note = "Edited."`, "version = 2")
	rules.add(t, "copy", index, "any where true")
	executions := p.mustOnce(t, string(rules), slot)
	equal(t, "the rule, edited", executions["r"].numbers(), [5]int64{3, 0, 3, 0, 0})
	equal(t, "its copy under another id", executions["copy"].numbers(), [5]int64{3, 3, 0, 0, 0})
}

// TestIdentityOverRollover: an event that is in two backing indices of a data stream, or in two indices of a
// rollover series, is one event.
func TestIdentityOverRollover(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	stream, series := n.Name("stream"), n.Name("series")
	dataStream(t, n, stream)
	n.Must(t, http.MethodPut, "/"+series+"-000001", object{
		"settings": object{"number_of_replicas": 0}, "mappings": eventMapping(), "aliases": object{series: object{"is_write_index": true}},
	})
	event := object{"@timestamp": stamp(slot, time.Minute)}
	events := []doc{{stream, "e", event}, {series, "e", event}}
	put(t, n, events)
	rules := ruleDir(t.TempDir())
	rules.add(t, "stream", stream, "any where true")
	rules.add(t, "series", series, "any where true")
	rules.add(t, "series-by-wildcard", series+"-*", "any where true")
	p := elasticsearch(n)
	p.mustOnce(t, string(rules), slot)
	equal(t, "alerts", count(t, n), 3)
	n.Must(t, http.MethodPost, "/"+stream+"/_rollover", nil)
	n.Must(t, http.MethodPost, "/"+series+"/_rollover", nil)
	put(t, n, events) // A shipper does this when it retries after an error.
	for id, x := range p.mustOnce(t, string(rules), slot) {
		equal(t, id+" after the rollover", x.numbers(), [5]int64{2, 0, 2, 0, 0})
	}
	equal(t, "alerts after the rollover", count(t, n), 3)

	// The same from a file: with the index names of the node, or with the name of the data stream.
	for _, file := range []string{dump(t, n, stream), renamed(t, dump(t, n, stream), stream)} {
		local := embedded(t, file)
		executions := local.mustOnce(t, string(rules), slot)
		equal(t, "embedded", executions["stream"].numbers(), [5]int64{2, 1, 1, 0, 0})
		for id := range local.list(t) {
			equal(t, "id of the embedded alert is that of the node", p.list(t)[id] != nil, true)
		}
	}
}

// TestIdentityOfSameIDs: an _id is unique in an index only. Indices with names like a rollover are two series. In
// a data stream, the same _id with other content is another event, and with the same content the same event, in
// any order.
func TestIdentityOfSameIDs(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	stream := n.Name("stream")
	dataStream(t, n, stream)
	event := func(message string) object {
		return object{"@timestamp": stamp(slot, time.Minute), "message": message, "event": object{"ingested": stamp(slot, 0)}}
	}
	customers := []string{n.Name("customer-000001"), n.Name("customer-000002")}
	for _, index := range customers {
		n.CreateIndex(t, index, eventMapping())
		put(t, n, []doc{{index, "e", event("the same")}})
	}
	put(t, n, []doc{{stream, "copied", event("a")}, {stream, "other", event("a")}})
	n.Must(t, http.MethodPost, "/"+stream+"/_rollover", nil)
	again := event("a")
	again["event"] = object{"ingested": stamp(slot, -time.Hour)}
	put(t, n, []doc{{stream, "copied", again}, {stream, "other", event("b")}})
	rules := ruleDir(t.TempDir())
	rules.add(t, "customers", n.Name("customer-*"), "any where true")
	rules.add(t, "stream", stream, "any where true")
	files := dump(t, n, n.Name("*"))
	for _, p := range []place{elasticsearch(n), embedded(t, files), embedded(t, reversed(t, files))} {
		for _, strategy := range []string{"scan", "search"} {
			executions := p.mustOnce(t, string(rules), slot, "--strategy", strategy)
			created := map[string]int64{"customers": 2, "stream": 3}
			if strategy == "search" { // the alerts exist already
				created = map[string]int64{}
			}
			equal(t, p.name+" customers, "+strategy, executions["customers"].numbers(), [5]int64{2, created["customers"], 2 - created["customers"], 0, 0})
			equal(t, p.name+" stream, "+strategy, executions["stream"].numbers(), [5]int64{4, created["stream"], 4 - created["stream"], 0, 0})
		}
		messages := map[string]int{}
		for _, a := range p.list(t) {
			if a["kibana.alert.rule.rule_id"] == "stream" {
				messages[fmt.Sprint(a["message"])]++
			}
		}
		equal(t, p.name+" messages", messages, map[string]int{"a": 2, "b": 1})
	}

	// A mapping file supplies the series, which event files do not have.
	mapping := filepath.Join(t.TempDir(), "mapping.json")
	must(t, os.WriteFile(mapping, []byte(fmt.Sprintf(
		`{"properties":{"@timestamp":{"type":"date"},"message":{"type":"keyword"}},"series":{%q:"customer"}}`, n.Name("customer-*"))), 0o600))
	x := embedded(t, files).mustOnce(t, string(rules), slot, "--mapping", mapping)["customers"]
	equal(t, "customers as one series", x.numbers(), [5]int64{2, 1, 1, 0, 0})
}

// reversed copies an event file in reverse order of lines.
func reversed(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	slices.Reverse(lines)
	out := filepath.Join(t.TempDir(), "reversed.ndjson")
	must(t, os.WriteFile(out, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	return out
}

// renamed copies an event file with another index for all events.
func renamed(t *testing.T, file, index string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	var lines strings.Builder
	for line := range strings.Lines(string(content)) {
		event, err := decode([]byte(line))
		must(t, err)
		event.Any().(object)["_index"] = index
		lines.WriteString(event.String() + "\n")
	}
	out := filepath.Join(t.TempDir(), "renamed.ndjson")
	must(t, os.WriteFile(out, []byte(lines.String()), 0o600))
	return out
}

// TestIdentityField: with --identity-field, a copy in another index is the same event; events without the field
// keep index and _id.
func TestIdentityField(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	first, copied := n.Name("first"), n.Name("copied")
	n.CreateIndex(t, first, eventMapping())
	n.CreateIndex(t, copied, eventMapping())
	at := stamp(slot, time.Minute)
	put(t, n, []doc{
		{first, "1", object{"@timestamp": at, "event": object{"id": "x"}}},
		{copied, "2", object{"@timestamp": at, "event.id": "x"}},
		{first, "3", object{"@timestamp": at}},
		{copied, "3", object{"@timestamp": at}},
	})
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", n.Name("*"), "any where true")
	for _, p := range []place{elasticsearch(n), embedded(t, dump(t, n, n.Name("*")))} {
		t.Run(p.name, func(t *testing.T) {
			x := p.mustOnce(t, string(rules), slot, "--identity-field", "event.id")["r"]
			equal(t, "by the field", x.numbers(), [5]int64{4, 3, 1, 0, 0})
			x = p.mustOnce(t, string(rules), slot)["r"]
			equal(t, "by index and id", x.numbers(), [5]int64{4, 2, 2, 0, 0})
		})
	}
}

// TestIdentityWithoutID: events in files need no ids. A copy of a line is the same event.
func TestIdentityWithoutID(t *testing.T) {
	slot := aSlot()
	line := fmt.Sprintf(`{"@timestamp":%q,"process":{"name":"curl","pid":7}}`, stamp(slot, time.Minute))
	otherwise := fmt.Sprintf(`{"process": {"pid": 7, "name": "curl"}, "@timestamp": %q}`, stamp(slot, time.Minute))
	different := fmt.Sprintf(`{"@timestamp":%q,"process":{"name":"curl","pid":8}}`, stamp(slot, time.Minute))
	file := filepath.Join(t.TempDir(), "events.ndjson")
	must(t, os.WriteFile(file, []byte(strings.Join([]string{line, otherwise, different, line}, "\n")), 0o600))
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", "logs-*", `any where process.name == "curl"`)
	p := embedded(t, file)
	equal(t, "first run", p.mustOnce(t, string(rules), slot)["r"].numbers(), [5]int64{4, 2, 2, 0, 0})
	equal(t, "second run", p.mustOnce(t, string(rules), slot)["r"].numbers(), [5]int64{4, 0, 4, 0, 0})
}
