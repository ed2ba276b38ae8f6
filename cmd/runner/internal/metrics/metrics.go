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
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"tocsin/internal/diag/failure"
	"tocsin/internal/run/health"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler"
	"tocsin/internal/search/planner"
)

// namespace begins the names of all metrics.
const namespace = "tocsin"

// Metrics holds the collectors of one runner, in its own registry.
type Metrics struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// registry has the collectors that are set, asked those that ask others at each scrape.
	registry, asked *prometheus.Registry

	executions *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	seconds    *prometheus.CounterVec
	read       *prometheus.CounterVec
	hits       *prometheus.CounterVec
	alerts     *prometheus.CounterVec
	reduced    *prometheus.CounterVec
	risk       *prometheus.CounterVec
	left       *prometheus.CounterVec
	unread     *prometheus.CounterVec
	vacant     *prometheus.GaugeVec
	succeeded  *prometheus.GaugeVec
	lag        *prometheus.GaugeVec
	lags       prometheus.Histogram
	loaded     *prometheus.GaugeVec
	reloads    *prometheus.CounterVec
	reloaded   prometheus.Gauge
	running    prometheus.Gauge
	lateness   prometheus.Histogram
	missed     *prometheus.CounterVec
	rounds     *prometheus.CounterVec
	searches   *prometheus.CounterVec
	scanned    prometheus.Counter
	reading    *prometheus.HistogramVec
	rules      rules
	coverage   *coverage
	about      *about

	// setting is held for reading while gauges are set or series removed, and for writing while all are gathered. It is taken first of
	// all locks here.
	setting sync.RWMutex

	states        *prometheus.GaugeVec
	enrichments   enrichments
	notifications notifications
}

