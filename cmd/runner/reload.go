package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

	"tocsin/cmd/runner/internal/logs"
	"tocsin/cmd/runner/internal/report"
	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/run/service"
)

// reloading replaces the rules of a running service by what their files say now.
type reloading struct {
	*runner
	service *service.Service
	// parts are reloaded beside the rules. They are set before the first reload.
	parts []part

	mu sync.Mutex
	// failed is why the last reload failed, as a whole or in a part; nil if it did not.
	failed error
	// outdated are the rules that run as they were before, because their text has errors now, by id.
	outdated map[string]bool
	// broken are the ids of rules that have errors and do not run, or the files of those whose id cannot be read.
	broken []string
}

// part is something that is read at the start and reloaded. After an error it stays as it was.
type part struct {
	// what it is, for people: "the routes of notifications".
	what   string
	reload func(ctx context.Context) error
}

// change is what a reload has changed, as ids of rules.
type change struct{ added, changed, removed, outdated []string }

func (c change) String() string {
	return fmt.Sprintf("%d added, %d changed, %d removed, %d broken that run as before", len(c.added), len(c.changed), len(c.removed), len(c.outdated))
}

var errNoRules = errors.New("the files have no rule that can run: the rules run as before")

// reload reads the rules and all parts again.
func (r *reloading) reload(ctx context.Context) (change, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var others []error
	for _, p := range r.parts {
		if err := p.reload(ctx); err != nil {
			others = append(others, fmt.Errorf("%s stay as they were: %w", p.what, err))
			r.global.log.Error("a part was not reloaded", "part", p.what, "error", err)
		}
	}
	made, err := r.reloadRules(ctx)
	r.failed = errors.Join(append([]error{err}, others...)...)
	r.metrics.Reload(r.failed == nil)
	r.health.reloaded(r.lines())
	return made, r.failed
}

// reloadRules reads the rules again. A rule whose text has errors now runs as before. After an error, all do.
func (r *reloading) reloadRules(ctx context.Context) (change, error) {
	made, err := r.replace(ctx)
	if err != nil {
		r.global.log.Error("the rules were not reloaded", "error", err)
		return made, err
	}
	r.global.log.Info("the rules were reloaded", "added", len(made.added), "changed", len(made.changed), "removed", len(made.removed), "outdated", len(made.outdated))
	if len(made.added) > 0 {
		r.global.log.Info("rules added", "rule_ids", firstOf(made.added))
	}
	if len(made.changed) > 0 {
		r.global.log.Info("rules changed", "rule_ids", firstOf(made.changed))
	}
	if len(made.removed) > 0 {
		r.global.log.Info("rules removed", "rule_ids", firstOf(made.removed))
	}
	if len(made.outdated) > 0 {
		r.global.log.Warn("rules have errors now, and run as they were before", "rule_ids", firstOf(made.outdated))
	}
	return made, nil
}

// mostNamed bounds the rules that a log line names.
const mostNamed = 20

func firstOf(ids []string) string {
	if len(ids) > mostNamed {
		return strings.Join(ids[:mostNamed], logs.Separator) + fmt.Sprintf(" and %d more", len(ids)-mostNamed)
	}
	return strings.Join(ids, logs.Separator)
}

func (r *reloading) replace(ctx context.Context) (change, error) {
	rules, err := r.global.planRules(ctx, r.global.Rules)
	if err != nil {
		return change{}, err
	}
	for _, d := range rules.problems() {
		if d.Severity == diag.Error {
			r.global.log.Error("a rule has an error", "diagnostic", d.Error())
		}
	}
	before := r.ruleList()
	all, made := merge(before, rules)
	if len(all) == 0 {
		return change{}, errNoRules
	}
	next := make([]*service.Rule, len(all))
	for i, plan := range all {
		if next[i], err = service.NewRule(plan); err != nil {
			return change{}, err //nolint:wrapcheck // it names the rule
		}
	}
	if err := install(ctx, r.backend, rules.plans); err != nil {
		return change{}, err
	}
	if err := r.service.Replace(next); err != nil {
		return change{}, err //nolint:wrapcheck // it names the rule
	}
	r.outdated = map[string]bool{}
	for _, id := range made.outdated {
		r.outdated[id] = true
	}
	r.setBroken(rules)
	r.setRules(next)
	r.setAside(asideOf(rules))
	r.tellRules(rules, len(made.outdated))
	r.settled.learn(ctx, patternsOf(next, (*service.Rule).Patterns))
	return made, nil
}

