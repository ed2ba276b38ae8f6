package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// programs are the two programs to compare, with their common input.
type programs struct {
	runner string
	// rsigma is "" if it is not installed.
	rsigma string
	work   string
	// sources is the field map with the log sources of the events.
	sources string
	// mapping says how the events are mapped; "": the runner finds out.
	mapping string
}

// indices are the patterns that rules of Sigma search: any name is one of an event file's index.
const indices = "events-*,logs-*"

// once returns the runner's command for all rules of a directory.
func (p *programs) once(ctx context.Context, dir, events string, more ...string) *exec.Cmd {
	arguments := append([]string{
		"run", "--once", "--at", slot.Format(time.RFC3339), "--rules", dir, "--events", events, "--sigma-index", indices, "--field-map", p.sources, "--rule-timeout", "1h", "--log-level", "error",
	}, more...)
	if p.mapping != "" {
		arguments = append(arguments, "--mapping", p.mapping)
	}
	return exec.CommandContext(ctx, p.runner, arguments...)
}

// eval returns rsigma's command for the same rules.
func (p *programs) eval(ctx context.Context, dir, events string, more ...string) *exec.Cmd {
	arguments := append([]string{"engine", "eval", "-r", dir, "-e", "@" + events, "--quiet", "--output-format", "ndjson", "--logsource-routing"}, more...)
	return exec.CommandContext(ctx, p.rsigma, arguments...)
}

// cost is the time and memory of one process.
type cost struct {
	CPU, Wall time.Duration
	Peak      int64 // bytes
}

// measureWord is the first argument of this program when it measures another process.
const measureWord = "measure"

// measure runs a command to its end. It starts the command from a small process of its own, because the kernel
// counts the peak memory of a process from that of its parent.
func measure(ctx context.Context, c *exec.Cmd) (cost, error) {
	self, err := os.Executable()
	if err != nil {
		return cost{}, err
	}
	var complaints bytes.Buffer
	starter := exec.CommandContext(ctx, self, append([]string{measureWord, c.Path}, c.Args[1:]...)...)
	starter.Stderr = &complaints
	text, err := starter.Output()
	if err != nil {
		return cost{}, fmt.Errorf("%s: %w\n%s", c, err, complaints.Bytes())
	}
	var out cost
	err = json.Unmarshal(text, &out)
	return out, err
}

// measureHere runs a command to its end and prints its cost.
func measureHere(ctx context.Context, to io.Writer, name string, arguments []string) error {
	var complaints bytes.Buffer // The runner prints what it notes of every rule.
	c := exec.CommandContext(ctx, name, arguments...)
	c.Stderr = &complaints
	start := time.Now()
	if err := c.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, complaints.Bytes()[max(0, complaints.Len()-2000):])
	}
	out := cost{CPU: c.ProcessState.UserTime() + c.ProcessState.SystemTime(), Wall: time.Since(start)}
	if use, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		out.Peak = use.Maxrss << 10 // Linux counts KiB.
	}
	return json.NewEncoder(to).Encode(out)
}

// match is an event that a rule finds.
type match struct {
	rule  string
	event int
}

// tocsinMatches returns the matches of all rules of a set.
func (p *programs) tocsinMatches(ctx context.Context, s set, events string) (map[match]bool, error) {
	store := filepath.Join(p.work, "store")
	if err := os.RemoveAll(store); err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(store) }()
	if _, err := measure(ctx, p.once(ctx, s.dir, events, "--no-ledger", "--store", store)); err != nil {
		return nil, err
	}
	return p.listed(ctx, store)
}

// listed returns the matches that a store has alerts of.
func (p *programs) listed(ctx context.Context, store string) (map[match]bool, error) {
	return matches(exec.CommandContext(ctx, p.runner, "alerts", "list", "--store", store, "--format", "ndjson"), func(line []byte) (match, error) {
		var alert struct {
			Rule  string `json:"kibana.alert.rule.rule_id"`
			Event int    `json:"EventRecordID"`
		}
		err := json.Unmarshal(line, &alert)
		return match{alert.Rule, alert.Event}, err
	})
}

func (p *programs) rsigmaMatches(ctx context.Context, s set, events string) (map[match]bool, error) {
	return matches(p.eval(ctx, s.dir, events, "--include-event"), func(line []byte) (match, error) {
		var found struct {
			Rule  string `json:"rule_id"`
			Event struct{ EventRecordID int }
		}
		err := json.Unmarshal(line, &found)
		return match{found.Rule, found.Event.EventRecordID}, err
	})
}

// matches parses one match from each line of a command's output.
func matches(c *exec.Cmd, read func(line []byte) (match, error)) (map[match]bool, error) {
	var complaints bytes.Buffer
	c.Stderr = &complaints
	text, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", c, err, complaints.Bytes())
	}
	out := map[match]bool{}
	for line := range bytes.Lines(text) {
		m, err := read(line)
		if err != nil || m.rule == "" {
			return nil, fmt.Errorf("%s: a line without rule or event: %s (%w)", c, line, err)
		}
		out[m] = true
	}
	return out, nil
}
