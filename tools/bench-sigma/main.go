// Command bench-sigma compares the runner with rsigma (Rust): the same rule files of SigmaHQ over the same event files,
// log sources in force, without a server. First it checks that all rules have the same matches. Then it runs both in turn,
// and prints tables of their costs and ratios; last it compares the runner over ten thousand rules of three formats with
// itself over a thousand. `make bench-sigma` prepares its input; docs/performance.md explains the results.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// options are the flags of the command.
type options struct {
	sigma, corpus, recorded string
	counts, sizes, many     string
	runs                    int
	seed                    uint64
}

// events is a file of events.
type events struct {
	n    int
	path string
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == measureWord {
		if err := measureHere(context.Background(), os.Stdout, os.Args[2], os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench-sigma:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	var p programs
	flag.StringVar(&p.runner, "runner", "bin/runner", "the runner")
	flag.StringVar(&p.rsigma, "rsigma", "", "rsigma; \"\": measure the runner alone")
	flag.StringVar(&p.work, "work", "bin/sigma/work", "directory for rules and events, some 200 MB for 200,000 events")
	flag.StringVar(&o.sigma, "sigma", "", "checkout of SigmaHQ/sigma: rules are below its directories rules*")
	flag.StringVar(&o.corpus, "corpus", "", "directory with the directories elastic and escu*, for many rules; \"\": of Sigma alone")
	flag.StringVar(&o.many, "many", "1000,10000", "numbers of rules of all formats, compared with one another; \"\": none")
	flag.StringVar(&o.recorded, "recorded", "", "recorded events of Sigma's regression tests, to be mixed in (NDJSON)")
	flag.StringVar(&o.counts, "rules", "1,0", "numbers of rules of Sigma; 0: all")
	flag.StringVar(&o.sizes, "events", "20000,200000", "numbers of events")
	flag.IntVar(&o.runs, "runs", 7, "runs of each program; the median counts")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the events")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, &p, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-sigma:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, to io.Writer, p *programs, o options) error {
	counts, err := numbers(o.counts)
	if err != nil {
		return err
	}
	sizes, err := numbers(o.sizes)
	if err != nil {
		return err
	}
	if o.runs < 1 || len(sizes) == 0 || len(counts) == 0 {
		return errors.New("-runs, -events and -rules want numbers")
	}
	many, err := numbers(o.many)
	if err != nil {
		return err
	}
	rules, left, err := p.readRules(ctx, o.sigma)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(to, "%d rules of Sigma run. Left out: %s\n", len(rules), counted(left)); err != nil {
		return err
	}
	files, err := p.events(sizes, o)
	if err != nil {
		return err
	}
	if err := p.writeMap(rules); err != nil {
		return err
	}
	p.mapping = filepath.Join(p.work, "mapping.json")
	if err := writeMapping(p.mapping, files[0].path); err != nil {
		return err
	}
	quiet, err := p.agree(ctx, to, rules, files[0])
	if err != nil {
		return err
	}
	if err := p.compareAll(ctx, to, o.runs, counts, quiet, files); err != nil {
		return err
	}
	return p.scale(ctx, to, o, many, quiet, files)
}

func numbers(list string) ([]int, error) {
	var out []int
	if list == "" {
		return nil, nil
	}
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// empty is a file without events.
func (p *programs) empty() string { return filepath.Join(p.work, "empty.ndjson") }

// events writes the files of events.
func (p *programs) events(sizes []int, o options) ([]events, error) {
	if err := os.MkdirAll(p.work, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(p.empty(), nil, 0o600); err != nil {
		return nil, err
	}
	recorded, err := readRecorded(o.recorded)
	if err != nil {
		return nil, err
	}
	var out []events
	for _, n := range sizes {
		e := events{n, filepath.Join(p.work, fmt.Sprintf("events-%d-%d-%d.ndjson", n, o.seed, len(recorded)))}
		if err := writeEvents(e.path, n, o.seed, recorded); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}
