package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/cmd/runner/internal/ruletest"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag"
	"tocsin/internal/lint"
	"tocsin/internal/run/catalog"
	"tocsin/rules"
)

// testCmd runs rule tests.
type testCmd struct {
	Paths    []string `arg:"" optional:"" name:"path" help:"Test files (*.test.toml), rule files with tests next to them (Sigma: regression_tests_path), and directories (default: the rules that are shipped)."`
	Coverage bool     `help:"Show which alternatives of each rule's condition no test has made true."`
	Live     bool     `help:"Run the tests in the cluster of --elasticsearch, in indices that are made for each test and deleted after it, with the mappings of the indices that they stand for."`
	Watch    bool     `help:"Run the tests again whenever a file changes, until interrupted."`
}

// Run is the subcommand. It fails when a test fails, or when a test file or its rule has errors.
func (c *testCmd) Run(ctx context.Context, a *app) error {
	formats := []string{"text", "json", "ndjson", "junit"}
	if c.Watch {
		formats = formats[:1]
	}
	if err := a.global.formatOneOf(formats...); err != nil {
		return err
	}
	if c.Live && len(a.global.Elasticsearch) == 0 {
		return usagef("--live needs a cluster: give --elasticsearch URL")
	}
	if len(c.Paths) == 0 {
		if c.Watch {
			return usagef("--watch needs paths: the rules that are shipped do not change")
		}
		dir, err := unpacked(rules.FS)
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		return c.tests(ctx, a, []string{dir}, dir)
	}
	if c.Watch {
		return c.watch(ctx, a)
	}
	return c.tests(ctx, a, c.Paths, "")
}

// watch runs the tests again whenever files change.
func (c *testCmd) watch(ctx context.Context, a *app) error {
	run := func() error {
		err := c.tests(ctx, a, c.Paths, "")
		if err != nil && !errors.Is(err, errFailed) {
			_, err = fmt.Fprintf(a.err, "runner: %v\n", err)
			return wrapWrite(err)
		}
		_, err = fmt.Fprintf(a.out, "waiting for changes of %s\n", strings.Join(c.Paths, ", "))
		return wrapWrite(err)
	}
	paths := slices.Concat(c.Paths, a.global.Rules)
	before := contentBefore(ctx, paths)
	if err := run(); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watch(ctx, paths, before, func() {
		if err := run(); err != nil {
			stop(err)
		}
	}, func(err error) { a.global.log.Warn("files cannot be watched", "error", err) })
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err //nolint:wrapcheck // it says what it was doing
	}
	return nil
}

// tests runs the tests of paths once. Names of files are shown without a directory that they are all in.
func (c *testCmd) tests(ctx context.Context, a *app, named []string, within string) error {
	paths, complaint := readable("test", named)
	files, diags := ruletest.Load(paths...)
	if err := a.show(diags); err != nil {
		return err
	}
	options, left, more := a.global.splunkOptions()
	if err := a.show(left); err != nil {
		return err
	}
	complaint = errors.Join(complaint, more)
	failed := diags.HasErrors() || left.HasErrors()
	run := ruletest.Options{Options: options, Coverage: c.Coverage}
	if c.Live {
		b, err := a.openElastic(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = b.close() }()
		run.Live = scratches(b)
	}
	outcomes, err := ruletest.RunAll(ctx, run, files, slices.Concat(a.global.Rules, ruletest.Exceptions(paths...))...)
	if err != nil {
		return fmt.Errorf("test: %w", err)
	}
	var all []ruletest.Result
	for _, o := range outcomes {
		if err := a.show(o.Diags); err != nil {
			return err
		}
		withLints(o)
		all = append(all, o.Results...)
		failed = failed || o.Broken
	}
	var published []ruletest.Result
	var unread, broken bool
	if !c.Live { // they have no index
		published, unread, broken, err = a.publishedTests(ctx, options, paths)
	}
	if err != nil {
		return err
	}
	all, failed = append(all, published...), failed || broken
	passed := 0
	for i, r := range all {
		if r.Passed {
			passed++
		}
		if within != "" {
			all[i].File = strings.TrimPrefix(r.File, within+string(filepath.Separator))
		}
	}
	if err := c.write(a, all, passed); err != nil {
		return err
	}
	switch {
	case complaint != nil:
		return complaint
	case failed || passed < len(all):
		return errFailed
	case len(all) == 0:
		none := "no rule tests (*.test.toml, or Sigma's regression_tests_path) found"
		if unread {
			none = "no rule tests that can be run"
		}
		return usagef("test: %s in %s", none, strings.Join(named, ", "))
	}
	return nil
}

