package main

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/runner/internal/config"
	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/diag/failure"
	"tocsin/internal/notify"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
	"tocsin/internal/search/planner"
	"tocsin/internal/testkit/conformance"
)

// settingKeys finds the keys of a configuration file.
var settingKeys = regexp.MustCompile(`(?m)^([a-z-]+) = `)

func operationsPage(t *testing.T) conformance.Page {
	t.Helper()
	p, err := conformance.ReadPage("operations.md")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDocsOperations reads the configuration files of docs/operations.md, and wants every key that a
// file may have in that page: those of a script of the command, which has them all.
func TestDocsOperations(t *testing.T) {
	script, err := os.ReadFile("testdata/script/configuration_every_flag.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, m := range settingKeys.FindAllStringSubmatch(string(script), -1) {
		keys = append(keys, m[1])
	}
	p := operationsPage(t)
	for _, key := range keys {
		if !strings.Contains(p.Text, "`"+key+"`") && !strings.Contains(p.Text, "`--"+key) {
			t.Errorf("operations.md does not speak of %s", key)
		}
	}
	examples := 0
	for _, b := range p.Blocks {
		if b.Info != "toml" {
			continue
		}
		examples++
		name := t.TempDir() + "/runner.toml"
		if err := os.WriteFile(name, []byte(b.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, diags := config.Load(name); len(diags) > 0 {
			t.Errorf("line %d: %v", b.Line, diags)
		}
		for _, m := range settingKeys.FindAllStringSubmatch(b.Text, -1) {
			if !slices.Contains(keys, m[1]) {
				t.Errorf("line %d: %s is no key", b.Line, m[1])
			}
		}
	}
	if examples == 0 {
		t.Error("operations.md has no example of a configuration file")
	}
}

// TestDocsMetrics wants every metric of the runner in docs/monitoring.md, and no other.
func TestDocsMetrics(t *testing.T) {
	found := map[string]bool{}
	for _, name := range regexp.MustCompile(`(?m)^# TYPE (tocsin_\w+) `).FindAllStringSubmatch(everyMetric(t), -1) {
		found[name[1]] = true
	}
	listed := map[string]bool{}
	for _, page := range []string{"monitoring.md", "operations.md"} {
		p, err := conformance.ReadPage(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range regexp.MustCompile("(?m)^\\| `(tocsin_\\w+)` \\|").FindAllStringSubmatch(p.Text, -1) {
			listed[row[1]] = true
		}
	}
	for name := range found {
		if !listed[name] {
			t.Errorf("monitoring.md does not list %s", name)
		}
	}
	for name := range listed {
		if !found[name] {
			t.Errorf("%s is listed, and no scrape has it", name)
		}
	}
}

// TestDocsRoles: the roles in docs/operations.md are those that the command prints for the shipped rules.
func TestDocsRoles(t *testing.T) {
	var want, got []string
	for _, args := range [][]string{nil, {"--first"}} {
		var out, errs bytes.Buffer
		if code := execute(t.Context(), append([]string{"setup", "role", "--namespace", "production"}, args...), stdio{strings.NewReader(""), &out, &errs}); code != exitDone {
			t.Fatalf("exit code %d, %s", code, errs.String())
		}
		_, body, _ := strings.Cut(out.String(), "tocsin-production\n")
		want = append(want, strings.TrimSpace(body))
	}
	for _, b := range operationsPage(t).Blocks {
		if b.Info == "json" && strings.Contains(b.Text, "tocsin-alerts-production") {
			got = append(got, strings.TrimSpace(b.Text))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/operations.md (-printed +documented):\n%s", diff)
	}
}

// everyMetric returns a scrape that has every metric.
func everyMetric(t *testing.T) string {
	t.Helper()
	m := metrics.New()
	m.Running([]metrics.Rule{{ID: "r", Name: "Rule", Type: "query", Severity: "low", Interval: time.Minute}})
	m.Runner(metrics.Runner{ID: "1", Host: "h", Version: "v"})
	m.Cluster(metrics.Cluster{Name: "n", UUID: "u", Version: "8.19.0"})
	m.Share(func() metrics.Share { return metrics.Share{Runners: 1, Owned: 1, Renewed: time.Unix(1, 0)} })
	m.Rules(metrics.Rules{Valid: 1})
	m.Enriched("s", "added")
	m.EnrichmentLoaded("s", time.Unix(1, 0))
	m.EnrichmentFailed("s")
	m.Notifications([]notify.Stat{{Route: "r", Status: notify.Pending, Count: 1, Oldest: time.Unix(1, 0)}})
	m.Notified("r", "delivered")
	m.States("rule-failing", "high", 1)
	m.Traces(func() (sent, failed int64) { return 1, 1 })
	unread := &failure.Error{Kind: failure.Rejected, Op: "search", Unread: failure.Forbidden, Err: errors.New("no")} //nolint:err113 // any
	m.Execution(pipeline.Execution{RuleID: "r", Status: pipeline.Failed, Slot: time.Unix(1, 0), Err: unread})
	m.Execution(pipeline.Execution{
		RuleID: "r", Status: pipeline.Succeeded, Slot: time.Unix(1, 0), Suppressed: 1, Skipped: 1, Aside: 1, Omitted: 1, Resolved: true,
		Risk: pipeline.RiskCount{Created: 1, Duplicates: 1, Failed: 1},
	})
	m.Execution(pipeline.Execution{RuleID: "r", Status: pipeline.PartialFailure, Slot: time.Unix(2, 0)})
	m.Late(pipeline.Execution{RuleID: "r", Created: 1})
	m.Standing(service.Standing{Open: map[string]int{"r": 1}})
	m.Settling(map[string]time.Duration{"r": time.Second}, 0)
	m.Skew(time.Second)
	m.Reload(true)
	m.Round(planner.Round{})
	m.Searches(metrics.Searches{Limit: 1})
	m.Hooks(slog.New(slog.DiscardHandler)).Missed("r", 1)
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	return answer.Body.String()
}
