//go:build integration

package integration

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	withinRun  = `alert_suppression = { group_by = ["user.name", "host.name"] }`
	withinHour = `alert_suppression = { group_by = ["user.name", "host.name"], duration = { value = 1, unit = "h" } }`
)

// login returns an event of a user, some seconds before the slot. Without a user the field is missing.
func login(index, id, user string, slot time.Time, before int) doc {
	source := object{
		"@timestamp": stamp(slot, time.Duration(before)*time.Second), "host": object{"name": "pc"},
		"event": object{"category": "authentication"}, "kind_of_event": "login",
	}
	if user != "" {
		source["user"] = object{"name": user}
	}
	return doc{index, id, source}
}

// foldedOf formats the alerts by their first event: user, start and end in seconds, count.
func foldedOf(alerts map[string]object) []string {
	var out []string
	for _, a := range alerts {
		id := JSON{a["kibana.alert.ancestors"]}.List()[0].At("id").String()
		start, isFolded := a["kibana.alert.suppression.start"].(string)
		if !isFolded {
			out = append(out, id)
			continue
		}
		from, _ := time.Parse(time.RFC3339, start)
		to, _ := time.Parse(time.RFC3339, a["kibana.alert.suppression.end"].(string))
		terms := JSON{a["kibana.alert.suppression.terms"]}.List()
		out = append(out, fmt.Sprintf("%s %v/%v %d s +%v", id, terms[0].At("value").Any(), terms[1].At("value").Any(),
			int(to.Sub(from)/time.Second), JSON{a["kibana.alert.suppression.docs_count"]}.Int()))
	}
	slices.Sort(out)
	return out
}

// numbersOf returns hits, created, duplicates and suppressed of a rule's execution.
func numbersOf(x execution) [4]int64 {
	return [4]int64{x.Hits, int64(x.Created), int64(x.Dupes), int64(x.Suppressed)}
}

// TestSuppressionWithinRun: suppression within a run, on Elasticsearch and embedded. A repeated run changes
// nothing, and the next run makes new alerts.
func TestSuppressionWithinRun(t *testing.T) {
	n := newNode(t)
	slot, index := aSlot(), n.Name("logins")
	n.CreateIndex(t, index, eventMapping())
	rules := ruleDir(t.TempDir())
	rules.add(t, "folding", index, `any where kind_of_event == "login"`, withinRun)
	put(t, n, []doc{
		login(index, "1", "bob", slot, 500), login(index, "2", "eve", slot, 490), login(index, "3", "bob", slot, 480),
		login(index, "4", "", slot, 470), login(index, "5", "", slot, 460), login(index, "6", "bob", slot, 20),
	})
	remote := elasticsearch(n)
	local := embedded(t, dump(t, n, index)).withMapping(t, n, index)
	want := []string{"1 bob/pc 480 s +2", "2 eve/pc 0 s +0", "4 <nil>/pc 10 s +1"}
	for _, p := range []place{remote, local} {
		equal(t, p.name+": first", numbersOf(p.mustOnce(t, string(rules), slot)["folding"]), [4]int64{6, 3, 0, 3})
		equal(t, p.name+": again", numbersOf(p.mustOnce(t, string(rules), slot)["folding"]), [4]int64{6, 0, 6, 0})
		equal(t, p.name, foldedOf(p.list(t)), want)
	}
	equal(t, "alerts, embedded against Elasticsearch", lasting(local.list(t)), lasting(remote.list(t)))
	put(t, n, []doc{login(index, "7", "bob", slot, -10), login(index, "8", "bob", slot, -20)})
	equal(t, "the next run", numbersOf(remote.mustOnce(t, string(rules), slot.Add(5*time.Minute))["folding"]), [4]int64{3, 1, 1, 1})
	equal(t, "alerts", foldedOf(remote.list(t)), append(slices.Clone(want), "7 bob/pc 10 s +1"))
}

// TestSuppressionWithinTime: later runs, late events, the end of the duration, a rollover in between, an alert
// that is closed. Each run is a separate process.
func TestSuppressionWithinTime(t *testing.T) {
	n := newNode(t)
	slot, index := aSlot(), n.Name("logins")
	n.CreateIndex(t, index, eventMapping())
	rules := ruleDir(t.TempDir())
	rules.add(t, "folding", index, `any where kind_of_event == "login"`, withinHour)
	p := elasticsearch(n)
	run := func(what string, at time.Time, want [4]int64, alerts ...string) {
		t.Helper()
		for _, again := range []bool{false, true} {
			if again {
				want = [4]int64{want[0], 0, want[0], 0}
			}
			equal(t, fmt.Sprintf("%s, again %t", what, again), numbersOf(p.mustOnce(t, string(rules), at)["folding"]), want)
		}
		equal(t, what, foldedOf(p.list(t)), alerts)
	}
	put(t, n, []doc{login(index, "1", "bob", slot, 300), login(index, "2", "bob", slot, 100)})
	run("first", slot, [4]int64{2, 1, 0, 1}, "1 bob/pc 200 s +1")
	put(t, n, []doc{login(index, "3", "bob", slot, 200), login(index, "4", "bob", slot, 0)})
	run("a late one and a later one", slot.Add(time.Minute), [4]int64{4, 0, 2, 2}, "1 bob/pc 300 s +3")
	n.Must(t, http.MethodPost, "/tocsin-alerts-"+n.Prefix+"/_rollover", nil)
	put(t, n, []doc{login(index, "5", "bob", slot, -3299), login(index, "6", "bob", slot, -3300)})
	run("the last second and the one after it", slot.Add(3400*time.Second), [4]int64{2, 1, 0, 1}, "1 bob/pc 3599 s +4", "6 bob/pc 0 s +0")
	for id, a := range p.list(t) {
		n.Must(t, http.MethodPost, fmt.Sprintf("/%s/_update/%s", a["_index"], id), object{"doc": object{"kibana.alert.workflow_status": "closed"}})
	}
	put(t, n, []doc{login(index, "7", "bob", slot, -3310)})
	run("closed", slot.Add(3400*time.Second), [4]int64{3, 1, 2, 0}, "1 bob/pc 3599 s +4", "6 bob/pc 0 s +0", "7 bob/pc 0 s +0")
}

