//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestCheckLive: of rules of several types check says whether they can match on the node, and of fields whether events of
// the last day have them.
func TestCheckLive(t *testing.T) {
	n := newNode(t)
	index := n.Name("events")
	keyword := object{"type": "keyword"}
	n.CreateIndex(t, index, object{"dynamic": false, "properties": object{
		"@timestamp": object{"type": "date"}, "user": object{"properties": object{"name": keyword}},
		"event":   object{"properties": object{"category": keyword}},
		"process": object{"properties": object{"name": keyword, "pid": object{"type": "long"}}},
	}})
	now := time.Now().UTC()
	put(t, n, []doc{
		{index, "new", object{"@timestamp": now.Add(-time.Hour).Format(time.RFC3339), "event": object{"category": "process"}, "process": object{"name": "sh"}}},
		{index, "old", object{"@timestamp": now.Add(-72 * time.Hour).Format(time.RFC3339), "user": object{"name": "alice"}}},
	})
	rules := ruleDir(t.TempDir())
	for id, query := range map[string]string{
		"can": `process where process.name == "sh"`, "silent": `any where user.name == "alice"`, "field": `any where file.path == "x"`,
		"type": `any where process.pid == "x"`, "step": `sequence [process where true] [process where file.path == "x"]`,
	} {
		rules.add(t, id, index, query)
	}
	rules.add(t, "index", n.Name("nothing")+"*", `process where true`)
	rules.addESQL(t, "esql", fmt.Sprintf("FROM %s | WHERE user.name == \"alice\" | STATS n = COUNT(*)", index))
	rules.addESQL(t, "refused", fmt.Sprintf("FROM %s | WHERE file.path == \"x\" | STATS n = COUNT(*)", index))
	type cause struct{ Kind, What string }
	verdicts := func(more ...string) map[string]string {
		args := append([]string{"check", "--live", "--format", "json", "--elasticsearch", n.URL, string(rules)}, more...)
		o := runner(t, nil, args...)
		var report struct {
			Results []struct {
				RuleID string `json:"rule_id"`
				Live   *struct {
					CanMatch bool `json:"can_match"`
					Causes   []cause
					Silent   []cause
				}
			}
		}
		if err := json.Unmarshal([]byte(o.out), &report); err != nil {
			t.Fatalf("%v\n%s\n%s", err, o.out, o.err)
		}
		out := map[string]string{}
		for _, r := range report.Results {
			said := []string{strconv.FormatBool(r.Live.CanMatch)}
			for _, c := range append(r.Live.Causes, r.Live.Silent...) {
				if c.Kind == "type" || c.Kind == "refused" {
					c.What = ""
				}
				said = append(said, strings.TrimSpace(c.Kind+" "+c.What))
			}
			out[r.RuleID] = strings.Join(said, " ")
		}
		return out
	}
	want := map[string]string{
		"can": "true", "silent": "true no-event user.name", "field": "false missing-field file.path", "type": "false type",
		"step": "false missing-field file.path", "index": "false no-index " + n.Name("nothing") + "*", "esql": "true", "refused": "false refused",
	}
	equal(t, "of a day", verdicts(), want)
	want["silent"] = "true"
	equal(t, "of a week", verdicts("--seen", "168h"), want)
	equal(t, "not looked at", verdicts("--seen", "0"), want)
	screen := runner(t, nil, "check", "--live", "--elasticsearch", n.URL, string(rules), "--rule", "step").out
	if !strings.Contains(screen, "can never match here: step 2: no index has file.path [missing-field]") {
		t.Error(screen)
	}
}
