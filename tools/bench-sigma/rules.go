package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// rule is a rule file.
type rule struct {
	// ID is the rule's id, Path its file.
	ID, Path string
}

// schedule makes a rule of Sigma search the window of the events and alert of each; rsigma passes over it.
const schedule = "\ncustom:\n  from: now-1h\n  max_signals: 10000000\n"

var sigmaID = regexp.MustCompile(`(?m)^id:\s*["']?([0-9A-Fa-f-]{36})`)

// readRules returns the rules of Sigma of a checkout that can run: those that check calls valid. The others are counted by
// what keeps them from it.
func (p *programs) readRules(ctx context.Context, root string) (rules []rule, out map[string]int, err error) {
	paths, err := filepath.Glob(filepath.Join(root, "rules*"))
	if err != nil {
		return nil, nil, err
	}
	results, err := p.check(ctx, paths...)
	if err != nil {
		return nil, nil, err
	}
	out, seen := map[string]int{}, map[string]bool{}
	for _, r := range results {
		text, err := os.ReadFile(r.Path)
		if err != nil {
			return nil, nil, err
		}
		id := sigmaID.FindSubmatch(text)
		switch {
		case r.Status != "valid":
			why := r.Status
			for _, d := range r.Diagnostics {
				if d.Severity == "error" {
					why = d.Code
				}
			}
			out[why]++
		case r.Line > 0, bytes.Contains(text, []byte("\ncustom:")), id == nil:
			out["several documents, or a schedule of its own"]++
		case seen[string(id[1])]:
			out["an id that another rule has"]++
		default:
			seen[string(id[1])] = true
			rules = append(rules, rule{string(id[1]), r.Path})
		}
	}
	return rules, out, nil
}

// checked is what check says of a rule.
type checked struct {
	Path        string
	RuleID      string `json:"rule_id"`
	Line        int
	Status      string
	Diagnostics []struct{ Severity, Code string }
}

// check runs the runner's check.
func (p *programs) check(ctx context.Context, paths ...string) ([]checked, error) {
	c := exec.CommandContext(ctx, p.runner, append([]string{"check", "--format", "json"}, paths...)...)
	var complaints bytes.Buffer
	c.Stderr = &complaints
	text, err := c.Output()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // 1: some rules are not valid
		return nil, fmt.Errorf("%s: %w\n%s", c, err, complaints.Bytes())
	}
	var out struct{ Results []checked }
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("%s: %w", c, err)
	}
	return out.Results, nil
}

// spread returns n rules, evenly distributed over a list; all rules for 0.
func spread(rules []rule, n int) []rule {
	if n <= 0 || n >= len(rules) {
		return rules
	}
	out := make([]rule, n)
	for i := range out {
		out[i] = rules[i*len(rules)/n]
	}
	return out
}

// set is a set of rules of Sigma, the same files for both programs.
type set struct {
	n   int
	dir string
}

// writeSet writes rules to a directory.
func writeSet(dir string, rules []rule) (set, error) {
	s := set{len(rules), dir}
	if err := fresh(dir); err != nil {
		return s, err
	}
	for _, r := range rules {
		text, err := os.ReadFile(r.Path)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, r.ID+".yml"), scheduled(text), 0o600)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func scheduled(text []byte) []byte { return slices.Concat(text, []byte(schedule)) }

// fresh makes an empty directory.
func fresh(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755)
}

// counted writes counts in words.
func counted(counts map[string]int) string {
	var out []string
	for what, n := range counts {
		out = append(out, fmt.Sprintf("%d: %s", n, what))
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}
