package esqlrule

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/translate/esql"
)

const (
	// partRows is the number of rows that are read at once if the window can be divided.
	partRows = 1000
	// maxRows is the maximum number of rows that Elasticsearch returns (the default of
	// esql.query.result_truncation_max_size).
	maxRows = 10_000
)

// limits returns the number of rows to request, and whether a window with more rows can be divided.
func (s *esqlSearch) limits() (rows int, divide bool) {
	if s.documents && s.plan.query.Shape().Independent {
		return partRows, true
	}
	return maxRows, false
}

// Execute reads the rows of a window. If rows are documents and do not depend on each other, the window is divided into
// parts, the earliest first, so that none reaches the row limit. If the limit is reached anyway, the execution is partial.
func (s *esqlSearch) Execute(ctx context.Context, src query.Source, w window.Window, visit query.Visit) (query.Result, error) {
	if w.Empty() || s.idle() {
		return query.Result{Exact: true}, s.partialErr
	}
	runner, ok := search.As[search.ESQL](src.Events)
	if !ok {
		return query.Result{}, fmt.Errorf("run %s: %w", s.plan.label(), errors.ErrUnsupported)
	}
	x := &esqlRun{esqlSearch: s, runner: runner, at: src.At, visit: visit, window: w}
	x.result.Exact = true
	limit, divide := s.limits()
	more, err := x.read(ctx, w, limit, divide)
	x.result.Total = x.found
	if !more && x.result.Pages > 1 {
		x.result.Total = -1 // parts of the window were not read
	}
	return x.result, errors.Join(err, x.partial, s.partialErr)
}

// esqlRun is an execution in progress.
type esqlRun struct {
	*esqlSearch
	runner search.ESQL
	at     time.Time
	visit  query.Visit
	// window is the whole window, whichever part of it is read.
	window window.Window
	result query.Result
	found  int64
	// partial is why rows may be missing.
	partial error
}

// read reads the rows of a window, and divides it while there are too many. It reports whether more are wanted.
func (x *esqlRun) read(ctx context.Context, w window.Window, limit int, divide bool) (bool, error) {
	rows, err := x.run(ctx, w, limit)
	if err != nil {
		return false, err
	}
	if len(rows.Values) >= limit {
		middle := w.From.Add(w.To.Sub(w.From) / 2).Truncate(time.Millisecond)
		switch {
		case divide && middle.After(w.From):
			more, err := x.read(ctx, window.Window{From: w.From, To: middle}, limit, true)
			if err != nil || !more {
				return false, err
			}
			return x.read(ctx, window.Window{From: middle, To: w.To}, limit, true)
		case limit < maxRows: // a single millisecond has that many
			return x.read(ctx, w, maxRows, false)
		}
		x.limited(limit)
	}
	x.ownLimit(rows)
	t := newRowTable(rows)
	if !x.plan.query.Shape().Sorted {
		t.sortByTime(x.plan.time.Field, x.plan.time.Fallback, search.DefaultTimestamp)
	}
	if x.documents {
		return x.documentHits(ctx, t)
	}
	return x.madeHits(ctx, t)
}

// limited records that rows are missing because of the row limit.
func (x *esqlRun) limited(limit int) {
	x.partial = errors.Join(x.partial, &failure.Error{
		Kind: failure.Partial, Op: "run " + x.plan.label(),
		Reason: fmt.Sprintf("the row limit of %d was reached: further rows of the window were not seen", limit),
	})
}

// ownLimit warns if the query's own LIMIT may have cut off rows.
func (x *esqlRun) ownLimit(rows search.Rows) {
	if own := x.plan.query.Shape().Limit; own > 0 && own < maxRows && len(rows.Values) >= own {
		x.warn(fmt.Sprintf("the query's own LIMIT %d was reached: rows beyond it were not seen", own))
	}
}

func (x *esqlRun) warn(text string) {
	if !slices.Contains(x.result.Warnings, text) {
		x.result.Warnings = append(x.result.Warnings, text)
	}
}

// run runs the query for one part of the window.
func (x *esqlRun) run(ctx context.Context, w window.Window, limit int) (search.Rows, error) {
	sent := x.send(limit, x.at)
	rows, err := x.runner.RunESQL(ctx, search.ESQLQuery{Text: sent.Text, Filter: x.filter(w)})
	x.result.Took += rows.Took
	x.result.Pages++
	for _, text := range rows.Warnings {
		x.warn(x.plan.placed(sent, text))
	}
	var wrong *search.QueryError
	switch {
	case errors.As(err, &wrong):
		return rows, &failure.Error{Kind: failure.Rejected, Op: "run " + x.plan.label(), Err: x.plan.problems(sent, wrong).Err()}
	case failure.KindOf(err) == failure.Partial:
		x.partial = errors.Join(x.partial, err)
		return rows, nil
	case err != nil:
		return rows, fmt.Errorf("run %s: %w", x.plan.label(), err)
	}
	return rows, nil
}

// remark matches the beginning of a warning about a place in the query.
var remark = regexp.MustCompile(`^Line (\d+):(\d+): `)

// placed returns a warning with its place in the rule's text instead of the text that was sent.
func (p *esqlPlan) placed(sent esql.Sent, text string) string {
	m := remark.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	line, _ := strconv.Atoi(m[1])
	column, _ := strconv.Atoi(m[2])
	return p.query.Text().Report(diag.Warning, CodeRejected, sent.Span(line, column), "%s", text[len(m[0]):]).Error()
}

// AdHoc implements [query.AdHoc]. Its results are the rows as they are.
func (s *esqlSearch) AdHoc(ctx context.Context, src query.Source, w window.Window, size int) (query.Answer, error) {
	runner, ok := search.As[search.ESQL](src.Events)
	if !ok || s.idle() {
		return query.Answer{}, s.partialErr
	}
	x := &esqlRun{esqlSearch: s, runner: runner, at: src.At}
	rows, err := x.run(ctx, w, size)
	if err != nil {
		return query.Answer{}, err
	}
	a := query.Answer{Whole: true}
	for _, c := range rows.Columns {
		a.Columns = append(a.Columns, c.Name)
	}
	a.Hits, err = rowsOf(rows)
	return a, errors.Join(err, x.partial, s.partialErr)
}