// TestSuppressionTwoRunnersKilled: parallel runners, some of them killed at random times, over overlapping
// windows. In the end every event is counted once.
func TestSuppressionTwoRunnersKilled(t *testing.T) {
	n := newNode(t)
	slot, index := aSlot(), n.Name("logins")
	n.CreateIndex(t, index, eventMapping())
	rules := ruleDir(t.TempDir())
	rules.add(t, "folding", index, `any where kind_of_event == "login"`, withinHour, "max_signals = 500")
	const events, users = 3000, 60
	docs := make([]doc, events)
	for i := range docs {
		docs[i] = login(index, strconv.Itoa(i), fmt.Sprintf("user-%d", i%users), slot, 599-i/6)
	}
	put(t, n, docs)
	p := elasticsearch(n)
	p.mustOnce(t, string(rules), slot.Add(-9*time.Minute)) // creates the indices and some alerts
	binary, err := buildRunner()
	must(t, err)
	for minute := range 4 {
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(100+rand.IntN(500))*time.Millisecond)
				defer cancel()
				if i == 0 {
					ctx = t.Context()
				}
				at := slot.Add(time.Duration(minute-3) * time.Minute).Format(time.RFC3339)
				command := exec.CommandContext(ctx, binary, slices.Concat([]string{"run", "--once", "--at", at, "--rules", string(rules)}, p.flags)...)
				var out bytes.Buffer
				command.Stdout, command.Stderr = &out, &out
				if err := command.Run(); err != nil && ctx.Err() == nil {
					t.Errorf("%v\n%s", err, out.Bytes())
				}
			})
		}
		wg.Wait()
	}
	x := p.mustOnce(t, string(rules), slot)["folding"]
	equal(t, "the last run", numbersOf(x), [4]int64{x.Hits, 0, x.Hits, 0})
	counted := int64(0)
	alerts := p.list(t)
	for _, a := range alerts {
		counted += 1 + JSON{a["kibana.alert.suppression.docs_count"]}.Int()
	}
	equal(t, "alerts", len(alerts), users)
	equal(t, "events that are counted", counted, int64(events))
}

// TestOverrides takes severity, score and name from events, and finds alerts by them.
func TestOverrides(t *testing.T) {
	n := newNode(t)
	slot, index := aSlot(), n.Name("graded")
	fields := eventMapping()
	keyword := object{"type": "keyword"}
	fields["properties"].(object)["vendor"] = object{"properties": object{"score": keyword, "level": keyword}}
	n.CreateIndex(t, index, fields)
	rules := ruleDir(t.TempDir())
	rules.add(t, "graded", index, `any where kind_of_event == "graded"`,
		`rule_name_override = "message"`,
		`risk_score_mapping = [{ field = "vendor.score", operator = "equals", value = "" }]`,
		`severity_mapping = [{ field = "vendor.level", operator = "equals", value = "7", severity = "critical" }]`,
		`investigation_fields = { field_names = ["user.name"] }`,
	)
	event := func(id string, more object) doc {
		source := object{"@timestamp": stamp(slot, time.Minute), "kind_of_event": "graded"}
		maps.Copy(source, more)
		return doc{index, id, source}
	}
	put(t, n, []doc{
		event("plain", object{}),
		event("nested", object{"message": "Worm", "vendor": object{"score": []any{12, "91.5"}, "level": []any{1, 7}}}),
		event("dotted", object{"message": "Dust", "vendor.score": "3", "vendor.level": "7"}),
	})
	alerts := both(t, n, embedded(t, dump(t, n, index)).withMapping(t, n, index), string(rules), slot)
	got := map[string][]any{}
	for _, a := range alerts {
		id := JSON{a["kibana.alert.ancestors"]}.List()[0].At("id").String()
		got[id] = []any{a["kibana.alert.rule.name"], a["kibana.alert.severity"], fmt.Sprint(a["kibana.alert.risk_score"])}
	}
	equal(t, "verdicts", got, map[string][]any{
		"plain": {"rule graded", "medium", "47"}, "nested": {"Worm", "critical", "91.5"}, "dotted": {"Dust", "critical", "3"},
	})
	for _, query := range []object{
		{"term": object{"kibana.alert.rule.name": "Worm"}},
		{"range": object{"kibana.alert.risk_score": object{"gt": 90}}},
		{"term": object{"kibana.alert.rule.parameters.severity_mapping.field": "vendor.level"}},
		{"term": object{"kibana.alert.rule.custom_highlighted_fields": "user.name"}},
	} {
		reply := n.Must(t, http.MethodPost, "/tocsin-alerts-"+n.Prefix+"/_count", object{"query": query})
		if reply.At("count").Int() == 0 {
			t.Errorf("%v finds nothing", query)
		}
	}
}
