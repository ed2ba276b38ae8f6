package store

import (
	"context"
	"errors"
	"fmt"

	"tocsin/internal/diag"
	"tocsin/internal/event"
	"tocsin/internal/failure"
	"tocsin/internal/mapping"
)

// maxRemarks is how many bad lines of one file are shown one by one.
const maxRemarks = 20

// loader is the pass over all files that opens them.
type loader struct {
	events   *Events
	inferred *mapping.Inferred
	reports  []report
}

// report is what there is to say of one file. The reader of files sets err, the reader of results
// the rest.
type report struct {
	err  error
	bad  diag.List
	more int
}

// loaded is what one batch holds.
type loaded struct {
	file   *file
	source int
	// good are lines from which there may be something to learn; known is the number of the others, by
	// index.
	good  []parsed
	known map[string]int64
	bad   diag.List
}

func (l *loader) load(ctx context.Context) error {
	l.reports = make([]report, len(l.events.options.Files))
	read := func(batches supply, emit func(*batch) bool) { l.readFiles(ctx, batches, emit) }
	if err := ordered(ctx, read, l.opener, l.take); err != nil {
		return fmt.Errorf("open events: %w", err)
	}
	for _, r := range l.reports {
		if fatal := (*failure.Error)(nil); errors.As(r.err, &fatal) {
			return r.err
		}
	}
	return nil
}

func (l *loader) readFiles(ctx context.Context, batches supply, emit func(*batch) bool) {
	e := l.events
	for i, name := range e.options.Files {
		f, err := e.spool.admit(ctx, name, e.options.Stdin, e.options.Watch)
		if f != nil {
			e.files = append(e.files, f)
			err = errors.Join(err, l.read(f, i, batches, emit))
		}
		l.reports[i].err = err
		if ctx.Err() != nil {
			return
		}
	}
}

func (l *loader) read(f *file, i int, batches supply, emit func(*batch) bool) error {
	advance, end := l.events.options.Watch.begin("open", f.size)
	defer end()
	return l.events.read(f, i, batches, func(b *batch) bool {
		advance(int64(len(b.text)))
		return emit(b)
	})
}

// opener parses batches, beside others. Of lines that have no name which it has not seen in an earlier
// line, it only counts: whoever learns has heard of these names.
type opener struct {
	options *EventsOptions
	seen    sighted
	cutter  cutter
	naming  *naming
	view    *event.View
}

func (l *loader) opener() func(*batch) loaded {
	o := &opener{options: &l.events.options, naming: newNaming(l.events.options.Index)}
	o.view = event.NewSelection(streamFields(), nil).NewView()
	return o.decode
}

func (o *opener) decode(b *batch) loaded {
	out := loaded{file: b.file, source: b.source, known: map[string]int64{}}
	b.each(func(at line, text []byte) {
		if at.tooLong {
			out.bad = append(out.bad, tooLong(b.file.name, at, text, o.options.MaxLine))
			return
		}
		if index, known := o.known(text); known {
			out.known[index]++
			return
		}
		p, f := parse(text)
		if f != nil {
			out.bad = append(out.bad, f.diagnostic(b.file.name, at, text))
			return
		}
		o.seen.see(p.source)
		out.good = append(out.good, p)
	})
	return out
}

// known returns the index of a line of which there is nothing more to learn.
func (o *opener) known(text []byte) (index string, known bool) {
	o.cutter.forget()
	found, ok := bare(text)
	if ok = ok && o.seen.document(found.source); !ok {
		found, ok = o.cutter.of(text) // No name of metadata was seen in a source.
		ok = ok && o.seen.document(found.source)
	}
	if !ok {
		return "", false
	}
	switch {
	case len(found.index) > 0:
		return o.naming.name(found.index), true
	case o.naming.plain(found.source):
		return o.naming.fallback, true
	case o.view.Read(found.source) != nil:
		return "", false
	}
	index, err := o.naming.stream(o.view, 0, found.source)
	return index, err == nil
}

// take counts and learns, in the order of the lines.
func (l *loader) take(b loaded) {
	for _, p := range b.good {
		l.inferred.Learn(p.source)
		l.count(b.file, p.indexOr(l.events.options.Index), 1)
	}
	for index, n := range b.known {
		l.count(b.file, index, n)
	}
	r := &l.reports[b.source]
	shown := min(len(b.bad), maxRemarks-len(r.bad))
	r.bad = append(r.bad, b.bad[:shown]...)
	r.more += len(b.bad) - shown
}

func (l *loader) count(f *file, index string, n int64) {
	l.events.indices[index] += n
	f.events += n
}

// remarks lists what was wrong, file by file.
func (l *loader) remarks() diag.List {
	var out diag.List
	for i, r := range l.reports {
		name := l.events.options.Files[i]
		out = append(out, r.bad...)
		if r.more > 0 {
			out = append(out, diag.Diagnostic{
				Severity: diag.Error, Code: codeBadLine, File: name,
				Message: fmt.Sprintf("%d more lines are no events", r.more),
			})
		}
		if r.err != nil {
			out = append(out, unreadable(name, r.err))
		}
	}
	return out
}
