// Package metrics counts what the runner does, for Prometheus.
//
// It measures and decides nothing. The flow: the command makes one [Metrics], hands every
// execution to [Metrics.Execution] and the scheduler's events to [Metrics.Hooks], and serves
// [Metrics.Handler].
package metrics

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tocsin/internal/diag/failure"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler"
	"tocsin/internal/search/planner"
)

// Metrics holds the collectors of one runner, in its own registry.
type Metrics struct {
	registry   *prometheus.Registry
	executions *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	hits       *prometheus.CounterVec
	alerts     *prometheus.CounterVec
	reduced    *prometheus.CounterVec
	risk       *prometheus.CounterVec
	left       *prometheus.CounterVec
	unread     *prometheus.CounterVec
	vacant     *prometheus.GaugeVec
	succeeded  *prometheus.GaugeVec
	rules      *prometheus.GaugeVec
	reloads    *prometheus.CounterVec
	reloaded   prometheus.Gauge
	running    prometheus.Gauge
	lateness   prometheus.Histogram
	missed     *prometheus.CounterVec
	rounds     *prometheus.CounterVec
	searches   *prometheus.CounterVec
	scanned    prometheus.Counter
	reading    *prometheus.HistogramVec
	states     *prometheus.GaugeVec
	coverage   coverage
}

