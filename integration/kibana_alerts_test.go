//go:build integration

package integration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// kibanaSpace makes an index of alerts as Kibana does, in a space of the test, and returns the place that writes there.
func kibanaSpace(t *testing.T, n *Node) place {
	t.Helper()
	space := n.Prefix + "soc"
	data, err := os.ReadFile("../internal/alert/testdata/kibana-schema.tsv")
	must(t, err)
	root := object{}
	put := func(name string, definition object) {
		at := root
		parts := strings.Split(name, ".")
		for _, part := range parts[:len(parts)-1] {
			below, ok := at[part].(object)
			if !ok {
				below = object{"properties": object{}}
				at[part] = below
			}
			at = below["properties"].(object)
		}
		if _, there := at[parts[len(parts)-1]]; !there {
			at[parts[len(parts)-1]] = definition
		}
	}
	types := map[string]string{"date": "date", "number": "long", "numbers": "long", "string": "keyword", "strings": "keyword"}
	for line := range strings.Lines(string(data)) {
		if columns := strings.Split(strings.TrimSpace(line), "\t"); len(columns) == 3 && types[columns[1]] != "" {
			put(columns[0], object{"type": types[columns[1]]})
		}
	}
	put("kibana.alert.rule.parameters", object{"type": "flattened", "ignore_above": 4096})
	for _, name := range []string{"host.name", "host.id", "user.name", "process.name", "event.category", "agent.id", "host.asset.criticality"} {
		put(name, object{"type": "keyword", "ignore_above": 1024})
	}
	n.Must(t, http.MethodPut, "/_index_template/"+n.Name("kibana"), object{
		"index_patterns": []string{".internal.alerts-security.alerts-" + space + "-*"}, "priority": 700,
		"template": object{
			"settings": object{"index.hidden": true, "index.number_of_replicas": 0, "index.mapping.ignore_malformed": true, "index.mapping.total_fields.limit": 2500},
			"mappings": object{"dynamic": false, "_meta": object{"kibana": object{"version": "8.19.3"}, "managed": true}, "properties": root},
		},
	})
	n.Must(t, http.MethodPut, "/.internal.alerts-security.alerts-"+space+"-000001", object{
		"aliases": object{".alerts-security.alerts-" + space: object{"is_write_index": true, "is_hidden": true}},
	})
	p := elasticsearch(n)
	p.name = "kibana"
	p.flags = append(slices.Clone(p.flags), "--alerts", "kibana:"+space, "--kibana-url", "https://kibana.example")
	p.env = []string{"TOCSIN_KIBANA_VERSION=8.19.3"}
	p.alerts = append(slices.Clone(p.alerts), "--alerts", "kibana:"+space)
	return p
}

// sharedRules are rules of the types that differ in how they find and write alerts.
func sharedRules(t *testing.T, index string) ruleDir {
	t.Helper()
	rules := ruleDir(t.TempDir())
	rules.add(t, "each", index, `any where kind_of_event == "login" and user.name == "bob"`)
	rules.add(t, "folding", index, `any where kind_of_event == "login"`, withinHour)
	rules.add(t, "steps", index, `sequence by host.name with maxspan=5m [any where user.name == "bob"] [any where user.name == "eve"]`)
	must(t, os.WriteFile(string(rules)+"/counted.toml", []byte(fmt.Sprintf(`[rule]
description = "A rule of a test."
from = "now-10m"
index = [%q]
language = "kuery"
name = "counted"
query = 'kind_of_event: login'
risk_score = 47
rule_id = "counted"
severity = "low"
type = "threshold"
[rule.threshold]
field = ["host.name"]
value = 3
`, index)), 0o600))
	return rules
}

