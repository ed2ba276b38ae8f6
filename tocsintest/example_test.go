package tocsintest_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"tocsin/tocsintest"
)

// A test without a server: events, the shipped rules as of a slot, and the alerts that they make.
func ExampleNewEmbedded() {
	run(func(tb testing.TB) {
		tb.Helper()
		s := tocsintest.NewEmbedded(tb, tocsintest.Options{})
		s.Load("logs-endpoint.events.process-default",
			`{"@timestamp": "2026-01-15T14:01:00Z", "host": {"os": {"type": "linux"}}, "event": {"category": ["process"], "type": ["start"], "action": "exec"},
			  "process": {"name": "curl", "args": ["curl", "-k", "https://10.96.0.1/api/v1/namespaces/prod/secrets"]}}`)
		s.RunAt(time.Date(2026, 1, 15, 14, 5, 0, 0, time.UTC))
		s.WantAlerts(map[string][]string{"Kubernetes Direct API Request via Curl or Wget": {"1"}})
		for _, a := range s.Alerts() {
			fmt.Println(a.Severity(), a.RuleName(), a.Events())
		}
	})
	// Output: medium Kubernetes Direct API Request via Curl or Wget [1]
}

// A test on a node: a running one, or a container.
func ExampleNew() {
	var t *testing.T // of the test
	s := tocsintest.New(t, tocsintest.Options{Rules: []string{"rules/"}})
	s.LoadFile("logs-web", "testdata/events.ndjson")
	slot := time.Date(2026, 1, 15, 14, 5, 0, 0, time.UTC)
	s.RunAt(slot)
	s.WantAlerts(map[string][]string{"Shell from a web server": {"hit"}})
	s.WantCovered(slot)
}

// TestMain has all tests of a package share one node.
func ExampleMain() {
	var m *testing.M // of TestMain
	os.Exit(tocsintest.Main(m))
}

// run is what go test does with a test.
func run(test func(testing.TB)) {
	testing.Benchmark(func(b *testing.B) {
		b.Helper()
		if b.N == 1 {
			test(b)
		}
	})
}
