package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/run/pipeline"
)

// BenchmarkScrape measures a scrape of the metrics of 2,000 rules, as Prometheus asks for them.
func BenchmarkScrape(b *testing.B) {
	m := metrics.New()
	for i := range 2000 {
		m.Execution(pipeline.Execution{RuleID: fmt.Sprintf("rule-%04d", i), RuleName: "a rule", Status: pipeline.Succeeded, Hits: 3, Created: 2, Duplicates: 1, Slot: time.Unix(1e9, 0), Took: time.Second})
	}
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			size, before := 0, processorTime(b)
			for b.Loop() {
				w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", http.NoBody)
				r.Header.Set("Accept-Encoding", encoding)
				m.Handler().ServeHTTP(w, r)
				size = w.Body.Len()
			}
			b.ReportMetric(float64(size), "bytes")
			// Prometheus asks every 15 seconds in most installations, every minute by default.
			each := (processorTime(b) - before) / time.Duration(b.N)
			b.ReportMetric(float64(each.Milliseconds()), "cpu-ms/op")
			b.ReportMetric(100*each.Seconds()/15, "%cpu")
		})
	}
}

// processorTime returns the time that the process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
