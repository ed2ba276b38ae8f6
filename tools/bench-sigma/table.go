package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
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

const tableHead = `| lane | rules | events | program | load CPU | net CPU | net events/CPU-s | wall | peak MiB | net CPU, Tocsin/rsigma |
|---|---|---|---|---|---|---|---|---|---|
`

// compare prints the rows of one set over one file of events.
func (p *programs) compare(ctx context.Context, to io.Writer, runs int, s set, l lane, e events) error {
	commands := []func() *exec.Cmd{
		func() *exec.Cmd { return p.once(ctx, s, l, p.empty(), "--no-ledger") },
		func() *exec.Cmd { return p.once(ctx, s, l, e.path, "--no-ledger") },
	}
	names := []string{"Tocsin"}
	if p.rsigma != "" {
		commands = append(commands, func() *exec.Cmd { return p.eval(ctx, s, l, p.empty()) }, func() *exec.Cmd { return p.eval(ctx, s, l, e.path) })
		names = append(names, "rsigma")
	}
	costs, err := interleaved(ctx, runs, commands...)
	if err != nil {
		return err
	}
	for i, name := range names {
		load, all := costs[2*i].median(cpu), costs[2*i+1]
		net := all.median(cpu) - load
		ratio := ""
		if i == 0 && len(names) == 2 {
			r := ratios(all, costs[3], load, costs[2].median(cpu))
			ratio = fmt.Sprintf("%.2f (%.2f to %.2f)", median(r), r[0], r[len(r)-1])
		}
		_, err := fmt.Fprintf(to, "| %s | %d | %d | %s | %.2f s | %.2f s | %.0f | %.2f s | %d | %s |\n", l, s.n, e.n, name, load.Seconds(), net.Seconds(),
			float64(e.n)/max(net, time.Millisecond).Seconds(), all.median(wall).Seconds(), all.peak()>>20, ratio)
		if err != nil {
			return err
		}
	}
	return nil
}
