//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// narrowMapping has the types that exceptions and filters treat differently.
func narrowMapping() object {
	keyword := object{"type": "keyword", "ignore_above": 1024}
	return object{"properties": object{
		"@timestamp": object{"type": "date"},
		"seen":       object{"type": "date"},
		"k":          keyword,
		"text":       object{"type": "text"},
		"n":          object{"type": "long"},
		"ip":         object{"type": "ip"},
		"peer":       keyword, // an address, in a field of another type
		"on":         object{"type": "boolean"},
		"host":       object{"properties": object{"os": object{"properties": object{"type": keyword}}}},
		"nest": object{"type": "nested", "properties": object{
			"k": keyword, "n": object{"type": "long"}, "ip": object{"type": "ip"},
		}},
	}}
}

func narrowEvents(slot time.Time) map[string]object {
	events := map[string]object{
		"a":       {"k": "a", "n": 1, "ip": "10.0.0.1", "peer": "10.0.0.1", "text": "one two", "on": true},
		"b":       {"k": []any{"b", "c:\\dir\\x.exe"}, "n": []any{2, 7}, "ip": []any{"10.0.0.9", "2001:db8::1"}, "peer": "10.0.0.10", "text": "two three", "on": false},
		"quiet":   {"seen": "2026-01-02T12:00:00Z"},
		"empty":   {"k": "", "text": ""},
		"linux":   {"k": "a", "host": object{"os": object{"type": "linux"}}},
		"windows": {"k": "a", "host": object{"os": object{"type": "windows"}}},
		"nest":    {"nest": []any{object{"k": "x", "n": 1}, object{"k": "y", "n": 2, "ip": "10.0.0.5"}}},
		"single":  {"nest": object{"k": "x", "n": 2}},
		"dotted":  {"nest.k": "x", "nest.n": 2},
	}
	for id := range events {
		events[id]["@timestamp"] = stamp(slot, time.Minute)
	}
	return events
}

// narrowedRule returns a rule in Kibana's format that finds every event of an index, with further keys.
func narrowedRule(id, index, keys string) string {
	return fmt.Sprintf(`{"rule_id":%q,"name":"rule %s","description":"A rule of a test.","type":"query","language":"kuery","index":[%q],"query":"@timestamp: *",`+
		`"from":"now-10m","to":"now","interval":"5m","risk_score":47,"severity":"medium",%s}`+"\n", id, id, index, keys)
}

// exceptionOf returns the line of an exception item with its own list.
func exceptionOf(id, entries, keys string) string {
	return fmt.Sprintf(`{"item_id":"item","list_id":%q,"name":"item of %s","namespace_type":"single","type":"simple","comments":[],"tags":[]%s,"entries":[%s]}`+"\n", id, id, keys, entries)
}

func exceptionsOf(id string) string {
	return fmt.Sprintf(`"exceptions_list":[{"id":"x","list_id":%q,"type":"detection","namespace_type":"single"}]`, id)
}

// narrowCase is an exception or filter, and the ids of the events that it excludes.
type narrowCase struct {
	name, what string
	gone       []string
}

