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
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/tocsintest"
)

// Tests of run run the binary like a user, on Elasticsearch and embedded.

// buildRunner builds the binary once for all tests; it is deleted when the suite closes.
var buildRunner = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tocsin-runner")
	if err != nil {
		return "", err
	}
	tocsintest.AtEnd(func() { _ = os.RemoveAll(dir) })
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
