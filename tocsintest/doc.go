// Package tocsintest runs detection rules in tests: it starts Elasticsearch in a container or takes a running node, loads events,
// runs rules as of a slot, and compares the alerts, the coverage and the notifications with what a test wants.
//
// A test makes a [Suite] with [New], on a node, or with [NewEmbedded], which needs no server:
//
//	func TestShells(t *testing.T) {
//		s := tocsintest.New(t, tocsintest.Options{Rules: []string{"rules/"}})
//		s.Load("logs-web", `{"@timestamp": "2026-01-15T14:01:00Z", …}`)
//		s.RunAt(time.Date(2026, 1, 15, 14, 5, 0, 0, time.UTC))
//		s.WantAlerts(map[string][]string{"Shell from a web server": {"1"}})
//	}
//
// With [Main] in TestMain, the tests of a package share one node, and one build of the command; without, each test has its own.
//
// # The node
//
// TOCSIN_ELASTICSEARCH_URL names a running node, with TOCSIN_USERNAME and TOCSIN_PASSWORD, or TOCSIN_API_KEY, where it asks for them. Without it,
// testcontainers starts Elastic's image, or the image in TOCSIN_ELASTICSEARCH_IMAGE, and ends it with the tests. A suite makes indices that
// are not there yet, and removes what it made, and nothing else: it loads no events into an index that it did not make.
//
// # The command
//
// Rules are run by the command itself, as a service would run them: by the one that TOCSIN_RUNNER names, else by one that is built from
// tocsin/cmd/runner as the module of the test requires it.
package tocsintest
