//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// addRule writes a rule of any type with a look-back of ten minutes; lines are the keys of its type.
func (d ruleDir) addRule(t *testing.T, id, typ, lines string) {
	t.Helper()
	text := fmt.Sprintf("[rule]\ndescription = \"A rule of a test.\"\nfrom = \"now-10m\"\nname = %q\nrisk_score = 47\nrule_id = %q\nseverity = \"medium\"\ntype = %q\n%s\n",
		"rule "+id, id, typ, lines)
	must(t, os.WriteFile(filepath.Join(string(d), id+".toml"), []byte(text), 0o600))
}

// threatMapping writes groups of entries: "event=indicator", with != for those that must not match.
func threatMapping(groups ...[]string) string {
	var b strings.Builder
	for _, entries := range groups {
		b.WriteString("[[rule.threat_mapping]]\n")
		for _, e := range entries {
			field, value, _ := strings.Cut(e, "=")
			field, negate := strings.CutSuffix(field, "!")
			fmt.Fprintf(&b, "[[rule.threat_mapping.entries]]\nfield = %q\ntype = \"mapping\"\nvalue = %q\nnegate = %t\n", field, value, negate)
		}
	}
	return b.String()
}

// threatPlaces creates an index of events and one of indicators; their types differ as they do in feeds and
// events.
func threatPlaces(t *testing.T, n *Node) (events, indicators string) {
	t.Helper()
	events, indicators = n.Name("events"), n.Name("indicators")
	mapping := eventMapping()
	properties := mapping["properties"].(object)
	properties["domain"] = object{"type": "keyword", "normalizer": "lowercase"}
	properties["note"] = object{"type": "text", "fields": object{"raw": object{"type": "keyword"}}}
	properties["threat"] = object{"properties": object{"enrichments": object{"type": "nested"}}}
	n.CreateIndex(t, events, mapping)
	keyword := object{"type": "keyword"}
	n.CreateIndex(t, indicators, object{"properties": object{
		"@timestamp": object{"type": "date"},
		"threat": object{"properties": object{"feed": object{"properties": object{"name": keyword}}, "indicator": object{"properties": object{
			"type": keyword, "ip": object{"type": "ip"}, "net": keyword, "port": keyword, "user": keyword, "domain": keyword, "note": keyword, "confidence": keyword,
		}}}},
	}})
	return events, indicators
}

// TestRunThreatMatch has hits and near misses of every kind of mapping, on Elasticsearch and embedded.
func TestRunThreatMatch(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	events, indicators := threatPlaces(t, n)
	known := func(id string, before time.Duration, fields object) doc {
		fields["type"] = "x"
		return doc{indicators, id, object{"@timestamp": stamp(slot, before), "threat": object{"indicator": fields, "feed": object{"name": "feed of " + id}}}}
	}
	day := 24 * time.Hour
	put(t, n, []doc{
		known("ip", day, object{"ip": "10.0.0.1", "confidence": "High"}),
		known("ip again", 2*day, object{"ip": []string{"10.0.0.1", "2001:db8::1"}}),
		known("old", 40*day, object{"ip": "10.0.0.9"}),
		known("net", day, object{"net": []string{"192.168.0.0/16", "fd00::/8", "1.2.3.4"}}),
		known("both", day, object{"user": "eve", "port": "443"}),
		known("domain", day, object{"domain": "Evil.Example"}),
		known("note", day, object{"note": "two words"}),
		known("not", day, object{"user": "mallory", "port": "80"}),
	})
	event := func(id string, fields object) doc {
		fields["@timestamp"] = stamp(slot, 5*time.Minute)
		return doc{events, id, fields}
	}
	to := func(values ...any) object { return object{"ip": values} }
	put(t, n, []doc{
		event("ip", object{"destination": to("10.0.0.1")}),
		event("ip in another form", object{"destination": to("8.8.8.8", "::ffff:10.0.0.1"), "threat": object{"enrichments": []object{{"matched": object{"atomic": "own"}}}}}),
		event("ipv6", object{"destination": to("2001:db8:0:0::1")}),
		event("old", object{"destination": to("10.0.0.9")}),
		event("no indicator", object{"destination": to("10.0.0.2")}),
		event("in a network", object{"source": to("192.168.77.1")}),
		event("in a network of IPv6", object{"source": to("fdff::1")}),
		event("one address of several", object{"source": to("1.2.3.4")}),
		event("outside", object{"source": to("192.169.0.1")}),
		event("both", object{"user": object{"name": "eve"}, "destination": object{"port": 443}}),
		event("one of both", object{"user": object{"name": "eve"}, "destination": object{"port": 80}}),
		event("another case", object{"user": object{"name": "Eve"}, "destination": object{"port": 443}}),
		event("domain", object{"domain": "EVIL.example"}),
		event("whole text", object{"note": "two words"}),
		event("part of a text", object{"note": "two words more"}),
		event("not", object{"user": object{"name": "mallory"}, "destination": object{"port": []int{79, 81}}}),
		event("not so", object{"user": object{"name": "mallory"}, "destination": object{"port": []int{79, 80}}}),
	})
	rules := ruleDir(t.TempDir())
	for id, mapping := range map[string]string{
		"ip": threatMapping([]string{"destination.ip=threat.indicator.ip"}), "net": threatMapping([]string{"source.ip=threat.indicator.net"}),
		"both":   threatMapping([]string{"user.name=threat.indicator.user", "destination.port=threat.indicator.port"}),
		"either": threatMapping([]string{"destination.ip=threat.indicator.ip"}, []string{"domain=threat.indicator.domain"}, []string{"note=threat.indicator.note"}),
		"not":    threatMapping([]string{"user.name=threat.indicator.user", "destination.port!=threat.indicator.port"}),
	} {
		rules.addRule(t, id, "threat_match", fmt.Sprintf(`index = [%q]
language = "kuery"
query = "*:*"
threat_index = [%q, %q]
threat_query = '@timestamp >= "now-30d/d" and threat.indicator.type:*'
%s`, events, indicators, n.Name("absent-*"), mapping))
	}
	alerts := both(t, n, embedded(t, dump(t, n, n.Name("*"))).withMapping(t, n, events+","+indicators), string(rules), slot)
	equal(t, "events", eventsOf(alerts), map[string][]string{
		"ip":  {"ip", "ip in another form", "ipv6"},
		"net": {"in a network", "in a network of IPv6", "one address of several"}, "both": {"both", "not so"},
		"either": {"domain", "ip", "ip in another form", "ipv6", "whole text"}, "not": {"not", "one of both"},
	})
	equal(t, "enrichments", enrichments(alerts, "ip"), map[string][]string{
		"ip": {"destination.ip 10.0.0.1 ip feed of ip", "destination.ip 10.0.0.1 ip again feed of ip again"},
		"ip in another form": {
			" own  ", "destination.ip ::ffff:10.0.0.1 ip feed of ip", "destination.ip ::ffff:10.0.0.1 ip again feed of ip again",
		},
		"ipv6": {"destination.ip 2001:db8:0:0::1 ip again feed of ip again"},
	})
	// The alerts' mapping keeps each enrichment as a separate object.
	reply := n.Must(t, "POST", "/tocsin-alerts-"+n.Prefix+"/_search", object{"query": object{"nested": object{
		"path": "threat.enrichments", "query": object{"bool": object{"filter": []object{
			{"term": object{"threat.enrichments.matched.atomic": "10.0.0.1"}},
			{"term": object{"threat.enrichments.indicator.confidence": "High"}},
			{"term": object{"threat.enrichments.matched.type": "indicator_match_rule"}},
		}}},
	}}})
	equal(t, "alerts by enrichment", reply.At("hits", "total", "value").Int(), 2)
}

