package splrule

import (
	"slices"

	"tocsin/internal/query"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

var (
	_ query.Reacher  = (*splPlan)(nil)
	_ query.Rereader = (*splPlan)(nil)
)

// Reaches implements [query.Reacher]: the patterns of the search and of every search within it. Which events a search
// with a subsearch in its condition reads is not known before it runs; its index patterns are those of all sources.
func (p *splPlan) Reaches() []string {
	var out []string
	source := p.source(query.Source{})
	splunk.EachSearch(p.Search, func(s *spl.Search) {
		if len(s.Stages) == 0 {
			return
		}
		first, known := splunk.First(s)
		if _, finds := s.Stages[0].(*spl.Find); !known && !finds && first.Model == "" {
			return
		}
		if !known {
			first.Where = nil
		}
		patterns, _ := source.Wants(first)
		out = append(out, patterns...)
	})
	slices.Sort(out)
	return slices.Compact(out)
}

// ReadsTables implements [query.Reacher].
func (p *splPlan) ReadsTables() bool {
	reads := p.WritesTables()
	splunk.EachSearch(p.Search, func(s *spl.Search) {
		for _, stage := range s.Stages {
			switch stage.(type) {
			case *spl.Lookup, *spl.InputLookup, *spl.Apply:
				reads = true
			}
		}
	})
	return reads
}

// Rereads implements [query.Rereader]: what is throttled is found among earlier findings.
func (p *splPlan) Rereads() (alerts, risk bool) {
	if p.Detection.Throttle == nil {
		return false, false
	}
	return p.Detection.CreatesFinding(), !p.Detection.CreatesFinding()
}
