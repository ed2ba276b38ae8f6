package metrics_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/notify"
	"tocsin/internal/run/pipeline"
)

// TestScrapedAtRest: a scrape, at any time, has no series that was made and has no value yet, and none that is missing in between.
func TestScrapedAtRest(t *testing.T) {
	m := metrics.New()
	m.Runner(metrics.Runner{ID: "runner", Host: "host", Version: "1"})
	stats := []notify.Stat{{Route: "soc", Status: notify.Pending, Count: 3, Oldest: time.Unix(1, 0)}}
	m.Notifications(stats)
	m.Running([]metrics.Rule{{ID: "first", Name: "first", Type: "eql", Severity: "high", Interval: time.Minute}})
	var setting sync.WaitGroup
	setting.Go(func() {
		for i := range 2000 {
			id := fmt.Sprintf("rule-%d", i)
			m.Running([]metrics.Rule{{ID: id, Name: id, Type: "eql", Severity: "high", Interval: time.Minute}})
			m.Settling(map[string]time.Duration{id: time.Second}, 0)
			m.Execution(pipeline.Execution{RuleID: id, Status: pipeline.Succeeded, Slot: time.Unix(5, 0), Resolved: true})
			m.EnrichmentLoaded(id, time.Unix(5, 0))
			m.Digest(id)
			m.Notifications(stats)
		}
	})
	over := make(chan struct{})
	go func() { setting.Wait(); close(over) }()
	// Of these a value of 0 means that something else is so.
	never := []string{"rule_info", "rule_interval_seconds", "schedule_settle_seconds", "last_success_timestamp_seconds", "rule_lag_seconds", "enrichment_loaded_timestamp_seconds", "notifications", "notifications_oldest_seconds", "runner_info", "build_info"}
	for scrapes := 0; ; scrapes++ {
		lines := withNames(scrape(t, m), never...)
		for line := range strings.Lines(lines) {
			if strings.HasSuffix(strings.TrimSpace(line), " 0") {
				t.Fatalf("scrape %d: %s", scrapes, line)
			}
		}
		for _, always := range []string{"tocsin_runner_info{", "tocsin_rule_info{", `tocsin_notifications{route="soc",status="pending"} 3`} {
			if !strings.Contains(lines, always) {
				t.Fatalf("scrape %d has no %s", scrapes, always)
			}
		}
		select {
		case <-over:
			return
		default:
		}
	}
}
