package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTraces: run and backfill send what they did, and neither result nor exit code depends on the collector.
func TestTraces(t *testing.T) {
	for _, name := range secretEnvironment {
		t.Setenv(name, "")
	}
	dir := t.TempDir()
	rule, events := filepath.Join(dir, "rule.toml"), filepath.Join(dir, "events.ndjson")
	for name, text := range map[string]string{rule: serviceRule, events: serviceEvents} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range [][]string{
		{"run", "--once", "--at", "2026-01-15T14:05:00Z"},
		{"backfill", "--from", "2026-01-15T14:04:58Z", "--to", "2026-01-15T14:05:00Z"},
	} {
		for _, refuses := range []bool{false, true} {
			collector := &keptBodies{refuses: refuses}
			server := httptest.NewServer(collector)
			var out, errs safeBuffer
			args := slices.Concat(command, []string{"--rules", rule, "--events", events, "--trace-endpoint", server.URL})
			if code := execute(t.Context(), args, stdio{strings.NewReader(""), &out, &errs}); code != exitDone {
				t.Errorf("%s: exit code %d: %s", command[0], code, errs.String())
			}
			server.Close()
			sent := collector.String()
			for _, want := range []string{"round", "rule", "read", "write alerts", "Shell from a web server", "11111111-aaaa-4aaa-8aaa-000000000001", "tocsin.slot", "service.instance.id"} {
				if !strings.Contains(sent, want) {
					t.Errorf("%s: the traces lack %q", command[0], want)
				}
			}
			if told := strings.Contains(errs.String(), "traces cannot be sent"); told != refuses {
				t.Errorf("%s: the log says %s", command[0], errs.String())
			}
		}
	}
}
