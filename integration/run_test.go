//go:build integration

package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRunShippedRules is the main job: events of data streams, the two shipped rules, alerts.
func TestRunShippedRules(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	processes, connections := "logs-endpoint.events.process-"+n.Prefix, "logs-endpoint.events.network-"+n.Prefix
	dataStream(t, n, processes)
	dataStream(t, n, connections)
	linux := object{"name": "node-1", "os": object{"type": "linux"}}
	process := func(id, name string, args any, change ...func(object)) doc {
		source := object{
			"@timestamp": stamp(slot, 5*time.Minute), "host": linux, "process": object{"name": name, "args": args},
			"event": object{"kind": "event", "category": []string{"process"}, "type": []string{"start"}, "action": "exec"},
		}
		for _, c := range change {
			c(source)
		}
		return doc{processes, id, source}
	}
	connection := func(id, name string, ip any, port int) doc {
		return doc{connections, id, object{
			"@timestamp": stamp(slot, time.Minute), "host": linux, "process": object{"name": name},
			"event":       object{"category": "network", "type": "start", "action": "connection_attempted"},
			"network":     object{"direction": "egress"},
			"destination": object{"ip": ip, "port": port},
		}}
	}
	put(t, n, []doc{
		process("secrets", "curl", []string{"curl", "-sk", "https://10.96.0.1:443/api/v1/namespaces/prod/secrets"}),
		process("any case", "wget", []string{"wget", "HTTPS://KUBERNETES.DEFAULT/APIS/APPS/V1/Deployments?limit=9"}),
		process("one argument", "curl", "curl http://k8s/api/v1/pods"),
		process("late", "curl", []string{"https://k/api/v1/pods"}, func(s object) {
			s["@timestamp"] = stamp(slot, 5*time.Hour)
			s["event"].(object)["ingested"] = stamp(slot, 2*time.Minute)
		}),
		process("ingested before", "curl", []string{"https://k/api/v1/pods"}, func(s object) {
			s["event"].(object)["ingested"] = stamp(slot, 9*time.Minute+time.Millisecond)
		}),
		process("another path", "curl", []string{"https://k/api/v2/pods"}),
		process("over two arguments", "curl", []string{"https://k", "/api/v1/pods"}),
		process("another program", "Curl", []string{"https://k/api/v1/pods"}),
		process("no arguments", "curl", nil),
		process("another system", "curl", []string{"https://k/api/v1/pods"}, func(s object) {
			s["host"] = object{"os": object{"type": "macos"}}
		}),
		connection("private", "curl", "172.16.0.1", 10250),
		connection("loopback", "python3.11", "::1", 10255),
		connection("unique local", "busybox", "fdff::7", 10250),
		connection("one of two", "nc", []string{"8.8.8.8", "fe80::1"}, 10250),
		connection("public", "curl", "172.32.0.1", 10250),
		connection("public, version 6", "curl", "2001:db8::1", 10250),
		connection("another port", "curl", "10.0.0.1", 10249),
		connection("agent", "kube-proxy", "10.0.0.1", 10250),
	})
	alerts := both(t, n, embedded(t, dump(t, n, "logs-*-"+n.Prefix)), "", slot)
	equal(t, "events", eventsOf(alerts), map[string][]string{
		requestRule: {"any case", "late", "one argument", "secrets"},
		kubeletRule: {"loopback", "one of two", "private", "unique local"},
	})
	for id, alert := range alerts {
		ancestor := JSON{alert}.At("kibana.alert.ancestors", 0, "index").String()
		if !strings.HasPrefix(ancestor, ".ds-logs-endpoint.events.") {
			t.Errorf("alert %s: its event is in %s, want the backing index", id, ancestor)
		}
		equal(t, "risk score", JSON{alert["kibana.alert.risk_score"]}.Int(), 47)
		equal(t, "kind", JSON{alert}.At("event", "kind").String(), "signal")
		tactics := []string{}
		for _, threat := range (JSON{alert["kibana.alert.rule.threat"]}).List() {
			tactics = append(tactics, threat.At("tactic", "id").String())
		}
		if len(tactics) < 2 || tactics[0] != "TA0002" && tactics[0] != "TA0008" {
			t.Errorf("tactics %q", tactics)
		}
	}
}

