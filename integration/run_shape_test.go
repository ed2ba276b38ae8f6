//go:build integration

package integration

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

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
