package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// pkg is a package in the output of `go list`.
type pkg struct {
	Dir, ImportPath string
	GoFiles         []string
}

// listed returns the packages of the patterns.
func listed(ctx context.Context, patterns []string) ([]*pkg, error) {
	out, err := exec.CommandContext(ctx, "go", append([]string{"list", "-json=Dir,ImportPath,GoFiles"}, patterns...)...).Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return nil, fmt.Errorf("go list: %s", exit.Stderr)
		}
		return nil, err
	}
	var packages []*pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &pkg{}
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
}

// changes returns the changes of all files of the package except tests.
func (p *pkg) changes() ([]change, error) {
	var out []change
	for _, name := range p.GoFiles {
		path := filepath.Join(p.Dir, name)
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		found, err := changesOf(path, src)
		if err != nil {
			return nil, err
		}
		for i := range found {
			found[i].in = p
		}
		out = append(out, found...)
	}
	return out, nil
}

// outcome is the result of a change.
type outcome string

const (
	survived outcome = "survived"
	caught   outcome = "caught"
	slow     outcome = "timeout" // Counts as caught.
	unbuilt  outcome = "unbuilt"
)

// memory limits the address space of the tests, in KiB: a changed loop may allocate without end.
const memory = 8 << 20

// trial runs tests on changed code.
type trial struct {
	scratch string
	timeout time.Duration
}

// try runs the tests of a change's package and returns the outcome and the output. A change without a path changes
// nothing.
func (t trial) try(ctx context.Context, c change) (outcome, string) {
	overlay, binary := filepath.Join(t.scratch, "overlay.json"), filepath.Join(t.scratch, "tests")
	replaced := map[string]string{}
	if c.path != "" {
		changed := filepath.Join(t.scratch, "changed.go")
		replaced[c.path] = changed
		if err := os.WriteFile(changed, c.apply(), 0o600); err != nil {
			return unbuilt, err.Error()
		}
	}
	data, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return unbuilt, err.Error()
	}
	if err := os.WriteFile(overlay, data, 0o600); err != nil {
		return unbuilt, err.Error()
	}
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, c.in.ImportPath).CombinedOutput(); err != nil {
		return unbuilt, string(out)
	}
	// The process has a timeout as well: a loop that never yields can block the timeout of go test.
	ctx, cancel := context.WithTimeout(ctx, t.timeout+10*time.Second)
	defer cancel()
	tests := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf(`ulimit -v %d; exec "$0" "$@"`, memory),
		binary, "-test.failfast", "-test.timeout", t.timeout.String())
	tests.Dir = c.in.Dir
	out, err := tests.CombinedOutput()
	switch {
	case err == nil:
		return survived, string(out)
	case ctx.Err() != nil || strings.Contains(string(out), "panic: test timed out"):
		return slow, string(out)
	}
	return caught, string(out)
}
