package tocsintest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// runnerVariable names a command to use instead of one that is built.
const runnerVariable = "TOCSIN_RUNNER"

// Runner returns the path of the command: the one that TOCSIN_RUNNER names, else one that is built from source.
func Runner(tb testing.TB) string {
	tb.Helper()
	if given := os.Getenv(runnerVariable); given != "" {
		return given
	}
	_, build := shared.ofProcess()
	if build == nil {
		build = func() (string, error) { return buildRunner(tb.Context(), tb.TempDir()) }
	}
	path, err := build()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

func buildRunner(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "runner")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	output, err := exec.CommandContext(ctx, "go", "build", "-o", path, "tocsin/cmd/runner").CombinedOutput() //nolint:gosec // into a folder of the tests
	if err != nil {
		return "", fmt.Errorf("build the runner: %w (%s names one that is built)\n%s", err, runnerVariable, output)
	}
	return path, nil
}

// call runs the command and returns its exit code and output. It has no settings of the environment but those of the suite.
func (s *Suite) call(args ...string) (code int, out, errs string) {
	s.t.Helper()
	ctx := s.t.Context()
	if ctx.Err() != nil { // in a cleanup
		ctx = context.WithoutCancel(ctx)
	}
	command := exec.CommandContext(ctx, s.runner, args...) //nolint:gosec // the test names the command
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TOCSIN_") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env, s.environment...)
	err := command.Run()
	if exit, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		s.t.Fatalf("runner %s: %v", strings.Join(args, " "), err)
	} else if ended && exit.ExitCode() < 0 {
		s.t.Fatalf("runner %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return command.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// Command runs the command with further arguments on the suite's node or store, as in Command("alerts", "top"), and returns what
// it printed. The test ends unless its exit code is 0.
func (s *Suite) Command(args ...string) string {
	s.t.Helper()
	code, out, errs := s.call(append(args, s.place()...)...)
	if code != 0 {
		s.t.Fatalf("runner %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}