// rest returns the other ids.
func (c narrowCase) rest(slot time.Time) []string {
	var ids []string
	for id := range narrowEvents(slot) {
		if !slices.Contains(c.gone, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// entryCases has every type of entry. Events that match an entry make no alert.
var entryCases = []narrowCase{
	{"match", `{"field":"k","type":"match","operator":"included","value":"a"}`, []string{"a", "linux", "windows"}},
	{"match of one among several", `{"field":"k","type":"match","operator":"included","value":"b"}`, []string{"b"}},
	{"match of nothing", `{"field":"k","type":"match","operator":"included","value":""}`, []string{"empty"}},
	{"match excluded", `{"field":"k","type":"match","operator":"excluded","value":"a"}`, []string{"b", "dotted", "empty", "nest", "quiet", "single"}},
	{"match of a number", `{"field":"n","type":"match","operator":"included","value":"7"}`, []string{"b"}},
	{"match of an address", `{"field":"ip","type":"match","operator":"included","value":"10.0.0.1"}`, []string{"a"}},
	{"match of a network", `{"field":"ip","type":"match","operator":"included","value":"2001:db8::/32"}`, []string{"b"}},
	{"match of a boolean", `{"field":"on","type":"match","operator":"included","value":"true"}`, []string{"a"}},
	{"match of a date", `{"field":"seen","type":"match","operator":"included","value":"2026-01-02"}`, []string{"quiet"}},
	{"match on a field that is not mapped", `{"field":"missing","type":"match","operator":"included","value":"a"}`, nil},
	{"match any", `{"field":"k","type":"match_any","operator":"included","value":["b","zz",""]}`, []string{"b", "empty"}},
	{"match any excluded", `{"field":"n","type":"match_any","operator":"excluded","value":["1","2"]}`, []string{"dotted", "empty", "linux", "nest", "quiet", "single", "windows"}},
	{"exists", `{"field":"ip","type":"exists","operator":"included"}`, []string{"a", "b"}},
	{"exists excluded", `{"field":"k","type":"exists","operator":"excluded"}`, []string{"dotted", "nest", "quiet", "single"}},
	{"wildcard", `{"field":"k","type":"wildcard","operator":"included","value":"C:\\\\*.exe"}`, nil},
	{"wildcard with escapes", `{"field":"k","type":"wildcard","operator":"included","value":"c:\\\\d?r\\\\*.exe"}`, []string{"b"}},
	{"wildcard excluded", `{"field":"k","type":"wildcard","operator":"excluded","value":"*"}`, []string{"dotted", "nest", "quiet", "single"}},
	{"several entries", `{"field":"k","type":"exists","operator":"included"},{"field":"ip","type":"exists","operator":"excluded"}`, []string{"empty", "linux", "windows"}},
	{"list of words", `{"field":"k","type":"list","operator":"included","list":{"id":"words","type":"keyword"}}`, []string{"b"}},
	{"list of words excluded", `{"field":"k","type":"list","operator":"excluded","list":{"id":"words","type":"keyword"}}`, []string{"a", "dotted", "empty", "linux", "nest", "quiet", "single", "windows"}},
	{"list of addresses", `{"field":"ip","type":"list","operator":"included","list":{"id":"addresses","type":"ip"}}`, []string{"b"}},
	{"list of ranges", `{"field":"ip","type":"list","operator":"included","list":{"id":"ranges","type":"ip_range"}}`, []string{"b"}},
	{"list of ranges excluded", `{"field":"ip","type":"list","operator":"excluded","list":{"id":"ranges","type":"ip_range"}}`, []string{"a", "dotted", "empty", "linux", "nest", "quiet", "single", "windows"}},
	{"list of ranges on a keyword", `{"field":"peer","type":"list","operator":"included","list":{"id":"ranges","type":"ip_range"}}`, []string{"b"}},
	{"list of many ranges", `{"field":"ip","type":"list","operator":"included","list":{"id":"many","type":"ip_range"}}`, []string{"b"}},
	{"list of many ranges excluded", `{"field":"ip","type":"list","operator":"excluded","list":{"id":"many","type":"ip_range"}}`, []string{"a", "dotted", "empty", "linux", "nest", "quiet", "single", "windows"}},
	{"list of texts", `{"field":"k","type":"list","operator":"included","list":{"id":"words","type":"text"}}`, []string{"b"}},
	{"nested", `{"field":"nest","type":"nested","entries":[{"field":"k","type":"match","operator":"included","value":"x"},{"field":"n","type":"match","operator":"included","value":"2"}]}`, []string{"single"}},
	{"nested, one entry", `{"field":"nest","type":"nested","entries":[{"field":"k","type":"match","operator":"included","value":"x"}]}`, []string{"dotted", "nest", "single"}},
	{"nested, any of several", `{"field":"nest","type":"nested","entries":[{"field":"k","type":"match_any","operator":"included","value":["y","z"]},{"field":"ip","type":"exists","operator":"included"}]}`, []string{"nest"}},
	{"nested, excluded", `{"field":"nest","type":"nested","entries":[{"field":"k","type":"match","operator":"excluded","value":"x"}]}`, []string{"dotted", "nest"}}, // dotted keys are an object each
	{"nested, list", `{"field":"nest","type":"nested","entries":[{"field":"ip","type":"list","operator":"included","list":{"id":"ranges","type":"ip_range"}}]}`, []string{"nest"}},
	{"nested, no object", `{"field":"host","type":"nested","entries":[{"field":"os.type","type":"exists","operator":"included"}]}`, nil},
	{"nested, not mapped", `{"field":"missing","type":"nested","entries":[{"field":"k","type":"exists","operator":"included"}]}`, nil},
}

// valueLists are the value lists of the entries.
func valueLists() map[string]string {
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "192.%d.%d.1-192.%d.%d.9\n", i/250, i%250, i/250, i%250)
	}
	many.WriteString("10.0.0.7-10.0.0.9\n")
	return map[string]string{
		"words": "b\nnever\n", "addresses": "10.0.0.2\n2001:db8::1\n", "ranges": "10.0.0.4/30\n10.0.0.8-10.0.0.20\n2001:db8::/120\n", "many": many.String(),
	}
}

// exportDir creates a directory with an export and the value lists.
func exportDir(t *testing.T, lines string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "value_lists"), 0o700))
	for name, text := range valueLists() {
		must(t, os.WriteFile(filepath.Join(dir, "value_lists", name), []byte(text), 0o600))
	}
	must(t, os.WriteFile(filepath.Join(dir, "export.ndjson"), []byte(lines), 0o600))
	return dir
}

