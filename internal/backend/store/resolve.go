package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/search/indexname"
)

// Resolve finds which indices of the events the patterns match. The index "" stands for the events
// that every pattern matches; while there are such events, no pattern is missing. The Target's
// Fields are the fields of the indices, whichever fields were requested.
func (e *Events) Resolve(ctx context.Context, patterns, _ []string) (search.Target, error) {
	if err := ctx.Err(); err != nil {
		return search.Target{}, err
	}
	if indexname.HasDateMath(patterns) {
		return search.Target{}, dated(patterns)
	}
	target := search.Target{}
	p := parsePatterns(patterns)
	for _, index := range slices.Sorted(maps.Keys(e.indices)) {
		if p.match(index) {
			target.Indices = append(target.Indices, index)
		}
	}
	target.Fields = e.mapped.fields(target.Indices)
	for _, one := range p {
		if !one.exclude && !e.anyIndex(one) {
			target.Missing = append(target.Missing, one.text)
		}
	}
	return target, nil
}

func (e *Events) anyIndex(p pattern) bool {
	for index := range e.indices {
		if index == "" || p.covers(index) {
			return true
		}
	}
	return false
}

// Locate returns the indices that patterns match; events that name none belong to every index.
func (e *Events) Locate(_ context.Context, patterns []string) (func(index string) bool, error) {
	if indexname.HasDateMath(patterns) {
		return nil, dated(patterns)
	}
	return parsePatterns(patterns).match, nil
}

// dated rejects names with date math: they depend on a slot that is not known here.
func dated(patterns []string) error {
	return &failure.Error{
		Kind: failure.Rejected, Op: "resolve [" + strings.Join(patterns, ",") + "]", Reason: "the date math in the names is not resolved",
	}
}

// pattern is one name or wildcard of a list of index patterns.
type pattern struct {
	text    string
	exclude bool
}

type patternList []pattern

// parsePatterns parses index patterns as Elasticsearch does: lists within one string, and a minus
// that excludes from the matches of earlier wildcards; without an earlier wildcard it is part of a
// name. No patterns at all mean every index.
func parsePatterns(texts []string) patternList {
	var out patternList
	wildcard := false
	for _, text := range texts {
		for one := range strings.SplitSeq(text, ",") {
			one = strings.TrimSpace(one)
			if one == "" {
				continue
			}
			if rest, ok := strings.CutPrefix(one, "-"); ok && wildcard {
				out = append(out, pattern{text: rest, exclude: true})
				continue
			}
			wildcard = wildcard || one == "_all" || strings.Contains(one, "*")
			out = append(out, pattern{text: one})
		}
	}
	if out == nil {
		return patternList{{text: "*"}}
	}
	return out
}

// match reports whether the list matches an index; the last pattern that matches it decides.
func (l patternList) match(index string) bool {
	if index == "" {
		return true
	}
	for _, p := range slices.Backward(l) {
		if p.covers(index) {
			return !p.exclude
		}
	}
	return false
}

// covers reports whether the pattern matches the index, by its own name or, for a backing index, by
// the name of its data stream.
func (p pattern) covers(index string) bool {
	if p.text == "_all" || mapping.Glob(p.text, index) {
		return true
	}
	stream := event.DataStream(index)
	return stream != "" && mapping.Glob(p.text, stream)
}
