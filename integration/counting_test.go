//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// addCounting writes a rule of a counting type, with a look-back of ten minutes.
func (d ruleDir) addCounting(t *testing.T, id, typ, index, more string) {
	t.Helper()
	text := fmt.Sprintf(`[rule]
description = "A rule of a test."
from = "now-10m"
index = [%q]
language = "kuery"
name = "rule %s"
query = 'event.category:authentication'
risk_score = 47
rule_id = %q
severity = "medium"
type = %q
%s
`, index, id, id, typ, more)
	must(t, os.WriteFile(filepath.Join(string(d), id+".toml"), []byte(text), 0o600))
}

// newTermsKeys are the keys of a new_terms rule.
func newTermsKeys(fields ...string) string {
	return "new_terms_fields = [\"" + strings.Join(fields, `", "`) + "\"]\nhistory_window_start = \"now-7d\""
}

// counting is an index of events to which a test adds events between runs.
type counting struct {
	node    *Node
	index   string
	rules   string
	cluster place
	store   string
}

// newCounting creates an index, and stores without alerts.
func newCounting(t *testing.T) (*counting, ruleDir) {
	t.Helper()
	n := newNode(t)
	c := &counting{node: n, index: n.Name("events"), rules: t.TempDir(), cluster: elasticsearch(n), store: t.TempDir()}
	n.CreateIndex(t, c.index, eventMapping())
	return c, ruleDir(c.rules)
}

// run runs the rules on the cluster and on files with the same events. Both must make the same alerts. It returns
// the account and all alerts so far.
func (c *counting) run(t *testing.T, slot time.Time) (map[string]execution, []string) {
	t.Helper()
	local := place{name: "embedded", alerts: []string{"--store", c.store}}
	local.flags = []string{"--store", c.store, "--events", dump(t, c.node, c.index)}
	local = local.withMapping(t, c.node, c.index)
	onCluster, onFiles := c.cluster.once(t, c.rules, slot), local.once(t, c.rules, slot)
	if onCluster.code > 1 || onFiles.code != onCluster.code {
		t.Fatalf("codes %d and %d\n%s%s", onCluster.code, onFiles.code, onCluster.err, onFiles.err)
	}
	account := onCluster.executions(t)
	if diff := cmp.Diff(account, onFiles.executions(t)); diff != "" {
		t.Errorf("accounts (-cluster +files):\n%s", diff)
	}
	alerts := stored(t, c.node)
	if diff := cmp.Diff(lasting(alerts), lasting(local.list(t))); diff != "" {
		t.Errorf("alerts (-cluster +files):\n%s", diff)
	}
	return account, countingLines(alerts)
}

// countingLines formats the groups and new terms of alerts.
func countingLines(alerts map[string]object) []string {
	var lines []string
	for _, a := range alerts {
		alert := JSON{a}
		line := []string{alert.At("kibana.alert.rule.rule_id").String()}
		for _, term := range alert.At("kibana.alert.threshold_result.terms").List() {
			line = append(line, term.At("field").String()+"="+term.At("value").String())
		}
		if n := alert.At("kibana.alert.threshold_result.count"); !n.Missing() {
			line = append(line, n.String())
		}
		for _, values := range alert.At("kibana.alert.threshold_result.cardinality").List() {
			line = append(line, values.At("field").String()+":"+values.At("value").String())
		}
		if terms := alert.At("kibana.alert.new_terms").Strings(); terms != nil {
			line = append(line, strings.Join(terms, "|"))
		}
		line = append(line, "of")
		for _, ancestor := range alert.At("kibana.alert.ancestors").List() {
			line = append(line, ancestor.At("id").String())
		}
		lines = append(lines, strings.Join(line, " "))
	}
	slices.Sort(lines)
	return lines
}

// event returns an event of a user on a host, at a time before the slot.
func (c *counting) event(slot time.Time, id string, before time.Duration, user, host string) doc {
	source := object{"@timestamp": stamp(slot, before), "host": object{"name": host}, "event": object{"category": "authentication"}}
	if user != "" {
		source["user"] = object{"name": user}
	}
	return doc{c.index, id, source}
}

func wantNumbers(t *testing.T, what string, account map[string]execution, want map[string][5]int64) {
	t.Helper()
	got := map[string][5]int64{}
	for id, x := range account {
		got[id] = x.numbers()
	}
	equal(t, what, got, want)
}

