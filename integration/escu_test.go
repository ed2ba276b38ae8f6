//go:build integration

package integration

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shipped are the Splunk detections of this repository.
func shipped(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../rules/splunk")
	must(t, err)
	return dir
}

// risk returns the risk events in the output of the runner, in a fixed order.
func (p place) risk(t *testing.T) []object {
	t.Helper()
	o := runner(t, p.env, slices.Concat([]string{"alerts", "list", "--risk", "--format", "json"}, p.alerts)...)
	if o.code != 0 {
		t.Fatalf("%s: exit code %d\n%s", p.name, o.code, o.err)
	}
	var list []object
	must(t, json.Unmarshal([]byte(o.out), &list))
	for _, d := range list {
		delete(d, "_index")
	}
	slices.SortFunc(list, func(a, b object) int { return strings.Compare(a["_id"].(string), b["_id"].(string)) })
	return list
}

// riskOf returns the fields of the documents that the expectations have.
func riskOf(docs []object) []string {
	var out []string
	for _, d := range docs {
		r := JSON{d}.At("risk")
		out = append(out, r.At("object_type").String()+" "+r.At("object").String()+" "+JSON{d}.At("message").String())
	}
	slices.Sort(out)
	return out
}

// splunkEvents are in Splunk's form and in ECS.
func splunkEvents(n *Node, slot time.Time) []doc {
	plain, ecs := n.Name("plain"), n.Name("ecs")
	exec := func(id, pod, command string, before time.Duration, change ...func(object)) doc {
		source := object{
			"@timestamp": stamp(slot, before), "sourcetype": "cisco:isovalent:processExec", "cluster_name": "c", "pod_name": pod,
			"node_name": "n", "parent_process_name": "sh", "process_name": "curl", "process_exec": "/usr/bin/curl", "process_id": "7", "process": command,
		}
		for _, c := range change {
			c(source)
		}
		return doc{plain, id, source}
	}
	return []doc{
		exec("first", "a", "curl -k https://x", 70*time.Minute), exec("second", "a", "curl -sSk https://y", 11*time.Minute),
		exec("late", "b", "curl -k https://x", 10*time.Minute), exec("early", "b", "curl -k https://x", 70*time.Minute+time.Second),
		exec("harmless", "b", "curl https://a/x-k", 30*time.Minute),
		exec("two parents", "d", "curl --insecure https://x", 30*time.Minute, func(s object) { s["parent_process_name"] = []string{"sh", "bash"} }),
		exec("no pod", "", "curl -k https://x", 30*time.Minute, func(s object) { delete(s, "pod_name") }),
		{ecs, "ecs", object{
			"@timestamp": stamp(slot, 20*time.Minute), "orchestrator": object{"cluster": object{"name": "c"}, "resource": object{"name": "e"}},
			"host": object{"name": "n"},
			"process": object{
				"name": "Curl", "executable": "/usr/bin/curl", "pid": 9, "command_line": "Curl --proxy-insecure https://x", "parent": object{"name": "sh"},
			},
		}},
	}
}

// TestRunSplunk runs the shipped detection, and the rules over its risk events, on a cluster and embedded: both
// give the same risk events and findings, once each.
func TestRunSplunk(t *testing.T) {
	n := newNode(t)
	slot := aSlot().Truncate(time.Hour)
	n.CreateIndex(t, n.Name("ecs"), json.RawMessage(`{"properties": {"@timestamp": {"type": "date"}, "process": {"properties": {"command_line": {"type": "wildcard"}, "name": {"type": "keyword"}, "executable": {"type": "keyword"}, "pid": {"type": "long"}, "parent": {"properties": {"name": {"type": "keyword"}}}}}, "orchestrator": {"properties": {"cluster": {"properties": {"name": {"type": "keyword"}}}, "resource": {"properties": {"name": {"type": "keyword"}}}}}, "host": {"properties": {"name": {"type": "keyword"}}}}}`))
	events := splunkEvents(n, slot)
	put(t, n, events)
	n.Refresh(t, n.Name("*"))
	lines := dump(t, n, n.Name("*"))
	var results [][]object
	for _, p := range []place{elasticsearch(n), embedded(t, lines)} {
		p.flags = append(slices.Clone(p.flags), "--splunk-index", n.Name("*"))
		if p.name == "embedded" {
			p.flags, p.alerts = append(p.flags, "--namespace", n.Prefix), append(p.alerts, "--namespace", n.Prefix)
		}
		p.mustOnce(t, shipped(t), slot)
		risk := p.risk(t)
		const message = " A curl execution with insecure flags has been detected on pod_name "
		want := []string{
			"system a" + message + "[a] in the cluster [c]",
			"system d" + message + "[d] in the cluster [c]", "system d" + message + "[d] in the cluster [c]",
			"system e" + message + "[e] in the cluster [c]",
		}
		if diff := cmp.Diff(want, riskOf(risk)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p.name, diff)
		}
		results = append(results, risk)
		p.mustOnce(t, shipped(t), slot)
		if again := p.risk(t); len(again) != len(risk) {
			t.Errorf("%s: %d risk events after a second run, want %d", p.name, len(again), len(risk))
		}
		// In the next hour b is found; no object has a score above 100.
		p.mustOnce(t, shipped(t), slot.Add(time.Hour))
		if next, alerts := p.risk(t), p.list(t); len(next) != len(risk)+1 || len(alerts) != 0 {
			t.Errorf("%s: %d risk events after the next hour, want %d, and %d findings", p.name, len(next), len(risk)+1, len(alerts))
		}
	}
	if diff := cmp.Diff(results[0], results[1]); diff != "" {
		t.Errorf("risk events (-elasticsearch +embedded):\n%s", diff)
	}
}