// narrowIndex creates an index of the events and returns its name.
func narrowIndex(t *testing.T, n *Node, slot time.Time) string {
	t.Helper()
	index := n.Name("narrow")
	n.CreateIndex(t, index, narrowMapping())
	var docs []doc
	for id, source := range narrowEvents(slot) {
		docs = append(docs, doc{index, id, source})
	}
	put(t, n, docs)
	return index
}

// TestRunExceptions runs a rule for every type of entry, on Elasticsearch and in memory.
func TestRunExceptions(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := narrowIndex(t, n, slot)
	var lines strings.Builder
	for i, c := range entryCases {
		id := fmt.Sprintf("x%02d", i)
		lines.WriteString(narrowedRule(id, index, exceptionsOf(id)) + exceptionOf(id, c.what, ""))
	}
	const exists = `{"field":"k","type":"exists","operator":"included"}`
	lines.WriteString(narrowedRule("os", index, exceptionsOf("os")) + exceptionOf("os", exists, `,"os_types":["linux","macos"]`))
	local := embedded(t, dump(t, n, index)).withMapping(t, n, index)
	got := eventsOf(both(t, n, local, exportDir(t, lines.String()), slot))
	for i, c := range entryCases {
		t.Run(c.name, func(t *testing.T) { equal(t, c.what, got[fmt.Sprintf("x%02d", i)], c.rest(slot)) })
	}
	equal(t, "os_types", got["os"], narrowCase{gone: []string{"linux"}}.rest(slot))
}

// TestRunExceptionsOnText has exceptions that only a search can evaluate.
func TestRunExceptionsOnText(t *testing.T) {
	cases := []narrowCase{
		{"words in order", `{"field":"text","type":"match","operator":"included","value":"TWO three"}`, []string{"b"}},
		{"words in another order", `{"field":"text","type":"match","operator":"included","value":"three two"}`, nil},
		{"excluded", `{"field":"text","type":"match","operator":"excluded","value":"two"}`, []string{"dotted", "empty", "linux", "nest", "quiet", "single", "windows"}},
		{"all words of a text", `{"field":"text","type":"list","operator":"included","list":{"id":"texts","type":"text"}}`, []string{"b"}},
	}
	n := newNode(t)
	slot := aSlot()
	index := narrowIndex(t, n, slot)
	var lines strings.Builder
	for i, c := range cases {
		id := fmt.Sprintf("t%d", i)
		lines.WriteString(narrowedRule(id, index, exceptionsOf(id)) + exceptionOf(id, c.what, ""))
	}
	dir := exportDir(t, lines.String())
	must(t, os.WriteFile(filepath.Join(dir, "value_lists", "texts"), []byte("three two\none three\n"), 0o600))
	remote := elasticsearch(n)
	remote.mustOnce(t, dir, slot)
	got := eventsOf(remote.list(t))
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) { equal(t, c.what, got[fmt.Sprintf("t%d", i)], c.rest(slot)) })
	}
}

