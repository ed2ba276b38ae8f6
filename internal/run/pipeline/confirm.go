package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"

	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// confirm checks that everything the round searched was readable until the end. An execution that may have
// missed a part, or for which the check fails, has not covered its window.
func confirm(ctx context.Context, events search.Events, tickets []*ticket) {
	confirmer, ok := search.As[search.Confirmer](events)
	if !ok {
		return
	}
	lost, err := confirmer.Confirm(ctx)
	if err == nil && len(lost) == 0 {
		return
	}
	for _, t := range tickets {
		x := &t.result
		if x.Status != Succeeded {
			continue
		}
		lacks := err
		if err == nil {
			patterns := patternsOf(t)
			lacks = search.UnreadError("read the indices of rule "+x.RuleID, slices.DeleteFunc(slices.Clone(lost), func(u search.Unread) bool {
				return !u.Meets(x.Window) || !touches(u, patterns)
			}))
		}
		if lacks != nil {
			x.Status, x.Err, x.Vacant = PartialFailure, errors.Join(x.Err, lacks), false
		}
	}
}

// patternsOf returns the index patterns that the job of a ticket may have read, including the patterns of its
// indicators.
func patternsOf(t *ticket) []string {
	var out []string
	dated, _, _ := wanted(t.job)
	rule := t.job.Plan.Rule()
	lists := slices.Concat(rule.Index, dated)
	if rule.ThreatMatch != nil {
		lists = append(lists, rule.ThreatMatch.Index...)
	}
	for _, list := range lists {
		out = append(out, strings.Split(list, ",")...)
	}
	return out
}

// touches reports whether patterns may match an index that could not be read.
func touches(u search.Unread, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		p = strings.TrimSpace(p)
		return p == u.Name || p == "_all" || mapping.Glob(p, u.Name)
	})
}
