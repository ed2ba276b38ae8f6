//go:build integration

package integration

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// hunted is a rule of a hunt, as far as strategies must agree on it.
type hunted struct {
	RuleID string     `json:"rule_id"`
	Status string     `json:"status"`
	Hits   int64      `json:"hits"`
	First  *time.Time `json:"first"`
	Last   *time.Time `json:"last"`
}

// TestHuntStrategies: read or searched for, a past range has the same hits for rules of each kind, and nothing is written.
func TestHuntStrategies(t *testing.T) {
	p := newPast(t, 8, 2, 40, "20m", 9000)
	find := func(strategy string) map[string]hunted {
		o := runner(t, nil, "hunt", "--elasticsearch", p.url, "--namespace", p.node.Prefix, "--rules", p.rules, "--from", p.from.Format(time.RFC3339), "--to", p.to.Format(time.RFC3339), "--strategy", strategy, "--format", "ndjson")
		if o.code != 0 {
			t.Fatalf("%s: exit code %d\n%s%s", strategy, o.code, o.out, o.err)
		}
		out := map[string]hunted{}
		for line := range strings.Lines(o.out) {
			var h hunted
			must(t, json.Unmarshal([]byte(line), &h))
			out[h.RuleID] = h
		}
		return out
	}
	scanned := find("scan")
	if len(scanned) != 8 {
		t.Fatalf("%d rules: %v", len(scanned), scanned)
	}
	for id, h := range scanned {
		if h.Status != "answered" || h.Hits == 0 && id != "r003" {
			t.Errorf("rule %s: %+v", id, h)
		}
	}
	for _, strategy := range []string{"search", "auto"} {
		if d := cmp.Diff(scanned, find(strategy)); d != "" {
			t.Errorf("(-scan +%s):\n%s", strategy, d)
		}
	}
	if n := len(p.alerts(t, "")); n > 0 {
		t.Errorf("a hunt wrote %d alerts", n)
	}
}
