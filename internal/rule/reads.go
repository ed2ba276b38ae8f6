package rule

import "slices"

// Reads returns all index patterns that the rule reads: of its events and of its indicators.
func (r *Rule) Reads() []string {
	if r.ThreatMatch == nil {
		return r.Index
	}
	return slices.Concat(r.Index, r.ThreatMatch.Index)
}
