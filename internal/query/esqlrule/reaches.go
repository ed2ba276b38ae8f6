package esqlrule

import (
	"slices"

	"tocsin/internal/query"
)

var (
	_ query.Reacher  = (*esqlPlan)(nil)
	_ query.Enricher = (*esqlPlan)(nil)
)

// Reaches implements [query.Reacher]: the patterns of the query, and the indices that it looks rows up in.
func (p *esqlPlan) Reaches() []string { return slices.Concat(p.query.Patterns(), p.query.Joins()) }

// ReadsTables implements [query.Reacher].
func (p *esqlPlan) ReadsTables() bool { return false }

// Enriches implements [query.Enricher].
func (p *esqlPlan) Enriches() bool { return p.query.Enriches() }
