package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// enrichments count what is added to alerts.
type enrichments struct {
	alerts   *prometheus.CounterVec
	failures *prometheus.CounterVec
	loaded   *prometheus.GaugeVec
}

func newEnrichments(r *prometheus.Registry) enrichments {
	return enrichments{
		alerts:   counterOf(r, "enrichments_total", "Alerts by source of enrichment and outcome: added, nothing, unavailable, failed.", "source", "outcome"),
		failures: counterOf(r, "enrichment_load_failures_total", "Times that a source of enrichment could not be loaded.", "source"),
		loaded:   gaugeOf(r, "enrichment_loaded_timestamp_seconds", "When a source of enrichment was last loaded.", "source"),
	}
}

// Enriched counts a source and an alert by outcome.
func (m *Metrics) Enriched(source, outcome string) {
	m.enrichments.alerts.WithLabelValues(label(source), label(outcome)).Inc()
}

// EnrichmentLoaded records that a source was loaded.
func (m *Metrics) EnrichmentLoaded(source string, at time.Time) {
	m.setting.RLock()
	defer m.setting.RUnlock()
	m.enrichments.loaded.WithLabelValues(label(source)).Set(float64(at.Unix()))
}

// EnrichmentFailed counts that a source could not be loaded.
func (m *Metrics) EnrichmentFailed(source string) {
	m.enrichments.failures.WithLabelValues(label(source)).Inc()
}
