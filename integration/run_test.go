//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The tests in this file run the runner's binary like a user, on Elasticsearch and embedded.

// buildRunner builds the binary once for all tests; it is deleted when the suite closes.
var buildRunner = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tocsin-runner")
	if err != nil {
		return "", err
	}
	nodes.mu.Lock()
	nodes.terminates = append(nodes.terminates, func() { _ = os.RemoveAll(dir) })
	nodes.mu.Unlock()
	binary := filepath.Join(dir, "runner")
	output, err := exec.CommandContext(nodes.ctx, "go", "build", "-tags", "testclock", "-o", binary, "tocsin/cmd/runner").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the runner: %w\n%s", err, output)
	}
	return binary, nil
})

// outcome is the result of an invocation of the runner.
type outcome struct {
	code     int
	out, err string
}

// patience is the timeout of one invocation.
const patience = 2 * time.Minute

// runner runs the binary without the settings of the tests themselves.
func runner(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	binary, err := buildRunner()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, binary, args...)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	command.Dir = t.TempDir()
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, env...)
	err = command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("runner %s: %v", strings.Join(args, " "), err)
	}
	return outcome{command.ProcessState.ExitCode(), out.String(), errs.String()}
}

// execution is a line of `run --once --format ndjson`.
type execution struct {
	RuleID     string   `json:"rule_id"`
	Status     string   `json:"status"`
	Hits       int64    `json:"hits"`
	Left       int64    `json:"left"`
	Created    int      `json:"created"`
	Dupes      int      `json:"duplicates"`
	Suppressed int      `json:"suppressed"`
	Failed     int      `json:"failed"`
	Warnings   []string `json:"warnings"`
	Error      string   `json:"error"`
}

// numbers returns the numbers of an execution that tests compare.
func (x execution) numbers() [5]int64 {
	return [5]int64{x.Hits, int64(x.Created), int64(x.Dupes), int64(x.Failed), x.Left}
}

// executions decodes the executions, by rule.
func (o outcome) executions(t *testing.T) map[string]execution {
	t.Helper()
	all := map[string]execution{}
	for line := range strings.Lines(o.out) {
		var x execution
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatalf("%v in %q; stderr:\n%s", err, line, o.err)
		}
		all[x.RuleID] = x
	}
	return all
}

// place holds the flags for the source of events and the store of alerts.
type place struct {
	name   string
	flags  []string
	alerts []string
	env    []string
}

// elasticsearch returns the node, with a namespace of the test.
func elasticsearch(n *Node) place {
	flags := []string{"--elasticsearch", n.URL, "--namespace", n.Prefix}
	return place{name: "elasticsearch", flags: flags, alerts: flags}
}

// embedded returns event files with a new store.
func embedded(t *testing.T, files ...string) place {
	t.Helper()
	store := t.TempDir()
	flags := []string{"--store", store}
	for _, f := range files {
		flags = append(flags, "--events", f)
	}
	return place{name: "embedded", flags: flags, alerts: []string{"--store", store}}
}

// withMapping adds the node's mapping of some indices.
func (p place) withMapping(t *testing.T, n *Node, pattern string) place {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mapping.json")
	must(t, os.WriteFile(file, []byte(n.Must(t, http.MethodGet, "/"+pattern+"/_mapping", nil).String()), 0o600))
	p.flags = append(slices.Clone(p.flags), "--mapping", file)
	return p
}

// once runs rules with --at slot.
func (p place) once(t *testing.T, rules string, slot time.Time, more ...string) outcome {
	t.Helper()
	args := slices.Concat([]string{"run", "--once", "--format", "ndjson", "--at", slot.Format(time.RFC3339)}, p.flags, more)
	if rules != "" {
		args = append(args, "--rules", rules)
	}
	return runner(t, p.env, args...)
}

// mustOnce is once, and requires that every rule succeeds.
func (p place) mustOnce(t *testing.T, rules string, slot time.Time, more ...string) map[string]execution {
	t.Helper()
	o := p.once(t, rules, slot, more...)
	if o.code != 0 {
		t.Fatalf("%s: exit code %d\n%s%s", p.name, o.code, o.out, o.err)
	}
	return o.executions(t)
}

