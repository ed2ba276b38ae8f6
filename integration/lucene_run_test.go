//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// addQuery writes a rule of type query that looks back ten minutes.
func (d ruleDir) addQuery(t *testing.T, id, index, language, query string) {
	t.Helper()
	text := fmt.Sprintf(`[rule]
description = "A rule of a test."
from = "now-10m"
index = [%q]
language = %q
name = "rule %s"
query = '''%s'''
risk_score = 47
rule_id = %q
severity = "medium"
type = "query"
`, index, language, id, query, id)
	must(t, os.WriteFile(filepath.Join(string(d), id+".toml"), []byte(text), 0o600))
}

// TestRunLucene has a rule for every construct; each row names the events that must alert, on
// Elasticsearch and embedded, once.
func TestRunLucene(t *testing.T) {
	tests := []struct {
		name, query string
		want        []string
	}{
		{"value", `process.name:curl`, []string{"curl", "other"}},
		{"near miss by case", `process.name:Curl`, nil},
		{"everything", `*:*`, []string{"bare", "curl", "dotted", "file", "mixed", "nulls", "other", "upper"}},
		{"AND before OR", `process.name:curl AND event.category:network OR process.name:wget`, []string{"other"}},
		{"OR before AND", `process.name:wget OR process.name:curl AND event.category:network`, []string{"other"}},
		{"parentheses", `process.name:wget OR (process.name:curl AND event.category:network)`, []string{"dotted", "other"}},
		{"OR NOT", `process.name:curl OR NOT event.category:process`, []string{"other"}},
		{"signs", `+event.category:process -process.name:* user.name:x`, []string{"bare", "nulls"}},
		{"prefix, wildcard, regular expression", `process.name:(cu* OR w?e* OR /b[a-b]sh/)`, []string{"curl", "dotted", "mixed", "other"}},
		{"range over a list", `process.pid:{20 TO 30}`, nil},
		{"range", `process.pid:[20 TO 30}`, []string{"upper"}},
		{"comparison", `process.pid:>=30`, []string{"upper"}},
		{"network", `source.ip:"2001:db8::/32"`, []string{"curl", "upper"}},
		{"addresses", `source.ip:[8.0.0.0 TO 8.255.255.255]`, []string{"upper"}},
		{"exists", `_exists_:user AND NOT _exists_:process.pid`, []string{"mixed"}},
		{"escapes", `process.args:https\:\/\/h\/api\/v1\/pods`, []string{"curl"}},
		{"phrase", `process.args:"x*y"`, []string{"mixed"}},
		{"words in a row", `process.name:(cu rl)`, nil},
		{"a value of another type", `process.pid:curl OR process.name:cp`, []string{"file"}},
		{"date math", `@timestamp:[now-100y TO now] AND process.name:cp`, []string{"file"}},
		{"not mapped", `no.such.field:x OR process.name:cp`, []string{"file"}},
	}
	n := newNode(t)
	n.Prefix = "lucr-" + n.Prefix
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	docs := []doc{{index, "early", object{"@timestamp": stamp(slot, 11*time.Minute), "process": object{"name": "curl"}}}}
	for id, source := range conditionEvents(slot) {
		docs = append(docs, doc{index, id, source})
	}
	put(t, n, docs)
	rules := ruleDir(t.TempDir())
	want := map[string][]string{}
	for i, test := range tests {
		id := fmt.Sprintf("l%02d", i)
		rules.addQuery(t, id, index, "lucene", test.query)
		if test.want != nil {
			want[id] = test.want
		}
	}
	got := eventsOf(both(t, n, embedded(t, dump(t, n, index)).withMapping(t, n, index), string(rules), slot))
	for i, test := range tests {
		id := fmt.Sprintf("l%02d", i)
		t.Run(test.name, func(t *testing.T) { equal(t, test.query, got[id], want[id]) })
	}
}

// TestRunLuceneLeftToSearch is about queries that no condition says: Elasticsearch runs them, and files
// of events fail the rule with a reason.
func TestRunLuceneLeftToSearch(t *testing.T) {
	tests := []struct {
		name, query string
		want        []string
	}{
		{"no field", `wget`, []string{"dotted"}},
		{"fuzziness", `process.name:crul~`, []string{"curl", "other"}},
		{"names by a star", `process.na\*:cp`, []string{"file"}},
	}
	n := newNode(t)
	n.Prefix = "lucl-" + n.Prefix
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
		id := fmt.Sprintf("l%02d", i)
		rules.addQuery(t, id, index, "lucene", test.query)
		want[id] = test.want
	}
	remote := elasticsearch(n)
	remote.mustOnce(t, string(rules), slot)
	equal(t, "events of the alerts", eventsOf(remote.list(t)), want)
	for id, x := range remote.mustOnce(t, string(rules), slot) {
		equal(t, "second run of "+id, x.numbers(), [5]int64{int64(len(want[id])), 0, int64(len(want[id])), 0, 0})
	}
	local := embedded(t, dump(t, n, index)).withMapping(t, n, index)
	executions := local.once(t, string(rules), slot).executions(t)
	equal(t, "embedded executions", len(executions), len(tests))
	for id, x := range executions {
		if x.Status != "failed" || !strings.Contains(x.Error, "only a search can match it") {
			t.Errorf("embedded: %s: %+v", id, x)
		}
	}
}

// TestRunMatchesTheRest: where a part of a query is only for a search and another only for memory, each
// does its own.
func TestRunMatchesTheRest(t *testing.T) {
	n := newNode(t)
	n.Prefix = "rest-" + n.Prefix
	slot := aSlot()
	index := n.Name("events")
	n.CreateIndex(t, index, object{"properties": object{
		"@timestamp": object{"type": "date"}, "message": object{"type": "text"}, "labels": object{"type": "flattened"},
	}})
	at := stamp(slot, 3*time.Minute)
	put(t, n, []doc{
		{index, "hit", object{"@timestamp": at, "message": "out of memory", "labels": object{"team": "red"}}},
		{index, "other team", object{"@timestamp": at, "message": "out of memory", "labels": object{"team": "blue", "lead": "red"}}},
		{index, "other message", object{"@timestamp": at, "message": "memories", "labels": object{"team": "red"}}},
	})
	rules := ruleDir(t.TempDir())
	rules.addQuery(t, "rest", index, "kuery", `message:memory and labels.team:r*d`)
	remote := elasticsearch(n)
	remote.mustOnce(t, string(rules), slot)
	equal(t, "events of the alerts", eventsOf(remote.list(t)), map[string][]string{"rest": {"hit"}})
}