// TestRunExceptionsExpire has an exception that expires between two slots over the same events.
func TestRunExceptionsExpire(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := narrowIndex(t, n, slot)
	ends := slot.Add(time.Minute)
	dir := exportDir(t, narrowedRule("r", index, exceptionsOf("l"))+
		exceptionOf("l", `{"field":"k","type":"match","operator":"included","value":"a"}`, fmt.Sprintf(`,"expire_time":%q`, ends.Format("2006-01-02T15:04:05.000Z"))))
	all := int64(len(narrowEvents(slot)))
	for _, p := range []place{elasticsearch(n), embedded(t, dump(t, n, index)).withMapping(t, n, index)} {
		for _, run := range []struct {
			slot time.Time
			want [5]int64
		}{
			{slot, [5]int64{all - 3, all - 3}},
			{ends.Add(-time.Second), [5]int64{all - 3, 0, all - 3}},
			{ends, [5]int64{all, 3, all - 3}},
			{slot, [5]int64{all - 3, 0, all - 3}}, // a slot that is run again gives the same result
		} {
			equal(t, p.name+" at "+run.slot.String(), p.mustOnce(t, dir, run.slot)["r"].numbers(), run.want)
		}
	}
}

// TestRunExceptionsOfSequences excludes events from every step.
func TestRunExceptionsOfSequences(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := n.Name("steps")
	n.CreateIndex(t, index, narrowMapping())
	step := func(before time.Duration, k string, n int) object {
		return object{"@timestamp": stamp(slot, before), "k": k, "peer": "h", "nest": []any{object{"n": n}, object{"n": 0}}}
	}
	put(t, n, []doc{
		{index, "1", step(5*time.Minute, "first", 1)},
		{index, "2", step(4*time.Minute, "second", 9)}, // excepted
		{index, "3", step(3*time.Minute, "second", 2)},
		{index, "4", step(2*time.Minute, "first", 9)}, // excepted
		{index, "5", step(1*time.Minute, "second", 3)},
	})
	rule := narrowedRule("s", index, exceptionsOf("l"))
	rule = strings.NewReplacer(`"query"`, `"eql"`, `"kuery"`, `"eql"`, `"@timestamp: *"`, `"sequence by peer [any where k == \"first\"] [any where k == \"second\"]"`).Replace(rule)
	rule = strings.Replace(rule, `"eql":"sequence`, `"query":"sequence`, 1)
	dir := exportDir(t, rule+exceptionOf("l", `{"field":"nest","type":"nested","entries":[{"field":"n","type":"match","operator":"included","value":"9"}]}`, ""))
	alerts := both(t, n, embedded(t, dump(t, n, index)).withMapping(t, n, index), dir, slot)
	events := map[string]bool{}
	for _, alert := range alerts {
		for _, ancestor := range (JSON{alert["kibana.alert.ancestors"]}).List() {
			if ancestor.At("index").String() == index {
				events[ancestor.At("id").String()] = true
			}
		}
	}
	equal(t, "events of the sequence", slices.Sorted(maps.Keys(events)), []string{"1", "3"})
}

