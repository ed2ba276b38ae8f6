package rule

import "slices"

// Reads are the patterns of all indices that the rule reads: those of its events and those of its indicators.
func (r *Rule) Reads() []string {
	if r.ThreatMatch == nil {
		return r.Index
	}
	return slices.Concat(r.Index, r.ThreatMatch.Index)
}
