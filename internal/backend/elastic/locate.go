package elastic

import (
	"context"
	"slices"

	"tocsin/internal/search"
	"tocsin/internal/search/indexname"
)

var (
	_ search.Locator = (*Client)(nil)
	_ search.Slicer  = (*Client)(nil)
)

// Locate returns a test for the indices behind patterns, including the indices of aliases and data streams,
// as hits have the name of their index.
func (c *Client) Locate(ctx context.Context, patterns []string) (func(index string) bool, error) {
	if patterns = tidy(patterns); indexname.HasDateMath(patterns) {
		return nil, dated(patterns)
	}
	set := map[string]bool{}
	for _, part := range patternChunks(patterns, maxPath) {
		answers, err := c.resolvePart(ctx, part)
		if err != nil {
			return nil, err
		}
		for _, a := range answers {
			a.locate(part, set)
		}
	}
	return func(index string) bool { return set[index] }, nil
}

// locate adds the indices of an answer. An index that an exclusion names is left out, even if it belongs to
// an alias that an earlier wildcard matches.
func (a resolveAnswer) locate(patterns []string, set map[string]bool) {
	add := func(index string) {
		excluded := slices.ContainsFunc(patterns, func(p string) bool { return isExclusion(p) && glob(p[1:], index) })
		set[index] = set[index] || !excluded
	}
	for _, index := range a.Indices {
		set[index.Name] = true
	}
	for _, alias := range a.Aliases {
		for _, index := range alias.Indices {
			add(index)
		}
	}
	for _, stream := range a.DataStreams {
		for _, index := range stream.Backing {
			add(index)
		}
	}
}

// broad removes patterns whose indices all match another pattern, so that the patterns of many rules fit into
// one URL.
func broad(patterns []string) []string {
	if slices.ContainsFunc(patterns, isExclusion) {
		return patterns
	}
	var out []string
	for i, p := range patterns {
		covered := slices.ContainsFunc(patterns, func(other string) bool {
			return other != p && !hidden(p) && glob(other, p)
		})
		if !covered && !slices.Contains(patterns[:i], p) {
			out = append(out, p)
		}
	}
	return out
}

// hidden reports whether a pattern may match hidden indices: wildcards match them only if the pattern begins
// with a dot.
func hidden(pattern string) bool { return pattern != "" && pattern[0] == '.' }