// setBroken notes the rules with errors that do not run.
func (r *reloading) setBroken(rules planned) {
	r.broken = nil
	for _, one := range rules.broken {
		if !r.outdated[one.ID] {
			r.broken = append(r.broken, one.ID)
		}
	}
	running := map[string]bool{} // files of rules that run as before
	for _, one := range r.ruleList() {
		running[one.Plan.Rule().Path] = r.outdated[one.ID()]
	}
	for _, one := range rules.report.Results {
		if one.Status == report.Invalid && one.RuleID == "" && !running[one.Path] && !slices.Contains(r.broken, one.Path) {
			r.broken = append(r.broken, one.Path)
		}
	}
}

// merge returns the plans to run: those of the files, and of rules that were running those whose text has errors now.
func merge(running []*service.Rule, rules planned) ([]query.Plan, change) {
	var made change
	all := slices.Clone(rules.plans)
	fresh := map[string]query.Plan{}
	for _, p := range all {
		fresh[p.Rule().ID] = p
	}
	known := map[string]bool{}
	for _, old := range running {
		id := old.ID()
		known[id] = true
		switch now := fresh[id]; {
		case now != nil && now.Rule().ContentHash != old.Plan.Rule().ContentHash:
			made.changed = append(made.changed, id)
		case now != nil:
		case isBroken(old, rules.report.Results):
			all = append(all, old.Plan)
			made.outdated = append(made.outdated, id)
		default:
			made.removed = append(made.removed, id)
		}
	}
	for _, p := range rules.plans {
		if id := p.Rule().ID; !known[id] {
			made.added = append(made.added, id)
		}
	}
	return all, made
}

// isBroken reports whether a rule is among the results as one that cannot run: by its id, or, if its file cannot be read any more as
// far as that, by its file.
func isBroken(old *service.Rule, results []report.Result) bool {
	r := old.Plan.Rule()
	return slices.ContainsFunc(results, func(x report.Result) bool {
		return x.Status != report.Valid && (x.RuleID == r.ID || x.RuleID == "" && x.Path == r.Path)
	})
}

// note says what was not reloaded and which rules have errors; "" if nothing is wrong.
func (r *reloading) note() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines(), "\n")
}

// lines are those of the note; with mu.
func (r *reloading) lines() []string {
	var lines []string
	if r.failed != nil {
		lines = append(lines, "the reload failed: "+strings.ReplaceAll(r.failed.Error(), "\n", "; "))
	}
	if len(r.outdated) > 0 {
		lines = append(lines, "rules that have errors now, and run as they were before: "+firstOf(slices.Sorted(maps.Keys(r.outdated))))
	}
	if len(r.broken) > 0 {
		lines = append(lines, "rules that have errors, and do not run: "+firstOf(r.broken))
	}
	return lines
}

// keep reloads the rules at SIGHUP and, unless watching is off, when their files change, until the context ends.
func (r *reloading) keep(ctx context.Context) {
	hangUp := make(chan os.Signal, 1)
	signal.Notify(hangUp, syscall.SIGHUP)
	defer signal.Stop(hangUp)
	var watching sync.WaitGroup
	defer watching.Wait()
	changed := make(chan struct{}, 1)
	if paths := r.cmd.watched(r.global); len(paths) > 0 {
		watching.Go(func() {
			watch(ctx, paths, r.cmd.before, func() {
				select {
				case changed <- struct{}{}:
				default:
				}
			}, func(err error) { r.global.log.Warn("files that are reloaded", "error", err) })
		})
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangUp:
		case <-changed:
		}
		_, _ = r.reload(ctx) // it was logged
	}
}

// watched are the files that are reloaded when they change; none if that is off.
func (c *runCmd) watched(g *globals) []string {
	if !c.Reload || c.Once {
		return nil
	}
	return slices.Concat(g.inputs(), c.credentials())
}

// inputs are the files and directories that rules are made of, and those of notifications and enrichment.
func (g *globals) inputs() []string {
	return slices.Concat(g.Rules, g.FieldMap, g.SigmaPlaceholders, g.SigmaSchedule, nonEmpty(g.Notify, g.Enrichment))
}

// nonEmpty returns the names that are not empty.
func nonEmpty(names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// digestOf returns a digest of the ids and the content of rules.
func digestOf(rules []*service.Rule) string {
	lines := make([]string, len(rules))
	for i, r := range rules {
		lines[i] = r.ID() + "\x00" + r.Plan.Rule().ContentHash + "\n"
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:8])
}
