//go:build integration

package integration

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/mapping"
	"tocsin/internal/testkit/eventgen"
)

// The default size of TestHostileEvents.
var (
	hostileEvents = flag.Int("hostile.events", 750, "hostile events for each of three indices")
	hostileSeed   = flag.Uint64("hostile.seed", 1, "seed of the hostile events")
)

// hostileIndices are indices that accept many events: one with few fields, one that stores ECS objects without
// parsing them, and one with dynamic mapping.
func hostileIndices(n *Node) map[string]object {
	given := func() object {
		return object{
			"@timestamp": object{"type": "date"}, "zz": object{"type": "keyword"}, "grp": object{"type": "keyword"},
			"pair": object{"type": "keyword"}, "step": object{"type": "long"},
		}
	}
	unseen := given()
	for name := range mapping.ECS() {
		if top, _, below := strings.Cut(name, "."); below {
			unseen[top] = object{"type": "object", "enabled": false}
		}
	}
	for _, top := range []string{"kibana", "tocsin", "signal", "splunk", "a"} {
		unseen[top] = object{"type": "object", "enabled": false}
	}
	return map[string]object{
		n.Name("hostile-a"): {"dynamic": false, "properties": given()},
		n.Name("hostile-b"): {"dynamic": false, "properties": unseen},
		n.Name("hostile-c"): {"dynamic": true, "date_detection": false, "properties": given()},
	}
}

// TestHostileEvents: every event that Elasticsearch accepts becomes an alert that it accepts, for single events,
// suppression groups and sequences. No alert needs a second attempt.
func TestHostileEvents(t *testing.T) {
	n := newNode(t)
	indices := hostileIndices(n)
	settings := object{
		"number_of_replicas": 0, "index.mapping.ignore_malformed": true, "index.mapping.total_fields.limit": 3000,
		"index.mapping.total_fields.ignore_dynamic_beyond_limit": true,
	}
	for name, m := range indices {
		n.Must(t, http.MethodPut, "/"+name, object{"settings": settings, "mappings": m})
	}
	slot := time.Date(2026, 3, 1, 10, 10, 0, 0, time.UTC)
	var fields []string
	for name := range mapping.ECS() {
		fields = append(fields, name)
	}
	for line := range strings.Lines(alert.Fields) {
		if name, _, _ := strings.Cut(line, "\t"); !strings.HasPrefix(name, "#") {
			fields = append(fields, name)
		}
	}
	slices.Sort(fields)
	begun := time.Now()
	taken := sendHostile(t, n, slices.Sorted(maps.Keys(indices)), fields, slot)
	t.Logf("%d of %d taken in %s", len(taken), *hostileEvents*len(indices), time.Since(begun).Round(time.Millisecond))
	if len(taken) < *hostileEvents {
		t.Fatal("too few events were taken")
	}
	rules := t.TempDir()
	for id, body := range map[string]string{
		"alone":    "type = 'query'\nlanguage = 'kuery'\nquery = 'zz: hit'\n",
		"folded":   "type = 'query'\nlanguage = 'kuery'\nquery = 'zz: hit'\nalert_suppression = { group_by = ['grp'], missing_fields_strategy = 'suppress' }\n",
		"sequence": "type = 'eql'\nlanguage = 'eql'\nquery = 'sequence by pair with maxspan=1m [any where step == 1] [any where step == 2]'\n",
	} {
		text := fmt.Sprintf("[rule]\nrule_id = %q\nname = %q\ndescription = 'd'\nseverity = 'low'\nrisk_score = 21\nfrom = 'now-9m'\ninterval = '5m'\n"+
			"max_signals = 100000\nindex = [%q]\n", id, id, n.Name("hostile-*")) + body
		must(t, os.WriteFile(filepath.Join(rules, id+".toml"), []byte(text), 0o600))
	}
	at := elasticsearch(n)
	begun = time.Now()
	args := append([]string{"run", "--once", "--at", slot.Format(time.RFC3339), "--rules", rules, "--format", "ndjson"}, at.flags...)
	got := runner(t, at.env, args...)
	ran := got.executions(t)
	t.Logf("ran in %s", time.Since(begun).Round(time.Millisecond))
	groups, steps := map[string]bool{}, map[string]int{}
	pairs := 0
	for _, e := range taken {
		groups[e.group] = true
		if steps[e.pair]++; steps[e.pair] == 2 {
			pairs++
		}
	}
	for rule, want := range map[string]int{"alone": len(taken), "folded": len(groups), "sequence": pairs} {
		x := ran[rule]
		if x.Status != "succeeded" || x.Created != want || x.Failed != 0 {
			t.Errorf("%s: %s, %d of %d alerts, %d failed: %s %q", rule, x.Status, x.Created, want, x.Failed, x.Error, x.Warnings)
		}
		for _, w := range x.Warnings {
			if strings.Contains(w, "tocsin.event") {
				t.Errorf("%s: an event is not made to fit: %s", rule, w)
			}
		}
	}
	if folded := ran["folded"]; folded.Suppressed != len(taken)-len(groups) {
		t.Errorf("%d events were folded, want %d", folded.Suppressed, len(taken)-len(groups))
	}
	checkHostile(t, n, taken)
}