// list returns the alerts by id, as listed by the runner.
func (p place) list(t *testing.T) map[string]object {
	t.Helper()
	o := runner(t, p.env, slices.Concat([]string{"alerts", "list", "--format", "ndjson"}, p.alerts)...)
	if o.code != 0 {
		t.Fatalf("%s: alerts list: exit code %d\n%s", p.name, o.code, o.err)
	}
	alerts := map[string]object{}
	lines := bufio.NewScanner(strings.NewReader(o.out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		decoded, err := decode(lines.Bytes())
		must(t, err)
		alert := decoded.Any().(object)
		alerts[alert["_id"].(string)] = alert
	}
	must(t, lines.Err())
	return alerts
}

// stored returns the alerts by id, as stored on the node.
func stored(t *testing.T, n *Node) map[string]object {
	t.Helper()
	alerts := map[string]object{}
	for _, hit := range allHits(t, n, "tocsin-alerts-"+n.Prefix) {
		source := hit.At("_source").Any().(object)
		source["_id"] = hit.At("_id").String()
		alerts[hit.At("_id").String()] = source
	}
	return alerts
}

// allHits returns every document of a pattern.
func allHits(t *testing.T, n *Node, pattern string) []JSON {
	t.Helper()
	n.Refresh(t, pattern)
	reply := n.Must(t, http.MethodPost, "/"+pattern+"/_search", object{"size": 10000, "query": object{"match_all": object{}}})
	return reply.At("hits", "hits").List()
}

// ofRun are the fields of an alert that differ from run to run.
var ofRun = []string{
	"@timestamp", "kibana.alert.start", "kibana.alert.last_detected", "kibana.alert.rule.execution.uuid",
	"kibana.alert.rule.execution.timestamp", "_index",
}

// lasting returns alerts without the fields of ofRun.
func lasting(alerts map[string]object) map[string]object {
	out := map[string]object{}
	for id, alert := range alerts {
		alert = maps.Clone(alert)
		for _, name := range ofRun {
			delete(alert, name)
		}
		out[id] = alert
	}
	return out
}

// eventsOf returns the ids of the events behind alerts, by rule, sorted.
func eventsOf(alerts map[string]object) map[string][]string {
	out := map[string][]string{}
	for _, alert := range alerts {
		id := alert["kibana.alert.rule.rule_id"].(string)
		ancestors := JSON{alert["kibana.alert.ancestors"]}.List()
		out[id] = append(out[id], ancestors[len(ancestors)-1].At("id").String())
	}
	for _, ids := range out {
		slices.Sort(ids)
	}
	return out
}

// doc is an event to be indexed.
type doc struct {
	index, id string
	source    object
}

// put writes events and makes them searchable.
func put(t *testing.T, n *Node, docs []doc) {
	t.Helper()
	var bulk strings.Builder
	encoder := json.NewEncoder(&bulk)
	for _, d := range docs {
		must(t, encoder.Encode(object{"create": object{"_index": d.index, "_id": d.id}}))
		must(t, encoder.Encode(d.source))
	}
	n.Bulk(t, bulk.String())
}

// dump writes all documents of a pattern to an event file, in the form of search hits.
func dump(t *testing.T, n *Node, pattern string) string {
	t.Helper()
	var lines strings.Builder
	encoder := json.NewEncoder(&lines)
	for _, hit := range allHits(t, n, pattern) {
		must(t, encoder.Encode(object{"_index": hit.At("_index").Any(), "_id": hit.At("_id").Any(), "_source": hit.At("_source").Any()}))
	}
	file := filepath.Join(t.TempDir(), "events.ndjson")
	must(t, os.WriteFile(file, []byte(lines.String()), 0o600))
	return file
}

// aSlot returns the slot of a test: a full hour that no other test uses, as the shipped rules read the events of
// all tests.
func aSlot() time.Time {
	return time.Date(2001, 1, 1, rand.IntN(20*365*24), 0, 0, 0, time.UTC)
}

// stamp formats a time as events have it.
func stamp(slot time.Time, before time.Duration) string {
	return slot.Add(-before).Format("2006-01-02T15:04:05.000Z")
}

// ruleDir is a directory of rules.
type ruleDir string

// add writes a rule that looks back ten minutes, and returns its path. Extra lines go into [rule].
func (d ruleDir) add(t *testing.T, id, index, query string, extra ...string) string {
	t.Helper()
	text := fmt.Sprintf(`[rule]
description = "A rule of a test."
from = "now-10m"
index = [%q]
language = "eql"
name = "rule %s"
query = '''%s'''
risk_score = 47
rule_id = %q
severity = "medium"
type = "eql"
%s

[[rule.threat]]
framework = "MITRE ATT&CK"
[rule.threat.tactic]
id = "TA0007"
name = "Discovery"
reference = "https://attack.mitre.org/tactics/TA0007/"
[[rule.threat.technique]]
id = "T1613"
name = "Container and Resource Discovery"
reference = "https://attack.mitre.org/techniques/T1613/"
`, index, id, query, id, strings.Join(extra, "\n"))
	file := filepath.Join(string(d), id+".toml")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// dataStream makes a data stream with the mapping of ECS data.
func dataStream(t *testing.T, n *Node, name string) {
	t.Helper()
	n.Must(t, http.MethodPut, "/_index_template/"+n.Name(fmt.Sprintf("stream-%d", rand.IntN(1e9))), object{
		"index_patterns": []string{name}, "priority": 900, "data_stream": object{},
		"template": object{"settings": object{"number_of_replicas": 0}, "mappings": eventMapping()},
	})
}

// eventMapping has the fields of the tests' events, with types other than dynamic mapping's.
func eventMapping() object {
	keyword := object{"type": "keyword", "ignore_above": 1024}
	return object{"properties": object{
		"@timestamp": object{"type": "date"},
		"event": object{"properties": object{
			"category": keyword, "type": keyword, "action": keyword, "kind": keyword, "ingested": object{"type": "date"},
		}},
		"host": object{"properties": object{"name": keyword, "os": object{"properties": object{"type": keyword}}}},
		"user": object{"properties": object{"name": keyword}},
		"process": object{"properties": object{
			"name": keyword, "args": keyword, "executable": keyword, "pid": object{"type": "long"},
		}},
		"network": object{"properties": object{"direction": keyword}},
		"source":  object{"properties": object{"ip": object{"type": "ip"}}},
		"destination": object{"properties": object{
			"ip": object{"type": "ip"}, "port": object{"type": "long"},
		}},
		"peer":          keyword, // an address, in a field of another type
		"kind_of_event": keyword,
	}}
}

// both runs rules on Elasticsearch and embedded, wants the same executions and the same documents
// of them, and returns the alerts. A second run adds none.
func both(t *testing.T, n *Node, local place, rules string, slot time.Time) map[string]object {
	t.Helper()
	remote := elasticsearch(n)
	executions := remote.mustOnce(t, rules, slot)
	equal(t, "executions, embedded against Elasticsearch", unremarked(local.mustOnce(t, rules, slot)), unremarked(executions))
	alerts := remote.list(t)
	equal(t, "alerts, as the node has them against as the runner lists them", stored(t, n), withoutIndex(alerts))
	equal(t, "alerts, embedded against Elasticsearch", lasting(local.list(t)), lasting(alerts))
	for _, p := range []place{remote, local} {
		for id, x := range p.mustOnce(t, rules, slot) {
			was := executions[id]
			equal(t, p.name+": second run of "+id, x.numbers(), [5]int64{was.Hits, 0, was.Hits, 0, 0})
		}
		equal(t, p.name+": alerts after the second run", len(p.list(t)), len(alerts))
	}
	return alerts
}

// unremarked leaves out the remarks, which speak of places.
func unremarked(executions map[string]execution) map[string]execution {
	out := maps.Clone(executions)
	for id, x := range out {
		x.Warnings = nil
		out[id] = x
	}
	return out
}

func withoutIndex(alerts map[string]object) map[string]object {
	out := map[string]object{}
	for id, alert := range alerts {
		out[id] = maps.Clone(alert)
		delete(out[id], "_index")
	}
	return out
}

const (
	requestRule = "b53f1d73-150d-484d-8f02-222abeb5d5fa"
	kubeletRule = "9f420cca-cb27-44db-a13d-c43c7b48e04a"
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

// TestRunPlaces is about what index patterns mean: streams, aliases, what is missing or closed.
func TestRunPlaces(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	stream, index, closed := n.Name("stream"), n.Name("index"), n.Name("closed")
	dataStream(t, n, stream)
	n.CreateIndex(t, index, eventMapping())
	n.CreateIndex(t, closed, eventMapping())
	event := object{"@timestamp": stamp(slot, time.Minute), "process": object{"name": "curl"}}
	put(t, n, []doc{{stream, "s", event}, {index, "i", event}, {closed, "c", event}})
	n.Must(t, http.MethodPost, "/_aliases", object{"actions": []object{{"add": object{"index": index, "alias": n.Name("alias")}}}})
	n.Must(t, http.MethodPost, "/"+closed+"/_close", nil)
	rules := ruleDir(t.TempDir())
	const query = `any where process.name == "curl"`
	rules.add(t, "stream", stream, query)
	rules.add(t, "alias", n.Name("alias"), query)
	rules.add(t, "wildcard", n.Name("*"), query)
	rules.add(t, "excluded", n.Name("*")+",-"+index, query)
	rules.add(t, "missing", n.Name("nowhere-*"), query)
	rules.add(t, "some-missing", index+","+n.Name("absent"), query)
	rules.add(t, "closed", closed, query)
	rules.add(t, "some-closed", closed+","+index, query)
	p := elasticsearch(n)
	o := p.once(t, string(rules), slot)
	equal(t, "exit code", o.code, 1) // a closed index that a rule names was not read
	executions := o.executions(t)
	for rule, x := range executions {
		equal(t, "status of rule "+rule, x.Status, map[bool]string{true: "partial_failure", false: "succeeded"}[strings.HasSuffix(rule, "closed")])
	}
	alerts := p.list(t)
	equal(t, "events", eventsOf(alerts), map[string][]string{
		"stream": {"s"}, "alias": {"i"}, "wildcard": {"i", "s"}, "excluded": {"s"}, "some-missing": {"i"}, "some-closed": {"i"},
	})
	for rule, wants := range map[string][]string{
		"stream":       nil,
		"missing":      {"no open index matches " + n.Name("nowhere-*"), "nothing was searched"},
		"some-missing": {"no open index matches " + n.Name("absent")},
		"closed":       {"closed indices were not searched: " + closed},
		"some-closed":  {"closed indices were not searched: " + closed},
	} {
		warnings := strings.Join(executions[rule].Warnings, "\n")
		for _, want := range wants {
			if !strings.Contains(warnings, want) {
				t.Errorf("rule %s: warnings %q, want %q", rule, warnings, want)
			}
		}
		if wants == nil && warnings != "" {
			t.Errorf("rule %s: warnings %q", rule, warnings)
		}
	}
	for _, alert := range alerts {
		ancestor := JSON{alert}.At("kibana.alert.ancestors", 0)
		if ancestor.At("id").String() == "i" {
			equal(t, "index of a hit by an alias", ancestor.At("index").String(), index)
		} else if !strings.HasPrefix(ancestor.At("index").String(), ".ds-"+stream+"-") {
			t.Errorf("index of a hit in a stream: %s", ancestor.At("index"))
		}
	}
}

// TestRunExplain takes the request that explain shows to Elasticsearch by hand.
func TestRunExplain(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	var docs []doc
	for id, source := range conditionEvents(slot) {
		docs = append(docs, doc{index, id, source})
	}
	put(t, n, append(docs, doc{index, "too early", object{
		"@timestamp": stamp(slot, time.Hour), "event": object{"category": "process"}, "process": object{"name": "curl"},
	}}))
	queries := map[string]string{
		"like":     `process where process.args like~ "*/api/v1*" and not user.name == "root"`,
		"cidr":     `process where cidrMatch(source.ip, "2001:db8::/32", "10.0.0.0/8")`,
		"missing":  `process where user.name == null`,
		"optional": `process where ?no.such.field == "x" or process.pid > 9`,
	}
	p := elasticsearch(n)
	rules := ruleDir(t.TempDir())
	files := map[string]string{}
	for id, query := range queries {
		files[id] = rules.add(t, id, index+","+n.Name("absent"), query, `timestamp_override = "event.ingested"`)
	}
	p.mustOnce(t, string(rules), slot)
	want := eventsOf(p.list(t))
	for id := range queries {
		t.Run(id, func(t *testing.T) {
			o := runner(t, nil, "explain", files[id], "--at", slot.Format(time.RFC3339), "--format", "json", "--elasticsearch", n.URL)
			equal(t, "exit code", o.code, 0)
			explained, err := decode([]byte(o.out))
			must(t, err)
			equal(t, "exact", explained.At("exact").Bool(), true)
			path := "/" + url.PathEscape(strings.Join(explained.At("indices").Strings(), ",")) + "/_search?ignore_unavailable=true"
			reply := n.Must(t, http.MethodPost, path, explained.At("request").Any())
			var ids []string
			for _, hit := range reply.At("hits", "hits").List() {
				ids = append(ids, hit.At("_id").String())
			}
			slices.Sort(ids)
			equal(t, "hits", ids, want[id])
			if len(ids) == 0 {
				t.Error("the query has no hits: it proves nothing")
			}
			// The text form says the same path and body.
			text := runner(t, nil, "explain", files[id], "--at", slot.Format(time.RFC3339), "--elasticsearch", n.URL).out
			_, request, found := strings.Cut(text, "GET ")
			if !found {
				t.Fatalf("no request in\n%s", text)
			}
			path, body, _ := strings.Cut(request, "\n")
			body, _, _ = strings.Cut(body, "\n\ncurl")
			equal(t, "hits of the text form", n.Must(t, http.MethodPost, path, body).At("hits", "total", "value").Int(), int64(len(ids)))
		})
	}
}

// TestRunInstalls: template and alias are there after any number of runners, and once.
func TestRunInstalls(t *testing.T) {
	n := newNode(t)
	p := elasticsearch(n)
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", n.Name("nothing-*"), "any where true")
	var together sync.WaitGroup
	outcomes := make([]outcome, 3)
	for i := range outcomes {
		together.Go(func() { outcomes[i] = p.once(t, string(rules), aSlot()) })
	}
	together.Wait()
	for _, o := range outcomes {
		if o.code != 0 {
			t.Errorf("exit code %d: %s", o.code, o.err)
		}
	}
	alias := "tocsin-alerts-" + n.Prefix
	indices := n.Must(t, http.MethodGet, "/_alias/"+alias, nil)
	equal(t, "indices", indices.Keys(), []string{alias + "-000001"})
	equal(t, "write index", indices.At(alias+"-000001", "aliases", alias, "is_write_index").Bool(), true)
	before := n.Must(t, http.MethodGet, "/"+alias+"-000001/_settings?filter_path=*.settings.index.creation_date", nil).String()
	template := n.Must(t, http.MethodGet, "/_index_template/"+alias, nil).String()
	p.mustOnce(t, string(rules), aSlot())
	equal(t, "index after a later run", n.Must(t, http.MethodGet, "/"+alias+"-000001/_settings?filter_path=*.settings.index.creation_date", nil).String(), before)
	equal(t, "template after a later run", n.Must(t, http.MethodGet, "/_index_template/"+alias, nil).String(), template)
}

func TestRunAliasTaken(t *testing.T) {
	n := newNode(t)
	n.CreateIndex(t, "tocsin-alerts-"+n.Prefix, nil)
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", n.Name("nothing-*"), "any where true")
	o := elasticsearch(n).once(t, string(rules), aSlot())
	if o.code == 0 || !strings.Contains(o.err, "tocsin-alerts-"+n.Prefix) || !strings.Contains(o.err, "alias") {
		t.Errorf("exit code %d: %s", o.code, o.err)
	}
}

// TestRunAlertsAreSearchable asks Elasticsearch for alerts as an analyst does.
func TestRunAlertsAreSearchable(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, []doc{
		{index, "1", object{
			"@timestamp": stamp(slot, time.Minute), "event": object{"category": "process", "kind": "event"}, "host.name": "pc-7",
			"process": object{"name": "curl", "args": []string{"curl", "x"}}, "source": object{"ip": "10.1.2.3"}, "user": object{"name": "bob"},
		}},
		{index, "2", object{"@timestamp": stamp(slot, time.Minute), "event": object{"category": "file"}}},
	})
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", index, "process where true", `tags = ["Domain: Endpoint"]`)
	elasticsearch(n).mustOnce(t, string(rules), slot)
	tests := []struct {
		name  string
		query object
		want  int64
	}{
		{"risk score", object{"range": object{"kibana.alert.risk_score": object{"gte": 40, "lt": 48}}}, 1},
		{"risk score out of range", object{"range": object{"kibana.alert.risk_score": object{"gt": 47}}}, 0},
		{"tactic", object{"term": object{"kibana.alert.rule.threat.tactic.id": "TA0007"}}, 1},
		{"technique", object{"term": object{"kibana.alert.rule.threat.technique.id": "T1613"}}, 1},
		{"severity", object{"term": object{"kibana.alert.severity": "medium"}}, 1},
		{"rule", object{"term": object{"kibana.alert.rule.rule_id": "r"}}, 1},
		{"tag", object{"term": object{"kibana.alert.rule.tags": "Domain: Endpoint"}}, 1},
		{"query of the rule", object{"term": object{"kibana.alert.rule.parameters.query": "process where true"}}, 1},
		{"kind", object{"term": object{"event.kind": "signal"}}, 1},
		{"kind of the event", object{"term": object{"kibana.alert.original_event.kind": "event"}}, 1},
		{"kind of the event is hidden", object{"term": object{"event.kind": "event"}}, 0},
		{"process", object{"term": object{"process.name": "curl"}}, 1},
		{"argument", object{"term": object{"process.args": "x"}}, 1},
		{"network", object{"term": object{"source.ip": "10.0.0.0/8"}}, 1},
		{"dotted name", object{"term": object{"host.name": "pc-7"}}, 1},
		{"words of the reason", object{"match": object{"kibana.alert.reason.text": "BOB"}}, 1},
		{"the whole reason", object{"term": object{"kibana.alert.reason": "process event with process curl, source 10.1.2.3, by bob on pc-7 created medium alert rule r."}}, 1},
		{"ancestor", object{"term": object{"kibana.alert.ancestors.id": "1"}}, 1},
		{"time of the event", object{"range": object{"kibana.alert.original_time": object{"gte": stamp(slot, time.Minute), "lte": stamp(slot, time.Minute)}}}, 1},
		{"slot", object{"term": object{"kibana.alert.intended_timestamp": stamp(slot, 0)}}, 1},
		{"made now", object{"range": object{"@timestamp": object{"gte": "now-1h"}}}, 1},
		{"state", object{"bool": object{"filter": []object{
			{"term": object{"kibana.alert.status": "active"}}, {"term": object{"kibana.alert.workflow_status": "open"}},
		}}}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			reply := n.Must(t, http.MethodPost, "/tocsin-alerts-"+n.Prefix+"/_search", object{"size": 0, "query": test.query})
			equal(t, "alerts", reply.At("hits", "total", "value").Int(), test.want)
		})
	}
}

// TestRunOwnTypes: what a field is, its mapping says, and not what ECS has under the same name.
func TestRunOwnTypes(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	keyword := object{"type": "keyword"}
	n.CreateIndex(t, index, object{"properties": object{
		"@timestamp": object{"type": "date"}, "source": object{"properties": object{"ip": keyword}},
		"process": object{"properties": object{"pid": keyword, "name": object{"type": "long"}}},
	}})
	at := stamp(slot, time.Minute)
	put(t, n, []doc{
		{index, "1", object{"@timestamp": at, "source": object{"ip": "10.0.0.1"}, "process": object{"pid": "0x1f", "name": 5}}},
		{index, "2", object{"@timestamp": at, "source": object{"ip": "192.168.0.1"}, "process": object{"pid": "31", "name": 50}}},
	})
	rules := ruleDir(t.TempDir())
	rules.add(t, "like", index, `any where source.ip like "10.*"`)
	rules.add(t, "text", index, `any where process.pid == "0x1f"`)
	rules.add(t, "number", index, `any where process.name < 10`)
	local := embedded(t, dump(t, n, index)).withMapping(t, n, index)
	equal(t, "events", eventsOf(both(t, n, local, string(rules), slot)), map[string][]string{"like": {"1"}, "text": {"1"}, "number": {"1"}})
}

// TestRunStrangeShapes: events that do not have the shapes of ECS alert like all others.
func TestRunStrangeShapes(t *testing.T) {
	shapes := map[string]object{
		"text for an object":         {"host": "web-1"},
		"number for an object":       {"process": 7},
		"text in a list of objects":  {"threat": object{"enrichments": "x"}},
		"object for a keyword":       {"message": object{"text": "x"}},
		"object for a keyword below": {"user": object{"name": object{"first": "bob"}}},
		"text for a flattened field": {"file": object{"elf": object{"imports": "x"}}},
		"words for a number":         {"process": object{"pid": "many"}},
		"words for a date":           {"event": object{"created": "yesterday"}},
		"words for an address":       {"source": object{"ip": "localhost"}},
		"words for a place":          {"source": object{"geo": object{"location": "here"}}},
		"a long word":                {"process": object{"command_line": strings.Repeat("x", 40000)}},
		"a list for an event":        {"event": []object{{"category": "a"}, {"category": "b"}}},
		"own names":                  {"kibana": object{"alert": "x"}, "signal": 1},
	}
	n := newNode(t)
	slot := aSlot()
	var docs []doc
	var want []string
	rules := ruleDir(t.TempDir())
	for id, source := range shapes {
		source["@timestamp"] = stamp(slot, time.Minute)
		docs = append(docs, doc{n.Name(fmt.Sprintf("shape-%d", len(docs))), id, source})
		want = append(want, id)
	}
	for _, d := range docs { // Each has a dynamic mapping of its own, which takes any shape.
		n.CreateIndex(t, d.index, nil)
	}
	put(t, n, docs)
	slices.Sort(want)
	rules.add(t, "r", n.Name("shape-*"), "any where true")
	o := elasticsearch(n).once(t, string(rules), slot)
	equal(t, "exit code", o.code, 0)
	equal(t, "events", eventsOf(stored(t, n))["r"], want)
	if t.Failed() {
		t.Logf("warnings:\n%s", strings.Join(o.executions(t)["r"].Warnings, "\n"))
	}
}

// TestRunShardFailure: an index whose shard fails makes a run partial, with the alerts of the others.
func TestRunShardFailure(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	good, bad := n.Name("good"), n.Name("bad")
	n.CreateIndex(t, good, eventMapping())
	// One index refuses regular expressions of the length that the rule has.
	n.Must(t, http.MethodPut, "/"+bad, object{
		"settings": object{"number_of_replicas": 0, "index.max_regex_length": 10}, "mappings": eventMapping(),
	})
	event := object{"@timestamp": stamp(slot, time.Minute), "process": object{"name": "curl"}}
	put(t, n, []doc{{good, "1", event}, {bad, "2", event}})
	rules := ruleDir(t.TempDir())
	rules.add(t, "broken", n.Name("*"), `any where process.name regex "(c|d|e|f)(u|v|w)rl"`)
	rules.add(t, "sound", n.Name("*"), `any where process.name == "curl"`)
	p := elasticsearch(n)
	o := p.once(t, string(rules), slot)
	equal(t, "exit code", o.code, 1)
	executions := o.executions(t)
	equal(t, "status", executions["broken"].Status, "partial_failure")
	equal(t, "status of the other rule", executions["sound"].Status, "succeeded")
	if text := executions["broken"].Error; !strings.Contains(text, "1 of 2 shards failed") || !strings.Contains(text, bad) {
		t.Errorf("error %q", text)
	}
	equal(t, "events", eventsOf(p.list(t)), map[string][]string{"broken": {"1"}, "sound": {"1", "2"}})

	// When the index is mended, the next run over the window makes up for it.
	n.Must(t, http.MethodPut, "/"+bad+"/_settings", object{"index.max_regex_length": nil})
	p.mustOnce(t, string(rules), slot)
	equal(t, "events", eventsOf(p.list(t)), map[string][]string{"broken": {"1", "2"}, "sound": {"1", "2"}})
}

// TestRunTypeConflict: a rule that cannot run on the mappings fails alone, at its place.
func TestRunTypeConflict(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	n.CreateIndex(t, n.Name("a"), object{"properties": object{"my": object{"properties": object{"f": object{"type": "keyword"}}}}})
	n.CreateIndex(t, n.Name("b"), object{"properties": object{"my": object{"properties": object{"f": object{"type": "long"}}}}})
	event := object{"@timestamp": stamp(slot, time.Minute)}
	put(t, n, []doc{{n.Name("a"), "1", event}, {n.Name("b"), "2", event}})
	rules := ruleDir(t.TempDir())
	rules.add(t, "conflict", n.Name("*"), `any where my.f == "x"`)
	rules.add(t, "sound", n.Name("*"), `any where true`)
	o := elasticsearch(n).once(t, string(rules), slot)
	equal(t, "exit code", o.code, 1)
	equal(t, "status", o.executions(t)["conflict"].Status, "failed")
	equal(t, "status of the other rule", o.executions(t)["sound"].Status, "succeeded")
	if !strings.Contains(o.err, "conflict.toml:") || !strings.Contains(o.err, "my.f") {
		t.Errorf("stderr does not name the place:\n%s", o.err)
	}
}

func TestRunUnreachable(t *testing.T) {
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", "x", "any where true")
	for name, host := range map[string]string{"nobody listens": "127.0.0.1:1", "no such host": "tocsin.invalid:9200"} {
		t.Run(name, func(t *testing.T) {
			p := place{flags: []string{"--elasticsearch", "http://" + host}, env: []string{"TOCSIN_USERNAME=elastic", "TOCSIN_PASSWORD=s3cret-word"}}
			o := p.once(t, string(rules), aSlot(), "--request-timeout", "2s")
			equal(t, "exit code", o.code, 3)
			if !strings.Contains(o.err, host) || strings.Contains(o.out+o.err, "s3cret") {
				t.Errorf("stderr %s", o.err)
			}
		})
	}
}

// TestRunTimeout: a node that takes its time is an unreachable one, and not a rule without hits.
func TestRunTimeout(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	n.CreateIndex(t, n.Name("events"), eventMapping())
	put(t, n, []doc{{n.Name("events"), "1", object{"@timestamp": stamp(slot, time.Minute)}}})
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", n.Name("events"), "any where true")
	p := elasticsearch(n)
	p.mustOnce(t, string(rules), aSlot()) // installs
	o := p.once(t, string(rules), slot, "--rule-timeout", "1ns")
	x := o.executions(t)["r"]
	if o.code == 0 || x.Status != "failed" || !strings.Contains(x.Error, "deadline") {
		t.Errorf("exit code %d, %+v", o.code, x)
	}
	o = p.once(t, string(rules), slot, "--request-timeout", "1us")
	equal(t, "exit code", o.code, 3)
	equal(t, "alerts", len(p.list(t)), 0)
}

// user makes a user with one role, and returns the settings of a runner that is that user.
func user(t *testing.T, n *Node, suffix string, role object) []string {
	t.Helper()
	name, password := n.Name(suffix), "s3cret-"+suffix
	n.Must(t, http.MethodPut, "/_security/role/"+name, role)
	n.Must(t, http.MethodPut, "/_security/user/"+name, object{"password": password, "roles": []string{name}})
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		n.delete(ctx, t, "/_security/user/"+name)
		n.delete(ctx, t, "/_security/role/"+name)
	})
	return []string{"TOCSIN_USERNAME=" + name, "TOCSIN_PASSWORD=" + password}
}

