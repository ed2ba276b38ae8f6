package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tocsin/cmd/runner/internal/api"
)

// TestWebEvents: an alert of every kind of rule is shown with the events behind it, and nothing is said to be missing that never was an event.
func TestWebEvents(t *testing.T) {
	t.Parallel()
	const process = `{"_index": "logs-web", "_id": "%s", "_source": {"@timestamp": "2026-01-15T14:0%d:00Z", "event": {"category": "process"}, "process": {"name": "%s"}, "host": {"name": "h1"}}}` + "\n"
	var events strings.Builder
	for i, name := range []string{"curl", "sh", "sh", "id"} {
		fmt.Fprintf(&events, process, fmt.Sprintf("e%d", i), i, name)
	}
	rule := func(id, typ, rest string) string {
		return fmt.Sprintf("[rule]\nrule_id = %q\nname = %q\ndescription = \"Of a test.\"\ntype = %q\nindex = [\"logs-*\"]\nseverity = \"high\"\nrisk_score = 73\ninterval = \"1s\"\nfrom = \"now-100y\"\n%s\n", id, id, typ, rest)
	}
	dir := t.TempDir()
	for id, text := range map[string]string{
		"each":     rule("each", "eql", `query = 'process where process.name == "curl"'`),
		"sequence": rule("sequence", "eql", `query = 'sequence by host.name [process where process.name == "curl"] [process where process.name == "id"]'`),
		"sample":   rule("sample", "eql", `query = 'sample by host.name [process where process.name == "curl"] [process where process.name == "id"]'`),
		"counted":  rule("counted", "threshold", "language = \"kuery\"\nquery = 'process.name: sh'\nthreshold = { field = [\"host.name\"], value = 2 }"),
		"folded":   rule("folded", "query", "language = \"kuery\"\nquery = 'process.name: sh'\nalert_suppression = { group_by = [\"host.name\"] }"),
		"new":      rule("new", "new_terms", "language = \"kuery\"\nquery = 'process.name: id'\nnew_terms = { field = \"new_terms_fields\", value = [\"process.name\"], history_window_start = [{ field = \"history_window_start\", value = \"now-101y\" }] }"),
	} {
		writeIn(t, dir, id+".toml", text)
	}
	// How many events each kind of alert shows at least.
	least := map[string]int{"each": 1, "sequence": 2, "sample": 2, "counted": 0, "folded": 1, "new": 1}
	s := startService(t, "--rules", dir, "--events", writeFile(t, "events.ndjson", events.String()), "--store", t.TempDir())
	go func() { // the log must not stop the service
		for s.lines.Scan() {
		}
	}()
	a := newWebAPI(t, s)
	byRule := map[string]string{}
	waitFor(t, "an alert of each rule", func() bool {
		var alerts api.Alerts
		a.ask(t, http.MethodGet, "/alerts?limit=100", "", &alerts)
		for _, one := range alerts.Alerts {
			byRule[one.RuleID] = one.ID
		}
		return len(byRule) == len(least)
	})
	for id, n := range least {
		var one api.AlertDetail
		a.ask(t, http.MethodGet, "/alerts/"+byRule[id], "", &one)
		if one.Missing != "" || len(one.Events) < n {
			t.Errorf("%s: %d events, and of others: %q", id, len(one.Events), one.Missing)
		}
		if status, body := s.get(t, "/alerts/"+byRule[id]); status != http.StatusOK || strings.Contains(body, "any more") {
			t.Errorf("the page of %s has status %d", id, status)
		}
	}
	s.stop(t)
}