// hostileEvent is an event that the node accepted.
type hostileEvent struct{ index, id, group, pair string }

// sendHostile sends events to the indices, and returns the accepted ones.
func sendHostile(t *testing.T, n *Node, indices, fields []string, slot time.Time) []hostileEvent {
	t.Helper()
	var taken []hostileEvent
	for _, index := range indices {
		var body strings.Builder
		var sent []hostileEvent
		for i := range *hostileEvents {
			e := hostileEvent{index, fmt.Sprintf("%s-%d", index, i), fmt.Sprintf("g%d", i%17), fmt.Sprintf("%s-%d", index, i/2)}
			source := eventgen.Hostile(*hostileSeed, i, fields)
			maps.Copy(source, object{
				"@timestamp": slot.Add(-5*time.Minute + time.Duration(i)*time.Millisecond).Format("2006-01-02T15:04:05.000Z"),
				"zz":         "hit", "grp": e.group, "pair": e.pair, "step": 1 + i%2,
			})
			body.Write(mustJSON(t, object{"index": object{"_index": index, "_id": e.id}}))
			body.WriteByte('\n')
			body.Write(mustJSON(t, source))
			body.WriteByte('\n')
			sent = append(sent, e)
		}
		for i, item := range n.Lines(t, "/_bulk", body.String()).At("items").List() {
			if item.At("index", "status").Int() == http.StatusCreated {
				taken = append(taken, sent[i])
			}
		}
		n.Refresh(t, index)
	}
	return taken
}

// checkHostile checks that each event has an alert from which the whole event can be restored.
func checkHostile(t *testing.T, n *Node, taken []hostileEvent) {
	t.Helper()
	alerts := "tocsin-alerts-" + n.Prefix
	n.Refresh(t, alerts)
	have := map[string]bool{}
	for _, hit := range n.Must(t, http.MethodPost, "/"+alerts+"/_search", object{
		"size": 10_000, "_source": []string{"kibana.alert.ancestors", "kibana.alert.depth"}, "query": object{"term": object{"kibana.alert.rule.rule_id": "alone"}},
	}).At("hits", "hits").List() {
		source := hit.At("_source")
		list := source.At("kibana.alert.ancestors").List()
		if len(list) != 1 || source.At("kibana.alert.depth").Int() != 1 {
			t.Errorf("an event passes for an alert: %v", source.Any())
			continue
		}
		have[list[0].At("id").String()] = true
	}
	for _, e := range taken {
		if !have[e.id] {
			t.Errorf("%s has no alert", e.id)
		}
	}
}
