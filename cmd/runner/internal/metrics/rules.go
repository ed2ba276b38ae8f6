package metrics

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Rule is what the metrics say of a rule that runs.
type Rule struct {
	ID, Name, Type, Severity string
	// Interval is the usual distance of its slots; 0: none is known.
	Interval time.Duration
}

// ofRule is a metric with the label rule_id first, and what its second label can be; nil: it has no second label.
type ofRule struct {
	vec    *prometheus.MetricVec
	second []string
}

// The values of second labels. What a label can be is listed here and nowhere else: a value that is not listed counts as [other], so that
// the number of series is bounded, and all of a rule's series are known when the rule is gone.
var (
	statuses     = []string{"succeeded", "partial_failure", "failed"}
	outcomes     = []string{"created", "duplicate", "suppressed", "failed", "skipped"}
	riskOutcomes = []string{"created", "duplicate", "failed"}
	events       = []string{"aside", "omitted"}
	reasons      = []string{"forbidden", "closed", "remote", "shards"}
)

// other is a value that is not listed.
const other = "unknown"

func among(value string, values []string) string {
	if slices.Contains(values, value) {
		return value
	}
	return other
}

// rules are those whose series there are.
type rules struct {
	// mu is held for writing while series are removed, and for reading while they are counted: what is counted for a rule that is gone
	// must not bring its series back.
	mu sync.RWMutex
	// info holds the labels of each rule that runs; nil: all ids are taken.
	info map[string]prometheus.Labels
	// all are the metrics that have series of rules.
	all []ofRule

	infos    *prometheus.GaugeVec
	interval *prometheus.GaugeVec

	// newest is the newest slot that each rule has covered.
	newestMu sync.Mutex
	newest   map[string]time.Time
}

// has reports whether there are series of a rule. The caller holds mu.
func (r *rules) has(id string) bool {
	if r.info == nil {
		return true
	}
	_, ok := r.info[id]
	return ok
}

// covered reports whether a slot is the newest one of its rule that is covered: catch-up covers older ones later.
func (r *rules) covered(id string, slot time.Time) bool {
	r.newestMu.Lock()
	defer r.newestMu.Unlock()
	if slot.Before(r.newest[id]) {
		return false
	}
	if r.newest == nil {
		r.newest = map[string]time.Time{}
	}
	r.newest[id] = slot
	return true
}

// Running sets the rules that run. All series of others are removed.
func (m *Metrics) Running(running []Rule) {
	m.setting.RLock()
	defer m.setting.RUnlock()
	r := &m.rules
	r.mu.Lock()
	defer r.mu.Unlock()
	next := make(map[string]prometheus.Labels, len(running))
	for _, one := range running {
		id := label(one.ID)
		next[id] = prometheus.Labels{"rule_id": id, "name": label(one.Name), "type": label(one.Type), "severity": label(one.Severity)}
	}
	for id, labels := range r.info {
		now, there := next[id]
		if !there {
			r.forget(id)
		}
		if !there || labels["name"] != now["name"] || labels["type"] != now["type"] || labels["severity"] != now["severity"] {
			r.infos.Delete(labels)
		}
	}
	if r.info == nil { // what was counted before the rules were known
		for _, one := range r.all {
			one.vec.Reset()
		}
	}
	for _, one := range running {
		id := label(one.ID)
		r.infos.With(next[id]).Set(1)
		if one.Interval > 0 {
			r.interval.WithLabelValues(id).Set(one.Interval.Seconds())
		} else {
			r.interval.DeleteLabelValues(id)
		}
	}
	r.info = next
}

// forget removes the series of a rule.
func (r *rules) forget(id string) {
	for _, one := range r.all {
		if one.second == nil {
			one.vec.DeleteLabelValues(id)
			continue
		}
		for _, value := range one.second {
			one.vec.DeleteLabelValues(id, value)
		}
		one.vec.DeleteLabelValues(id, other)
	}
	r.newestMu.Lock()
	delete(r.newest, id)
	r.newestMu.Unlock()
}