// New makes the collectors, including the Go runtime and process collectors.
func New() *Metrics {
	registry := prometheus.NewRegistry()
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return counterOf(registry, name, help, labels...)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return gaugeOf(registry, name, help, labels...)
	}
	histogram := func(name, help string, factor float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.01, factor, 10)}
	}
	m := &Metrics{
		registry:   registry,
		asked:      prometheus.NewRegistry(),
		executions: counter("executions_total", "Executions of rules by how they ended.", "rule_id", "status"),
		duration:   registered(registry, prometheus.NewHistogramVec(histogram("execution_duration_seconds", "Time that executions take.", 3), []string{"status"})),
		seconds:    counter("rule_execution_seconds_total", "Time that executions of the rule took, with the reads that they share with others.", "rule_id"),
		read:       counter("rule_documents_read_total", "Documents that were searched for the rule, as far as that is known.", "rule_id"),
		hits:       counter("hits_total", "Events that rules found.", "rule_id"),
		risk:       counter("risk_events_total", "Risk events by outcome: created, duplicate, failed.", "rule_id", "outcome"),
		reduced:    counter("alerts_reduced_total", "Alerts that were rejected with their whole event: written with it moved aside (aside), without it (omitted).", "rule_id", "event"),
		alerts:     counter("alerts_total", "Alerts by outcome: created, duplicate, suppressed, failed, skipped.", "rule_id", "outcome"),
		left:       counter("hits_left_total", "Hits beyond max_signals, which were not processed.", "rule_id"),
		unread:     counter("executions_unread_total", "Executions that could not read a part of their window: forbidden, closed, remote, shards.", "rule_id", "reason"),
		vacant:     gauge("rule_vacant", "1 while no index pattern of the rule matches an index.", "rule_id"),
		succeeded:  gauge("last_success_timestamp_seconds", "Newest slot whose window an execution covered.", "rule_id"),
		lag:        gauge("rule_lag_seconds", "Time from the newest covered slot to when it was covered.", "rule_id"),
		lags:       registered(registry, prometheus.NewHistogram(histogram("slot_lag_seconds", "Time from slots to when they were covered, of slots newer than those that their rule had covered.", 4))),
		loaded:     gauge("rules", "Loaded rules by validity: valid rules run.", "status"),
		reloads:    counter("reloads_total", "Reloads of the rules by outcome: succeeded, failed.", "outcome"),
		reloaded:   registered(registry, prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "last_reload_timestamp_seconds", Help: "Time of the last reload of the rules that succeeded."})),
		running:    registered(registry, prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "executions_running", Help: "Executions in flight."})),
		lateness:   registered(registry, prometheus.NewHistogram(histogram("schedule_lateness_seconds", "Time from a slot to the start of its execution.", 4))),
		missed:     counter("schedule_missed_total", "Slots that came due while the rule's earlier one was still running; they are run late.", "rule_id"),
		rounds:     counter("rounds_total", "Rounds of rules that ran together, by how their searches were answered: scan, search, failed_scan.", "strategy"),
		searches:   counter("round_searches_total", "Searches of rounds by what answered them: scan, or a search.", "strategy"),
		scanned: registered(registry, prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "scanned_events_total", Help: "Events that scans have read, each once for all rules.",
		})),
		reading: registered(registry, prometheus.NewHistogramVec(histogram("round_duration_seconds", "Time that answering the searches of a round takes.", 3), []string{"strategy"})),
	}
	m.rules.infos = gauge("rule_info", "1 for each rule that runs, with its name, type and severity as labels.", "rule_id", "name", "type", "severity")
	m.rules.interval = gauge("rule_interval_seconds", "Usual time between two slots of the rule.", "rule_id")
	m.coverage = newCoverage(m.registry)
	m.about = newAbout(m.registry, m.asked)
	m.states = gauge("states", "States of the service by kind: how many of the kind there are.", "kind", "severity")
	for _, k := range health.Kinds { // a state is seen only as a change from 0
		m.States(string(k.Kind), string(k.Severity), 0)
	}
	m.enrichments = newEnrichments(m.registry)
	m.notifications = newNotifications(m.registry)
	m.rules.all = []ofRule{
		{m.executions.MetricVec, statuses},
		{m.seconds.MetricVec, nil},
		{m.read.MetricVec, nil},
		{m.hits.MetricVec, nil},
		{m.left.MetricVec, nil},
		{m.alerts.MetricVec, outcomes},
		{m.reduced.MetricVec, events},
		{m.risk.MetricVec, riskOutcomes},
		{m.unread.MetricVec, reasons},
		{m.vacant.MetricVec, nil},
		{m.succeeded.MetricVec, nil},
		{m.lag.MetricVec, nil},
		{m.missed.MetricVec, nil},
		{m.rules.interval.MetricVec, nil},
		{m.coverage.open.MetricVec, nil},
		{m.coverage.settle.MetricVec, nil},
		{m.coverage.late.MetricVec, nil},
	}
	m.asked.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, outcome := range []string{"succeeded", "failed"} { // a first failure is seen only as a change from 0
		m.reloads.WithLabelValues(outcome)
	}
	return m
}

// counterOf and gaugeOf make and register collectors with labels.
func counterOf(registry *prometheus.Registry, name, help string, labels ...string) *prometheus.CounterVec {
	return registered(registry, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels))
}

func gaugeOf(registry *prometheus.Registry, name, help string, labels ...string) *prometheus.GaugeVec {
	return registered(registry, prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels))
}

// registered registers a collector where it is made: one that is not registered is counted and never seen.
func registered[T prometheus.Collector](registry *prometheus.Registry, c T) T {
	registry.MustRegister(c)
	return c
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(prometheus.Gatherers{atRest{m}, m.asked}, promhttp.HandlerOpts{Registry: m.asked})
}

// atRest gathers the metrics while none is being set. The library makes a series with the value 0 before it has its own: a scrape between
// the two would read, say, that a rule last succeeded in 1970.
type atRest struct{ *Metrics }

// Gather implements [prometheus.Gatherer].
func (m atRest) Gather() ([]*dto.MetricFamily, error) {
	m.setting.Lock()
	defer m.setting.Unlock()
	return m.registry.Gather() //nolint:wrapcheck // the handler's
}

