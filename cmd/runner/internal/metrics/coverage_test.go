package metrics_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
)

// TestCoverage: a rule has a series while it has open slots.
func TestCoverage(t *testing.T) {
	m := metrics.New()
	m.Standing(service.Standing{Open: map[string]int{"gone": 3}, GivenUp: 4})
	m.Standing(service.Standing{Open: map[string]int{"r1": 2, "r2": 5}, Behind: 90 * time.Second, GivenUp: 3})
	m.Skew(-90 * time.Second)
	m.Late(pipeline.Execution{RuleID: "r1", Created: 2})
	m.Late(pipeline.Execution{RuleID: "r2"})
	m.Searches(metrics.Searches{Limit: 8, Rejected: 3})
	m.Searches(metrics.Searches{Limit: 16, Running: 3, Waiting: 2, Rejected: 7, Slow: 1})
	m.Settling(map[string]time.Duration{"r1": 5 * time.Second, "r2": 1500 * time.Millisecond}, -time.Minute)
	want := `tocsin_cluster_clock_ahead_seconds -60
tocsin_coverage_behind_seconds 90
tocsin_coverage_given_up_slots_total 7
tocsin_coverage_open_slots{rule_id="r1"} 2
tocsin_coverage_open_slots{rule_id="r2"} 5
tocsin_coverage_open_slots_all 7
tocsin_late_alerts_total{rule_id="r1"} 2
tocsin_runner_clock_skew_seconds -90
tocsin_schedule_settle_seconds{rule_id="r1"} 5
tocsin_schedule_settle_seconds{rule_id="r2"} 1.5
tocsin_search_limit 16
tocsin_search_rejected_total 7
tocsin_search_running 3
tocsin_search_slow_total 1
tocsin_search_waiting 2`
	got := withNames(scrape(t, m), "cluster_clock_ahead_seconds", "schedule_settle_seconds", "coverage_behind_seconds", "coverage_given_up_slots_total", "coverage_open_slots", "coverage_open_slots_all",
		"late_alerts_total", "runner_clock_skew_seconds", "search_limit", "search_rejected_total", "search_running", "search_slow_total", "search_waiting")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