// conditionEvents are looked at by the rules of TestRunConditions.
func conditionEvents(slot time.Time) map[string]object {
	at := stamp(slot, 3*time.Minute)
	process := object{"category": "process"}
	return map[string]object{
		"curl": {
			"@timestamp": at, "event": process, "user": object{"name": "root"}, "peer": "10.1.2.3",
			"process": object{"name": "curl", "args": []string{"curl", "-k", "https://h/api/v1/pods"}, "pid": 10},
			"source":  object{"ip": "2001:db8::1"},
		},
		"upper": {
			"@timestamp": at, "event": process, "user": object{"name": "Root"}, "peer": []string{"fe80::1", "192.168.0.1"},
			"process": object{"name": "CURL", "args": []string{"HTTPS://H/API/V1/PODS"}, "pid": []int{20, 30}},
			"source":  object{"ip": []string{"8.8.8.8", "2001:DB8:0::ffff"}},
		},
		"dotted": {
			"@timestamp": at, "event.category": "process", "process.name": "wget", "process.args": []string{"wget", "h/api/v1"},
			"source.ip": "::ffff:10.0.0.1", "peer": "no address",
		},
		"mixed": {
			"@timestamp": at, "event": process, "process": object{"name": "bash"}, "process.args": []string{"bash", "-c", "x*y"},
			"user.name": "alice", "source": object{"ip": "fd00::1"},
		},
		"bare":  {"@timestamp": at, "event": process},
		"nulls": {"@timestamp": at, "event": process, "process": object{"name": nil, "args": []any{}}, "user": object{"name": nil}},
		"file":  {"@timestamp": at, "event": object{"category": []string{"file", "process"}}, "kind_of_event": "process", "process": object{"name": "cp"}},
		"other": {"@timestamp": at, "event": object{"category": "network"}, "kind_of_event": "odd", "process": object{"name": "curl"}},
	}
}

// TestRunConditions has a rule for every construct; each row names the events that must alert.
func TestRunConditions(t *testing.T) {
	tests := []struct {
		name, query string
		want        []string
	}{
		{"category", `process where true`, []string{"bare", "curl", "dotted", "file", "mixed", "nulls", "upper"}},
		{"quoted category", `"network" where true`, []string{"other"}},
		{"any", `any where process.name == "curl"`, []string{"curl", "other"}},
		{"equal", `process where process.name == "curl"`, []string{"curl"}},
		{"colon", `process where process.name : "curl"`, []string{"curl", "upper"}},
		{"colon with a wildcard", `process where process.name : "c*l"`, []string{"curl", "upper"}},
		{"colon with a list", `process where process.name : ("WGET", "ba?h")`, []string{"dotted", "mixed"}},
		{"in", `process where process.name in ("curl", "wget")`, []string{"curl", "dotted"}},
		{"in, any case", `process where process.name in~ ("Curl", "Wget")`, []string{"curl", "dotted", "upper"}},
		{"not in", `process where process.name not in ("curl", "wget")`, []string{"bare", "file", "mixed", "nulls", "upper"}},
		{"like in a list", `process where process.args like "*/api/v1*"`, []string{"curl", "dotted"}},
		{"like, any case", `process where process.args like~ "*/api/v1/pods"`, []string{"curl", "upper"}},
		{"like, one character", `process where process.name like "c?rl"`, []string{"curl"}},
		{"like is anchored", `process where process.args like "api"`, nil},
		{"equal takes a star as it is", `process where process.args == "x*y"`, []string{"mixed"}},
		{"regex", `process where process.name regex "(cu|w).*"`, []string{"curl", "dotted"}},
		{"regex, any case", `process where process.name regex~ "curl|wg.t"`, []string{"curl", "dotted", "upper"}},
		{"regex, any case but in the ranges of a class", `process where process.name regex~ "cur[k-m]"`, []string{"curl"}},
		{"regex is anchored", `process where process.name regex "cur"`, nil},
		{"network of version 6", `process where cidrMatch(source.ip, "2001:db8::/32")`, []string{"curl", "upper"}},
		{"networks of both versions", `process where cidrMatch(source.ip, "fd00::/8", "8.0.0.0/8")`, []string{"mixed", "upper"}},
		{"mapped address", `process where cidrMatch(source.ip, "10.0.0.0/8")`, []string{"dotted"}},
		{"network in a keyword", `process where cidrMatch(peer, "10.0.0.0/8", "192.168.0.0/16")`, []string{"curl", "upper"}},
		{"not in a network, keyword", `process where not cidrMatch(peer, "10.0.0.0/8")`, []string{"bare", "dotted", "file", "mixed", "nulls", "upper"}},
		{"null", `process where user.name == null`, []string{"bare", "dotted", "file", "nulls"}},
		{"not null", `process where user.name != null`, []string{"curl", "mixed", "upper"}},
		{"optional, mapped", `process where ?user.name == null and process.name != null`, []string{"dotted", "file"}},
		{"optional, not mapped", `process where ?no.such.field == null and process.name == "curl"`, []string{"curl"}},
		{"optional, not mapped, compared", `process where ?no.such.field == "x" or process.name == "curl"`, []string{"curl"}},
		{"not mapped", `process where no.such.field == "x" or process.name == "curl"`, []string{"curl"}},
		{"number in a list", `process where process.pid >= 25`, []string{"upper"}},
		{"range over a list", `process where process.pid > 20 and process.pid < 30`, []string{"upper"}},
		{"functions", `process where startsWith(process.name, "cu") or endsWith~(process.name, "SH")`, []string{"curl", "mixed"}},
		{"contains", `process where stringContains(process.args, "api")`, []string{"curl", "dotted"}},
		{"back quotes", "process where `process.name` == \"curl\"", []string{"curl"}},
		{"comment and raw string", "process where // the name\n process.name == \"\"\"curl\"\"\"", []string{"curl"}},
	}
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	var docs []doc
	for id, source := range conditionEvents(slot) {
		docs = append(docs, doc{index, id, source})
	}
	put(t, n, docs)
	rules := ruleDir(t.TempDir())
	want := map[string][]string{}
	for i, test := range tests {
		id := fmt.Sprintf("r%02d", i)
		rules.add(t, id, index, test.query)
		if test.want != nil {
			want[id] = test.want
		}
	}
	rules.add(t, "override", index, `odd where true`, `event_category_override = "kind_of_event"`)
	want["override"] = []string{"other"}
	got := eventsOf(both(t, n, embedded(t, dump(t, n, index)).withMapping(t, n, index), string(rules), slot))
	for i, test := range tests {
		id := fmt.Sprintf("r%02d", i)
		t.Run(test.name, func(t *testing.T) { equal(t, test.query, got[id], want[id]) })
		delete(got, id)
		delete(want, id)
	}
	equal(t, "event_category_override", got, want)
}

