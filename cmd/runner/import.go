package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/cmd/runner/internal/importing"
	"tocsin/cmd/runner/internal/report"
)

// importCmd makes rule files of what others publish or export.
type importCmd struct {
	Sources []string `arg:"" optional:"" help:"Kibana exports (NDJSON), rule files, and checkouts of Elastic's, Sigma's or Splunk's rules."`
	Into    string   `help:"Directory of the rules." default:"rules" placeholder:"DIR"`
	Kibana  string   `help:"URL of a Kibana whose rules and exceptions are imported, with the credentials of Elasticsearch." placeholder:"URL"`
	Space   string   `help:"Space of Kibana." placeholder:"NAME"`
	DryRun  bool     `help:"Write nothing, and say what would be written."`
}

// importLine is a line of the output.
type importLine struct {
	Outcome importing.Outcome `json:"outcome"`
	File    string            `json:"file"`
	RuleIDs []string          `json:"rule_ids,omitempty"`
	From    string            `json:"from"`
}

// Run is the subcommand.
func (c *importCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json"); err != nil {
		return err
	}
	sources, files, done, err := c.sources(ctx, a)
	if err != nil {
		return err
	}
	defer done()
	var values []string
	for _, f := range files {
		values = append(values, filepath.Base(f.Name))
	}
	var notes []importing.Note
	for _, source := range sources {
		judged, err := a.judge(ctx, importing.Roots(source))
		if err != nil {
			return err
		}
		more, remarks, err := importing.Read(source, judged, values...)
		if err != nil {
			return usageError{err}
		}
		files, notes = append(files, more...), append(notes, remarks...)
	}
	existing, err := c.existing(ctx, a)
	if err != nil {
		return err
	}
	files, remarks := importing.Place(files, existing)
	return c.write(a, files, append(notes, remarks...))
}

// sources returns what to read, and the value lists of a Kibana; done removes what was fetched.
func (c *importCmd) sources(ctx context.Context, a *app) (sources []string, values []importing.File, done func(), err error) {
	done = func() {}
	if len(c.Sources) == 0 && c.Kibana == "" {
		return nil, nil, done, usagef("nothing to import: name files or directories, or give --kibana URL")
	}
	if c.Space != "" && c.Kibana == "" {
		return nil, nil, done, usagef("--space needs --kibana")
	}
	into, err := filepath.Abs(c.Into)
	if err != nil {
		return nil, nil, done, usagef("import: %w", err)
	}
	good, complaint := readable("import", c.Sources)
	if complaint != nil {
		return nil, nil, done, complaint
	}
	for _, s := range good {
		for _, root := range importing.Roots(s) {
			if abs, err := filepath.Abs(root); err == nil && (abs == into || strings.HasPrefix(into, abs+string(filepath.Separator)) || strings.HasPrefix(abs, into+string(filepath.Separator))) {
				return nil, nil, done, usagef("import: %s and %s, the directory of the rules, are one inside the other", s, c.Into)
			}
		}
	}
	if c.Kibana == "" {
		return good, nil, done, nil
	}
	dir, err := os.MkdirTemp("", "tocsin-import-")
	if err != nil {
		return nil, nil, done, fmt.Errorf("import: %w", err)
	}
	done = func() { _ = os.RemoveAll(dir) }
	name := filepath.Join(dir, "kibana.ndjson")
	k, err := a.openKibana(c.Kibana, c.Space)
	if err == nil {
		values, err = k.export(ctx, name)
	}
	if err != nil {
		done()
		return nil, nil, func() {}, err
	}
	return append(good, name), values, done, nil
}

// judge says which rules of paths do not run, and why.
func (a *app) judge(ctx context.Context, paths []string) (importing.Statuses, error) {
	rules, complaint := a.global.planRules(ctx, paths)
	if complaint != nil {
		return nil, complaint
	}
	out := importing.Statuses{}
	for _, r := range rules.report.Results {
		j := importing.Judged{RuleID: r.RuleID, Name: r.Name, Line: r.Line}
		if r.Status != report.Valid {
			j.Problem = cmp.Or(firstError(r.Diagnostics), string(r.Status))
		}
		out[filepath.Clean(r.Path)] = append(out[filepath.Clean(r.Path)], j)
	}
	return out, nil
}

// existing returns the file of each rule that is in the directory already, relative to it.
func (c *importCmd) existing(ctx context.Context, a *app) (map[string]string, error) {
	out := map[string]string{}
	if _, err := os.Stat(c.Into); errors.Is(err, os.ErrNotExist) {
		return out, nil
	}
	set, _, err := a.global.loadRules(ctx, []string{c.Into})
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Concat(set.Rules(), set.Broken()) {
		name, err := filepath.Rel(c.Into, r.Path)
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		if r.ID != "" && out[r.ID] == "" {
			out[r.ID] = filepath.ToSlash(name)
		}
	}
	return out, nil
}

// write writes the files, and says what became of each, and what was not carried over.
func (c *importCmd) write(a *app, files []importing.File, notes []importing.Note) error {
	counts := map[importing.Outcome]int{}
	var lines []importLine
	for _, f := range files {
		outcome, err := f.Write(c.Into, c.DryRun, replaceFile)
		if err != nil {
			return usageError{err}
		}
		counts[outcome]++
		if outcome != importing.Unchanged || a.global.Format == "json" {
			lines = append(lines, importLine{outcome, filepath.ToSlash(filepath.Join(c.Into, f.Name)), f.RuleIDs, f.From})
		}
	}
	lost := slices.ContainsFunc(notes, func(n importing.Note) bool { return n.Lost })
	if a.global.Format == "json" {
		if err := writeObject(a.out, map[string]any{"files": append([]importLine{}, lines...), "notes": append([]importing.Note{}, notes...)}); err != nil {
			return err
		}
	} else if err := c.tell(a, lines, notes, counts); err != nil {
		return err
	}
	if lost {
		return errFailed
	}
	return nil
}

func (c *importCmd) tell(a *app, lines []importLine, notes []importing.Note, counts map[importing.Outcome]int) error {
	for _, l := range lines {
		if _, err := fmt.Fprintf(a.out, "%-9s  %s\n", l.Outcome, l.File); err != nil {
			return wrapWrite(err)
		}
	}
	left := 0
	for _, n := range notes {
		what := "note"
		if n.Lost {
			what, left = "left out", left+1
		}
		where := n.Path
		if n.Line > 0 {
			where += fmt.Sprintf(":%d", n.Line)
		}
		if n.Rule != "" {
			where += " (" + n.Rule + ")"
		}
		if _, err := fmt.Fprintf(a.out, "%-9s  %s: %s\n", what, where, n.Reason); err != nil {
			return wrapWrite(err)
		}
	}
	would := ""
	if c.DryRun {
		would = "nothing was written: "
	}
	_, err := fmt.Fprintf(a.err, "%s%d created, %d updated, %d unchanged, %d left out\n", would, counts[importing.Created], counts[importing.Updated], counts[importing.Unchanged], left)
	return wrapWrite(err)
}
