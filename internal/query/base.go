package query

import (
	"context"
	"fmt"
	"slices"

	"tocsin/internal/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// queryPlan is what the plans of all query languages share.
type queryPlan struct {
	rule       *rule.Rule
	query      translate.Query
	time       search.TimeRange
	tiebreaker string
}

func (p *queryPlan) Rule() *rule.Rule { return p.rule }

func (p *queryPlan) Strategy() Strategy { return Search }

// names are all fields that a search touches, with further ones, sorted.
func (p *queryPlan) names(more ...string) []string {
	names := p.query.Names()
	for _, name := range append(more, p.time.Field, p.time.Fallback, p.tiebreaker) {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// resolve asks what patterns and fields mean where the events are.
func (p *queryPlan) resolve(ctx context.Context, events search.Events, more ...string) (search.Target, error) {
	target, err := events.Resolve(ctx, p.rule.Index, p.names(more...))
	if err != nil {
		return target, fmt.Errorf("resolve the indices of %s: %w", p.label(), err)
	}
	if len(target.Indices) == 0 {
		// Nothing is mapped anywhere: fields cannot be judged, and nothing will be searched.
		target.Fields = mapping.Assumed()
	}
	return target, nil
}

// label names the rule, or the query that is none, in errors.
func (p *queryPlan) label() string {
	if p.rule.ID == "" {
		return "the query"
	}
	return "rule " + p.rule.ID
}