// TestRunDynamicMapping leaves all types to the values. Embedded, nobody tells them.
func TestRunDynamicMapping(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("plain")
	n.CreateIndex(t, index, nil)
	at := stamp(slot, time.Minute)
	put(t, n, []doc{
		{index, "1", object{"@timestamp": at, "event": object{"category": "job"}, "my": object{"text": "Hello World", "number": 7, "flag": true}}},
		{index, "2", object{"@timestamp": at, "event.category": "job", "my.text": []string{"hello", "other"}, "my.number": "8"}},
		{index, "3", object{"@timestamp": at, "event": object{"category": "job"}, "my": object{"text": strings.Repeat("x", 300), "flag": false}}},
	})
	rules := ruleDir(t.TempDir())
	want := map[string][]string{}
	for id, row := range map[string]struct {
		query string
		want  []string
	}{
		"whole":    {`job where my.text == "Hello World"`, []string{"1"}},
		"word":     {`job where my.text == "World"`, nil},
		"any-case": {`job where my.text : "hello*"`, []string{"1", "2"}},
		"too-long": {`job where my.text like "x*"`, nil}, // over ignore_above of the keyword
		"number":   {`job where my.number > 7`, []string{"2"}},
		"flag":     {`job where my.flag`, []string{"1"}},
		"not-flag": {`job where not my.flag`, []string{"2", "3"}},
	} {
		rules.add(t, id, index, row.query)
		if row.want != nil {
			want[id] = row.want
		}
	}
	equal(t, "events", eventsOf(both(t, n, embedded(t, dump(t, n, index)), string(rules), slot)), want)
}