// TestRunRiskIncidents adds up the risk events of several hours: there is one finding, however often the rules
// run.
func TestRunRiskIncidents(t *testing.T) {
	n := newNode(t)
	slot := aSlot().Truncate(time.Hour)
	var docs []doc
	for hour := range 3 {
		docs = append(docs, splunkEvents(n, slot.Add(-time.Duration(hour)*time.Hour))[1:2]...)
		docs[hour].id = stamp(slot, time.Duration(hour)*time.Hour)
	}
	put(t, n, docs)
	n.Refresh(t, n.Name("*"))
	for _, p := range []place{elasticsearch(n), embedded(t, dump(t, n, n.Name("*")))} {
		p.flags = append(slices.Clone(p.flags), "--splunk-index", n.Name("*"))
		if p.name == "embedded" {
			p.flags, p.alerts = append(p.flags, "--namespace", n.Prefix), append(p.alerts, "--namespace", n.Prefix)
		}
		for hour := 2; hour >= 0; hour-- {
			p.mustOnce(t, filepath.Join(shipped(t), "cisco_isovalent_curl_execution_with_insecure_flags.yml"), slot.Add(-time.Duration(hour)*time.Hour))
		}
		if risk := p.risk(t); len(risk) != 3 {
			t.Fatalf("%s: %d risk events", p.name, len(risk))
		}
		rules := filepath.Join(shipped(t), "risk_threshold_exceeded_for_object_over_24_hours.yml")
		p.mustOnce(t, rules, slot.Add(15*time.Minute))
		p.mustOnce(t, rules, slot.Add(15*time.Minute))
		x := p.mustOnce(t, rules, slot.Add(75*time.Minute)) // throttled for a day
		alerts := p.list(t)
		if len(alerts) != 1 {
			t.Fatalf("%s: %d findings, want 1; later: %+v", p.name, len(alerts), x)
		}
		for _, a := range alerts {
			equal(t, "reason", JSON{a["kibana.alert.reason"]}.String(), "system a has a risk of 135 over 24 hours from 3 events")
			equal(t, "host", JSON{a}.At("host", "name").String(), "a")
		}
	}
}

// TestSplunkWorkedExample runs the example of the shared data, and expects exactly its rows and risk events.
func TestSplunkWorkedExample(t *testing.T) {
	text, err := os.ReadFile("../../shared/corpus/escu/seed_fixture/curl_insecure.json")
	if err != nil {
		t.Skip("the shared data is not here")
	}
	var example struct {
		Slot     time.Time `json:"scheduled_time"`
		Events   []object  `json:"events"`
		Rows     []object  `json:"expected_rows"`
		Expected []object  `json:"expected_risk_events"`
	}
	must(t, json.Unmarshal(text, &example))
	n := newNode(t)
	var docs []doc
	for i, e := range example.Events {
		docs = append(docs, doc{n.Name("example"), string(rune('a' + i)), e})
	}
	put(t, n, docs)
	n.Refresh(t, n.Name("*"))
	for _, p := range []place{elasticsearch(n), embedded(t, dump(t, n, n.Name("*")))} {
		p.flags = append(slices.Clone(p.flags), "--splunk-index", n.Name("*"))
		p.mustOnce(t, filepath.Join(shipped(t), "cisco_isovalent_curl_execution_with_insecure_flags.yml"), example.Slot)
		var rows, risk []object
		for _, d := range p.risk(t) {
			row := d["result"].(object)
			rows = append(rows, row)
			r, s := JSON{d}.At("risk"), JSON{d}.At("splunk")
			event := object{
				"risk_object": r.At("object").Any(), "risk_object_type": r.At("object_type").Any(), "risk_score": r.At("score").Any(),
				"risk_message": d["message"], "search_name": s.At("search_name").Any(), "source": s.At("source").Any(),
				"annotations.mitre_attack": s.At("annotations", "mitre_attack").Any(), "analyticstories": s.At("analyticstories").Any(),
				"info_min_time": s.At("info_min_time").Any(), "info_max_time": s.At("info_max_time").Any(), "info_search_time": s.At("info_search_time").Any(),
				"threat_object":      []any{r.At("threat_objects", 0, "value").Any()},
				"threat_object_type": []any{r.At("threat_objects", 0, "type").Any()},
			}
			risk = append(risk, event)
		}
		if diff := cmp.Diff(inOrder(t, example.Rows), inOrder(t, rows)); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", p.name, diff)
		}
		if diff := cmp.Diff(inOrder(t, example.Expected), inOrder(t, risk)); diff != "" {
			t.Errorf("%s: risk events (-want +got):\n%s", p.name, diff)
		}
	}
	status, _ := n.Do(t, http.MethodGet, "/tocsin-risk-"+n.Prefix, nil)
	equal(t, "the index of risk events", status, 200)
}

// inOrder returns objects as lines of JSON, sorted.
func inOrder(t *testing.T, list []object) []string {
	t.Helper()
	var out []string
	for _, o := range list {
		line, err := json.Marshal(o)
		must(t, err)
		out = append(out, string(line))
	}
	slices.Sort(out)
	return out
}
