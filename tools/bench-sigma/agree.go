package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
)

// A rule that finds more than one in so many events is excluded from the timing: a few find so many events that only the
// creation of alerts would be measured.
const noisyFrom = 500

// agree compares the matches of both programs, rule by rule. It returns the rules with few enough matches to be timed.
func (p *programs) agree(ctx context.Context, to io.Writer, rules []rule, e events) (quiet []rule, err error) {
	s, err := writeSet(filepath.Join(p.work, "rules-agree"), rules)
	if err != nil {
		return nil, err
	}
	found, err := p.tocsinMatches(ctx, s, e.path)
	if err != nil {
		return nil, err
	}
	by := perRule(found)
	if p.rsigma == "" {
		_, _ = fmt.Fprintf(to, "%d rules, %d events: %d matches of %d rules; there is no rsigma to compare them with\n", len(rules), e.n, len(found), len(by))
	} else {
		theirs, err := p.rsigmaMatches(ctx, s, e.path)
		if err != nil {
			return nil, err
		}
		differ := map[string]bool{}
		for _, m := range slices.Concat(without(found, theirs), without(theirs, found)) {
			differ[m.rule] = true
		}
		_, _ = fmt.Fprintf(to, "%d rules, %d events: %d matches of %d rules, rsigma's %d; %d rules differ\n", len(rules), e.n, len(found), len(by), len(theirs), len(differ))
		if len(differ) > 0 {
			return nil, fmt.Errorf("the matches of these rules differ: %v", slices.Sorted(maps.Keys(differ)))
		}
	}
	quiet = slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return by[r.ID] > e.n/noisyFrom })
	_, err = fmt.Fprintf(to, "%d rules are timed; %d find more than one event in %d\n", len(quiet), len(rules)-len(quiet), noisyFrom)
	return quiet, err
}

func perRule(found map[match]bool) map[string]int {
	by := map[string]int{}
	for m := range found {
		by[m.rule]++
	}
	return by
}

// without returns the matches in a that are not in b.
func without(a, b map[match]bool) []match {
	var out []match
	for m := range a {
		if !b[m] {
			out = append(out, m)
		}
	}
	return out
}
