package main

import (
	"slices"
	"strings"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/query"
	"tocsin/internal/rule"
)

// useOf returns what the service does in a cluster for some plans.
func (g *globals) useOf(plans []query.Plan) elastic.Use {
	u := elastic.Use{Namespace: g.Namespace, WritesTables: writesTables(plans), Notifies: g.Notify != "", Reads: g.enrichmentIndices()}
	u.Kibana, _ = g.AlertsTo.space()
	risk := elastic.RiskAlias(g.Namespace)
	for _, p := range plans {
		r := p.Rule()
		u.Reads = append(u.Reads, r.Reads()...)
		u.Refreshes = u.Refreshes || r.AlertSuppression != nil
		u.Replaces = u.Replaces || r.AlertSuppression != nil && r.AlertSuppression.Duration > 0
		u.Scores = u.Scores || r.Type == rule.TypeSPL
		if further, ok := p.(query.Reacher); ok {
			u.Reads = append(u.Reads, further.Reaches()...)
			u.ReadsTables = u.ReadsTables || further.ReadsTables()
		}
		if policies, ok := p.(query.Enricher); ok {
			u.Enriches = u.Enriches || policies.Enriches()
		}
		if again, ok := p.(query.Rereader); ok {
			alerts, scored := again.Rereads()
			u.Refreshes, u.RereadsRisk = u.Refreshes || alerts, u.RereadsRisk || scored
		}
	}
	slices.Sort(u.Reads)
	u.Reads = slices.DeleteFunc(slices.Compact(u.Reads), func(name string) bool {
		// The risk events of the namespace are granted with what writes them.
		return u.Scores && (name == risk || strings.HasPrefix(name, risk+"-"))
	})
	return u
}