// filterCases has every form of filter, with the events that it excludes.
var filterCases = []narrowCase{
	{"phrase", `{"meta":{"alias":null,"disabled":false,"negate":true,"type":"phrase","key":"k","field":"k","params":{"query":"a"},"index":"security"},"query":{"match_phrase":{"k":"a"}},"$state":{"store":"appState"}}`, []string{"a", "linux", "windows"}},
	{"phrase of old", `{"meta":{"negate":true},"query":{"match":{"k":{"query":"a","type":"phrase"}}}}`, []string{"a", "linux", "windows"}},
	{"phrases", `{"meta":{"negate":true,"type":"phrases","params":["a","b"]},"query":{"bool":{"minimum_should_match":1,"should":[{"match_phrase":{"k":"a"}},{"match_phrase":{"k":"b"}}]}}}`, []string{"a", "b", "linux", "windows"}},
	{"range", `{"meta":{"negate":true,"type":"range","params":{"gte":"2","lt":"5"}},"query":{"range":{"n":{"gte":"2","lt":"5"}}}}`, []string{"b"}},
	{"range of addresses", `{"meta":{"negate":true},"range":{"ip":{"gte":"10.0.0.0","lte":"10.0.0.8"}}}`, []string{"a"}},
	{"exists", `{"meta":{"negate":true,"type":"exists"},"exists":{"field":"ip"}}`, []string{"a", "b"}},
	{"exists, not negated", `{"meta":{"negate":false,"type":"exists"},"query":{"exists":{"field":"ip"}}}`, []string{"dotted", "empty", "linux", "nest", "quiet", "single", "windows"}},
	{"disabled", `{"meta":{"disabled":true,"negate":false},"query":{"match_none":{}}}`, nil},
	{"wildcard", `{"meta":{"negate":true},"query":{"wildcard":{"k":{"case_insensitive":true,"value":"C:\\\\*"}}}}`, []string{"b"}},
	{"combined", `{"meta":{"negate":true,"type":"combined","relation":"OR","params":[{"meta":{},"query":{"match_phrase":{"k":"b"}}},{"meta":{"type":"combined","relation":"AND","params":[{"query":{"match_phrase":{"k":"a"}}},{"meta":{"negate":true},"exists":{"field":"n"}}]},"query":{}}]},"query":{}}`, []string{"b", "linux", "windows"}},
	{"nested field", `{"meta":{"negate":true,"type":"phrase"},"query":{"match_phrase":{"nest.k":"y"}}}`, []string{"nest"}},
	{"custom", `{"meta":{"negate":true,"type":"custom"},"query":{"bool":{"should":[{"term":{"on":true}},{"nested":{"path":"nest","query":{"range":{"nest.n":{"gt":1}}}}}]}}}`, []string{"a", "dotted", "nest", "single"}},
}

func TestRunFilters(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := narrowIndex(t, n, slot)
	var lines strings.Builder
	for i, c := range filterCases {
		lines.WriteString(narrowedRule(fmt.Sprintf("f%02d", i), index, `"filters":[`+c.what+`]`))
	}
	local := embedded(t, dump(t, n, index)).withMapping(t, n, index)
	got := eventsOf(both(t, n, local, exportDir(t, lines.String()), slot))
	for i, c := range filterCases {
		t.Run(c.name, func(t *testing.T) { equal(t, c.what, got[fmt.Sprintf("f%02d", i)], c.rest(slot)) })
	}
}

// TestRunFiltersOfElasticsearch has filters that only Elasticsearch can evaluate.
func TestRunFiltersOfElasticsearch(t *testing.T) {
	cases := []narrowCase{
		{"query string", `{"meta":{"negate":true},"query":{"query_string":{"query":"k:(a OR b) AND n:[1 TO 3]","analyze_wildcard":true}}}`, []string{"a", "b"}},
		{"words", `{"meta":{"negate":true},"query":{"match":{"text":{"query":"one three","operator":"or"}}}}`, []string{"a", "b"}},
		{"date math", `{"meta":{"negate":true},"query":{"range":{"seen":{"gte":"2026-01-02||/d","lt":"2026-01-02||+1d/d"}}}}`, []string{"quiet"}},
	}
	n := newNode(t)
	slot := aSlot()
	index := narrowIndex(t, n, slot)
	var lines strings.Builder
	for i, c := range cases {
		lines.WriteString(narrowedRule(fmt.Sprintf("q%d", i), index, `"filters":[`+c.what+`]`))
	}
	remote := elasticsearch(n)
	remote.mustOnce(t, exportDir(t, lines.String()), slot)
	got := eventsOf(remote.list(t))
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) { equal(t, c.what, got[fmt.Sprintf("q%d", i)], c.rest(slot)) })
	}
}

