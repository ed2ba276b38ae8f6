package ruletest

import (
	"context"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/run/catalog"
)

// Outcome is what became of one test file: its results, and what is said of its rule.
type Outcome struct {
	Results []Result
	Diags   diag.List
	// Broken: the rule has errors.
	Broken bool
	// Set has the rule, unless it is Broken.
	Set  catalog.Catalog
	Rule *rule.Rule
}

// RunAll is [Run] for many files, in their order. Rules that nothing but the files beside can bear on are loaded together, and
// tests run concurrently.
func RunAll(ctx context.Context, o Options, files []File, beside ...string) ([]Outcome, error) {
	shared, said, err := loadTogether(ctx, o.Options, files, beside)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(files))
	errs := make([]error, len(files))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), max(1, len(files))) {
		workers.Go(func() {
			for i := range next {
				out := &outcomes[i]
				if shared[i].rule == nil {
					shared[i], errs[i] = load(ctx, o.Options, files[i], beside)
				}
				if errs[i] == nil {
					shared[i].with = o
					out.Set, out.Rule = shared[i].set, shared[i].rule
					out.Results, out.Diags, errs[i] = files[i].all(ctx, shared[i])
				}
				out.Broken = out.Diags.HasErrors()
			}
		})
	}
	for i := range files {
		next <- i
	}
	close(next)
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	if len(outcomes) > 0 {
		outcomes[0].Diags = append(said, outcomes[0].Diags...)
		outcomes[0].Broken = outcomes[0].Broken || said.HasErrors()
	}
	return outcomes, nil
}

// loaded is a rule of a test file in a set of many; rule is nil if the file must be loaded by itself.
type loaded struct {
	set  catalog.Catalog
	rule *rule.Rule
	list diag.List
	with Options
}

// Options say how tests are run.
type Options struct {
	catalog.Options
	// Coverage: the results have what [Covered] needs.
	Coverage bool
	// Live, if not nil, runs the tests in a cluster.
	Live *Live
}

// loadTogether loads the rules that may be loaded together, and returns them by file, and what is said of the files beside.
func loadTogether(ctx context.Context, o catalog.Options, files []File, beside []string) ([]loaded, diag.List, error) {
	out := make([]loaded, len(files))
	var paths []string
	for _, f := range files {
		if f.alone() {
			continue
		}
		paths = append(paths, filepath.Clean(f.Rule))
	}
	if len(paths) < 2 {
		return out, nil, nil
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	set, list, err := catalog.Load(ctx, o, slices.Concat(paths, beside)...)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // it says what it was doing
	}
	of := map[string][]*rule.Rule{}
	for _, r := range set.Rules() {
		of[filepath.Clean(r.Path)] = append(of[filepath.Clean(r.Path)], r)
	}
	owned := rule.NewOwned(list)
	taken := map[*rule.Rule]diag.List{}
	for _, r := range set.Rules() {
		taken[r] = owned.Take(r)
	}
	for i, f := range files {
		rules := of[filepath.Clean(f.Rule)]
		if f.alone() || len(rules) != 1 || f.RuleID != "" && rules[0].ID != f.RuleID {
			continue
		}
		out[i] = loaded{set: set, rule: rules[0], list: slices.Clone(taken[rules[0]])}
	}
	said := slices.DeleteFunc(owned.Left(), func(d diag.Diagnostic) bool {
		_, isTested := slices.BinarySearch(paths, filepath.Clean(d.File))
		return isTested
	})
	return out, said, nil
}

// alone reports whether the rule of a file must not be loaded with those of others: further documents of Sigma, Splunk or
// Kibana would bear on it.
func (f File) alone() bool { return len(f.With) > 0 || filepath.Ext(f.Rule) != ".toml" }
