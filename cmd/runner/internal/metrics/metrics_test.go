package metrics_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler"
)

// scrape returns our own metrics in the text form of Prometheus.
func scrape(t *testing.T, m *metrics.Metrics) []string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var own []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "tocsin_") {
			own = append(own, strings.TrimSpace(line))
		}
	}
	return own
}

// withNames keeps the samples of these metrics, without a histogram's buckets.
func withNames(lines []string, names ...string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "tocsin_"), " ")
		name, _, _ = strings.Cut(name, "{")
		return !slices.Contains(names, name)
	}), "\n")
}

func TestExecution(t *testing.T) {
	m := metrics.New()
	m.Execution(pipeline.Execution{
		RuleID: "r1", Status: pipeline.Succeeded, Slot: time.Unix(1_700_000_000, 0), Hits: 5, Created: 3, Duplicates: 2,
		Took: 20 * time.Millisecond,
	})
	m.Execution(pipeline.Execution{
		RuleID: "r1", Status: pipeline.PartialFailure, Slot: time.Unix(1_700_000_300, 0), Hits: 2, Created: 1, Failed: 1, Skipped: 4, Suppressed: 6, Aside: 2, Omitted: 1,
		Left: 7, Took: time.Second, Risk: pipeline.RiskCount{Created: 3, Duplicates: 2, Failed: 1},
	})
	want := `tocsin_alerts_reduced_total{event="aside",rule_id="r1"} 2
tocsin_alerts_reduced_total{event="omitted",rule_id="r1"} 1
tocsin_alerts_total{outcome="created",rule_id="r1"} 4
tocsin_alerts_total{outcome="duplicate",rule_id="r1"} 2
tocsin_alerts_total{outcome="failed",rule_id="r1"} 1
tocsin_alerts_total{outcome="skipped",rule_id="r1"} 4
tocsin_alerts_total{outcome="suppressed",rule_id="r1"} 6
tocsin_execution_duration_seconds_sum{status="partial_failure"} 1
tocsin_execution_duration_seconds_count{status="partial_failure"} 1
tocsin_execution_duration_seconds_sum{status="succeeded"} 0.02
tocsin_execution_duration_seconds_count{status="succeeded"} 1
tocsin_executions_total{rule_id="r1",status="partial_failure"} 1
tocsin_executions_total{rule_id="r1",status="succeeded"} 1
tocsin_hits_left_total{rule_id="r1"} 7
tocsin_hits_total{rule_id="r1"} 7
tocsin_last_success_timestamp_seconds{rule_id="r1"} 1.7e+09
tocsin_risk_events_total{outcome="created",rule_id="r1"} 3
tocsin_risk_events_total{outcome="duplicate",rule_id="r1"} 2
tocsin_risk_events_total{outcome="failed",rule_id="r1"} 1`
	got := withNames(scrape(t, m), "risk_events_total", "alerts_total", "alerts_reduced_total", "execution_duration_seconds_sum", "execution_duration_seconds_count",
		"executions_total", "hits_left_total", "hits_total", "last_success_timestamp_seconds")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Invalid label values and negative increments must not end the process.
func TestUnknownValues(t *testing.T) {
	m := metrics.New()
	m.Execution(pipeline.Execution{})
	m.Execution(pipeline.Execution{RuleID: "\xff", Status: "new", Hits: -1, Left: -1, Created: -1, Took: -1})
	m.Hooks(slog.New(slog.DiscardHandler)).Missed("\xff", -1)
	want := "tocsin_executions_total{rule_id=\"unknown\",status=\"unknown\"} 1\ntocsin_executions_total{rule_id=\"\ufffd\",status=\"unknown\"} 1"
	if diff := cmp.Diff(want, withNames(scrape(t, m), "executions_total")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRules(t *testing.T) {
	m := metrics.New()
	m.Rules(metrics.Rules{Valid: 1, Invalid: 2})
	m.Rules(metrics.Rules{Valid: 5, Unsupported: 3, Disabled: 4})
	want := `tocsin_rules{status="disabled"} 4
tocsin_rules{status="invalid"} 0
tocsin_rules{status="outdated"} 0
tocsin_rules{status="unsupported"} 3
tocsin_rules{status="valid"} 5`
	if diff := cmp.Diff(want, withNames(scrape(t, m), "rules")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestHooks(t *testing.T) {
	m := metrics.New()
	var log bytes.Buffer
	h := m.Hooks(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: withoutTime})))
	slot := time.Unix(1_700_000_000, 0).UTC()
	h.Running(2)
	h.Started("r1", slot, 3*time.Second)
	h.Ended("r1", slot, time.Second, nil)
	h.Ended("r1", slot, time.Second, errors.New("not a crash"))
	h.Ended("r1", slot, time.Second, &scheduler.PanicError{Value: "oops", Stack: []byte("main.go:1")})
	h.Missed("r1", 2)
	h.Exhausted("r2")
	want := `tocsin_executions_running 2
tocsin_schedule_lateness_seconds_sum 3
tocsin_schedule_lateness_seconds_count 1
tocsin_schedule_missed_total{rule_id="r1"} 2`
	got := withNames(scrape(t, m), "executions_running", "schedule_lateness_seconds_sum", "schedule_lateness_seconds_count", "schedule_missed_total")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	wantLog := `level=ERROR msg="execution crashed" rule_id=r1 slot=2023-11-14T22:13:20.000Z error="run panicked: oops" stack=main.go:1
level=WARN msg="slots came due while the rule was running; they will be run late" rule_id=r1 slots=2
level=WARN msg="the rule's schedule has no further slot" rule_id=r2
`
	if diff := cmp.Diff(wantLog, log.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// Each has its own registry: two runners in one process do not interfere.
func TestNewTwice(t *testing.T) {
	a, b := metrics.New(), metrics.New()
	a.Rules(metrics.Rules{Valid: 1})
	if got := withNames(scrape(t, b), "rules"); got != "" {
		t.Error(got)
	}
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), "\ngo_goroutines ") {
		t.Error("the metrics of the Go runtime are missing")
	}
}
