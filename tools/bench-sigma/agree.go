package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// A rule that finds more than one in so many events is excluded from the timing: without log sources, a few rules
// find so many events that only the creation of alerts would be measured.
const noisyFrom = 500

// agree compares the matches of both programs, rule by rule, in both lanes. It returns the rules with few enough
// matches to be timed.
func (p *programs) agree(ctx context.Context, to io.Writer, rules []rule, e events) (quiet []rule, err error) {
	s, err := writeSet(filepath.Join(p.work, "rules-agree"), rules)
	if err != nil {
		return nil, err
	}
	noisy := map[string]bool{}
	for _, l := range []lane{plain, logsource} {
		found, err := p.tocsinMatches(ctx, s, l, e.path)
		if err != nil {
			return nil, err
		}
		by := perRule(found)
		for id, n := range by {
			noisy[id] = noisy[id] || n > e.n/noisyFrom
		}
		if p.rsigma == "" {
			_, _ = fmt.Fprintf(to, "%s: %d rules, %d events: %d matches of %d rules; there is no rsigma to compare them with\n", l, len(rules), e.n, len(found), len(by))
			continue
		}
		theirs, err := p.rsigmaMatches(ctx, s, l, e.path)
		if err != nil {
			return nil, err
		}
		differ := map[string]bool{}
		for _, m := range slices.Concat(without(found, theirs), without(theirs, found)) {
			differ[m.rule] = true
		}
		_, _ = fmt.Fprintf(to, "%s: %d rules, %d events: %d matches of %d rules, rsigma's %d; %d rules differ\n", l, len(rules), e.n, len(found), len(by), len(theirs), len(differ))
		if len(differ) > 0 {
			return nil, fmt.Errorf("the matches of these rules differ in lane %s: %v", l, slices.Sorted(maps.Keys(differ)))
		}
	}
	quiet = slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return noisy[r.ID] })
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

// manyRules is the number of rules that are compared with one rule.
const manyRules = 1001

// ledger prints the cost of many rules compared with one, with alerts and the ledger in a store.
func (p *programs) ledger(ctx context.Context, to io.Writer, runs int, rules []rule, e events) error {
	_, err := fmt.Fprintf(to, "\nWith a store and the ledger, over %d events:\n\n| rules | load CPU | net CPU | bound: 3 × one rule + 0.1 ms a rule |\n|---|---|---|---|\n", e.n)
	if err != nil {
		return err
	}
	store := filepath.Join(p.work, "store")
	var one time.Duration
	for _, n := range []int{1, min(manyRules, len(rules))} {
		s, err := writeSet(filepath.Join(p.work, "rules-ledger"), spread(rules, n))
		if err != nil {
			return err
		}
		over := func(path string) func() *exec.Cmd {
			return func() *exec.Cmd {
				_ = os.RemoveAll(store) // If it cannot be removed, the store is not empty and its slots will not run again.
				return p.once(ctx, s, plain, path, "--store", store)
			}
		}
		costs, err := interleaved(ctx, runs, over(p.empty()), over(e.path))
		if err != nil {
			return err
		}
		load := costs[0].median(cpu)
		net := costs[1].median(cpu) - load
		bound := ""
		if one == 0 {
			one = net
		} else {
			bound = fmt.Sprintf("%.2f s", (3*one + time.Duration(n)*100*time.Microsecond).Seconds())
		}
		if _, err := fmt.Fprintf(to, "| %d | %.2f s | %.2f s | %s |\n", n, load.Seconds(), net.Seconds(), bound); err != nil {
			return err
		}
	}
	return os.RemoveAll(store)
}
