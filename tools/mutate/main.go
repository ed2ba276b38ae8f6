// Command mutate measures how well the tests of a package cover its code: it changes one place of the code at
// random, runs the tests of the package, and counts the changes that they detect. A change that survives is
// behaviour without a test, or code without effect.
//
// The files are not modified: each change is an overlay of the build. Changes that do not compile are not counted.
// The same seed gives the same changes of the same code. `make mutate` runs it; see CONTRIBUTING.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"
)

// options are the flags of the command.
type options struct {
	changes int
	seed    uint64
	timeout time.Duration
	only    string
	list    bool
}

func main() {
	var o options
	flag.IntVar(&o.changes, "n", 100, "number of changes that are tried")
	flag.Uint64Var(&o.seed, "seed", 0, "seed of the choice; 0: a new one, which is printed")
	flag.DurationVar(&o.timeout, "timeout", 2*time.Minute, "time for the tests of one change; one that takes longer is caught")
	flag.StringVar(&o.only, "only", "", "only changes whose file:line, or text, contains this")
	flag.BoolVar(&o.list, "list", false, "list the changes, and try none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, o, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// say prints output for users; errors are ignored.
func say(to io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(to, format, args...) }

// run tries o.changes changes in the packages of the patterns, and prints each with its outcome.
func run(ctx context.Context, to io.Writer, o options, patterns []string) error {
	packages, err := listed(ctx, patterns)
	if err != nil {
		return err
	}
	var all []change
	for _, p := range packages {
		found, err := p.changes()
		if err != nil {
			return err
		}
		all = append(all, matching(found, o.only)...)
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	say(to, "%d places in %d packages, seed %d\n", len(all), len(packages), o.seed)
	rand.New(rand.NewPCG(o.seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if o.list {
		for _, c := range all {
			say(to, "%s\n", c)
		}
		return nil
	}
	scratch, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	t := trial{scratch: scratch, timeout: o.timeout}
	for _, p := range packages {
		if got, output := t.try(ctx, change{in: p}); got != survived {
			return fmt.Errorf("the tests of %s fail without a change: %s\n%s", p.ImportPath, got, output)
		}
	}
	return t.all(ctx, to, all, o.changes)
}

// all tries changes until n of them compile, and prints a total.
func (t trial) all(ctx context.Context, to io.Writer, changes []change, n int) error {
	type count struct{ caught, tried int }
	var total count
	by := map[string]*count{}
	for _, c := range changes {
		if total.tried == n {
			break
		}
		begun := time.Now()
		got, _ := t.try(ctx, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if got == unbuilt {
			continue
		}
		in := by[c.in.ImportPath]
		if in == nil {
			in = &count{}
			by[c.in.ImportPath] = in
		}
		in.tried++
		total.tried++
		if got != survived {
			in.caught++
			total.caught++
		}
		say(to, "%-9s %s (%.0fs)\n", got, c, time.Since(begun).Seconds())
	}
	for name, in := range by {
		say(to, "%s: %d of %d caught\n", name, in.caught, in.tried)
	}
	say(to, "%d of %d caught\n", total.caught, total.tried)
	return nil
}
