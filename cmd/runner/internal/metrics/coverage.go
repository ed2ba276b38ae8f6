package metrics

import (
	"sync"
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

	limit, running, waiting prometheus.Gauge
	rejected, slow          prometheus.Counter

	// mu guards what was last told.
	mu   sync.Mutex
	last Searches
	owed map[string]int
}

func newCoverage(registry *prometheus.Registry) *coverage {
	c := &coverage{
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: "coverage_open_slots", Help: "Slots that are still to be run, of rules that have any.",
		}, []string{"rule_id"}),
		all: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "coverage_open_slots_all", Help: "Slots of all rules that are still to be run.",
		}),
		behind: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "coverage_behind_seconds", Help: "Time since the latest covered slot, of the rule that is furthest behind.",
		}),
		givenUp: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "coverage_given_up_slots_total", Help: "Slots that were too old to be caught up with.",
		}),
		skew: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "runner_clock_skew_seconds", Help: "Latest difference to the clock of another runner.",
		}),
	}
	c.settle = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "schedule_settle_seconds",
		Help: "Time after a slot, on the later of the clocks, that a rule waits until what was indexed before is visible.",
	}, []string{"rule_id"})
	c.ahead = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "cluster_clock_ahead_seconds", Help: "By how much Elasticsearch's clock is ahead of this machine's.",
	})
	registry.MustRegister(c.settle, c.ahead)
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
	}
	c.limit = gauge("search_limit", "Maximum number of concurrent searches, adapted to the load of the cluster.")
	c.running = gauge("search_running", "Searches in flight.")
	c.waiting = gauge("search_waiting", "Searches that wait for their turn.")
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	}
	c.rejected = counter("search_rejected_total", "Searches that the overloaded cluster rejected.")
	c.slow = counter("search_slow_total", "Searches that took much longer than usual.")
	registry.MustRegister(c.limit, c.running, c.waiting, c.rejected, c.slow)
	c.late = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "late_alerts_total", Help: "Alerts of late events, found by the second search.",
	}, []string{"rule_id"})
	registry.MustRegister(c.late)
	registry.MustRegister(c.open, c.all, c.behind, c.givenUp, c.skew)
	return c
}

// Standing sets the standing of the rules. Rules without open slots have no series, so that there
// are many series only when many rules are behind.
func (m *Metrics) Standing(s service.Standing) {
	m.setting.RLock()
	defer m.setting.RUnlock()
	c := m.coverage
	m.rules.mu.RLock()
	c.mu.Lock()
	all := 0
	open := make(map[string]int, len(s.Open))
	for id, n := range s.Open {
		all += n
		if id = label(id); m.rules.has(id) {
			open[id] = n
			c.open.WithLabelValues(id).Set(float64(n))
		}
	}
	for id := range c.owed {
		if _, still := open[id]; !still {
			c.open.DeleteLabelValues(id)
		}
	}
	c.owed = open
	c.mu.Unlock()
	m.rules.mu.RUnlock()
	c.all.Set(float64(all))
	c.behind.Set(s.Behind.Seconds())
	add(c.givenUp, int64(s.GivenUp))
}

// Skew sets the difference to another runner's clock.
func (m *Metrics) Skew(by time.Duration) { m.coverage.skew.Set(by.Seconds()) }

// Settling sets how long after a slot each rule waits, and how far the cluster's clock is ahead.
func (m *Metrics) Settling(waits map[string]time.Duration, ahead time.Duration) {
	m.setting.RLock()
	defer m.setting.RUnlock()
	m.rules.mu.RLock()
	for id, wait := range waits {
		if id = label(id); m.rules.has(id) {
			m.coverage.settle.WithLabelValues(id).Set(wait.Seconds())
		}
	}
	m.rules.mu.RUnlock()
	m.coverage.ahead.Set(ahead.Seconds())
}

// Searches is the state of the search limits. Rejected and Slow are counted since the start.
type Searches struct {
	Limit, Running, Waiting int
	Rejected, Slow          int64
}

// Searches sets the state of the search limits.
func (m *Metrics) Searches(s Searches) {
	c := m.coverage
	c.limit.Set(float64(s.Limit))
	c.running.Set(float64(s.Running))
	c.waiting.Set(float64(s.Waiting))
	c.mu.Lock()
	defer c.mu.Unlock()
	add(c.rejected, s.Rejected-c.last.Rejected)
	add(c.slow, s.Slow-c.last.Slow)
	c.last = s
}

// Late counts the alerts of a search for late events.
func (m *Metrics) Late(x pipeline.Execution) {
	m.rules.mu.RLock()
	defer m.rules.mu.RUnlock()
	if id := label(x.RuleID); m.rules.has(id) {
		addAny(m.coverage.late, int64(x.Created), id)
	}
}