// TestNewTermsOfManyCombinations finds the few new combinations among 50,000 of one event, on Elasticsearch and
// embedded.
func TestNewTermsOfManyCombinations(t *testing.T) {
	c, rules := newCounting(t)
	slot := aSlot()
	rules.addCounting(t, "many", "new_terms", c.index, newTermsKeys("user.name", "host.name", "process.name"))
	list := func(prefix string, n int) []string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("%s%03d", prefix, i)
		}
		return names
	}
	event := func(id string, before time.Duration, user, host, process any) doc {
		return doc{c.index, id, object{
			"@timestamp": stamp(slot, before), "event": object{"category": "authentication"},
			"user": object{"name": user}, "host": object{"name": host}, "process": object{"name": process},
		}}
	}
	users, hosts, processes := list("u", 100), list("h", 100), list("p", 5)
	put(t, c.node, []doc{
		event("old", 24*time.Hour, users, hosts, processes), event("again", 5*time.Minute, users, hosts, processes),
		event("1", 4*time.Minute, "u000", "h000", "new"), event("2", 3*time.Minute, "u099", "new", "p004"),
		event("3", 2*time.Minute, "new", "h050", "p000"), event("4", time.Minute, "u050", "h050", "p005"),
	})
	start := time.Now()
	account, alerts := c.run(t, slot)
	took := time.Since(start)
	wantNumbers(t, "account", account, map[string][5]int64{"many": {4, 4, 0, 0, 0}})
	equal(t, "alerts", alerts, []string{"many new|h050|p000 of 3", "many u000|h000|new of 1", "many u050|h050|p005 of 4", "many u099|new|p004 of 2"})
	if took > 2*time.Minute { // it takes seconds, plus the load of the machine
		t.Errorf("it took %s", took)
	}
}

func TestThresholdRules(t *testing.T) {
	c, rules := newCounting(t)
	slot := aSlot()
	rules.addCounting(t, "users", "threshold", c.index, "[rule.threshold]\nfield = ['user.name']\nvalue = 3")
	rules.addCounting(t, "spray", "threshold", c.index,
		"[rule.threshold]\nfield = ['host.name']\nvalue = 1\ncardinality = [{ field = 'user.name', value = 3 }]")
	rules.addCounting(t, "all", "threshold", c.index, "[rule.threshold]\nfield = []\nvalue = 8")
	events := []doc{
		c.event(slot, "a1", 9*time.Minute, "ann", "h1"), c.event(slot, "a2", 8*time.Minute, "ann", "h1"), c.event(slot, "a3", 7*time.Minute, "ann", "h2"),
		c.event(slot, "b1", 9*time.Minute, "bob", "h2"), c.event(slot, "b2", 8*time.Minute, "bob", "h2"), // below the threshold by one
		c.event(slot, "c1", 6*time.Minute, "cat", "h2"),
		c.event(slot, "n1", 5*time.Minute, "", "h1"),
		c.event(slot, "o1", 11*time.Minute, "bob", "h1"), // before the window
		{c.index, "x1", object{"@timestamp": stamp(slot, time.Minute), "user": object{"name": "bob"}, "event": object{"category": "process"}}},
	}
	put(t, c.node, events)
	account, alerts := c.run(t, slot)
	wantNumbers(t, "first run", account, map[string][5]int64{"users": {1, 1}, "spray": {1, 1}, "all": {}})
	first := []string{
		"spray host.name=h2 4 user.name:3 of b1 b2 a3 c1",
		"users user.name=ann 3 of a1 a2 a3",
	}
	equal(t, "first alerts", alerts, first)

	// The following cases depend on existing alerts.
	account, alerts = c.run(t, slot)
	wantNumbers(t, "second run", account, map[string][5]int64{"users": {}, "spray": {}, "all": {}})
	equal(t, "alerts after it", alerts, first)
	account, _ = c.run(t, slot.Add(2*time.Minute))
	wantNumbers(t, "overlapping window", account, map[string][5]int64{"users": {}, "spray": {}, "all": {}})

	put(t, c.node, []doc{ // With the late event bob has three, and with another there are eight in total.
		c.event(slot, "late", 7*time.Minute+30*time.Second, "bob", "h3"), c.event(slot, "a4", -time.Minute, "ann", "h1"),
	})
	account, alerts = c.run(t, slot)
	wantNumbers(t, "late event", account, map[string][5]int64{"users": {1, 1}, "spray": {}, "all": {1, 1}})
	more := append(slices.Clone(first), "all 8 of a1 b1 a2 b2 late", "users user.name=bob 3 of b1 b2 late")
	slices.Sort(more)
	equal(t, "alerts with the late event", alerts, more)

	// Two more of ann's events are not enough, three are.
	put(t, c.node, []doc{c.event(slot, "a5", -90*time.Second, "ann", "h1")})
	account, _ = c.run(t, slot.Add(2*time.Minute))
	wantNumbers(t, "two more", account, map[string][5]int64{"users": {}, "spray": {}, "all": {}})
	put(t, c.node, []doc{c.event(slot, "a6", -100*time.Second, "ann", "h1")})
	account, alerts = c.run(t, slot.Add(2*time.Minute))
	wantNumbers(t, "three more", account, map[string][5]int64{"users": {1, 1}, "spray": {}, "all": {}})
	more = append(more, "users user.name=ann 3 of a4 a5 a6")
	slices.Sort(more)
	equal(t, "alerts with three more", alerts, more)
}

