//go:build integration

package integration

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRunSequences runs rules with sequences, samples, missing events, pipes and conditions that are matched in
// memory, on Elasticsearch and embedded: both find the same groups, and a second run adds none.
func TestRunSequences(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("steps")
	n.CreateIndex(t, index, object{"properties": object{
		"@timestamp": object{"type": "date"},
		"event":      object{"properties": object{"category": object{"type": "keyword"}}},
		"host":       object{"properties": object{"id": object{"type": "keyword"}, "ip": object{"type": "ip"}}},
		"source":     object{"properties": object{"ip": object{"type": "ip"}}},
		"process":    object{"properties": object{"name": object{"type": "keyword"}, "args": object{"type": "keyword"}, "pid": object{"type": "long"}}},
		"seq":        object{"type": "long"},
	}})
	event := func(id string, before time.Duration, category string, more object) doc {
		source := object{
			"@timestamp": stamp(slot, before), "event": object{"category": category}, "host": object{"id": "h1", "ip": []string{"10.0.0.1", "fe80::1"}},
			"process": object{"name": "sh", "args": []string{"sh", "-c", "curl x"}, "pid": 7},
		}
		maps.Copy(source, more)
		return doc{index, id, source}
	}
	put(t, n, []doc{
		event("start", 9*time.Minute, "process", nil),
		event("dial", 9*time.Minute-5*time.Second, "network", object{"source": object{"ip": "10.0.0.1"}}),
		event("other host", 9*time.Minute-4*time.Second, "network", object{"host": object{"id": "h2"}}),
		event("start 2", 5*time.Minute, "process", nil),
		event("write", 5*time.Minute-time.Second, "file", nil),
		event("dial 2", 5*time.Minute-2*time.Second, "network", nil),
		event("late dial", 3*time.Minute, "network", nil),
		event("start 3", 20*time.Second, "process", nil),
		event("no host", 4*time.Minute, "process", object{"host": object{"ip": "10.0.0.9"}}),
	})
	queries := map[string]string{
		"pair":     `sequence by host.id with maxspan=30s [process where true] [network where true]`,
		"between":  `sequence by host.id with maxspan=30s [process where true] ![file where true] [network where true]`,
		"absent":   `sequence by host.id with maxspan=10s [process where true] ![network where true]`,
		"until":    `sequence by host.id with maxspan=30s [process where true] [network where true] until [file where true]`,
		"address":  `sequence with maxspan=30s [process where true] by host.ip [network where true] by source.ip`,
		"memory":   `sequence by host.id with maxspan=30s [process where length(process.name) == 2 and startsWith(process.args, process.name)] [network where process.pid + 1 == 8]`,
		"runs":     `sequence by host.id with maxspan=10m [network where true] with runs=3`,
		"sample":   `sample by host.id [process where true] [file where true] [network where true]`,
		"tail":     `process where host.id != null | tail 1`,
		"residual": `process where concat(process.name, "-", process.pid) : "SH-7" and not endsWith(process.name, host.id)`,
	}
	want := map[string][]string{
		"pair": {"start 2,dial 2", "start,dial"}, "between": {"start,dial"}, "absent": {"start 3"}, "until": {"start,dial"},
		"address": {"start,dial"}, "memory": {"start 2,dial 2", "start,dial"}, "runs": {"dial,dial 2,late dial"},
		"tail": {"start 3"}, "residual": {"no host", "start", "start 2", "start 3"},
	}
	rules := ruleDir(t.TempDir())
	for id, query := range queries {
		rules.add(t, id, index, query)
	}
	alerts := both(t, n, embedded(t, dump(t, n, index)).withMapping(t, n, index), string(rules), slot)
	got := map[string][]string{}
	blocks := map[string]int{}
	for _, a := range alerts {
		id := fmt.Sprint(a["kibana.alert.rule.rule_id"])
		if _, isBlock := a["kibana.alert.group.index"]; isBlock {
			blocks[fmt.Sprint(a["kibana.alert.group.id"])]++
			continue
		}
		got[id] = append(got[id], membersOf(a))
	}
	for id, wanted := range want {
		slices.Sort(got[id])
		equal(t, id, got[id], wanted)
	}
	if len(got["sample"]) != 1 {
		t.Errorf("samples are %v", got["sample"])
	}
	for id, a := range alerts {
		if _, isBlock := a["kibana.alert.group.index"]; a["kibana.alert.group.id"] == nil || isBlock {
			continue
		}
		equal(t, "building blocks of "+id, blocks[id], strings.Count(membersOf(a), ",")+1)
	}
	shells := n.Must(t, http.MethodPost, "/"+n.Name("*")+",tocsin-alerts-*"+n.Prefix+"*/_search?ignore_unavailable=true", object{
		"query": object{"bool": object{"filter": []object{{"exists": object{"field": "kibana.alert.group.id"}}}, "must_not": []object{{"exists": object{"field": "kibana.alert.group.index"}}}}},
	})
	if shells.At("hits", "total", "value").Int() == 0 {
		t.Error("no shell is found by the fields of groups")
	}
}

// membersOf returns the events of an alert, in order.
func membersOf(a object) string {
	var ids []string
	list, _ := a["kibana.alert.ancestors"].([]any)
	for _, ancestor := range list {
		if o, ok := ancestor.(map[string]any); ok && o["type"] == "event" {
			ids = append(ids, fmt.Sprint(o["id"]))
		}
	}
	return strings.Join(ids, ",")
}
