//go:build integration

package integration

import (
	"net/http"
	"strings"
	"testing"
)

// TestRedIndex: if one index of a pattern has no available shard, the events of the other indices make alerts, the
// run is partial and names the index, and its events alert once it is available, for every strategy.
func TestRedIndex(t *testing.T) {
	for _, strategy := range []string{"scan", "search"} {
		t.Run(strategy, func(t *testing.T) {
			n := newNode(t)
			slot := aSlot()
			good, bad := n.Name("good"), n.Name("bad")
			n.CreateIndex(t, good, eventMapping())
			n.Must(t, http.MethodPut, "/"+bad+"?wait_for_active_shards=0", object{
				"settings": object{"number_of_replicas": 0, "index.routing.allocation.require.box": "none"}, "mappings": eventMapping(),
			})
			put(t, n, logins(good, slot, "alice"))
			rules := ruleDir(t.TempDir())
			pattern := n.Name("*")
			rules.addRule(t, "query", "query", "language = \"kuery\"\nquery = \"user.name: *\"\nindex = [\""+pattern+"\"]\n")
			rules.addRule(t, "threshold", "threshold", "language = \"kuery\"\nquery = \"user.name: *\"\nindex = [\""+pattern+"\"]\nthreshold = { field = [\"user.name\"], value = 1 }\n")
			rules.add(t, "sequence", pattern, `sequence by user.name [any where user.name != null] [any where user.name == "nobody"]`)
			p := elasticsearch(n)
			p.flags = append(p.flags, "--strategy", strategy)
			o := p.once(t, string(rules), slot)
			equal(t, "exit code", o.code, 1)
			x := o.executions(t)
			for id, created := range map[string]int64{"query": 1, "threshold": 1, "sequence": 0} {
				equal(t, id+": status", x[id].Status, "partial_failure")
				equal(t, id+": created", x[id].numbers()[1], created)
				if !strings.Contains(x[id].Error, bad) || !strings.Contains(x[id].Error, "no_shard_available") {
					t.Errorf("%s: error %q", id, x[id].Error)
				}
			}
			n.Must(t, http.MethodPut, "/"+bad+"/_settings", object{"index.routing.allocation.require.box": nil})
			put(t, n, logins(bad, slot, "bob"))
			again := p.mustOnce(t, string(rules), slot)
			equal(t, "when it is mended", again["query"].numbers(), [5]int64{2, 1, 1, 0, 0})
			equal(t, "when it is mended", again["threshold"].numbers()[1], int64(1))
		})
	}
}