// TestThresholdAlert checks the fields of one alert.
func TestThresholdAlert(t *testing.T) {
	c, rules := newCounting(t)
	slot := aSlot()
	rules.addCounting(t, "users", "threshold", c.index,
		"timestamp_override = 'event.ingested'\n[rule.threshold]\nfield = ['user.name', 'destination.port', 'source.ip']\nvalue = 2")
	source := func(at, ingested time.Duration) object {
		s := object{
			"@timestamp": stamp(slot, at), "user.name": "ann", "event": object{"category": "authentication"},
			"destination": object{"port": 22}, "source": object{"ip": []string{"10.0.0.1"}},
		}
		if ingested > 0 {
			s["event"].(object)["ingested"] = stamp(slot, ingested)
		}
		return s
	}
	put(t, c.node, []doc{{c.index, "1", source(time.Hour, time.Minute)}, {c.index, "2", source(3*time.Minute, 0)}})
	account, alerts := c.run(t, slot)
	wantNumbers(t, "run", account, map[string][5]int64{"users": {1, 1}})
	equal(t, "alerts", alerts, []string{"users user.name=ann destination.port=22 source.ip=10.0.0.1 2 of 2 1"})
	for _, alert := range stored(t, c.node) {
		for name, want := range map[string]any{
			"kibana.alert.threshold_result.from": stamp(slot, 3*time.Minute), "kibana.alert.original_time": stamp(slot, time.Minute),
			"user.name": "ann", "source.ip": "10.0.0.1", "kibana.alert.rule.type": "threshold", "kibana.alert.depth": "1", "destination.port": "22",
		} {
			if got := (JSON{alert[name]}).String(); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		if id := (JSON{alert["kibana.alert.instance.id"]}).String(); len(id) != 64 || id == alert["_id"] {
			t.Errorf("instance %s of alert %s", id, alert["_id"])
		}
	}
}

// TestManyGroups has more groups than a page, and more that reach the threshold than max_signals: the next runs
// continue.
func TestManyGroups(t *testing.T) {
	c, rules := newCounting(t)
	slot := aSlot()
	rules.addCounting(t, "users", "threshold", c.index, "max_signals = 4\n[rule.threshold]\nfield = ['user.name']\nvalue = 2")
	rules.addCounting(t, "new", "new_terms", c.index, "max_signals = 4\n"+newTermsKeys("user.name"))
	const users = 10_500
	var events []doc
	for i := range users {
		user := fmt.Sprintf("u%05d", i)
		if i%1000 != 500 { // all but ten are known
			events = append(events, c.event(slot, "h"+user, time.Duration(21+i)*time.Minute/2, user, "h"))
		}
		events = append(events, c.event(slot, "w"+user, time.Minute+time.Duration(i)*time.Millisecond, user, "h"))
		if i%1050 == 1049 { // ten have two
			events = append(events, c.event(slot, "x"+user, time.Second, user, "h"))
		}
	}
	for chunk := range slices.Chunk(events, 5000) {
		put(t, c.node, chunk)
	}
	for run, want := range []map[string][5]int64{
		{"users": {4, 4, 0, 0, 6}, "new": {4, 4, 0, 0, 6}}, {"users": {4, 4, 0, 0, 2}, "new": {4, 4, 0, 0, 2}}, {"users": {2, 2}, "new": {2, 2}}, {"users": {}, "new": {}},
	} {
		account := c.cluster.once(t, c.rules, slot).executions(t)
		for id, x := range account {
			if got := x.numbers(); got[1] != want[id][1] || got[2] != 0 || got[4] > 0 != (want[id][4] > 0) {
				t.Errorf("run %d of %s: %v, want %v; %s", run+1, id, got, want[id], x.Error)
			}
		}
	}
	lines := countingLines(stored(t, c.node))
	if len(lines) != 20 || !slices.Contains(lines, "users user.name=u10499 2 of wu10499 xu10499") || !slices.Contains(lines, "new u09500 of wu09500") {
		t.Errorf("%d alerts:\n%s", len(lines), strings.Join(lines, "\n"))
	}
}

func TestNewTermsRules(t *testing.T) {
	c, rules := newCounting(t)
	slot := aSlot()
	rules.addCounting(t, "user", "new_terms", c.index, newTermsKeys("user.name"))
	rules.addCounting(t, "both", "new_terms", c.index, newTermsKeys("user.name", "host.name"))
	rules.addCounting(t, "three", "new_terms", c.index, newTermsKeys("user.name", "host.name", "destination.port"))
	put(t, c.node, []doc{
		c.event(slot, "old", 8*24*time.Hour, "dan", "h1"), // before the history
		c.event(slot, "known", 6*24*time.Hour, "ann", "h1"), c.event(slot, "near", 10*time.Minute+time.Millisecond, "eve", "h1"),
		c.event(slot, "a1", 5*time.Minute, "ann", "h1"), c.event(slot, "a2", 4*time.Minute, "ann", "h2"),
		c.event(slot, "b2", 3*time.Minute, "bob", "h1"), c.event(slot, "b1", 6*time.Minute, "bob", "h1"),
		c.event(slot, "d1", 5*time.Minute, "dan", "h1"), c.event(slot, "e1", 5*time.Minute, "eve", "h1"), c.event(slot, "n1", 5*time.Minute, "", "h9"),
		c.event(slot, "after", 0, "zoe", "h1"),
		{c.index, "other", object{"@timestamp": stamp(slot, time.Minute), "user": object{"name": "mallory"}, "event": object{"category": "process"}}},
	})
	account, alerts := c.run(t, slot)
	wantNumbers(t, "first run", account, map[string][5]int64{"user": {2, 2}, "both": {3, 3}, "three": {}})
	want := []string{"both ann|h2 of a2", "both bob|h1 of b1", "both dan|h1 of d1", "user bob of b1", "user dan of d1"}
	equal(t, "alerts", alerts, want)

	// The following cases depend on existing alerts.
	account, alerts = c.run(t, slot)
	wantNumbers(t, "second run", account, map[string][5]int64{"user": {}, "both": {}, "three": {}})
	equal(t, "alerts after it", alerts, want)
	put(t, c.node, []doc{
		c.event(slot, "late", 7*time.Minute, "bob", "h1"), // earlier than the event that alerted
		c.event(slot, "fresh", 8*time.Minute, "fay", "h1"),
	})
	_, alerts = c.run(t, slot)
	want = append(want, "both fay|h1 of fresh", "user fay of fresh")
	slices.Sort(want)
	equal(t, "alerts with what came late", alerts, want)
	_, alerts = c.run(t, slot.Add(5*time.Minute))
	want = append(want, "both zoe|h1 of after", "user zoe of after")
	slices.Sort(want)
	equal(t, "alerts of the next slot", alerts, want)
}

// TestMixedMappings: a field with different types in two indices is counted by text, and analysed text is not
// counted.
func TestMixedMappings(t *testing.T) {
	c, rules := newCounting(t)
	slot := aSlot()
	other := c.node.Name("others")
	mapping := eventMapping()
	mapping["properties"].(object)["peer"] = object{"type": "long"}
	mapping["properties"].(object)["remark"] = object{"type": "text"}
	c.node.CreateIndex(t, other, mapping)
	pattern := c.node.Name("*")
	rules.addCounting(t, "peers", "threshold", pattern, "[rule.threshold]\nfield = ['peer']\nvalue = 3")
	rules.addCounting(t, "new", "new_terms", pattern, newTermsKeys("peer"))
	event := func(index, id string, before time.Duration, peer any) doc {
		return doc{index, id, object{"@timestamp": stamp(slot, before), "event.category": "authentication", "peer": peer}}
	}
	put(t, c.node, []doc{
		event(c.index, "1", 3*time.Minute, "7"), event(other, "2", 2*time.Minute, 7), event(other, "3", time.Minute, []any{7, 8}),
		event(other, "4", time.Hour, 8), event(c.index, "5", time.Minute, "8"),
	})
	o := c.cluster.once(t, c.rules, slot)
	wantNumbers(t, "run", o.executions(t), map[string][5]int64{"peers": {1, 1}, "new": {1, 1}})
	equal(t, "alerts", countingLines(stored(t, c.node)), []string{"new 7 of 1", "peers peer=7 3 of 1 2 3"})
	if !strings.Contains(o.out+o.err, "its values are counted in memory, by their texts") {
		t.Errorf("nothing is said of it:\n%s%s", o.out, o.err)
	}

	texts := ruleDir(t.TempDir())
	texts.addCounting(t, "remarks", "threshold", other, "[rule.threshold]\nfield = ['remark']\nvalue = 1")
	if o = c.cluster.once(t, string(texts), slot); o.code != 1 || !strings.Contains(o.out+o.err, "field [remark] is analysed text") {
		t.Errorf("analysed text: code %d\n%s%s", o.code, o.out, o.err)
	}
}