// scratches makes places for tests in a cluster. Each has a name of its own, so that tests, and people, do not meet.
func scratches(b *backend) *ruletest.Live {
	client, _ := b.events.(*elastic.Client)
	return &ruletest.Live{Events: b.events, Scratch: func() (ruletest.Scratch, error) {
		name := make([]byte, 8)
		if _, err := rand.Read(name); err != nil {
			return nil, fmt.Errorf("name the indices of a test: %w", err)
		}
		return client.NewScratch("tocsin-test-" + hex.EncodeToString(name) + "-"), nil
	}}
}

// unpacked writes shipped files into a temporary directory, and returns it.
func unpacked(fsys fs.FS) (string, error) {
	dir, err := os.MkdirTemp("", "tocsin-rules-")
	if err == nil {
		err = os.CopyFS(dir, fsys)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("unpack the shipped rules: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// withLints adds what check says of a rule to its first test that failed: it may be why.
func withLints(o ruletest.Outcome) {
	i := slices.IndexFunc(o.Results, func(r ruletest.Result) bool { return !r.Passed })
	if i < 0 || o.Rule == nil {
		return
	}
	s := lint.NewSubject(o.Rule)
	for _, f := range o.Set.Foreign(o.Rule) {
		s.Foreign = append(s.Foreign, lint.Foreign(f))
	}
	s.Tested = true
	lints, _ := lint.Select(nil) // nothing is chosen that could be unknown
	for _, d := range s.Keep(lint.Merge(o.Diags, lint.Run(lints, []*lint.Subject{s})[0])) {
		if d.Severity == diag.Warning && !slices.ContainsFunc(o.Diags, func(known diag.Diagnostic) bool { return known.Code == d.Code && known.Line == d.Line }) {
			o.Results[i].Problems = append(o.Results[i].Problems, d)
		}
	}
}

// publishedTests runs the tests that rules of Sigma name; unread reports that some cannot be run, broken that one of
// their files or rules has errors.
func (a *app) publishedTests(ctx context.Context, options catalog.Options, paths []string) (results []ruletest.Result, unread, broken bool, err error) {
	published, diags := ruletest.LoadPublished(paths...)
	if err := a.show(diags); err != nil {
		return nil, false, false, err
	}
	results, more, err := ruletest.RunPublished(ctx, options, published, a.global.Rules...)
	if err != nil {
		return nil, false, false, fmt.Errorf("test: %w", err)
	}
	return results, len(diags) > 0, diags.HasErrors() || more.HasErrors(), a.show(more)
}

// covered is the JSON form of results with their coverage.
type covered struct {
	Tests    []ruletest.Result   `json:"tests"`
	Coverage []ruletest.Coverage `json:"coverage"`
}

func (c *testCmd) write(a *app, all []ruletest.Result, passed int) error {
	switch {
	case a.global.Format == "junit":
		return ruletest.WriteJUnit(a.out, all) //nolint:wrapcheck // it says what it was doing
	case c.Coverage && a.global.Format == "json":
		return writeObject(a.out, covered{append([]ruletest.Result{}, all...), ruletest.Covered(all)})
	case a.global.Format == "ndjson" && c.Coverage:
		return errors.Join(writeJSON(a.out, a.global.Format, all), writeJSON(a.out, a.global.Format, ruletest.Covered(all)))
	case a.global.Format != "text":
		return writeJSON(a.out, a.global.Format, all)
	}
	for _, r := range all {
		verdict := "ok    "
		if !r.Passed {
			verdict = "FAILED"
		}
		if _, err := fmt.Fprintf(a.out, "%s  %s: %s\n", verdict, r.File, r.Name); err != nil {
			return wrapWrite(err)
		}
		if err := diag.Render(a.out, r.Problems); err != nil {
			return err //nolint:wrapcheck // it says what it was doing
		}
	}
	if c.Coverage {
		if err := writeCoverage(a, ruletest.Covered(all)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(a.out, "%d passed, %d failed\n", passed, len(all)-passed)
	return wrapWrite(err)
}

// writeCoverage writes a line for each rule, and one for each alternative that no test has made true.
func writeCoverage(a *app, all []ruletest.Coverage) error {
	for _, c := range all {
		line := fmt.Sprintf("covers  %s: %d of %d alternatives", c.File, c.Met, len(c.Alternatives))
		if c.Unknown {
			line = fmt.Sprintf("covers  %s: unknown, as the condition cannot be evaluated on single events in memory", c.File)
		}
		if _, err := fmt.Fprintln(a.out, escaped(line)); err != nil {
			return wrapWrite(err)
		}
		for _, text := range c.Lacks() {
			if _, err := fmt.Fprintln(a.out, escaped("        no test: "+text)); err != nil {
				return wrapWrite(err)
			}
		}
	}
	return nil
}
