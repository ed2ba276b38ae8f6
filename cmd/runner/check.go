package main

import (
	"context"
	"strings"
	"time"

	"tocsin/cmd/runner/internal/report"
)

// checkCmd reports mistakes in rules without running them.
type checkCmd struct {
	Paths  []string `arg:"" optional:"" name:"path" help:"Rule files, Kibana exports and directories (default: --rules, or the shipped rules)."`
	Live   bool     `help:"Also check the rules against the mappings of --elasticsearch or --events. Implied by --events and --mapping on the command line."`
	Lint   []string `help:"Style lints to run besides the others: no-test, leading-wildcard, near-duplicate, or all." placeholder:"NAME"`
	Strict bool     `help:"Fail also if there are warnings."`

	Details details       `help:"With --live, show every diagnostic instead of the summary; with a kind of the summary, the rules of that kind." placeholder:"KIND"`
	Rule    []string      `help:"With --live, show only the rule with this id or name, with every detail. May be repeated." placeholder:"ID" sep:"none"`
	Seen    time.Duration `help:"With --live, the range of time before now whose events must have the fields that a rule needs; 0 does not look. Event files are read whole unless it is set." default:"24h"`
}

// Run is the subcommand. It fails when a rule is invalid or not supported.
func (c *checkCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf(report.Formats...); err != nil {
		return err
	}
	switch g := a.global; {
	case a.typed["mapping"] && len(g.Events) == 0:
		return usagef("--mapping needs --events FILE: the files say which indices there are")
	case a.typed["mapping"], a.typed["events"]:
		c.Live = true
	}
	lints, err := c.lints()
	if err != nil {
		return err
	}
	paths := c.Paths
	if len(paths) == 0 {
		paths = a.global.Rules
	}
	rules, complaint := a.global.planRules(ctx, paths)
	if c.Live {
		if err := c.live(ctx, a, &rules); err != nil {
			return err
		}
	}
	c.lint(&rules, lints, paths)
	if a.global.Notify != "" {
		_, diags, err := a.global.readRoutes()
		if err != nil {
			return err
		}
		rules.report.Diagnostics = append(rules.report.Diagnostics, diags...)
	}
	out := a.out
	if a.global.Format == "text" {
		out = painted(a.screen)
	}
	if err := c.write(out, a, &rules.report); err != nil {
		return err
	}
	switch {
	case complaint != nil:
		return complaint
	case rules.report.Rules == 0:
		return usagef("rules: no rules found in %s", strings.Join(paths, ", "))
	case rules.report.Valid < rules.report.Rules, rules.report.Diagnostics.HasErrors(), c.Strict && warned(rules.report):
		return errFailed
	}
	return nil
}
