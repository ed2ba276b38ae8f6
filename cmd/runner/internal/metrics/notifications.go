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
	return notifications{
		entries:  gaugeOf(registry, "notifications", "Notifications by route and status, at the runner that delivers them.", "route", "status"),
		oldest:   gaugeOf(registry, "notifications_oldest_seconds", "Age of the oldest notification that waits for its delivery.", "route"),
		attempts: counterOf(registry, "notification_attempts_total", "Attempts to deliver: delivered, failed (to be repeated) or dead (given up).", "route", "outcome"),
	}
}

// Notifications sets the numbers of notifications; none if another runner delivers them.
func (m *Metrics) Notifications(stats []notify.Stat) {
	m.setting.RLock()
	defer m.setting.RUnlock()
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
