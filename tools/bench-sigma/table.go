package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// series holds the costs of one program, run by run.
type series []cost

func median[T int64 | float64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

func (s series) median(of func(cost) time.Duration) time.Duration {
	values := make([]time.Duration, len(s))
	for i, c := range s {
		values[i] = of(c)
	}
	return median(values)
}

func cpu(c cost) time.Duration  { return c.CPU }
func wall(c cost) time.Duration { return c.Wall }

func (s series) peak() int64 {
	peak := int64(0)
	for _, c := range s {
		peak = max(peak, c.Peak)
	}
	return peak
}

// interleaved runs commands in turn, so that other load on the machine affects all of them alike.
func interleaved(ctx context.Context, runs int, commands ...func() *exec.Cmd) ([]series, error) {
	out := make([]series, len(commands))
	for range runs {
		for i, command := range commands {
			c, err := measure(ctx, command())
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], c)
		}
	}
	return out, nil
}

// ratios compares two programs run by run, each without its cost over no events.
func ratios(a, b series, loadA, loadB time.Duration) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = float64(a[i].CPU-loadA) / float64(max(b[i].CPU-loadB, time.Millisecond))
	}
	slices.Sort(out)
	return out
}

const tableHead = `
| rules | events | program | load CPU | net CPU | net events/CPU-s | wall | peak MiB | events/CPU-s, Tocsin/rsigma | peak, Tocsin/rsigma |
|---|---|---|---|---|---|---|---|---|---|
`

// compareAll prints the costs of sets of several sizes, and how one rule compares with all.
func (p *programs) compareAll(ctx context.Context, to io.Writer, runs int, counts []int, rules []rule, files []events) error {
	if _, err := fmt.Fprint(to, tableHead); err != nil {
		return err
	}
	// nets are the costs of the runner over the largest file, by number of rules.
	nets := map[int]time.Duration{}
	for _, n := range counts {
		s, err := writeSet(filepath.Join(p.work, "rules-"+strconv.Itoa(n)), spread(rules, n))
		if err != nil {
			return err
		}
		for _, e := range files {
			if nets[s.n], err = p.compare(ctx, to, runs, s, e); err != nil {
				return err
			}
		}
	}
	one, ok := nets[1]
	if all := nets[len(rules)]; ok && all > 0 {
		_, err := fmt.Fprintf(to, "\nTocsin with %d rules has %.0f %% of the events/CPU-s that it has with one, over %d events.\n", len(rules), 100*one.Seconds()/all.Seconds(), files[len(files)-1].n)
		return err
	}
	return nil
}

// compare prints the rows of one set over one file of events, and returns the runner's net cost.
func (p *programs) compare(ctx context.Context, to io.Writer, runs int, s set, e events) (time.Duration, error) {
	commands := []func() *exec.Cmd{
		func() *exec.Cmd { return p.once(ctx, s.dir, p.empty(), "--no-ledger") },
		func() *exec.Cmd { return p.once(ctx, s.dir, e.path, "--no-ledger") },
	}
	names := []string{"Tocsin"}
	if p.rsigma != "" {
		commands = append(commands, func() *exec.Cmd { return p.eval(ctx, s.dir, p.empty()) }, func() *exec.Cmd { return p.eval(ctx, s.dir, e.path) })
		names = append(names, "rsigma")
	}
	costs, err := interleaved(ctx, runs, commands...)
	if err != nil {
		return 0, err
	}
	var own time.Duration
	for i, name := range names {
		load, all := costs[2*i].median(cpu), costs[2*i+1]
		net := all.median(cpu) - load
		ratio, memory := "", ""
		if i == 0 {
			own = net
		}
		if i == 0 && len(names) == 2 {
			r := ratios(costs[3], all, costs[2].median(cpu), load)
			ratio = fmt.Sprintf("%.2f (%.2f to %.2f)", median(r), r[0], r[len(r)-1])
			memory = fmt.Sprintf("%.2f", float64(all.peak())/float64(costs[3].peak()))
		}
		_, err := fmt.Fprintf(to, "| %d | %d | %s | %.2f s | %.2f s | %.0f | %.2f s | %d | %s | %s |\n", s.n, e.n, name, load.Seconds(), net.Seconds(),
			float64(e.n)/max(net, time.Millisecond).Seconds(), all.median(wall).Seconds(), all.peak()>>20, ratio, memory)
		if err != nil {
			return 0, err
		}
	}
	return own, nil
}
