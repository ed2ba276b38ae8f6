//go:build integration

package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// anomalyIndex creates a results index like Elasticsearch's machine learning: hidden, with the same field types.
func anomalyIndex(t *testing.T, n *Node) string {
	t.Helper()
	name := ".ml-anomalies-" + n.Name("results")
	keyword := object{"type": "keyword"}
	n.Must(t, http.MethodPut, "/"+name, object{
		"settings": object{"number_of_replicas": 0, "index.hidden": true},
		"mappings": object{
			"dynamic_templates": []object{{"strings_as_keywords": object{"match_mapping_type": "string", "mapping": keyword}}},
			"properties": object{
				"job_id": keyword, "result_type": keyword, "timestamp": object{"type": "date"}, "is_interim": object{"type": "boolean"},
				"record_score": object{"type": "double"}, "bucket_span": object{"type": "long"}, "detector_index": object{"type": "integer"},
				"by_field_name": keyword, "by_field_value": keyword, "partition_field_name": keyword, "partition_field_value": keyword,
				"influencers": object{"type": "nested", "properties": object{"influencer_field_name": keyword, "influencer_field_values": keyword}},
			},
		},
	})
	return name
}

// record returns a result of a job.
func record(index, id, job string, at time.Time, score float64, change ...func(object)) doc {
	source := object{
		"job_id": job, "result_type": "record", "is_interim": false, "record_score": score, "timestamp": at.UnixMilli(), "bucket_span": 900,
		"detector_index": 0, "by_field_name": "process.name", "by_field_value": "nc", "process.name": []string{"nc"}, "host.name": []string{"web"},
		"influencers": []object{{"influencer_field_name": "host.name", "influencer_field_values": []string{"web"}}},
	}
	for _, c := range change {
		c(source)
	}
	return doc{index, id, source}
}

// TestRunMachineLearning has anomalies and near misses, on Elasticsearch and embedded.
func TestRunMachineLearning(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := anomalyIndex(t, n)
	job, silent := n.Name("v3_rare_ea"), n.Name("silent")
	at := slot.Add(-5 * time.Minute)
	put(t, n, []doc{
		record(index, "hit", job, at, 75), record(index, "first", job, slot.Add(-10*time.Minute), 99.5),
		record(index, "below", job, at, 74.99), record(index, "before", job, slot.Add(-10*time.Minute-time.Millisecond), 90),
		record(index, "at the slot", job, slot, 90), record(index, "another job", n.Name("other"), at, 90),
		record(index, "interim", job, at, 90, func(s object) { s["is_interim"] = true }),
		record(index, "bucket", job, at, 90, func(s object) { s["result_type"] = "bucket" }),
		record(index, "below, of a job that works", silent, at, 1),
	})
	rules := ruleDir(t.TempDir())
	absent := n.Name("absent")
	rules.addRule(t, "found", "machine_learning", fmt.Sprintf("machine_learning_job_id = [%q, %q]\nanomaly_threshold = 75", job, absent))
	rules.addRule(t, "silent", "machine_learning", fmt.Sprintf("machine_learning_job_id = %q\nanomaly_threshold = 75", silent))
	local := embedded(t, dump(t, n, ".ml-anomalies-"+n.Name("*")))
	alerts := both(t, n, local, string(rules), slot)
	equal(t, "events", eventsOf(alerts), map[string][]string{"found": {"first", "hit"}})
	for _, alert := range alerts {
		a := JSON{alert}
		equal(t, "host", a.At("host", "name").Strings(), []string{"web"})
		equal(t, "process", a.At("process", "name").Strings(), []string{"nc"})
		if id := a.At("kibana.alert.ancestors", 0, "id").String(); id == "hit" {
			equal(t, "time", a.At("kibana.alert.original_time").String(), stamp(slot, 5*time.Minute))
			equal(t, "score", a.At("record_score").String(), "75")
		}
	}
	for _, p := range []place{elasticsearch(n), local} {
		all := p.mustOnce(t, string(rules), slot)
		named := func(id, job string) bool {
			return slices.ContainsFunc(all[id].Warnings, func(w string) bool { return strings.Contains(w, "no result of job ["+job+"]") })
		}
		if !named("found", absent) || named("found", job) || named("silent", silent) {
			t.Errorf("%s: warnings %q, %q", p.name, all["found"].Warnings, all["silent"].Warnings)
		}
	}
}

// TestMachineLearningOverTime has more anomalies than max_signals, a late one, and a missing index.
func TestMachineLearningOverTime(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	rules := ruleDir(t.TempDir())
	job := n.Name("job")
	rules.addRule(t, "few", "machine_learning", fmt.Sprintf("machine_learning_job_id = %q\nanomaly_threshold = 50\nmax_signals = 2", job))
	rules.addRule(t, "nowhere", "machine_learning", fmt.Sprintf("index = [%q]\nmachine_learning_job_id = %q\nanomaly_threshold = 50", ".ml-anomalies-"+n.Name("none-*"), job))
	index := anomalyIndex(t, n)
	for i := range 3 {
		put(t, n, []doc{record(index, fmt.Sprint("r", i), job, slot.Add(-time.Duration(i+1)*time.Minute), 60)})
	}
	remote := elasticsearch(n)
	run := func(want [5]int64) {
		t.Helper()
		all := remote.once(t, string(rules), slot).executions(t)
		equal(t, "few: hits, created, duplicates, failed, left", all["few"].numbers(), want)
		equal(t, "nowhere", all["nowhere"].Status, "succeeded")
		equal(t, "warnings of nowhere", len(all["nowhere"].Warnings), 2)
	}
	run([5]int64{2, 2, 0, 0, 1})
	run([5]int64{3, 1, 2, 0, 0})
	put(t, n, []doc{record(index, "late", job, slot.Add(-9*time.Minute), 60)})
	run([5]int64{4, 1, 3, 0, 0})
	equal(t, "events", eventsOf(remote.list(t))["few"], []string{"late", "r0", "r1", "r2"})
}