// TestRunWindow: the time of a rule is half open at both ends, whichever field it is.
func TestRunWindow(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	millis, nanos := n.Name("millis"), n.Name("nanos")
	for index, typ := range map[string]string{millis: "date", nanos: "date_nanos"} {
		date := object{"type": typ}
		n.CreateIndex(t, index, object{"properties": object{"@timestamp": date, "event": object{"properties": object{"ingested": date}}}})
	}
	const (
		from = 10 * time.Minute
		tick = time.Millisecond
	)
	event := func(time, ingested string) object {
		source := object{"@timestamp": time}
		if ingested != "" {
			source["event"] = object{"ingested": ingested}
		}
		return source
	}
	var docs []doc
	for _, index := range []string{millis, nanos} {
		docs = append(docs,
			doc{index, "before", event(stamp(slot, from+tick), "")},
			doc{index, "first", event(stamp(slot, from), "")},
			doc{index, "last", event(stamp(slot, tick), "")},
			doc{index, "after", event(stamp(slot, 0), "")},
			doc{index, "offset", event(slot.Add(-time.Minute).In(time.FixedZone("", 5*60*60)).Format(time.RFC3339), "")},
			doc{index, "ingested before", event(stamp(slot, time.Minute), stamp(slot, from+tick))},
			doc{index, "ingested first", event(stamp(slot, 5*time.Hour), stamp(slot, from))},
			doc{index, "ingested last", event(stamp(slot, 5*time.Hour), stamp(slot, tick))},
			doc{index, "ingested after", event(stamp(slot, time.Minute), stamp(slot, 0))},
		)
	}
	docs = append(docs,
		doc{nanos, "a nanosecond before", event(slot.Add(-from-1).Format(time.RFC3339Nano), "")},
		doc{nanos, "a nanosecond within", event(slot.Add(-1).Format(time.RFC3339Nano), "")},
	)
	put(t, n, docs)
	rules := ruleDir(t.TempDir())
	for _, index := range []string{millis, nanos} {
		name := strings.TrimPrefix(index, n.Prefix+"-")
		rules.add(t, "own-"+name, index, "any where true")
		rules.add(t, "override-"+name, index, "any where true", `timestamp_override = "event.ingested"`)
		rules.add(t, "alone-"+name, index, "any where true", `timestamp_override = "event.ingested"`, `timestamp_override_fallback_disabled = true`)
	}
	rules.add(t, "override-both", n.Name("*"), "any where true", `timestamp_override = "event.ingested"`)
	own := []string{"first", "ingested after", "ingested before", "last", "offset"}
	override := []string{"first", "ingested first", "ingested last", "last", "offset"}
	alone := []string{"ingested first", "ingested last"}
	within := func(ids []string) []string {
		return slices.Sorted(slices.Values(append(slices.Clone(ids), "a nanosecond within")))
	}
	twice := append(within(override), override...)
	slices.Sort(twice)
	alerts := both(t, n, embedded(t, dump(t, n, n.Name("*"))).withMapping(t, n, n.Name("nanos")), string(rules), slot)
	equal(t, "events", eventsOf(alerts), map[string][]string{
		"own-millis": own, "override-millis": override, "alone-millis": alone,
		"own-nanos": within(own), "override-nanos": within(override), "alone-nanos": alone,
		"override-both": twice,
	})
}

// TestRunMaxSignals drains 250 hits, a hundred a run: the ones that are there do not count.
func TestRunMaxSignals(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	docs := make([]doc, 250)
	for i := range docs {
		docs[i] = doc{index, fmt.Sprintf("e%03d", i), object{"@timestamp": stamp(slot, time.Duration(300-i)*time.Second), "peer": "10.0.0.1"}}
	}
	put(t, n, docs)
	rules := ruleDir(t.TempDir())
	rules.add(t, "limited", index, "any where true", "max_signals = 100")
	rules.add(t, "in-memory", index, `any where cidrMatch(peer, "10.0.0.0/8")`, "max_signals = 100")
	rules.add(t, "exactly", index, "any where true", "max_signals = 250")
	for _, p := range []place{elasticsearch(n), embedded(t, dump(t, n, index)).withMapping(t, n, index)} {
		t.Run(p.name, func(t *testing.T) {
			want := [][5]int64{{100, 100, 0, 0, 150}, {200, 100, 100, 0, 50}, {250, 50, 200, 0, 0}, {250, 0, 250, 0, 0}}
			for i, numbers := range want {
				o := p.once(t, string(rules), slot)
				left := numbers[4] > 0
				equal(t, fmt.Sprintf("run %d: exit code", i+1), o.code, map[bool]int{true: 1, false: 0}[left])
				for _, id := range []string{"limited", "in-memory"} {
					x := o.executions(t)[id]
					equal(t, fmt.Sprintf("run %d of %s", i+1, id), x.numbers(), numbers)
					equal(t, "status", x.Status, map[bool]string{true: "partial_failure", false: "succeeded"}[left])
					if left && !strings.Contains(strings.Join(x.Warnings, "\n"), "max_signals") {
						t.Errorf("warnings %q", x.Warnings)
					}
				}
				equal(t, "the rule that no limit cuts off", o.executions(t)["exactly"].Status, "succeeded")
			}
			oldest := eventsOf(p.list(t))["limited"]
			equal(t, "alerts", len(oldest), 250)
		})
	}
}

// TestRunManyPages reads more hits than a page holds, many of one and the same time.
func TestRunManyPages(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	indices := []string{n.Name("events-1"), n.Name("events-2")}
	for _, index := range indices {
		n.CreateIndex(t, index, eventMapping())
	}
	docs := make([]doc, 2500)
	for i := range docs {
		docs[i] = doc{indices[i%2], fmt.Sprintf("e%04d", i), object{"@timestamp": stamp(slot, time.Duration(1+i/1700)*time.Second)}}
	}
	put(t, n, docs)
	rules := ruleDir(t.TempDir())
	rules.add(t, "all", n.Name("events-*"), "any where true", "max_signals = 5000")
	alerts := both(t, n, embedded(t, dump(t, n, n.Name("events-*"))), string(rules), slot)
	equal(t, "alerts", len(eventsOf(alerts)["all"]), 2500)
}