// TestKibanaAlerts: in an index like Kibana's there are the same alerts as in Tocsin's own, once each, over runs that are
// repeated, later slots, a rollover and a backfill.
func TestKibanaAlerts(t *testing.T) {
	n := newNode(t)
	slot, index := aSlot(), n.Name("logins")
	n.CreateIndex(t, index, eventMapping())
	rules := sharedRules(t, index)
	put(t, n, []doc{
		login(index, "1", "bob", slot, 500), login(index, "2", "eve", slot, 490), login(index, "3", "bob", slot, 480),
		login(index, "4", "", slot, 470), login(index, "5", "eve", slot, 20),
	})
	// Nothing is written, and nothing made, while Kibana has no index.
	own, refused := elasticsearch(n), elasticsearch(n)
	refused.flags = append(slices.Clone(refused.flags), "--alerts", "kibana:"+n.Prefix+"none")
	o := refused.once(t, string(rules), slot)
	if o.code == 0 || !strings.Contains(o.err, "open the Security app of Kibana") {
		t.Errorf("without an index: %d %s", o.code, o.err)
	}
	kibana := kibanaSpace(t, n)
	runs := func(at time.Time) {
		t.Helper()
		theirs, ours := kibana.mustOnce(t, string(rules), at, "--no-ledger"), own.mustOnce(t, string(rules), at, "--no-ledger")
		for id, x := range ours {
			equal(t, at.Format(time.TimeOnly)+" "+id, theirs[id].numbers(), x.numbers())
		}
	}
	runs(slot)
	runs(slot)
	n.Must(t, http.MethodPost, "/.alerts-security.alerts-"+n.Prefix+"soc/_rollover", nil)
	put(t, n, []doc{login(index, "6", "bob", slot, -100), login(index, "7", "eve", slot, -110)})
	runs(slot.Add(5 * time.Minute))
	runs(slot)
	for _, p := range []place{kibana, own} {
		args := slices.Concat([]string{"backfill", "--rules", string(rules), "--from", slot.Add(-time.Hour).Format(time.RFC3339), "--to", slot.Add(10 * time.Minute).Format(time.RFC3339)}, p.flags)
		if o := runner(t, p.env, args...); o.code != 0 {
			t.Fatalf("%s: backfill: %d %s", p.name, o.code, o.err)
		}
	}
	theirs, ours := kibana.list(t), own.list(t)
	equal(t, "ids", slices.Sorted(maps.Keys(theirs)), slices.Sorted(maps.Keys(ours)))
	equal(t, "folded", foldedOf(folding(theirs)), foldedOf(folding(ours)))
	if len(theirs) < 8 {
		t.Errorf("%d alerts", len(theirs))
	}
	for id, a := range theirs {
		want := object{
			"kibana.version": "8.19.3", "kibana.space_ids": []any{n.Prefix + "soc"}, "kibana.alert.uuid": id,
			"kibana.alert.url": "https://kibana.example/s/" + n.Prefix + "soc/app/security/alerts/redirect/" + id + "?index=.alerts-security.alerts-" + n.Prefix + "soc&timestamp=" + a["@timestamp"].(string),
		}
		for field, value := range want {
			equal(t, field, fmt.Sprint(a[field]), fmt.Sprint(value))
		}
		if !strings.HasPrefix(a["_index"].(string), ".internal.alerts-security.alerts-") {
			t.Errorf("in %v", a["_index"])
		}
	}
	// The table of Kibana's app finds them: by type of rule, space and status.
	found := n.Must(t, http.MethodPost, "/.alerts-security.alerts-"+n.Prefix+"soc/_count", object{"query": object{"bool": object{
		"filter": []object{
			{"terms": object{"kibana.alert.rule.rule_type_id": []string{"siem.eqlRule", "siem.thresholdRule"}}},
			{"term": object{"kibana.space_ids": n.Prefix + "soc"}},
			{"term": object{"kibana.alert.workflow_status": "open"}},
			{"term": object{"kibana.alert.rule.consumer": "siem"}},
		},
	}}})
	equal(t, "in the app", found.At("count").Int(), int64(len(theirs)))
	if o := runner(t, kibana.env, slices.Concat([]string{"alerts", "list", "--where", "tocsin.correlation.type: x"}, kibana.alerts)...); o.code == 0 || !strings.Contains(o.err, "without indexing it") {
		t.Errorf("a field that Kibana does not index: %d %s", o.code, o.err)
	}
}

func folding(alerts map[string]object) map[string]object {
	out := map[string]object{}
	for id, a := range alerts {
		if a["kibana.alert.rule.rule_id"] == "folding" {
			out[id] = a
		}
	}
	return out
}

