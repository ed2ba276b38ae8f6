package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/notify"
)

// notifications holds the collectors for notifications.
type notifications struct {
	entries  *prometheus.GaugeVec
	oldest   *prometheus.GaugeVec
	attempts *prometheus.CounterVec
}

func newNotifications(registry *prometheus.Registry) notifications {
	n := notifications{
		entries: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "tocsin", Name: "notifications", Help: "Notifications by route and status, at the runner that delivers them.",
		}, []string{"route", "status"}),
		oldest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "tocsin", Name: "notifications_oldest_seconds", Help: "Age of the oldest notification that waits for its delivery.",
		}, []string{"route"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "tocsin", Name: "notification_attempts_total", Help: "Attempts to deliver: delivered, failed (to be repeated) or dead (given up).",
		}, []string{"route", "outcome"}),
	}
	registry.MustRegister(n.entries, n.oldest, n.attempts)
	return n
}

// Notifications sets the numbers of notifications; none if another runner delivers them.
func (m *Metrics) Notifications(stats []notify.Stat) {
	m.notifications.entries.Reset()
	m.notifications.oldest.Reset()
	for _, s := range stats {
		m.notifications.entries.WithLabelValues(label(s.Route), string(s.Status)).Set(float64(s.Count))
		if s.Status == notify.Pending {
			m.notifications.oldest.WithLabelValues(label(s.Route)).Set(time.Since(s.Oldest).Seconds())
		}
	}
}

// Notified counts an attempt to deliver.
func (m *Metrics) Notified(route string, outcome notify.Outcome) {
	m.notifications.attempts.WithLabelValues(label(route), string(outcome)).Inc()
}
