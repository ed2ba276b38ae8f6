package metrics

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Runner is what a runner says of itself.
type Runner struct {
	ID, Host, Version string
	// Rules is the digest of the rules that it runs.
	Rules string
}

// Cluster is what an Elasticsearch says of itself.
type Cluster struct{ Name, UUID, Version string }

// Share is this runner among those that share the rules.
type Share struct {
	// Runners is the number of live runners, Owned the number of rules that belong to this one.
	Runners, Owned int
	// Renewed is when the lease was last renewed; zero: there is no lease.
	Renewed time.Time
}

// about holds the metrics that say what runs, and where.
type about struct {
	mu      sync.Mutex
	runner  Runner
	cluster Cluster

	build, runners, clusters *prometheus.GaugeVec
	share                    *shares
	// spans returns how many spans were sent, and how many could not be.
	spans atomic.Pointer[func() (sent, failed int64)]
}

// newAbout makes the collectors: those that are set in registry, those that ask others in asked.
func newAbout(registry, asked *prometheus.Registry) *about {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	}
	describe := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, nil, nil)
	}
	a := &about{
		build:    gauge("build_info", "1, with the version of Tocsin and of Go as labels.", "version", "go_version"),
		runners:  gauge("runner_info", "1, with the runner's id and machine, and the digest of the rules that it runs, as labels.", "runner", "host", "rules_digest"),
		clusters: gauge("cluster_info", "1, with name, UUID and version of the Elasticsearch cluster as labels.", "name", "uuid", "version"),
		share: &shares{
			runners: describe("runners", "Live runners that share the rules of the namespace."),
			owned:   describe("rules_owned", "Rules that belong to this runner now."),
			renewed: describe("lease_renewed_timestamp_seconds", "Time at which this runner's lease was last renewed."),
		},
	}
	registry.MustRegister(a.build, a.runners, a.clusters)
	asked.MustRegister(a.share)
	for outcome, pick := range map[string]func(sent, failed int64) int64{
		"sent": func(sent, _ int64) int64 { return sent }, "failed": func(_, failed int64) int64 { return failed },
	} {
		asked.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Name: "trace_spans_total", Help: "Spans of traces by outcome: sent, failed.", ConstLabels: prometheus.Labels{"outcome": outcome},
		}, func() float64 {
			if ask := a.spans.Load(); ask != nil {
				return float64(pick((*ask)()))
			}
			return 0
		}))
	}
	return a
}

// Runner sets what the runner says of itself.
func (m *Metrics) Runner(r Runner) {
	m.setting.RLock()
	defer m.setting.RUnlock()
	m.about.mu.Lock()
	defer m.about.mu.Unlock()
	m.about.runner = r
	m.about.build.WithLabelValues(label(r.Version), runtime.Version()).Set(1)
	m.about.runners.Reset()
	m.about.runners.WithLabelValues(label(r.ID), label(r.Host), label(r.Rules)).Set(1)
}

// Digest sets the digest of the rules that the runner runs.
func (m *Metrics) Digest(rules string) {
	m.about.mu.Lock()
	r := m.about.runner
	m.about.mu.Unlock()
	r.Rules = rules
	m.Runner(r)
}

// Cluster sets what the cluster says of itself. It may say something else later: clusters are upgraded.
func (m *Metrics) Cluster(c Cluster) {
	m.setting.RLock()
	defer m.setting.RUnlock()
	m.about.mu.Lock()
	defer m.about.mu.Unlock()
	if c == m.about.cluster {
		return
	}
	m.about.cluster = c
	m.about.clusters.Reset()
	m.about.clusters.WithLabelValues(label(c.Name), label(c.UUID), label(c.Version)).Set(1)
}

// Share sets what is asked at each scrape for this runner's share of the rules.
func (m *Metrics) Share(ask func() Share) {
	m.about.share.mu.Lock()
	defer m.about.share.mu.Unlock()
	m.about.share.ask = ask
}

// Traces sets what is asked at each scrape for the spans that were sent, and those that could not be.
func (m *Metrics) Traces(ask func() (sent, failed int64)) { m.about.spans.Store(&ask) }

// shares is a collector that asks when it is scraped.
type shares struct {
	mu                      sync.Mutex
	ask                     func() Share
	runners, owned, renewed *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (s *shares) Describe(to chan<- *prometheus.Desc) {
	to <- s.runners
	to <- s.owned
	to <- s.renewed
}

// Collect implements [prometheus.Collector].
func (s *shares) Collect(to chan<- prometheus.Metric) {
	s.mu.Lock()
	ask := s.ask
	s.mu.Unlock()
	if ask == nil {
		return
	}
	now := ask()
	gauge := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	gauge(s.runners, float64(now.Runners))
	gauge(s.owned, float64(now.Owned))
	if !now.Renewed.IsZero() {
		gauge(s.renewed, float64(now.Renewed.Unix()))
	}
}
