package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// scale compares the runner over many real rules with itself over few: of Sigma, of Elastic and of Splunk, in their own
// formats, and tuned copies of them. Events have the names of Sigma's rules and of ECS. All rules that find events are in
// each set, and none of the copies finds any, so that the hits are the same.
func (p *programs) scale(ctx context.Context, to io.Writer, o options, many []int, rules []rule, files []events) error {
	if len(many) == 0 {
		return nil
	}
	pool, err := p.readPool(ctx, o.corpus, rules)
	if err != nil {
		return err
	}
	files = slices.Clone(files)
	for i := range files {
		if files[i], err = withECS(files[i]); err != nil {
			return err
		}
	}
	least, most := files[0], files[len(files)-1]
	p.mapping = filepath.Join(p.work, "mapping-ecs.json")
	if err := writeMapping(p.mapping, least.path); err != nil {
		return err
	}
	if err := p.split(ctx, pool, least); err != nil {
		return err
	}
	const head = "| rules | load CPU | net CPU | of each event, beyond the first %d | peak MiB | hits in the first %d |\n|---|---|---|---|---|---|\n"
	if _, err := fmt.Fprintf(to, "\n%s, over %d events:\n\n"+head, pool, most.n, least.n, least.n); err != nil {
		return err
	}
	var perEvent []time.Duration
	for _, n := range many {
		dir := filepath.Join(p.work, "rules-many-"+strconv.Itoa(n))
		if err := pool.write(dir, n); err != nil {
			return err
		}
		each, err := p.compareMany(ctx, to, o.runs, dir, n, least, most)
		if err != nil {
			return err
		}
		perEvent = append(perEvent, each)
	}
	if first, last := perEvent[0], perEvent[len(perEvent)-1]; first > 0 && len(perEvent) > 1 {
		_, err = fmt.Fprintf(to, "\nAn event costs %.2f times as much with %d rules as with %d.\n", last.Seconds()/first.Seconds(), many[len(many)-1], many[0])
	}
	return err
}

// compareMany prints the row of one set, and returns what an event costs beyond those that are read in any case: what is
// done once, such as fitting rules to the mapping and arranging them, is in both.
func (p *programs) compareMany(ctx context.Context, to io.Writer, runs int, dir string, n int, least, most events) (time.Duration, error) {
	found, err := p.alerts(ctx, dir, least.path)
	if err != nil {
		return 0, err
	}
	hits := 0
	for _, of := range found {
		hits += of
	}
	over := func(path string) func() *exec.Cmd {
		return func() *exec.Cmd { return p.once(ctx, dir, path, "--no-ledger") }
	}
	costs, err := interleaved(ctx, runs, over(p.empty()), over(least.path), over(most.path))
	if err != nil {
		return 0, err
	}
	load, some, all := costs[0].median(cpu), costs[1].median(cpu), costs[2].median(cpu)
	each := (all - some) / time.Duration(max(most.n-least.n, 1))
	_, err = fmt.Fprintf(to, "| %d | %.2f s | %.2f s | %.2f µs | %d | %d |\n", n, load.Seconds(), (all - load).Seconds(), float64(each)/float64(time.Microsecond), costs[2].peak()>>20, hits)
	return each, err
}

// split finds out which rules of a pool find events.
func (p *programs) split(ctx context.Context, pool *pool, e events) error {
	dir := filepath.Join(p.work, "rules-pool")
	if err := pool.write(dir, len(pool.others)); err != nil {
		return err
	}
	found, err := p.alerts(ctx, dir, e.path)
	if err != nil {
		return err
	}
	var others []source
	for _, s := range pool.others {
		switch hits := found[s.id]; {
		case hits == 0:
			others = append(others, s)
		case hits <= e.n/noisyFrom:
			pool.hitting = append(pool.hitting, s)
		}
	}
	pool.others = others
	if len(pool.hitting) == 0 {
		return errors.New("no rule finds events")
	}
	return nil
}

// alerts returns how many alerts each rule of a directory makes, by id.
func (p *programs) alerts(ctx context.Context, dir, events string) (map[string]int, error) {
	store := filepath.Join(p.work, "store")
	if err := os.RemoveAll(store); err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(store) }()
	if _, err := measure(ctx, p.once(ctx, dir, events, "--no-ledger", "--store", store)); err != nil {
		return nil, err
	}
	found, err := p.listed(ctx, store)
	return perRule(found), err
}
