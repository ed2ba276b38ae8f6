package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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
			size := 0
			for b.Loop() {
				w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
				r.Header.Set("Accept-Encoding", encoding)
				m.Handler().ServeHTTP(w, r)
				size = w.Body.Len()
			}
			b.ReportMetric(float64(size), "bytes")
			// Prometheus asks every 15 seconds by default.
			b.ReportMetric(100*b.Elapsed().Seconds()/float64(b.N)/15, "%cpu")
		})
	}
}
