package main

import (
	"os"
	"time"

	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/ledger/lease"
	"tocsin/internal/run/service"
)

// introduce tells the metrics what this runner is.
func (r *runner) introduce() {
	r.host, _ = os.Hostname()
	r.metrics.Now = r.clock.Now
	r.metrics.Runner(metrics.Runner{ID: r.id, Host: r.host, Version: version()})
	r.tellCluster()
}

// tellCluster sets the metric of the cluster to what it said last.
func (r *runner) tellCluster() {
	if r.backend.cluster != nil {
		r.metrics.Cluster(r.backend.cluster())
	}
}

// tellStart logs what starts, and against what.
func (r *runner) tellStart() {
	log := r.global.log.With("version", version(), "runner", r.id, "host", r.host, "namespace", r.global.Namespace)
	if r.backend.cluster != nil {
		c := r.backend.cluster()
		log = log.With("cluster", c.Name, "cluster_uuid", c.UUID, "elasticsearch", c.Version)
	}
	log.Info("starting", "rules", len(r.rules), "rules_digest", digestOf(r.rules))
}

// shareOf returns what the metrics ask for this runner's share of the rules; member is nil if there is only one runner.
func (r *runner) shareOf(member *lease.Member) func() metrics.Share {
	return func() metrics.Share {
		rules := r.ruleList()
		if member == nil {
			return metrics.Share{Runners: 1, Owned: len(rules)}
		}
		now := metrics.Share{Runners: len(member.Runners()), Renewed: member.Renewed()}
		for _, one := range rules {
			if member.Owns(one.ID()) {
				now.Owned++
			}
		}
		return now
	}
}

// described returns what the metrics say of rules.
func described(rules []*service.Rule) []metrics.Rule {
	out := make([]metrics.Rule, len(rules))
	for i, one := range rules {
		r := one.Plan.Rule()
		out[i] = metrics.Rule{ID: r.ID, Name: r.Name, Type: string(r.Type), Severity: string(r.Severity), Interval: usualInterval(one)}
	}
	return out
}

// usualInterval returns the time between the next two slots of a rule; 0 if there are no two.
func usualInterval(r *service.Rule) time.Duration {
	next := r.Slots.Next(time.Now())
	if next.IsZero() {
		return 0
	}
	after := r.Slots.Next(next)
	if after.IsZero() {
		return 0
	}
	return after.Sub(next)
}
