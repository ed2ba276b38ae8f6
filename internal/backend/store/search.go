package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// hit is the location and the sort position of one hit.
type hit struct {
	place  search.Place
	source int32
	length int32
	offset int64
}

// scanned is the result of one batch for a search.
type scanned struct {
	source int
	good   int64
	hits   []hit
}

// Search reads all files and visits the hits in order of their time: of Time.Field, or of
// Time.Fallback if an event lacks that; then of the Tiebreaker; then in the order of the files.
// Events without a time or tiebreaker come last. A field with several values counts by its least,
// or by its greatest when the newest come first. Total is exact; Took excludes the time in visit.
//
// It holds some 100 bytes for each hit, and one page of events. A condition that cannot be
// evaluated is a failure of kind Rejected. A file that has changed or vanished since it was opened
// is a failure of kind Partial, after all hits of the others; appended data is not read.
func (e *Events) Search(ctx context.Context, r search.Request, visit search.Visit) (search.Result, error) {
	op := "search events in [" + strings.Join(r.Patterns, ",") + "]"
	start := time.Now()
	s, err := e.newScan(r)
	if err != nil {
		return search.Result{}, &failure.Error{Kind: failure.Rejected, Op: op, Err: err}
	}
	if err := s.run(ctx); err != nil {
		return search.Result{}, fmt.Errorf("%s: %w", op, err)
	}
	result := search.Result{Total: int64(len(s.hits)), Took: time.Since(start)}
	if err := s.pages(ctx, &result, visit); err != nil {
		return result, fmt.Errorf("%s: %w", op, err)
	}
	if s.missed != nil {
		return result, &failure.Error{Kind: failure.Partial, Op: op, Err: s.missed}
	}
	return result, nil
}

// scan is the state of one search.
type scan struct {
	events  *Events
	request search.Request
	// given are the request's fields, nil if the request has none.
	given mapping.Fields
	// set has the condition once for each of the variants of the request.
	set      *condition.Set
	variants []search.Variant
	// single holds the conditions of the variants by themselves, for matching with other views.
	single []*condition.Matcher
	// matchers are kept for reuse by later batches.
	matchers sync.Pool
	// scopes holds the variants of the indices that the search covers.
	scopes map[string]condition.Scope
	hits   []hit
	// only, if not nil, holds the locations of the requested documents.
	only map[event.Ref]bool
	// missed is the error of files that could not be read as they were opened.
	missed error
}

func (e *Events) newScan(r search.Request) (*scan, error) {
	if r.Where == nil {
		r.Where = condition.Const(true)
	}
	given := r.FieldTypes
	if given == nil {
		r.FieldTypes = e.fields
	}
	variants, err := r.Variants()
	if err != nil {
		return nil, err //nolint:wrapcheck // the error names the field
	}
	members := make([]condition.Member, len(variants))
	for i, v := range variants {
		members[i] = condition.Member{Expr: r.Filter(), Fields: v.Way.Fields}
	}
	set, errs := condition.NewSet(members)
	if err := cmp.Or(errs...); err != nil {
		return nil, err //nolint:wrapcheck // the error names the field
	}
	s := &scan{events: e, request: r, given: given, set: set, variants: variants, scopes: map[string]condition.Scope{}}
	selection := newSelection(set, variants)
	s.matchers.New = func() any {
		return &lineMatcher{scan: s, names: newIndexNamer(e.options.Index), view: selection.NewView(), matching: set.NewMatching()}
	}
	patterns := parsePatterns(r.Patterns)
	for index := range e.indices {
		if patterns.match(index) {
			s.scopes[index] = condition.NewScope(len(variants), func(i int) bool { return variants[i].Way.Has(index) })
		}
	}
	return s, nil
}

// compileSingle compiles the conditions for other views.
func (s *scan) compileSingle() error {
	for _, v := range s.variants {
		m, err := condition.Compile(s.request.Filter(), v.Way.Fields)
		if err != nil {
			return err //nolint:wrapcheck // the error names the field
		}
		s.single = append(s.single, m)
	}
	return nil
}

// run finds all hits and sorts them.
func (s *scan) run(ctx context.Context) error {
	files := s.events.files
	good := make([]int64, len(files))
	var errs []error
	read := func(batches batchPool, emit func(*batch) bool) { errs = s.events.readAll(batches, emit) }
	take := func(b scanned) {
		good[b.source] += b.good
		s.hits = append(s.hits, b.hits...)
	}
	if err := ordered(ctx, read, func() func(*batch) scanned { return s.match }, take); err != nil {
		return err
	}
	s.missed = s.changed(errs, good)
	slices.SortFunc(s.hits, s.compare)
	return ctx.Err()
}

// changed joins the errors of the files, and reports files whose number of valid events differs
// from when they were opened.
func (s *scan) changed(errs []error, good []int64) error {
	for i, f := range s.events.files {
		if errs[i] == nil && good[i] != f.events {
			errs[i] = fmt.Errorf("%s has changed since it was opened: %d events, not %d", f.name, good[i], f.events)
		}
	}
	return errors.Join(errs...)
}

// compare orders hits; otherwise equal hits are in the order of the files.
func (s *scan) compare(a, b hit) int {
	return cmp.Or(s.variants[0].Ordering.Compare(a.place, b.place), cmp.Compare(a.source, b.source), cmp.Compare(a.offset, b.offset))
}

// match finds the hits of a batch, concurrently with others.
func (s *scan) match(b *batch) scanned {
	out := scanned{source: b.source}
	l, ok := s.matchers.Get().(*lineMatcher)
	if !ok {
		return out // The pool holds no other type.
	}
	defer s.matchers.Put(l)
	b.each(func(at line, text []byte) {
		if at.tooLong {
			return
		}
		l.cutter.forget()
		_, good, isHit := l.line(text)
		if good {
			out.good++
		}
		if isHit {
			out.hits = append(out.hits, hit{place: l.place(), source: int32(b.source), offset: at.offset, length: int32(at.length)})
		}
	})
	return out
}