// New makes the collectors, including the Go runtime and process collectors.
func New() *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tocsin", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "tocsin", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		executions: counter("executions_total", "Executions of rules by how they ended.", "rule_id", "status"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "tocsin", Name: "execution_duration_seconds", Help: "Time that executions take.",
			Buckets: prometheus.ExponentialBuckets(0.01, 3, 10),
		}, []string{"status"}),
		hits:      counter("hits_total", "Events that rules found.", "rule_id"),
		risk:      counter("risk_events_total", "Risk events by outcome: created, duplicate, failed.", "rule_id", "outcome"),
		reduced:   counter("alerts_reduced_total", "Alerts that were rejected with their whole event: written with it moved aside (aside), without it (omitted).", "rule_id", "event"),
		alerts:    counter("alerts_total", "Alerts by outcome: created, duplicate, suppressed, failed, skipped.", "rule_id", "outcome"),
		left:      counter("hits_left_total", "Hits beyond max_signals, which were not processed.", "rule_id"),
		unread:    counter("executions_unread_total", "Executions that could not read a part of their window: forbidden, closed, remote, shards.", "rule_id", "reason"),
		vacant:    gauge("rule_vacant", "1 while no index pattern of the rule matches an index.", "rule_id"),
		succeeded: gauge("last_success_timestamp_seconds", "Slot of the last execution that covered its window.", "rule_id"),
		rules:     gauge("rules", "Loaded rules by validity: valid rules run.", "status"),
		reloads:   counter("reloads_total", "Reloads of the rules by outcome: succeeded, failed.", "outcome"),
		reloaded:  prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tocsin", Name: "last_reload_timestamp_seconds", Help: "Time of the last reload of the rules that succeeded."}),
		states:    gauge("states", "States of the service by kind: how many of the kind there are.", "kind", "severity"),
		running:   prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tocsin", Name: "executions_running", Help: "Executions in flight."}),
		lateness: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "tocsin", Name: "schedule_lateness_seconds", Help: "Time from a slot to the start of its execution.",
			Buckets: prometheus.ExponentialBuckets(0.01, 4, 10),
		}),
		missed:   counter("schedule_missed_total", "Slots that came due while the rule's earlier one was still running; they are run late.", "rule_id"),
		rounds:   counter("rounds_total", "Rounds of rules that ran together, by how their searches were answered: scan, search, failed_scan.", "strategy"),
		searches: counter("round_searches_total", "Searches of rounds by what answered them: scan, or a search.", "strategy"),
		scanned: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "tocsin", Name: "scanned_events_total", Help: "Events that scans have read, each once for all rules.",
		}),
		reading: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "tocsin", Name: "round_duration_seconds", Help: "Time that answering the searches of a round takes.",
			Buckets: prometheus.ExponentialBuckets(0.01, 3, 10),
		}, []string{"strategy"}),
	}
	m.coverage = newCoverage(m.registry)
	m.registry.MustRegister(m.states, m.rounds, m.searches, m.scanned, m.reading)
	m.registry.MustRegister(m.executions, m.duration, m.hits, m.alerts, m.reduced, m.risk, m.left, m.succeeded, m.rules, m.reloads, m.reloaded, m.running, m.lateness, m.missed,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Rules holds numbers of loaded rules. Each rule is counted once. Valid rules run. Outdated rules are some of those that are not
// valid: they run as they were before a reload.
type Rules struct{ Valid, Invalid, Unsupported, Disabled, Outdated int }

// Rules sets how many rules run and how many do not.
func (m *Metrics) Rules(r Rules) {
	for status, n := range map[string]int{
		"valid": r.Valid, "invalid": r.Invalid, "unsupported": r.Unsupported, "disabled": r.Disabled, "outdated": r.Outdated,
	} {
		m.rules.WithLabelValues(status).Set(float64(n))
	}
}

// Reload counts a reload of the rules.
func (m *Metrics) Reload(succeeded bool) {
	outcome := "failed"
	if succeeded {
		outcome = "succeeded"
		m.reloaded.SetToCurrentTime()
	}
	m.reloads.WithLabelValues(outcome).Inc()
}

// Execution counts one execution.
func (m *Metrics) Execution(x pipeline.Execution) {
	id, status := label(x.RuleID), label(string(x.Status))
	m.executions.WithLabelValues(id, status).Inc()
	m.duration.WithLabelValues(status).Observe(x.Took.Seconds())
	add(m.hits.WithLabelValues(id), x.Hits)
	add(m.left.WithLabelValues(id), x.Left)
	for outcome, n := range map[string]int{
		"created": x.Created, "duplicate": x.Duplicates, "suppressed": x.Suppressed, "failed": x.Failed, "skipped": x.Skipped,
	} {
		add(m.alerts.WithLabelValues(id, outcome), int64(n))
	}
	for event, n := range map[string]int{"aside": x.Aside, "omitted": x.Omitted} {
		add(m.reduced.WithLabelValues(id, event), int64(n))
	}
	for outcome, n := range map[string]int{"created": x.Risk.Created, "duplicate": x.Risk.Duplicates, "failed": x.Risk.Failed} {
		add(m.risk.WithLabelValues(id, outcome), int64(n))
	}
	if why := failure.UnreadOf(x.Err); why != "" {
		m.unread.WithLabelValues(id, string(why)).Inc()
	}
	if x.Vacant {
		m.vacant.WithLabelValues(id).Set(1)
	} else if x.Resolved {
		m.vacant.WithLabelValues(id).Set(0)
	}
	if x.Status == pipeline.Succeeded && !x.Vacant {
		m.succeeded.WithLabelValues(id).Set(float64(x.Slot.Unix()))
	}
}

// Round counts how the searches of rules that ran together were answered.
func (m *Metrics) Round(r planner.Round) {
	strategy := "search"
	switch {
	case r.Err != nil:
		strategy = "failed_scan"
	case r.Scanned > 0:
		strategy = "scan"
	}
	m.rounds.WithLabelValues(strategy).Inc()
	m.reading.WithLabelValues(strategy).Observe((r.Scan.Took + r.Searching).Seconds())
	add(m.searches.WithLabelValues("scan"), int64(r.Scan.Answered))
	add(m.searches.WithLabelValues("search"), int64(r.Requests-r.Scan.Answered))
	add(m.scanned, r.Scan.Events)
}

// label makes text valid as a label: collectors panic on invalid UTF-8.
func label(text string) string {
	if text == "" {
		return "unknown"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// add increases a counter; a counter panics on negative values.
func add(c prometheus.Counter, n int64) { c.Add(float64(max(0, n))) }

// Hooks connects the scheduler's events to metrics and log.
func (m *Metrics) Hooks(log *slog.Logger) scheduler.Hooks {
	return scheduler.Hooks{
		Started: func(_ string, _ time.Time, late time.Duration) { m.lateness.Observe(late.Seconds()) },
		Ended: func(id string, slot time.Time, _ time.Duration, err error) {
			if crash, ok := errors.AsType[*scheduler.PanicError](err); ok {
				log.Error("execution crashed", "rule_id", id, "slot", slot, "error", err, "stack", string(crash.Stack))
			}
		},
		Missed: func(id string, n int) {
			add(m.missed.WithLabelValues(label(id)), int64(n))
			log.Warn("slots came due while the rule was running; they will be run late", "rule_id", id, "slots", n)
		},
		Exhausted: func(id string) { log.Warn("the rule's schedule has no further slot", "rule_id", id) },
		Running:   func(n int) { m.running.Set(float64(n)) },
	}
}

// States sets how many states of a kind there are.
func (m *Metrics) States(kind, severity string, n int) {
	m.states.WithLabelValues(label(kind), label(severity)).Set(float64(n))
}
