package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // The zones of cron expressions, also where the system has none.

	"github.com/google/uuid"

	"tocsin/cmd/runner/internal/logs"

	_ "golang.org/x/crypto/x509roots/fallback" // Certificate authorities, where the system has none.

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/scheduler/settle"
)

// The exit codes; scripts rely on them.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
)

func main() {
	boundGarbage()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(execute(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// stdio are the streams of one invocation: data goes to out, everything else to err.
type stdio struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// app is what every subcommand's Run method receives.
type app struct {
	stdio
	// screen is the raw standard output, for text without foreign content. out escapes terminal control sequences.
	screen io.Writer
	global *globals
	// typed holds the names of the flags that are on the command line.
	typed map[string]bool
	clock *settle.Clock
	bars  *bars
	// id distinguishes this process from all others, on this machine and elsewhere.
	id string
}

// usageError is a mistake in the command line or the configuration; its exit code is exitUsage.
type usageError struct{ err error }

func (u usageError) Error() string { return u.err.Error() }
func (u usageError) Unwrap() error { return u.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errFailed ends a command whose rules or tests failed. The command has already reported which ones.
var errFailed = errors.New("failed")

// execute runs one invocation and returns its exit code.
func execute(ctx context.Context, args []string, std stdio) int {
	var c cli
	err := run(ctx, &c, args, std)
	if err != nil && !errors.Is(err, errFailed) {
		for _, line := range complaints(err, ctx.Err() != nil) {
			_, _ = fmt.Fprintf(std.err, "runner: %s\n", escaped(logs.Blank(line)))
		}
	}
	return exitCode(err, len(c.Elasticsearch) > 0)
}

// complaints returns the lines about an error: joined errors have one each. What only says that an interrupted call was
// cancelled is one line, and it says so.
func complaints(err error, interrupted bool) []string {
	var out []string
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSpace(line)
		if interrupted && strings.Contains(line, context.Canceled.Error()) {
			line = "interrupted"
		}
		if line != "" && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

func run(ctx context.Context, c *cli, args []string, std stdio) error {
	command, err := parse(c, args, std)
	if err != nil || command == nil {
		return err
	}
	if err := errors.Join(c.openLog(std.err), c.resolveCloud()); err != nil {
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	screen := std.out
	if c.Format == "text" { // programs read the other formats, unescaped
		std.out = diag.ShownWriter(screen)
	}
	return command.Run(&app{stdio: std, screen: screen, global: &c.globals, typed: typedFlags(command), clock: newClock(), bars: &bars{w: std.err}, id: uuid.NewString()}) //nolint:wrapcheck // it is a command's own error
}

// exitCode returns the exit code for err. cluster reports whether the command used Elasticsearch.
func exitCode(err error, cluster bool) int {
	if err == nil {
		return exitDone
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	kind := failure.KindOf(err)
	if cluster && (kind == failure.Unavailable || kind == failure.Refused) {
		return exitRefused
	}
	return exitFailed
}
