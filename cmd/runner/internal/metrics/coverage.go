package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
)

// coverage holds the collectors for covered and owed slots.
type coverage struct {
	open    *prometheus.GaugeVec
	all     prometheus.Gauge
	behind  prometheus.Gauge
	givenUp prometheus.Counter
	skew    prometheus.Gauge
	settle  *prometheus.GaugeVec
	ahead   prometheus.Gauge
	late    *prometheus.CounterVec

	limit, running, waiting, rejected, slow prometheus.Gauge
}

func newCoverage(registry *prometheus.Registry) coverage {
	c := coverage{
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "tocsin", Name: "coverage_open_slots", Help: "Slots that are still to be run, of rules that have any.",
		}, []string{"rule_id"}),
		all: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "tocsin", Name: "coverage_open_slots_all", Help: "Slots of all rules that are still to be run.",
		}),
		behind: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "tocsin", Name: "coverage_behind_seconds", Help: "Time since the latest covered slot, of the rule that is furthest behind.",
		}),
		givenUp: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "tocsin", Name: "coverage_given_up_slots_total", Help: "Slots that were too old to be caught up with.",
		}),
		skew: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "tocsin", Name: "runner_clock_skew_seconds", Help: "Latest difference to the clock of another runner.",
		}),
	}
	c.settle = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "tocsin", Name: "schedule_settle_seconds",
		Help: "Time after a slot, on the later of the clocks, that a rule waits until what was indexed before is visible.",
	}, []string{"rule_id"})
	c.ahead = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "tocsin", Name: "cluster_clock_ahead_seconds", Help: "By how much Elasticsearch's clock is ahead of this machine's.",
	})
	registry.MustRegister(c.settle, c.ahead)
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tocsin", Name: name, Help: help})
	}
	c.limit = gauge("search_limit", "Maximum number of concurrent searches, adapted to the load of the cluster.")
	c.running = gauge("search_running", "Searches in flight.")
	c.waiting = gauge("search_waiting", "Searches that wait for their turn.")
	c.rejected = gauge("search_rejected", "Searches that the overloaded cluster rejected, since the start.")
	c.slow = gauge("search_slow", "Searches that took much longer than usual, since the start.")
	registry.MustRegister(c.limit, c.running, c.waiting, c.rejected, c.slow)
	c.late = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "tocsin", Name: "late_alerts_total", Help: "Alerts of late events, found by the second search.",
	}, []string{"rule_id"})
	registry.MustRegister(c.late)
	registry.MustRegister(c.open, c.all, c.behind, c.givenUp, c.skew)
	return c
}

// Standing sets the standing of the rules. Rules without open slots have no series, so that there
// are many series only when many rules are behind.
func (m *Metrics) Standing(s service.Standing) {
	m.coverage.open.Reset()
	all := 0
	for id, n := range s.Open {
		m.coverage.open.WithLabelValues(label(id)).Set(float64(n))
		all += n
	}
	m.coverage.all.Set(float64(all))
	m.coverage.behind.Set(s.Behind.Seconds())
	add(m.coverage.givenUp, int64(s.GivenUp))
}

// Skew sets the difference to another runner's clock.
func (m *Metrics) Skew(by time.Duration) { m.coverage.skew.Set(by.Seconds()) }

// Settling sets how long after a slot each rule waits, and how far the cluster's clock is ahead.
func (m *Metrics) Settling(waits map[string]time.Duration, ahead time.Duration) {
	for id, wait := range waits {
		m.coverage.settle.WithLabelValues(label(id)).Set(wait.Seconds())
	}
	m.coverage.ahead.Set(ahead.Seconds())
}

// Searches is the state of the search limits.
type Searches struct {
	Limit, Running, Waiting int
	Rejected, Slow          int64
}

// Searches sets the state of the search limits.
func (m *Metrics) Searches(s Searches) {
	m.coverage.limit.Set(float64(s.Limit))
	m.coverage.running.Set(float64(s.Running))
	m.coverage.waiting.Set(float64(s.Waiting))
	m.coverage.rejected.Set(float64(s.Rejected))
	m.coverage.slow.Set(float64(s.Slow))
}

// Late counts the alerts of a search for late events.
func (m *Metrics) Late(x pipeline.Execution) {
	if x.Created > 0 {
		add(m.coverage.late.WithLabelValues(label(x.RuleID)), int64(x.Created))
	}
}