// TestRunExport runs a rule as a file and as a Kibana export: both make the same alerts, with the same identity
// and content. The export has its saved query and data view.
func TestRunExport(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	index := narrowIndex(t, n, slot)
	toml := t.TempDir()
	text := fmt.Sprintf(`[rule]
rule_id = "both"
name = "rule both"
description = "A rule of a test."
type = "query"
language = "kuery"
index = [%q]
query = "k: a or n >= 2"
from = "now-10m"
risk_score = 47
severity = "medium"
tags = ["one"]

[[rule.filters]]
[rule.filters.meta]
negate = true
[rule.filters.query.match_phrase]
"host.os.type" = "linux"

[[rule.exceptions_list]]
id = "x"
list_id = "l"
type = "detection"
namespace_type = "single"
`, index)
	must(t, os.WriteFile(filepath.Join(toml, "rule.toml"), []byte(text), 0o600))
	must(t, os.WriteFile(filepath.Join(toml, "l.exceptions.toml"), []byte(`[[exception_item]]
item_id = "i"
list_id = "l"
entries = [{ field = "host.os.type", type = "match", value = "windows" }]
`), 0o600))
	keys := map[string]any{
		"rule_id": "both", "name": "rule both", "description": "A rule of a test.", "type": "query", "language": "kuery", "index": []string{index},
		"query": "k: a or n >= 2", "from": "now-10m", "to": "now", "interval": "5m", "risk_score": 47, "severity": "medium", "tags": []string{"one"},
		"filters":         []any{object{"meta": object{"negate": true}, "query": object{"match_phrase": object{"host.os.type": "linux"}}}},
		"exceptions_list": []any{object{"list_id": "l", "type": "detection", "namespace_type": "single", "id": "x"}},
		"id":              "0", "immutable": false, "created_by": "elastic", "version": 1, "revision": 4, "enabled": true, "actions": []any{},
	}
	line, err := json.Marshal(keys)
	must(t, err)
	item := exceptionOf("l", `{"field":"host.os.type","type":"match","operator":"included","value":"windows"}`, "")
	saved := maps.Clone(keys)
	saved["rule_id"], saved["type"], saved["saved_id"], saved["data_view_id"], saved["index"] = "saved", "saved_query", "q", "v", nil
	delete(saved, "query")
	savedLine, err := json.Marshal(saved)
	must(t, err)
	objects := fmt.Sprintf(`{"id":"q","type":"query","attributes":{"title":"q","query":{"query":"k: b","language":"kuery"},"filters":[]}}
{"id":"v","type":"index-pattern","attributes":{"title":"%s","timeFieldName":"@timestamp"}}
`, index)
	export := exportDir(t, string(line)+"\n"+item+objects+string(savedLine)+"\n"+`{"exported_count":2}`+"\n")

	events := dump(t, n, index)
	var shown []map[string]object
	for _, dir := range []string{toml, export} {
		local := embedded(t, events).withMapping(t, n, index)
		local.mustOnce(t, dir, slot)
		alerts := lasting(local.list(t))
		maps.DeleteFunc(alerts, func(_ string, a object) bool { return a["kibana.alert.rule.rule_id"] != "both" })
		for _, alert := range alerts { // fields that only the export has
			for _, name := range []string{"kibana.alert.rule.version", "kibana.alert.rule.revision", "kibana.alert.rule.content_hash"} {
				delete(alert, name)
			}
		}
		shown = append(shown, alerts)
	}
	equal(t, "alerts of the export against those of the file", shown[1], shown[0])
	remote := elasticsearch(n)
	equal(t, "the file", remote.mustOnce(t, toml, slot)["both"].numbers(), [5]int64{2, 2})
	executions := remote.mustOnce(t, export, slot)
	equal(t, "the export after it", executions["both"].numbers(), [5]int64{2, 0, 2})
	equal(t, "a saved query over a data view", executions["saved"].numbers(), [5]int64{1, 1})
}
