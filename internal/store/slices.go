package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/failure"
	"tocsin/internal/search"
)

var (
	_ search.Locator = (*Events)(nil)
	_ search.Slicer  = (*Events)(nil)
)

// SearchSlices reads all files once and hands the hits to the visitors as they are found, in no
// order; nothing of them is held. A file that has changed since it was opened is a failure of kind
// Partial.
func (e *Events) SearchSlices(ctx context.Context, r search.Request, visits []search.Visit) (search.Result, error) {
	op := "read events in [" + strings.Join(r.Patterns, ",") + "]"
	start := time.Now()
	s, err := e.newScan(r)
	if err != nil {
		return search.Result{}, &failure.Error{Kind: failure.Rejected, Op: op, Err: err}
	}
	parts := slicing{scan: s, good: make([]int64, len(e.files))}
	if err := parts.run(ctx, visits); err != nil {
		return search.Result{}, fmt.Errorf("%s: %w", op, err)
	}
	result := search.Result{Total: parts.total.Load(), Took: time.Since(start)}
	if s.missed != nil {
		return result, &failure.Error{Kind: failure.Partial, Op: op, Err: s.missed}
	}
	return result, nil
}

// slicing is a SearchSlices under way.
type slicing struct {
	*scan
	total atomic.Int64

	mu   sync.Mutex
	good []int64 // by file
}

func (s *slicing) run(parent context.Context, visits []search.Visit) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	read, free := make(chan *batch), newSupply()
	var errs []error
	var running sync.WaitGroup
	running.Go(func() {
		defer close(read)
		errs = s.events.readAll(free, func(b *batch) bool { return send(ctx, read, b) })
	})
	for _, visit := range visits {
		running.Go(func() {
			for b := range read {
				if err := s.take(b, visit); err != nil {
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

// take hands the hits of a batch to a visitor.
func (s *slicing) take(b *batch, visit search.Visit) error {
	l, ok := s.looks.Get().(*look)
	if !ok {
		return nil // The pool holds nothing else.
	}
	defer s.looks.Put(l)
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
	s.mu.Lock()
	s.good[b.source] += good
	s.mu.Unlock()
	s.total.Add(int64(len(page)))
	if len(page) == 0 {
		return nil
	}
	_, err := visit(page)
	return err
}