// Rules holds numbers of loaded rules. Each rule is counted once. Valid rules run. Outdated rules are some of those that are not
// valid: they run as they were before a reload.
type Rules struct{ Valid, Invalid, Unsupported, Disabled, Outdated int }

// Rules sets how many rules run and how many do not.
func (m *Metrics) Rules(r Rules) {
	m.setting.RLock()
	defer m.setting.RUnlock()
	for status, n := range map[string]int{
		"valid": r.Valid, "invalid": r.Invalid, "unsupported": r.Unsupported, "disabled": r.Disabled, "outdated": r.Outdated,
	} {
		m.loaded.WithLabelValues(status).Set(float64(n))
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

// Execution counts one execution. Of a rule that does not run any more, only what is not about one rule is counted.
func (m *Metrics) Execution(x pipeline.Execution) {
	m.setting.RLock()
	defer m.setting.RUnlock()
	id, status := label(x.RuleID), among(string(x.Status), statuses)
	m.duration.WithLabelValues(status).Observe(x.Took.Seconds())
	m.rules.mu.RLock()
	defer m.rules.mu.RUnlock()
	if !m.rules.has(id) {
		return
	}
	m.executions.WithLabelValues(id, status).Inc()
	m.seconds.WithLabelValues(id).Add(max(0, x.Took.Seconds()))
	add(m.read.WithLabelValues(id), x.Read)
	add(m.hits.WithLabelValues(id), x.Hits)
	add(m.left.WithLabelValues(id), x.Left)
	// Of outcomes that alert rules look at there are series from the start: a counter that begins above 0 has not increased.
	for outcome, n := range map[string]int{"created": x.Created, "duplicate": x.Duplicates, "failed": x.Failed} {
		add(m.alerts.WithLabelValues(id, outcome), int64(n))
	}
	for outcome, n := range map[string]int{"suppressed": x.Suppressed, "skipped": x.Skipped} {
		addAny(m.alerts, int64(n), id, outcome)
	}
	for event, n := range map[string]int{"aside": x.Aside, "omitted": x.Omitted} {
		addAny(m.reduced, int64(n), id, event)
	}
	for outcome, n := range map[string]int{"created": x.Risk.Created, "duplicate": x.Risk.Duplicates, "failed": x.Risk.Failed} {
		addAny(m.risk, int64(n), id, outcome)
	}
	if why := failure.UnreadOf(x.Err); why != "" {
		m.unread.WithLabelValues(id, among(string(why), reasons)).Inc()
	}
	if x.Vacant {
		m.vacant.WithLabelValues(id).Set(1)
	} else if x.Resolved {
		m.vacant.WithLabelValues(id).Set(0)
	}
	if x.Status == pipeline.Succeeded && !x.Vacant && m.rules.covered(id, x.Slot) {
		lag := m.now().Sub(x.Slot).Seconds()
		m.lags.Observe(lag)
		m.succeeded.WithLabelValues(id).Set(float64(x.Slot.Unix()))
		m.lag.WithLabelValues(id).Set(lag)
	}
}

func (m *Metrics) now() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
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

// addAny increases a counter that has a series only if there is anything to count.
func addAny(vec *prometheus.CounterVec, n int64, labels ...string) {
	if n > 0 {
		vec.WithLabelValues(labels...).Add(float64(n))
	}
}

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
			m.countMissed(label(id), n)
			log.Warn("slots came due while the rule was running; they will be run late", "rule_id", id, "slots", n)
		},
		Exhausted: func(id string) { log.Warn("the rule's schedule has no further slot", "rule_id", id) },
		Running:   func(n int) { m.running.Set(float64(n)) },
	}
}

func (m *Metrics) countMissed(id string, n int) {
	m.rules.mu.RLock()
	defer m.rules.mu.RUnlock()
	if m.rules.has(id) {
		add(m.missed.WithLabelValues(id), int64(n))
	}
}

// States sets how many states of a kind there are.
func (m *Metrics) States(kind, severity string, n int) {
	m.setting.RLock()
	defer m.setting.RUnlock()
	m.states.WithLabelValues(label(kind), label(severity)).Set(float64(n))
}
