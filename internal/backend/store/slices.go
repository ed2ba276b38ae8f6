package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

var (
	_ search.Locator = (*Events)(nil)
	_ search.Slicer  = (*Events)(nil)
	_ search.Viewer  = (*Events)(nil)
)

// SearchSlices reads all files once and passes the hits to the visitors as they are found, in no
// order; no hits are held. A file that has changed since it was opened is a failure of kind
// Partial.
func (e *Events) SearchSlices(ctx context.Context, r search.Request, visits []search.Visit) (search.Result, error) {
	return e.slices(ctx, r, func(s *slicing) (parts []func(*batch) error) {
		for _, visit := range visits {
			parts = append(parts, func(b *batch) error { return s.take(b, visit) })
		}
		return parts
	})
}

// ViewSlices is [Events.SearchSlices] through the views of the sights.
func (e *Events) ViewSlices(ctx context.Context, r search.Request, sights []search.Sight) (search.Result, error) {
	return e.slices(ctx, r, func(s *slicing) (parts []func(*batch) error) {
		for _, sight := range sights {
			l := &lineMatcher{scan: s.scan, names: newIndexNamer(e.options.Index)}
			parts = append(parts, func(b *batch) error { return s.show(b, l, sight) })
		}
		return parts
	})
}

func (e *Events) slices(ctx context.Context, r search.Request, parts func(*slicing) []func(*batch) error) (search.Result, error) {
	op := "read events in [" + strings.Join(r.Patterns, ",") + "]"
	start := time.Now()
	scan, err := e.newScan(r)
	if err != nil {
		return search.Result{}, &failure.Error{Kind: failure.Rejected, Op: op, Err: err}
	}
	if err := scan.compileSingle(); err != nil {
		return search.Result{}, &failure.Error{Kind: failure.Rejected, Op: op, Err: err}
	}
	s := &slicing{scan: scan, good: make([]int64, len(e.files))}
	if err := s.run(ctx, parts(s)); err != nil {
		return search.Result{}, fmt.Errorf("%s: %w", op, err)
	}
	result := search.Result{Total: s.total.Load(), Took: time.Since(start)}
	if s.missed != nil {
		return result, &failure.Error{Kind: failure.Partial, Op: op, Err: s.missed}
	}
	return result, nil
}

// slicing is the state of a SearchSlices.
type slicing struct {
	*scan
	total atomic.Int64

	mu   sync.Mutex
	good []int64 // by file
}

// run reads all files for the parts, each of which takes batches in its own goroutine.
func (s *slicing) run(parent context.Context, parts []func(*batch) error) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	read, free := make(chan *batch), newBatchPool()
	var errs []error
	var running sync.WaitGroup
	running.Go(func() {
		defer close(read)
		errs = s.events.readAll(free, func(b *batch) bool { return send(ctx, read, b) })
	})
	for _, take := range parts {
		running.Go(func() {
			for b := range read {
				if err := failure.Guard("read "+b.file.name, func() error { return take(b) }); err != nil {
					cancel(err)
				}
				free.give(b)
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	s.missed = s.changed(errs, s.good)
	return nil
}

// count adds the number of events and of hits in a batch.
func (s *slicing) count(b *batch, good, hits int64) {
	s.mu.Lock()
	s.good[b.source] += good
	s.mu.Unlock()
	s.total.Add(hits)
}

// take passes the hits of a batch to a visitor.
func (s *slicing) take(b *batch, visit search.Visit) error {
	l, ok := s.matchers.Get().(*lineMatcher)
	if !ok {
		return nil // The pool holds no other type.
	}
	defer s.matchers.Put(l)
	var page []event.Event
	var good int64
	l.cutter.forget()
	b.each(func(at line, text []byte) {
		if at.tooLong {
			return
		}
		hit, isGood, isHit := l.line(text)
		if isGood {
			good++
		}
		if isHit {
			page = append(page, hit)
		}
	})
	s.count(b, good, int64(len(page)))
	if len(page) == 0 {
		return nil
	}
	_, err := visit(page)
	return err
}

// show reads a batch with the view of a sight, and passes it the hits.
func (s *slicing) show(b *batch, l *lineMatcher, sight search.Sight) error {
	l.view = sight.View()
	var good, hits int64
	var hit event.Event
	err := sight.See(func(yield func(*event.Event) bool) {
		more := true
		b.each(func(at line, text []byte) {
			if at.tooLong || !more {
				return
			}
			l.cutter.forget()
			var isGood, isHit bool
			if hit, isGood, isHit = l.line(text); isGood {
				good++
			}
			if isHit {
				hits++
				more = yield(&hit)
			}
		})
	})
	s.count(b, good, hits)
	return err //nolint:wrapcheck // the error names the operation
}
