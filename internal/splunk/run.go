package splunk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/translate/spl"
)

// Run runs a search and passes each result to emit. It returns the first error: of the source, of emit, of the
// context, a [*LimitError], or of a pattern that takes too long.
func Run(ctx context.Context, s *spl.Search, env Env, source Source, window Window, emit func(Row) error) error {
	r := newRun(ctx, env, source, window)
	return r.search(s, watched{sink(emit), r})
}

func newRun(ctx context.Context, env Env, source Source, window Window) *run {
	loc := env.Location
	if loc == nil {
		loc = time.UTC
	}
	limit := env.MemoryLimit
	if limit == 0 {
		limit = DefaultMemoryLimit
	}
	return &run{ctx: ctx, env: env, source: source, window: window, loc: loc, limit: limit, tables: map[string]*Table{}}
}

// errDone stops a source when no more rows are needed.
var errDone = errors.New("no more rows are wanted")

// run is one execution of a search and its subsearches.
type run struct {
	ctx    context.Context //nolint:containedctx // A run is as long as its context.
	env    Env
	source Source
	window Window
	// span is the window of the current search. Subsearches may have another one.
	span  Window
	loc   *time.Location
	limit int
	held  int
	depth int
	// accounts holds the open accounts.
	accounts []*account
	tables   map[string]*Table
}

// stage receives rows and passes its results to the next stage. end is called once, after the last row.
type stage interface {
	row(Row) error
	end() error
}

// sink is the last stage of a chain.
type sink func(Row) error

func (s sink) row(r Row) error { return s(r) }
func (s sink) end() error      { return nil }

// maxRunDepth is the maximum depth of nested searches at run time.
const maxRunDepth = 10

// search runs a complete search into a stage.
func (r *run) search(s *spl.Search, out stage) error {
	r.depth++
	open, around := len(r.accounts), r.span
	r.span = Within(s, r.window)
	defer func() {
		r.depth--
		r.span = around
		r.closeFrom(open)
	}()
	if r.depth > maxRunDepth {
		return fmt.Errorf("run a subsearch: searches are nested more than %d deep", maxRunDepth)
	}
	if done, err := r.grouped(s, out); done || err != nil {
		return err
	}
	chain, err := r.chain(s.Stages[1:], out)
	if err != nil {
		return err
	}
	switch err := r.generate(s.Stages[0], chain); {
	case errors.Is(err, errDone):
	case err != nil:
		return err
	}
	return chain.end()
}

// generate produces the rows of the first command.
func (r *run) generate(first spl.Stage, out stage) error {
	switch first := first.(type) {
	case *spl.Find:
		return r.find(first, out)
	case *spl.Tstats:
		return r.tstats(first, out)
	case *spl.InputLookup:
		return r.inputLookup(first, out)
	case *spl.Datamodel:
		return r.datamodel(first, out)
	case *spl.Union:
		return r.union(first, out)
	case *spl.SetOp:
		return r.setOf(first, out)
	case *spl.Makeresults:
		return r.makeResults(first, out)
	}
	return fmt.Errorf("run %s: it makes no rows", first.Command())
}

func (r *run) find(f *spl.Find, out stage) error {
	where, err := r.resolve(f.X)
	if err != nil {
		return err
	}
	t, err := within(where, r.window)
	if err != nil {
		return fmt.Errorf("run search: %w", err)
	}
	p := compileExpr(t.exact, same)
	return r.source.Events(r.ctx, Scan{Where: t.where, Window: t.window}, func(row Row) error {
		if err := r.alive(); err != nil {
			return err
		}
		if !p(row) {
			return nil
		}
		return out.row(row)
	})
}

// alive returns an error once the context has ended.
func (r *run) alive() error { return r.ctx.Err() }

// rows runs a subsearch and returns at most limit rows.
func (r *run) rows(to *account, s *spl.Search, limit int) (*kept, error) {
	rows := &kept{account: to}
	err := r.search(s, sink(func(row Row) error {
		if len(rows.rows) == limit {
			return errDone
		}
		return rows.add(row)
	}))
	return rows, err
}

func (r *run) scope() *scope {
	return &scope{now: r.window.Now, loc: r.loc, alive: r.alive, returns: r.returns}
}

// eval evaluates a program on a row.
func (s *scope) eval(p program, row Row) (Value, error) {
	s.row = row
	v := p(s)
	return v, s.fault
}

// table returns a lookup that is ready for use; a missing lookup is empty.
func (r *run) table(name string) (*Table, error) {
	t, ok := r.tables[name]
	if ok {
		return t, nil
	}
	t, err := r.keptTable(name, r.defined(name))
	if err != nil {
		return nil, fmt.Errorf("read the lookup %s: %w", name, err)
	}
	if t == nil {
		t = &Table{Name: name}
	}
	if t.index == nil {
		t.Prepare()
	}
	r.tables[name] = t
	return t, nil
}

// chain makes the stages of commands, from the last to the first.
func (r *run) chain(stages []spl.Stage, out stage) (*link, error) {
	last := &link{stage: out}
	for _, c := range slices.Backward(stages) {
		made, err := r.stage(c, watched{last, r})
		if err != nil {
			return nil, err
		}
		last = &link{stage: made, next: last}
	}
	return last, nil
}

// link is a stage in a chain. It is told exactly once that there are no more rows, also if the previous stage
// stopped because no more rows were needed.
type link struct {
	stage

	next  *link
	ended bool
}

func (l *link) end() error {
	if l.ended {
		return nil
	}
	l.ended = true
	err := l.stage.end()
	if !errors.Is(err, errDone) {
		return err
	}
	if l.next == nil {
		return nil
	}
	return l.next.end()
}

// parseAgain expands macros and parses a search text that was made at run time.
func (r *run) parseAgain(command, text string) (*spl.Search, error) {
	s, diags := spl.ParseText(diag.NewText(command, text), r.macros())
	if s == nil {
		return nil, fmt.Errorf("run %s: %w", command, diags.Err())
	}
	return s, nil
}

func (r *run) macros() spl.Macros {
	if r.env.Macros != nil {
		return r.env.Macros
	}
	return noMacros{}
}

type noMacros struct{}

func (noMacros) Macro(string, int) (spl.Macro, []int, bool) { return spl.Macro{}, nil, false }