// TestDecisionsSurviveRuns: what people decide, in Kibana or with the command, is there after any further runs and backfills, in
// every store.
func TestDecisionsSurviveRuns(t *testing.T) {
	n := newNode(t)
	slot, index := aSlot(), n.Name("logins")
	n.CreateIndex(t, index, eventMapping())
	rules := sharedRules(t, index)
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // a test's choices
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's choices
	id := 0
	more := func() {
		var docs []doc
		for range 1 + random.IntN(4) {
			id++
			docs = append(docs, login(index, fmt.Sprint("e", id), []string{"bob", "eve", ""}[random.IntN(3)], slot, 1+random.IntN(500)))
		}
		put(t, n, docs)
	}
	const status, tags, assignees = "kibana.alert.workflow_status", "kibana.alert.workflow_tags", "kibana.alert.workflow_assignee_ids"
	of := func(a object) string {
		return fmt.Sprint(a[status], a[tags], a[assignees], a["kibana.alert.workflow_user"], a["kibana.alert.workflow_reason"])
	}
	more()
	local := embedded(t)
	for _, p := range []place{elasticsearch(n), kibanaSpace(t, n), local} {
		expected := map[string]string{}
		for round := range sizeOf(t, "TOCSIN_WORKFLOW_ROUNDS", 3) {
			if round > 0 {
				more()
			}
			at := p
			if p.name == "embedded" {
				at.flags = append(slices.Clone(p.flags), "--events", dump(t, n, index))
				at = at.withMapping(t, n, index)
			}
			if random.IntN(3) == 0 && round > 0 {
				args := slices.Concat([]string{"backfill", "--rules", string(rules), "--from", slot.Add(-20 * time.Minute).Format(time.RFC3339), "--to", slot.Add(10 * time.Minute).Format(time.RFC3339)}, at.flags)
				if o := runner(t, at.env, args...); o.code != 0 {
					t.Fatalf("%s: backfill: %d %s", p.name, o.code, o.err)
				}
			} else {
				when := slot // which looks back over all logins: the first round has an alert to decide of
				if round > 0 && random.IntN(2) == 0 {
					when = when.Add(5 * time.Minute)
				}
				at.mustOnce(t, string(rules), when, "--no-ledger")
			}
			alerts := p.list(t)
			if len(alerts) == 0 {
				t.Fatalf("%s: round %d: no alerts", p.name, round)
			}
			for id, want := range expected {
				if alerts[id] == nil || of(alerts[id]) != want {
					t.Fatalf("%s: round %d: alert %s has %s, not %s", p.name, round, id, of(alerts[id]), want)
				}
			}
			ids := slices.Sorted(maps.Keys(alerts))
			for range 3 {
				id := ids[random.IntN(len(ids))]
				a := alerts[id]
				if p.name != "embedded" && random.IntN(2) == 0 { // as Kibana does, in its one field at a time
					change := object{
						status: []string{"acknowledged", "closed", "open"}[random.IntN(3)], tags: []string{fmt.Sprint("k", round)}, assignees: []string{"u_kibana"}, "kibana.alert.workflow_user": "u_ann",
					}
					n.Must(t, http.MethodPost, fmt.Sprintf("/%s/_update/%s?refresh=true", a["_index"], id), object{"doc": change})
				} else {
					for _, args := range [][]string{{"close", id, "--reason", "duplicate", "--by", "bob"}, {"tag", id, "--add", fmt.Sprint("t", round)}, {"assign", id, "--to", "u_command"}} {
						if o := runner(t, p.env, slices.Concat([]string{"alerts"}, args, p.alerts)...); o.code != 0 {
							t.Fatalf("%s: alerts %v: %d %s", p.name, args, o.code, o.err)
						}
					}
				}
			}
			for id, a := range p.list(t) {
				if s := of(a); !strings.HasPrefix(s, "open[] []") && !strings.HasPrefix(s, "open [] []") || expected[id] != "" {
					expected[id] = s
				}
			}
			if len(expected) == 0 {
				t.Fatalf("%s: nothing was decided", p.name)
			}
		}
	}
}
