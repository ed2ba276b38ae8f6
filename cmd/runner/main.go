package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"tocsin/internal/failure"
)

// The exit codes; scripts rely on them.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { // a second signal ends the process at once
		<-ctx.Done()
		stop()
	}()
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
	global *globals
}

// cli is the whole command line.
type cli struct {
	globals

	Demo    demoCmd    `cmd:"" help:"Run the shipped rules over sample events and show the alerts; no server, no setup."`
	Run     runCmd     `cmd:"" help:"Run rules on their schedule, or once."`
	Check   checkCmd   `cmd:"" help:"Load, parse and translate rules and say what is wrong with them."`
	Explain explainCmd `cmd:"" help:"Show every stage of a rule down to its request, or why an event matches or not."`
	Test    testCmd    `cmd:"" help:"Run the rule tests that stand beside rules."`
	Query   queryCmd   `cmd:"" help:"Search events with an ad hoc query."`
	Alerts  alertsCmd  `cmd:"" help:"List and show alerts."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// usageError is a mistake in how the command was called or configured.
type usageError struct{ err error }

func (u usageError) Error() string { return u.err.Error() }
func (u usageError) Unwrap() error { return u.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errFailed ends a command whose rules or tests failed, after it has said which.
var errFailed = errors.New("failed")

// execute runs one invocation and returns its exit code.
func execute(ctx context.Context, args []string, std stdio) int {
	var c cli
	kctx, code, err := parse(&c, args, std)
	switch {
	case err != nil:
		_, _ = fmt.Fprintf(std.err, "runner: %v\n", err)
		return exitUsage
	case kctx == nil:
		return code
	}
	if err := c.openLog(std.err); err != nil {
		_, _ = fmt.Fprintf(std.err, "runner: %v\n", err)
		return exitUsage
	}
	kctx.BindTo(ctx, (*context.Context)(nil))
	err = kctx.Run(&app{stdio: std, global: &c.globals})
	if err != nil && !errors.Is(err, errFailed) {
		_, _ = fmt.Fprintf(std.err, "runner: %v\n", err)
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		return exitUsage
	}
	switch failure.KindOf(err) {
	case failure.Unavailable, failure.Refused:
		return exitRefused
	}
	return exitFailed
}

// exited carries the code with which kong wanted to leave the process (--help).
type exited int

// parse reads flags, environment and configuration file. The context is nil when help was printed.
func parse(c *cli, args []string, std stdio) (kctx *kong.Context, code int, err error) {
	options, err := configuration(args)
	if err != nil {
		return nil, 0, err
	}
	parser, err := kong.New(c, append(options,
		kong.Name("runner"),
		kong.Description("Runs detection rules against Elasticsearch, or against files, and keeps their alerts."),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.DefaultEnvars(environmentPrefix),
	)...)
	if err != nil {
		return nil, 0, fmt.Errorf("command line: %w", err)
	}
	defer func() {
		if r := recover(); r != nil {
			left, ok := r.(exited)
			if !ok {
				panic(r)
			}
			kctx, code, err = nil, int(left), nil
		}
	}()
	kctx, err = parser.Parse(spreadLists(args))
	if err != nil {
		return nil, 0, fmt.Errorf("%w (see runner --help)", err)
	}
	return kctx, 0, nil
}