func TestRunAccess(t *testing.T) {
	n := SecuredNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	// The second event is that of the user who may not write its alert.
	another := slot.Add(time.Hour)
	put(t, n, []doc{
		{index, "1", object{"@timestamp": stamp(slot, time.Minute)}}, {index, "2", object{"@timestamp": stamp(another, time.Minute)}},
	})
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", index, "any where true")
	key := n.Must(t, http.MethodPost, "/_security/api_key", object{"name": n.Prefix})
	keyFile := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(keyFile, []byte(key.At("encoded").String()+"\n"), 0o600))
	alerts := "tocsin-alerts-" + n.Prefix
	reads := object{"names": []string{index}, "privileges": []string{"read", "view_index_metadata"}}
	reader := user(t, n, "reader", object{"indices": []object{reads, {"names": []string{alerts + "*"}, "privileges": []string{"read", "view_index_metadata"}}}})
	// What a runner needs once its templates and indices are there.
	account := func(more ...string) object {
		return object{
			"names":      []string{"tocsin-ledger-" + n.Prefix + "*", "tocsin-leases-" + n.Prefix + "*"},
			"privileges": append([]string{"read", "index", "delete"}, more...),
		}
	}
	writer := user(t, n, "writer", object{
		"cluster": []string{"monitor"},
		"indices": []object{
			reads, account(), {"names": []string{alerts + "*"}, "privileges": []string{"read", "create_doc", "view_index_metadata"}},
		},
	})
	// And before: this one may make them.
	installer := user(t, n, "installer", object{
		"cluster": []string{"monitor", "manage_index_templates"},
		"indices": []object{
			reads, account("create_index"), {"names": []string{alerts + "*"}, "privileges": []string{"read", "create_doc", "manage"}},
		},
	})
	viewer := user(t, n, "viewer", object{
		"cluster": []string{"monitor", "manage_index_templates"},
		"indices": []object{reads, {"names": []string{alerts + "*"}, "privileges": []string{"read", "view_index_metadata"}}},
	})
	blind := user(t, n, "blind", object{
		"cluster": []string{"monitor", "manage_index_templates"},
		"indices": []object{{"names": []string{alerts + "*"}, "privileges": []string{"all"}}},
	})
	host := strings.TrimPrefix(n.URL, "http://")
	tests := []struct {
		name  string
		flags []string
		env   []string
		codes []int
		want  string
	}{
		{"password", nil, []string{"TOCSIN_USERNAME=elastic", "TOCSIN_PASSWORD=" + n.Password}, []int{0}, ""},
		{"password in the URL", []string{"--elasticsearch", "http://elastic:" + url.QueryEscape(n.Password) + "@" + host}, nil, []int{0}, ""},
		{"key", nil, []string{"TOCSIN_API_KEY=" + key.At("encoded").String()}, []int{0}, ""},
		{"key in a file", []string{"--api-key-file", keyFile}, nil, []int{0}, ""},
		{"key as id and secret", nil, []string{"TOCSIN_API_KEY=" + key.At("id").String() + ":" + key.At("api_key").String()}, []int{0}, ""},
		{"nobody", nil, nil, []int{3}, "401"},
		{"wrong password", nil, []string{"TOCSIN_USERNAME=elastic", "TOCSIN_PASSWORD=s3cret-wrong"}, []int{3}, "401"},
		{"wrong password in the URL", []string{"--elasticsearch", "http://elastic:s3cret-wrong@" + host}, nil, []int{3}, "401"},
		{"wrong key", nil, []string{"TOCSIN_API_KEY=abcdef:s3cret-key"}, []int{3}, "401"},
		{"may do nothing but read", nil, reader, []int{3}, "403"},
		{"may not write alerts", nil, viewer, []int{1, 3}, "403"},
		{"may not read the events", nil, blind, []int{1, 3}, ""},
		{"may do just what is needed", nil, writer, []int{0}, ""},
		{"may do just what the first run needs", []string{"--namespace", n.Prefix + "-first"}, installer, []int{0}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			flags := slices.Clone(test.flags)
			if !slices.Contains(flags, "--namespace") {
				flags = append(flags, "--namespace", n.Prefix)
			}
			if !slices.Contains(test.flags, "--elasticsearch") {
				flags = append(flags, "--elasticsearch", n.URL)
			}
			p, at := place{flags: flags, env: test.env}, slot
			if test.name == "may not write alerts" {
				at = another
			}
			o := p.once(t, string(rules), at, "--log-level", "debug")
			if !slices.Contains(test.codes, o.code) {
				t.Errorf("exit code %d, want one of %v\n%s%s", o.code, test.codes, o.out, o.err)
			}
			if !strings.Contains(o.out+o.err, test.want) {
				t.Errorf("%q is not in\n%s%s", test.want, o.out, o.err)
			}
			for _, secret := range []string{n.Password, "s3cret", key.At("encoded").String(), key.At("api_key").String()} {
				if strings.Contains(o.out+o.err, secret) {
					t.Errorf("a secret is in\n%s%s", o.out, o.err)
				}
			}
			if test.name == "may not read the events" && o.code == 0 {
				if x := o.executions(t)["r"]; len(x.Warnings) == 0 {
					t.Errorf("success without a word on what could not be searched: %+v", x)
				}
			}
		})
	}
	equal(t, "alerts", len(stored(t, n)), 1)
}

