//go:build integration

package integration

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRoundStrategies: whichever way rules that are due together find their hits, they find the same hits, write
// the same alerts, and report the same number of hits left.
func TestRoundStrategies(t *testing.T) {
	n := newNode(t)
	slot := aSlot()
	rules := ruleDir(t.TempDir())
	rules.add(t, "term", n.Name("*"), `process where process.name == "curl"`)
	rules.add(t, "wildcard", n.Name("logs-*"), `process where process.command_line : "*-k*"`)
	rules.add(t, "one-index", n.Name("logs-1"), `any where process.pid > 50`)
	rules.add(t, "excluded", n.Name("*")+",-"+n.Name("logs-1"), `any where process.pid > 50`)
	rules.add(t, "negated", n.Name("logs-*"), `any where not process.name in ("curl", "sh") and process.pid < 20`)
	rules.add(t, "two-fields", n.Name("logs-*"), `any where endsWith(process.command_line, process.name)`)
	rules.add(t, "sequence", n.Name("logs-*"), `sequence by host.id with maxspan=1m [any where process.name == "sh"] [any where process.name == "curl"]`)
	rules.add(t, "few", n.Name("logs-*"), `any where process.pid >= 0`, "max_signals = 7")
	rules.add(t, "ingested", n.Name("logs-*"), `any where process.name == "sh"`, `timestamp_override = "event.ingested"`)
	rules.add(t, "nothing", n.Name("none-*"), `any where true`)
	n.CreateIndex(t, n.Name("logs-1"), eventMapping())
	n.CreateIndex(t, n.Name("logs-2"), eventMapping())
	n.CreateIndex(t, n.Name("other"), eventMapping())
	random := rand.New(rand.NewPCG(7, 7))
	var docs []doc
	for i := range 400 {
		name := []string{"curl", "sh", "bash", "svchost"}[random.IntN(4)]
		source := object{
			"@timestamp": stamp(slot, time.Duration(random.IntN(700))*time.Second+time.Duration(i)*time.Millisecond),
			"event":      object{"category": []string{"process", "network"}[random.IntN(2)]},
			"host":       object{"id": "h" + strconv.Itoa(random.IntN(5))},
			"process":    object{"name": name, "pid": random.IntN(100), "command_line": fmt.Sprintf("%s -%c %s", name, "ks"[random.IntN(2)], []string{name, "x"}[random.IntN(2)])},
		}
		if random.IntN(3) == 0 {
			source["event.ingested"] = stamp(slot, time.Duration(random.IntN(700))*time.Second)
		}
		docs = append(docs, doc{n.Name([]string{"logs-1", "logs-2", "other"}[random.IntN(3)]), strconv.Itoa(i), source})
	}
	put(t, n, docs)
	files := dump(t, n, n.Name("*"))
	type result struct {
		Numbers map[string][5]int64
		Events  map[string][]string
	}
	var want *result
	for _, strategy := range []string{"search", "scan", "auto"} {
		for _, kind := range []string{"elasticsearch", "embedded"} {
			p := elasticsearch(n)
			if kind == "embedded" {
				p = embedded(t, files).withMapping(t, n, n.Name("*"))
			} else {
				p.flags = []string{"--elasticsearch", n.URL, "--namespace", n.Prefix + strategy}
				p.alerts = p.flags
			}
			o := p.once(t, string(rules), slot, "--strategy", strategy, "--log-level", "debug")
			if scanned := strings.Contains(o.err, `plan="scan of `); scanned != (strategy == "scan") && strategy != "auto" {
				t.Errorf("%s, %s: a scan was made: %t\n%s", kind, strategy, scanned, o.err)
			}
			got := &result{Numbers: map[string][5]int64{}, Events: eventsOf(p.list(t))}
			for id, x := range o.executions(t) {
				got.Numbers[id] = x.numbers()
			}
			if got.Numbers["few"][1] != 7 || got.Numbers["few"][4] == 0 || got.Numbers["sequence"][1] == 0 || got.Numbers["two-fields"][1] == 0 || got.Numbers["ingested"][1] == 0 {
				t.Errorf("the rules find too little to compare: %v", got.Numbers)
			}
			if want == nil {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s (-search on Elasticsearch):\n%s", kind, strategy, diff)
			}
		}
	}
}
