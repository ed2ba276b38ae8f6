package gosuite_test

import (
	"os"
	"testing"
	"time"

	"tocsin/tocsintest"
)

func TestMain(m *testing.M) { os.Exit(tocsintest.Main(m)) }

var slot = time.Date(2026, 1, 15, 14, 5, 0, 0, time.UTC)

// TestOnElasticsearch is a test on a node.
func TestOnElasticsearch(t *testing.T) {
	s := tocsintest.New(t, tocsintest.Options{Rules: []string{"../rules"}})
	s.LoadFile("logs-web-1", "../events.ndjson")
	s.RunAt(slot)
	s.WantAlerts(map[string][]string{"Shell from a web server": {"web"}})
	s.WantCovered(slot)
}

// TestWithoutServer is the same over event files.
func TestWithoutServer(t *testing.T) {
	s := tocsintest.NewEmbedded(t, tocsintest.Options{Rules: []string{"../rules"}})
	s.Load("logs-web-1",
		tocsintest.Event{ID: "httpd", Source: map[string]any{
			"@timestamp": "2026-01-15T14:04:59Z", "event": map[string]any{"category": "process", "type": "start"},
			"process": map[string]any{"name": "bash", "parent": map[string]any{"name": "httpd"}},
		}},
		`{"@timestamp": "2026-01-15T14:05:00Z", "event": {"category": "process", "type": "start"}, "process": {"name": "sh", "parent": {"name": "httpd"}}}`,
	)
	s.RunAt(slot)
	s.WantAlerts(map[string][]string{"Shell from a web server": {"httpd"}})
	// The window of a slot ends with it: the second event is the next slot's.
	s.RunAt(slot.Add(5 * time.Minute))
	s.WantCount("Shell from a web server", 2)
}