// TestRunListingIsStable: who lists alerts twice, or a part of them, gets the same order.
func TestRunListingIsStable(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	var docs []doc
	for i := range 30 {
		docs = append(docs, doc{index, fmt.Sprintf("e%02d", i), object{"@timestamp": stamp(slot, time.Minute)}})
	}
	put(t, n, docs)
	rules := ruleDir(t.TempDir())
	rules.add(t, "r", index, "any where true")
	rules.add(t, "s", index, "any where true")
	for _, p := range []place{elasticsearch(n), embedded(t, dump(t, n, index))} {
		t.Run(p.name, func(t *testing.T) {
			p.mustOnce(t, string(rules), slot)
			listing := func(more ...string) []string {
				o := runner(t, nil, slices.Concat([]string{"alerts", "list", "--format", "ndjson"}, p.alerts, more)...)
				equal(t, "exit code", o.code, 0)
				return slices.Collect(strings.Lines(o.out))
			}
			all := listing()
			equal(t, "alerts", len(all), 60)
			equal(t, "alerts of one rule", len(listing("--rule", "s")), 30)
			if diff := cmp.Diff(all[:7], listing("--limit", "7")); diff != "" {
				t.Errorf("the first seven (-want +got):\n%s", diff)
			}
			one, err := decode([]byte(all[0]))
			must(t, err)
			o := runner(t, nil, slices.Concat([]string{"alerts", "show", one.At("_id").String(), "--format", "ndjson"}, p.alerts)...)
			equal(t, "show", o.out, all[0])
		})
	}
}
