package catalog

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/sigma"
	translated "tocsin/internal/translate/sigma"
)

// Sigma says how rules of Sigma are run.
type Sigma struct {
	// Index are the index patterns of rules whose log source no map knows.
	Index []string
	// Placeholders are the values of expand.
	Placeholders map[string][]string
	// Statuses and Levels are those of the rules that run: the others are disabled. A rule that has none counts as
	// stable, and as medium. nil: all but the statuses deprecated and unsupported.
	Statuses, Levels []string
	// Grades is the severity and the risk score by level; nil: as shipped.
	Grades map[string]sigma.Grade
	// Source knows what the names of a log source are where the events are, and its index patterns; nil: names are
	// as they are.
	Source func(sigma.LogSource) (naming sigma.Naming, index []string, known bool)
}

// addSigma reads rules of Sigma.
func (c *Catalog) addSigma(ctx context.Context, fsys fs.FS, paths []string) (diag.List, error) {
	o := c.options.Sigma
	library, diags, err := sigma.Load(ctx, fsys, translated.Options{Placeholders: o.Placeholders}, paths...)
	if err != nil {
		return nil, fmt.Errorf("load rules: %w", err)
	}
	grades := o.Grades
	if grades == nil {
		grades = sigma.Grades()
	}
	c.sigma = make(map[*rule.Rule]sigmaRule, len(library.Rules))
	for _, s := range library.Rules {
		one := sigmaRule{rule: s}
		index := o.Index
		if o.Source != nil {
			naming, patterns, known := o.Source(s.LogSource)
			if known {
				one.naming, index = naming, patterns
			}
		}
		r := s.Rule(index, grades)
		if !o.runs(s) {
			disabled := false
			r.Enabled = &disabled
		}
		c.sigma[r] = one
		diags = append(diags, c.Add(r, s.Diags)...)
	}
	return diags, nil
}

// sigmaRule is a rule with what its names mean.
type sigmaRule struct {
	rule   *sigma.Rule
	naming sigma.Naming
}

// runs reports whether a rule is one of those that are wanted.
func (o Sigma) runs(r *sigma.Rule) bool {
	status, level := r.Status, r.Level
	if status == "" {
		status = "stable"
	}
	if level == "" {
		level = "medium"
	}
	if o.Statuses == nil && (status == "deprecated" || status == "unsupported") {
		return false
	}
	return (o.Statuses == nil || slices.Contains(o.Statuses, status)) && (o.Levels == nil || slices.Contains(o.Levels, level))
}