// enrichments returns field, value, indicator and feed of a rule's enrichments, by event.
func enrichments(alerts map[string]object, rule string) map[string][]string {
	out := map[string][]string{}
	for _, alert := range alerts {
		if alert["kibana.alert.rule.rule_id"] != rule {
			continue
		}
		id := JSON{alert}.At("kibana.alert.ancestors", 0, "id").String()
		for _, e := range (JSON{alert}).At("threat", "enrichments").List() {
			var parts []string
			for _, part := range []JSON{e.At("matched", "field"), e.At("matched", "atomic"), e.At("matched", "id"), e.At("feed", "name")} {
				text := ""
				if !part.Missing() {
					text = part.String()
				}
				parts = append(parts, text)
			}
			out[id] = append(out[id], strings.Join(parts, " "))
		}
	}
	return out
}

// TestThreatMatchOverTime has more events than max_signals, late events and indicators, and a missing indicator
// index.
func TestThreatMatchOverTime(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	events, indicators := threatPlaces(t, n)
	rules := ruleDir(t.TempDir())
	rules.addRule(t, "few", "threat_match", fmt.Sprintf("index = [%q]\nlanguage = \"kuery\"\nquery = \"destination.ip:*\"\nmax_signals = 3\nthreat_index = [%q]\nthreat_query = \"*:*\"\n%s",
		events, indicators, threatMapping([]string{"destination.ip=threat.indicator.ip"})))
	rules.addRule(t, "absent", "threat_match", fmt.Sprintf("index = [%q]\nlanguage = \"kuery\"\nquery = \"destination.ip:*\"\nthreat_index = [%q]\nthreat_query = \"*:*\"\n%s",
		events, n.Name("absent"), threatMapping([]string{"destination.ip=threat.indicator.ip"})))
	add := func(id, ip string, before time.Duration) {
		put(t, n, []doc{{events, id, object{"@timestamp": stamp(slot, before), "destination": object{"ip": ip}}}})
	}
	for i := range 5 {
		add(fmt.Sprint("e", i), "10.0.0.1", time.Duration(8-i)*time.Minute)
	}
	add("unknown yet", "10.0.0.2", time.Minute)
	put(t, n, []doc{{indicators, "i1", object{"threat": object{"indicator": object{"ip": "10.0.0.1"}}}}})
	remote := elasticsearch(n)
	run := func(want [5]int64) execution {
		t.Helper()
		o := remote.once(t, string(rules), slot)
		all := o.executions(t)
		equal(t, "few: hits, created, duplicates, failed, left", all["few"].numbers(), want)
		equal(t, "absent", all["absent"].numbers(), [5]int64{})
		equal(t, "absent", all["absent"].Status, "succeeded")
		if !slices.ContainsFunc(all["absent"].Warnings, func(w string) bool {
			return strings.Contains(w, "no open index of indicators matches "+n.Name("absent"))
		}) {
			t.Errorf("absent: %q", all["absent"].Warnings)
		}
		return all["few"]
	}
	first := run([5]int64{3, 3, 0, 0, 2})
	equal(t, "status with hits left", first.Status, "partial_failure")
	run([5]int64{5, 2, 3, 0, 0})
	add("late", "10.0.0.1", 7*time.Minute)
	put(t, n, []doc{{indicators, "i2", object{"threat": object{"indicator": object{"ip": "10.0.0.2"}}}}})
	run([5]int64{7, 2, 5, 0, 0})
	run([5]int64{7, 0, 7, 0, 0})
	equal(t, "events", eventsOf(remote.list(t))["few"], []string{"e0", "e1", "e2", "e3", "e4", "late", "unknown yet"})
}
