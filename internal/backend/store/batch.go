package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"tocsin/internal/diag/failure"
)

// batch is a run of lines of one file that are decoded together.
type batch struct {
	file *file
	// source is the index of the file among the files that are read.
	source int
	lines  []line
	text   []byte
	ends   []int
}

const (
	batchLines = 256
	// batchBytes is enough for the lines of most batches.
	batchBytes = 256 << 10
	// keptBytes is the maximum size of a batch's memory that is kept for reuse.
	keptBytes = 4 * batchBytes
)

// batchPool holds the unused batches of one read.
type batchPool chan *batch

func newBatchPool() batchPool { return make(batchPool, 2*runtime.GOMAXPROCS(0)+2) }

// take returns an empty batch.
func (s batchPool) take(f *file, source int) *batch {
	select {
	case b := <-s:
		*b = batch{file: f, source: source, lines: b.lines[:0], text: b.text[:0], ends: b.ends[:0]}
		return b
	default:
		return &batch{file: f, source: source, text: make([]byte, 0, min(f.size, batchBytes+batchBytes/8))}
	}
}

// give returns a batch to the pool. The caller must no longer use any of it.
func (s batchPool) give(b *batch) {
	if cap(b.text) > keptBytes {
		return
	}
	select {
	case s <- b:
	default:
	}
}

// each calls visit for every line of the batch that is not blank.
func (b *batch) each(visit func(at line, text []byte)) {
	start := 0
	for i, end := range b.ends {
		if text := b.text[start:end]; b.lines[i].tooLong || !isBlank(text) {
			visit(b.lines[i], text)
		}
		start = end
	}
}

// read cuts one file into batches and emits them until emit returns false.
func (e *Events) read(f *file, source int, batches batchPool, emit func(*batch) bool) error {
	content, done, err := e.open(f)
	if err != nil {
		return err
	}
	defer done.Close()
	lines := newLineReader(f.section(content), int(min(f.size, readBuffer)), e.options.MaxLine)
	for {
		b := batches.take(f, source)
		for len(b.lines) < batchLines && len(b.text) < batchBytes {
			text, at, err := lines.next(b.text)
			if err != nil {
				if len(b.lines) > 0 {
					emit(b)
				}
				if errors.Is(err, io.EOF) {
					return nil
				}
				return fmt.Errorf("read: %w", err)
			}
			b.text, b.lines, b.ends = text, append(b.lines, at), append(b.ends, len(text))
		}
		if !emit(b) {
			return nil
		}
	}
}

// readAll reads all files for a search. It returns the error of each file.
func (e *Events) readAll(batches batchPool, emit func(*batch) bool) []error {
	size := int64(0)
	for _, f := range e.files {
		size += f.size
	}
	advance, end := e.options.Watch.begin("search", size)
	defer end()
	errs := make([]error, len(e.files))
	for i, f := range e.files {
		errs[i] = e.read(f, i, batches, func(b *batch) bool {
			advance(int64(len(b.text)))
			return emit(b)
		})
	}
	return errs
}

// ordered runs work on every batch that produce emits, several at a time, and passes the results to
// use one by one in the order of the batches. A panic in work ends all, and is the error. At most a
// few batches for each processor are held at a time. It returns when all that it started has ended;
// an expired context ends it early. Each worker has its own func, which gets batches in their
// order; a result must not retain its batch.
func ordered[T any](
	parent context.Context, produce func(batches batchPool, emit func(*batch) bool), worker func() func(*batch) T, use func(T),
) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	batches := newBatchPool()
	type job struct {
		batch  *batch
		result chan T
	}
	workers := runtime.GOMAXPROCS(0)
	todo, queue := make(chan job), make(chan job, workers)
	var running sync.WaitGroup
	running.Go(func() {
		defer close(todo)
		defer close(queue)
		produce(batches, func(b *batch) bool {
			j := job{b, make(chan T, 1)}
			return send(ctx, queue, j) && send(ctx, todo, j)
		})
	})
	for range workers {
		work := worker()
		running.Go(func() {
			for j := range todo {
				var result T
				if err := failure.Guard("read "+j.batch.file.name, func() error { result = work(j.batch); return nil }); err != nil {
					cancel(err)
				}
				batches.give(j.batch)
				j.result <- result
			}
		})
	}
	for j := range queue {
		select {
		case result := <-j.result:
			use(result)
		case <-ctx.Done():
		}
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil && parent.Err() == nil {
		return err // a crash
	}
	return parent.Err() // the child context ends a moment later
}

func send[T any](ctx context.Context, to chan<- T, value T) bool {
	select {
	case to <- value:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
