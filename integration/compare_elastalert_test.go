//go:build integration

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
)

// elastAlert runs ElastAlert 2 once over the window, including its start, with the rules whose condition is exact
// in Query DSL: the query is the filter of a rule of type any. Its alerts differ from ours, so only the reported
// hits are counted.
func (c *comparison) elastAlert(t *testing.T, slot time.Time, length time.Duration) measured {
	t.Helper()
	dir := t.TempDir()
	m := measured{way: "ElastAlert 2", rules: c.elastAlertRules(t, dir, slot)}
	u, err := url.Parse(c.node.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, _ := strconv.Atoi(u.Port())
	writeJSON(t, filepath.Join(dir, "config.yaml"), object{
		"rules_folder": filepath.Join(dir, "rules"), "run_every": object{"minutes": 1}, "buffer_time": object{"seconds": int(length.Seconds())},
		"es_host": u.Hostname(), "es_port": port, "writeback_index": c.node.Name("elastalert"), "alert_time_limit": object{"days": 1},
		"max_query_size": 1000,
	})
	t.Cleanup(func() {
		for _, suffix := range []string{"", "_status", "_past", "_silence", "_error"} {
			c.node.delete(context.WithoutCancel(t.Context()), t, "/"+c.node.Name("elastalert")+suffix)
		}
	})
	create := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(*roundElastAlert), "elastalert-create-index"),
		"--config", filepath.Join(dir, "config.yaml"))
	create.Dir = dir
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("elastalert-create-index: %v\n%s", err, out)
	}
	stop := c.measure(t, &m)
	run := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(*roundElastAlert), "python"), "-c", elastAlertOnce,
		"--verbose", "--config", filepath.Join(dir, "config.yaml"), "--start", slot.Add(-length).Format(time.RFC3339), "--end", slot.Format(time.RFC3339))
	run.Dir = dir
	out, err := run.CombinedOutput()
	stop()
	if state := run.ProcessState; state != nil {
		m.own = state.UserTime() + state.SystemTime()
	}
	m.peak = 0
	if err != nil {
		t.Errorf("elastalert: %v\n%.3000s", err, out)
	}
	ran := 0
	for _, found := range regexp.MustCompile(`Ran (.+) from here: (\d+) query hits`).FindAllSubmatch(out, -1) {
		hits, _ := strconv.Atoi(string(found[2]))
		m.count += hits
		ran++
	}
	if ran != m.rules {
		t.Errorf("elastalert ran %d of %d rules:\n%.3000s", ran, m.rules, bytes.TrimSpace(out))
	}
	return m
}

// elastAlertOnce runs every rule once: with an end in the past, the program itself exits before its threads have
// run all rules.
const elastAlertOnce = `
import sys
from elastalert.elastalert import ElastAlerter
from elastalert.util import ts_to_dt
e = ElastAlerter(sys.argv[1:])
start, end = ts_to_dt(e.args.start), ts_to_dt(e.args.end)
for rule in e.rules:
    e.run_rule(rule, end, start)
    print("Ran %s from here: %d query hits" % (rule["name"], e.thread_data.num_hits))
`

// elastAlertRules writes the rules and returns their number.
func (c *comparison) elastAlertRules(t *testing.T, dir string, slot time.Time) int {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "rules"), 0o755); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, plan := range c.plans {
		if n == *roundEARules {
			break
		}
		prepared, _, err := plan.Prepare(t.Context(), query.Source{Events: c.client, At: slot})
		if err != nil {
			t.Fatal(err)
		}
		reader, ok := prepared.(query.Reader)
		if !ok {
			continue
		}
		reads := reader.Reads(window.Window{From: slot.Add(-time.Minute), To: slot})
		if len(reads) != 1 || len(reads[0].Fields) > 0 {
			continue // idle, or Query DSL is not exact
		}
		r := reads[0].Request
		writeJSON(t, filepath.Join(dir, "rules", strconv.Itoa(n)+".yaml"), object{
			"name": "rule " + strconv.Itoa(n), "type": "any", "index": strings.Join(r.Patterns, ","), "filter": []any{condition.DSL(r.Where)},
			"alert": []string{"debug"}, "realert": object{"minutes": 0}, "timestamp_field": r.Time.Field,
		})
		n++
	}
	return n
}

func writeJSON(t *testing.T, path string, value any) {
	t.Helper()
	text, err := json.Marshal(value) // JSON is valid YAML
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
