//go:build integration

package integration

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// addESQL writes a rule of type esql with a look-back of ten minutes, and returns its path. The query starts at
// line 5, column 14.
func (d ruleDir) addESQL(t *testing.T, id, query string, extra ...string) string {
	t.Helper()
	text := fmt.Sprintf(`[rule]
description = "A rule of a test."
from = "now-10m"
language = "esql"
query = """  %s"""
name = "rule %s"
risk_score = 47
rule_id = %q
severity = "medium"
type = "esql"
%s
`, strings.ReplaceAll(query, `\`, `\\`), id, id, strings.Join(extra, "\n"))
	file := filepath.Join(string(d), id+".toml")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// logins returns events of users, one per second from the start of the ten-minute window.
func logins(index string, slot time.Time, users ...string) []doc {
	var docs []doc
	for i, user := range users {
		docs = append(docs, doc{index, fmt.Sprintf("%s-%d", user, i), object{
			"@timestamp": stamp(slot, 10*time.Minute-time.Duration(i)*time.Second),
			"event":      object{"category": "authentication", "action": "login"},
			"user":       object{"name": user},
			"host":       object{"name": "h1", "ip": []string{"10.0.0.1", "10.0.0.2"}},
		}})
	}
	return docs
}

// TestESQLDocuments: rows that stand for their documents make one alert about each document, however often they
// are found.
func TestESQLDocuments(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	docs := logins(index, slot, "alice", "bob", "alice", "carol")
	early := doc{index, "early", object{"@timestamp": stamp(slot, 10*time.Minute+time.Millisecond), "user": object{"name": "alice"}}}
	after := doc{index, "after", object{"@timestamp": stamp(slot, 0), "user": object{"name": "alice"}}}
	put(t, n, append(docs, early, after))
	rules := ruleDir(t.TempDir())
	for id, query := range map[string]string{
		"plain":    `FROM %s METADATA _id, _index, _version | WHERE user.name == "alice" | EVAL Esql.shout = TO_UPPER(user.name), user.domain = "d"`,
		"kept":     `FROM %s METADATA _id, _index, _version | WHERE user.name == "alice" | EVAL Esql.shout = TO_UPPER(user.name), user.domain = "d" | KEEP *`,
		"implicit": `FROM %s | WHERE user.name == "alice" | EVAL Esql.shout = TO_UPPER(user.name), user.domain = "d" | KEEP user.*, Esql.*`,
		"source":   `FROM %s METADATA _id, _index, _source | WHERE user.name == "alice" | EVAL Esql.shout = TO_UPPER(user.name), user.domain = "d"`,
		"inline":   `FROM %s | INLINESTATS n = COUNT(*) BY user.name | WHERE user.name == "alice" AND n == 2 | EVAL Esql.shout = TO_UPPER(user.name), user.domain = "d"`,
	} {
		if id == "inline" && !n.has(t, "FROM "+index+" | INLINESTATS n = COUNT(*)") {
			continue
		}
		rules.addESQL(t, id, fmt.Sprintf(query, index))
	}
	p := elasticsearch(n)
	for id, x := range p.mustOnce(t, string(rules), slot) {
		equal(t, id, x.numbers(), [5]int64{2, 2, 0, 0, 0})
	}
	for id, events := range eventsOf(p.list(t)) {
		equal(t, id, events, []string{"alice-0", "alice-2"})
	}
	for _, alert := range p.list(t) {
		a := JSON{alert}
		equal(t, "a column", a.At("Esql", "shout").String(), "ALICE")
		equal(t, "a column beside a field", a.At("user", "domain").String(), "d")
		equal(t, "a field of the event that is no column", a.At("event", "action").String(), "login")
		equal(t, "a field with several values", a.At("host", "ip").Strings(), []string{"10.0.0.1", "10.0.0.2"})
		equal(t, "indices", a.At("kibana.alert.rule.indices").Strings(), []string{index})
		equal(t, "index of the event", JSON{alert["kibana.alert.ancestors"]}.At(0, "index").String(), index)
		if a.At("kibana.alert.original_time").Missing() {
			t.Errorf("no original time: %v", alert)
		}
	}

	before := len(p.list(t))
	p.mustOnce(t, string(rules), slot)
	equal(t, "alerts after a second run", len(p.list(t)), before)
	put(t, n, []doc{{index, "late", object{"@timestamp": stamp(slot, 9*time.Minute), "user": object{"name": "alice"}}}})
	for id, x := range p.mustOnce(t, string(rules), slot) {
		want := [5]int64{3, 1, 2, 0, 0}
		if id == "inline" {
			want = [5]int64{} // it requires two of them
		}
		equal(t, id+" with a late event", x.numbers(), want)
	}
}

// has reports whether the node can run a query.
func (n *Node) has(t *testing.T, query string) bool {
	t.Helper()
	status, _ := n.Do(t, http.MethodPost, "/_query", object{"query": query + " | LIMIT 0"})
	return status == http.StatusOK
}

// TestESQLExpanded: a document that makes several rows makes as many alerts, each once.
func TestESQLExpanded(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, logins(index, slot, "alice", "bob"))
	rules := ruleDir(t.TempDir())
	rules.addESQL(t, "expanded", "FROM "+index+` METADATA _id, _index | MV_EXPAND host.ip`)
	rules.addESQL(t, "narrowed", "FROM "+index+` METADATA _id, _index | MV_EXPAND host.ip | WHERE host.ip == "10.0.0.2"`)
	p := elasticsearch(n)
	x := p.mustOnce(t, string(rules), slot)
	equal(t, "expanded", x["expanded"].numbers(), [5]int64{4, 4, 0, 0, 0})
	equal(t, "narrowed", x["narrowed"].numbers(), [5]int64{2, 2, 0, 0, 0})
	var ips []string
	for _, alert := range p.list(t) {
		if alert["kibana.alert.rule.rule_id"] == "expanded" {
			ips = append(ips, JSON{alert}.At("user", "name").String()+" "+JSON{alert}.At("host", "ip").String())
		}
	}
	slices.Sort(ips)
	equal(t, "values", ips, []string{"alice 10.0.0.1", "alice 10.0.0.2", "bob 10.0.0.1", "bob 10.0.0.2"})
	x = p.mustOnce(t, string(rules), slot.Add(time.Minute))
	equal(t, "expanded, an overlapping window", x["expanded"].numbers(), [5]int64{}) // the events lie before it
	x = p.mustOnce(t, string(rules), slot)
	equal(t, "expanded, again", x["expanded"].numbers(), [5]int64{4, 0, 4, 0, 0})
	equal(t, "narrowed, again", x["narrowed"].numbers(), [5]int64{2, 0, 2, 0, 0})
}

// TestESQLRows: rows made from many events are identified by their values and the window.
func TestESQLRows(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, logins(index, slot.Add(5*time.Minute), "alice", "bob", "alice", "alice", "bob", "carol"))
	rules := ruleDir(t.TempDir())
	rules.addESQL(t, "r", "FROM "+index+` | STATS Esql.logins = COUNT(*), Esql.hosts = VALUES(host.ip), @timestamp = MAX(@timestamp),
	  Esql.age = MAX(DATE_DIFF("seconds", @timestamp, NOW())), Esql.mean = AVG(LENGTH(user.name) / 3.0) BY user.name | WHERE Esql.logins > 1`)
	p := elasticsearch(n)
	equal(t, "first", p.mustOnce(t, string(rules), slot)["r"].numbers(), [5]int64{2, 2, 0, 0, 0})
	equal(t, "second", p.mustOnce(t, string(rules), slot)["r"].numbers(), [5]int64{2, 0, 2, 0, 0})
	counts := map[string]int64{}
	for _, alert := range p.list(t) {
		a := JSON{alert}
		counts[a.At("user", "name").String()] = a.At("Esql", "logins").Int()
		equal(t, "ancestors", len(a.At("kibana.alert.ancestors").List()), 0)
		equal(t, "several values", a.At("Esql", "hosts").Strings(), []string{"10.0.0.1", "10.0.0.2"})
		if a.At("kibana.alert.original_time").String() == "" {
			t.Errorf("no original time: %v", alert)
		}
	}
	equal(t, "logins", counts, map[string]int64{"alice": 3, "bob": 2})

	// Another window makes another alert, as its row counts other events.
	equal(t, "later", p.mustOnce(t, string(rules), slot.Add(time.Minute))["r"].numbers(), [5]int64{2, 2, 0, 0, 0})
	// A late event changes the row of the window.
	put(t, n, []doc{{index, "late", object{"@timestamp": stamp(slot, time.Minute), "user": object{"name": "bob"}}}})
	equal(t, "with a late event", p.mustOnce(t, string(rules), slot)["r"].numbers(), [5]int64{2, 1, 1, 0, 0})
	equal(t, "alerts", len(p.list(t)), 5)
}

// TestESQLOwnAlerts: an aggregating rule over alerts does not count its own alerts.
func TestESQLOwnAlerts(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, object{"properties": object{
		"@timestamp": object{"type": "date"}, "kibana": object{"properties": object{"alert": object{"properties": object{"rule": object{"properties": object{
			"rule_id": object{"type": "keyword"},
		}}}}}},
	}})
	for _, rule := range []string{"r", "other", "other"} {
		put(t, n, []doc{{index, fmt.Sprint(rule, time.Now().UnixNano()), object{"@timestamp": stamp(slot, time.Minute), "kibana.alert.rule.rule_id": rule}}})
	}
	rules := ruleDir(t.TempDir())
	rules.addESQL(t, "r", "FROM "+index+` | STATS Esql.alerts = COUNT(*)`)
	p := elasticsearch(n)
	p.mustOnce(t, string(rules), slot)
	for _, alert := range p.list(t) {
		equal(t, "alerts", JSON{alert}.At("Esql", "alerts").Int(), 2)
	}
	equal(t, "made", len(p.list(t)), 1)
}

// TestESQLMaxSignals: the rows beyond max_signals are counted, and found by the next run.
func TestESQLMaxSignals(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, logins(index, slot, strings.Fields(strings.Repeat("alice ", 25))...))
	rules := ruleDir(t.TempDir())
	rules.addESQL(t, "documents", "FROM "+index+` METADATA _id, _index`, "max_signals = 10")
	rules.addESQL(t, "rows", "FROM "+index+` | STATS n = COUNT(*) BY @timestamp`, "max_signals = 10")
	p := elasticsearch(n)
	for run, want := range [][5]int64{{10, 10, 0, 0, 15}, {20, 10, 10, 0, 5}, {25, 5, 20, 0, 0}} {
		o := p.once(t, string(rules), slot)
		for id, x := range o.executions(t) {
			equal(t, fmt.Sprint(id, " run ", run), x.numbers(), want)
			equal(t, "status", x.Status, map[bool]string{true: "partial_failure", false: "succeeded"}[want[4] > 0])
		}
	}
	equal(t, "alerts", len(p.list(t)), 50)
}

// TestESQLManyRows: rows of documents are read in parts of the window, so that none is missing; for other rows the
// limit is reported.
func TestESQLManyRows(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index, wide := n.Name("events"), n.Name("wide")
	n.CreateIndex(t, index, eventMapping())
	var docs []doc
	for i := range 2300 {
		before := time.Duration(1+i/2) * 100 * time.Millisecond
		if i < 1100 {
			before = 5 * time.Minute // more in one millisecond than a part can have
		}
		docs = append(docs, doc{index, strconv.Itoa(i), object{"@timestamp": stamp(slot, before), "user": object{"name": "alice"}}})
	}
	put(t, n, docs)
	n.CreateIndex(t, wide, object{"properties": object{"@timestamp": object{"type": "date"}}})
	numbers := make([]int, 101)
	for i := range numbers {
		numbers[i] = i
	}
	put(t, n, []doc{{wide, "1", object{"@timestamp": stamp(slot, time.Minute), "a": numbers, "b": numbers}}})
	rules := ruleDir(t.TempDir())
	rules.addESQL(t, "documents", "FROM "+index, "max_signals = 5000")
	rules.addESQL(t, "own", "FROM "+index+" | SORT @timestamp | LIMIT 3")
	rules.addESQL(t, "rows", "FROM "+wide+" | MV_EXPAND a | MV_EXPAND b | STATS n = COUNT(*) BY a, b", "max_signals = 5")
	p := elasticsearch(n)
	o := p.once(t, string(rules), slot)
	x := o.executions(t)
	equal(t, "documents", x["documents"].numbers(), [5]int64{2300, 2300, 0, 0, 0})
	equal(t, "status", x["documents"].Status, "succeeded")
	equal(t, "own limit", x["own"].numbers(), [5]int64{3, 3, 0, 0, 0})
	if text := strings.Join(x["own"].Warnings, "\n"); !strings.Contains(text, "LIMIT 3 was reached") {
		t.Errorf("own limit: warnings %q", text)
	}
	equal(t, "status", x["rows"].Status, "partial_failure")
	// Rows that are not read because there are enough alerts count as left.
	equal(t, "rows", x["rows"].numbers(), [5]int64{5, 5, 0, 0, 9995})
	if !strings.Contains(x["rows"].Error, "the row limit of 10000 was reached") {
		t.Errorf("rows: error %q", x["rows"].Error)
	}
}

// TestESQLTimeout: a rule that times out leaves no query running on the server.
func TestESQLTimeout(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("slow")
	n.CreateIndex(t, index, object{"properties": object{"@timestamp": object{"type": "date"}}})
	numbers := make([]int, 60)
	for i := range numbers {
		numbers[i] = i
	}
	put(t, n, []doc{{index, "1", object{"@timestamp": stamp(slot, time.Minute), "a": numbers, "b": numbers, "c": numbers, "d": numbers, "e": numbers}}})
	rules := ruleDir(t.TempDir())
	rules.addESQL(t, "r", "FROM "+index+" | KEEP a, b, c, d, e | MV_EXPAND a | MV_EXPAND b | MV_EXPAND c | MV_EXPAND d | MV_EXPAND e | STATS n = COUNT(*)")
	p := elasticsearch(n)
	p.mustOnce(t, string(rules), slot.Add(24*time.Hour)) // creates the indices
	for _, limit := range []string{"1s", "4s"} {         // while the query is sent, and while its answer is awaited
		began := time.Now()
		o := p.once(t, string(rules), slot, "--rule-timeout", limit)
		if x := o.executions(t)["r"]; o.code == 0 || x.Status != "failed" || !strings.Contains(x.Error, "deadline") {
			t.Errorf("exit code %d, %+v", o.code, x)
		}
		if took := time.Since(began); took > 12*time.Second {
			t.Errorf("a limit of %s took %s", limit, took)
		}
		n.wantNoTask(t, index)
	}
}

// wantNoTask waits until no task uses an index: cancelling takes effect between two pages.
func (n *Node) wantNoTask(t *testing.T, index string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	var running string
	for ctx.Err() == nil {
		reply := n.Must(t, http.MethodGet, "/_tasks?actions=*esql*&detailed", nil)
		if running = reply.String(); !strings.Contains(running, index) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Errorf("still running: %.500s", running)
}

// TestESQLFaults: errors of Elasticsearch are reported at their position in the rule.
func TestESQLFaults(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, logins(index, slot, "alice"))
	rules := ruleDir(t.TempDir())
	prefix := "FROM " + index
	for id, tt := range map[string]struct{ query, place, message string }{
		"column":   {prefix + " | KEEP user.name\n| WHERE no.such.field == 1", ":6:9: ", "Unknown column [no.such.field]"},
		"type":     {prefix + ", " + n.Name("gone") + " | WHERE user.name > 5", fmt.Sprintf(":5:%d: ", 14+len(prefix)+len(n.Name("gone"))+11), "[user.name > 5]"},
		"function": {prefix + " | EVAL x = abracadabra(1)", fmt.Sprintf(":5:%d: ", 14+len(prefix)+12), "Unknown function [abracadabra]"},
		"lookup":   {prefix + " | LOOKUP JOIN " + n.Name("gone") + " ON user.name", fmt.Sprintf(":5:%d: ", 14+len(prefix)+15), "Unknown index"},
		"rerank":   {prefix + " | SORT user.name | LIMIT 10 | RERANK \"x\" ON user.name WITH m", fmt.Sprintf(":5:%d: ", 14+len(prefix)+31), "this Elasticsearch has no command RERANK"},
	} {
		rules.addESQL(t, id, tt.query)
		t.Run(id, func(t *testing.T) {
			p := elasticsearch(n)
			o := p.once(t, filepath.Join(string(rules), id+".toml"), slot)
			equal(t, "exit code", o.code, 1)
			equal(t, "status", o.executions(t)[id].Status, "failed")
			if !strings.Contains(o.err, id+".toml"+tt.place) || !strings.Contains(o.err, tt.message) {
				t.Errorf("want %q and %q in\n%s", id+".toml"+tt.place, tt.message, o.err)
			}
			live := runner(t, nil, "check", "--live", "--elasticsearch", n.URL, filepath.Join(string(rules), id+".toml"))
			if live.code != 1 || !strings.Contains(live.out, tt.place) {
				t.Errorf("check --live: exit code %d\n%s%s", live.code, live.out, live.err)
			}
		})
	}
}

// TestESQLIndices: patterns that match nothing are warnings, whether or not Elasticsearch would refuse the query.
func TestESQLIndices(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, logins(index, slot, "alice"))
	rules := ruleDir(t.TempDir())
	rules.addESQL(t, "none", "FROM "+n.Name("gone-*")+" | WHERE user.name == \"alice\"")
	rules.addESQL(t, "one", "FROM "+n.Name("gone")+` | STATS COUNT(*)`)
	rules.addESQL(t, "some", "FROM "+n.Name("gone")+", "+index+", "+n.Name("gone-*"))
	rules.addESQL(t, "made", `ROW user.name = "alice"`)
	x := elasticsearch(n).mustOnce(t, string(rules), slot)
	equal(t, "none", x["none"].Warnings, []string{"no open index matches " + n.Name("gone-*") + ": nothing was searched"})
	equal(t, "one", x["one"].Warnings, []string{"no open index matches " + n.Name("gone") + ": nothing was searched"})
	equal(t, "some", x["some"].Warnings, []string{"no open index matches " + n.Name("gone") + ", " + n.Name("gone-*")})
	equal(t, "some", x["some"].numbers(), [5]int64{1, 1, 0, 0, 0})
	equal(t, "made", x["made"].Warnings, nil)
	equal(t, "made", x["made"].numbers(), [5]int64{1, 1, 0, 0, 0})
}

// TestESQLShardFailure: rows of healthy shards become alerts, and the run is partial.
func TestESQLShardFailure(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	good, bad := n.Name("good"), n.Name("bad")
	n.CreateIndex(t, good, eventMapping())
	n.Must(t, http.MethodPut, "/"+bad+"?wait_for_active_shards=0", object{
		"settings": object{"number_of_replicas": 0, "index.routing.allocation.require._name": "nobody"}, "mappings": eventMapping(),
	})
	put(t, n, logins(good, slot, "alice"))
	rules := ruleDir(t.TempDir())
	rules.addESQL(t, "documents", "FROM "+n.Name("*")+` | WHERE user.name LIKE "*"`)
	rules.addESQL(t, "rows", "FROM "+n.Name("*")+` | STATS n = COUNT(*)`)
	p := elasticsearch(n)
	o := p.once(t, string(rules), slot)
	equal(t, "exit code", o.code, 1)
	for id, x := range o.executions(t) {
		equal(t, id+": status", x.Status, "partial_failure")
		equal(t, id+": numbers", x.numbers(), [5]int64{1, 1, 0, 0, 0})
		if !strings.Contains(x.Error, bad) || !strings.Contains(x.Error, "shards failed") {
			t.Errorf("%s: error %q", id, x.Error)
		}
	}
	n.Must(t, http.MethodPut, "/"+bad+"/_settings", object{"index.routing.allocation.require._name": nil})
	put(t, n, logins(bad, slot, "bob"))
	equal(t, "when it is mended", p.mustOnce(t, string(rules), slot)["documents"].numbers(), [5]int64{2, 1, 1, 0, 0})
}

// TestESQLOverride: the window is on the rule's timestamp_override.
func TestESQLOverride(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, []doc{
		{index, "late", object{"@timestamp": stamp(slot, 5*time.Hour), "event": object{"ingested": stamp(slot, time.Minute)}}},
		{index, "early", object{"@timestamp": stamp(slot, time.Minute), "event": object{"ingested": stamp(slot, 5*time.Hour)}}},
		{index, "plain", object{"@timestamp": stamp(slot, time.Minute)}},
	})
	rules := ruleDir(t.TempDir())
	rules.addESQL(t, "override", "FROM "+index, `timestamp_override = "event.ingested"`)
	p := elasticsearch(n)
	p.mustOnce(t, string(rules), slot)
	equal(t, "events", eventsOf(p.list(t)), map[string][]string{"override": {"late", "plain"}})
}

// TestESQLWarnings: warnings of Elasticsearch are reported at their position.
func TestESQLWarnings(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, logins(index, slot, "alice"))
	rules := ruleDir(t.TempDir())
	rules.addESQL(t, "r", "FROM "+index+"\n| EVAL x = TO_LONG(user.name)")
	x := elasticsearch(n).mustOnce(t, string(rules), slot)["r"]
	equal(t, "numbers", x.numbers(), [5]int64{1, 1, 0, 0, 0})
	if text := strings.Join(x.Warnings, "\n"); !strings.Contains(text, "r.toml:6:12: warning: evaluation of [TO_LONG(user.name)] failed") ||
		strings.Contains(text, "No limit defined") {
		t.Errorf("warnings %s", text)
	}
}

// TestESQLExplain: the shown request is the one that is sent.
func TestESQLExplain(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, logins(index, slot, "alice", "bob"))
	rules := ruleDir(t.TempDir())
	file := rules.addESQL(t, "r", "FROM "+index+` | WHERE user.name == "alice" | KEEP user.name`)
	at := slot.Format(time.RFC3339)
	o := runner(t, nil, "explain", file, "--elasticsearch", n.URL, "--at", at, "--format", "json")
	equal(t, "exit code", o.code, 0)
	explained, err := decode([]byte(o.out))
	must(t, err)
	reply := n.Must(t, http.MethodPost, "/_query", explained.At("request").Any())
	equal(t, "rows", reply.At("values").String(), fmt.Sprintf(`[["alice","alice-0",%q]]`, index))
	equal(t, "indices", explained.At("indices").Strings(), []string{index})
	o = runner(t, nil, "explain", file, "--at", at)
	for _, part := range []string{"POST /_query", "each stands for its document", "KEEP user.name, _id, _index"} {
		if !strings.Contains(o.out, part) {
			t.Errorf("%q is not in\n%s", part, o.out)
		}
	}
}

// TestESQLQuery: an ad hoc query returns its rows.
func TestESQLQuery(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, logins(index, slot, "alice", "bob", "alice"))
	ask := func(query string, more ...string) outcome {
		return runner(t, nil, append([]string{"query", "--elasticsearch", n.URL, "--language", "esql", "--format", "ndjson", query}, more...)...)
	}
	o := ask("FROM " + index + " | STATS n = COUNT(*) BY user.name | SORT n DESC")
	equal(t, "rows", o.out, `{"n":2,"user":{"name":"alice"}}`+"\n"+`{"n":1,"user":{"name":"bob"}}`+"\n")
	o = ask("FROM "+index+" | STATS n = COUNT(*)", "--from", slot.Add(-10*time.Minute).Add(time.Second).Format(time.RFC3339))
	equal(t, "from", o.out, `{"n":2}`+"\n")
	o = ask("FROM "+index+" | STATS n = COUNT(*) BY user.name | SORT n", "--size", "1")
	equal(t, "size", o.out, `{"n":1,"user":{"name":"bob"}}`+"\n")
	o = ask("FROM "+index+" | STATS z = COUNT(*) BY user.name | EVAL nothing = null, b = z * 2 | SORT z DESC", "--format", "csv")
	equal(t, "columns", o.out, "z,user.name,nothing,b\n2,alice,,4\n1,bob,,2\n")
	o = ask("FROM "+index+" | STATS z = COUNT(*) BY user.name | WHERE z > 9", "--format", "csv")
	equal(t, "columns without rows", o.out, "z,user.name\n")
	o = ask("FROM " + index + " | WHERE nope == 1")
	if o.code != 2 || !strings.Contains(o.err, "query:1:") || !strings.Contains(o.err, "Unknown column [nope]") {
		t.Errorf("exit code %d, %s", o.code, o.err)
	}
}
