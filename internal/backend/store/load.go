package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
)

// maxRemarks is how many bad lines of one file are shown individually.
const maxRemarks = 20

// loader is the pass over all files that opens them.
type loader struct {
	events  *Events
	reports []report
}

// report is the report on one file. The reader of files sets err, the reader of results the rest.
type report struct {
	err  error
	bad  diag.List
	more int
}

// loaded is the content of one batch.
type loaded struct {
	file   *file
	source int
	// good are lines that may change the mapping; known is the number of the others, by index.
	good  []parsed
	known map[string]int64
	bad   diag.List
}

func (l *loader) load(ctx context.Context) error {
	l.reports = make([]report, len(l.events.options.Files))
	read := func(batches batchPool, emit func(*batch) bool) { l.readFiles(ctx, batches, emit) }
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

func (l *loader) readFiles(ctx context.Context, batches batchPool, emit func(*batch) bool) {
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

func (l *loader) read(f *file, i int, batches batchPool, emit func(*batch) bool) error {
	advance, end := l.events.options.Watch.begin("open", f.size)
	defer end()
	return l.events.read(f, i, batches, func(b *batch) bool {
		advance(int64(len(b.text)))
		return emit(b)
	})
}

// opener parses batches, concurrently with others. It only counts lines whose names have all
// occurred in earlier lines, as they cannot change the mapping.
type opener struct {
	options *EventsOptions
	// inferred and seen are from the earlier lines, by index.
	inferred *mappings
	seen     map[string]*seenName
	// streams: the names in events without an index may be data stream fields.
	streams bool
	cutter  cutter
	names   *indexNamer
	view    *event.View
}

func (l *loader) opener() func(*batch) loaded {
	o := &opener{
		options: &l.events.options, inferred: newMappings(l.events.options.Mapping), seen: map[string]*seenName{},
		names: newIndexNamer(l.events.options.Index),
	}
	o.view = event.NewSelection(streamFields, nil).NewView()
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
		o.see(p.indexOr(o.options.Index), p.source)
		out.good = append(out.good, p)
	})
	return out
}

// known returns the index of a line that cannot change the mapping.
func (o *opener) known(text []byte) (index string, known bool) {
	o.cutter.forget()
	if found, ok := o.cutter.bare(text); ok {
		// No seen source has a metadata name, so a line with one is not settled.
		if index, known = o.settled(found); known {
			return index, true
		}
	}
	found, ok := o.cutter.of(text)
	if !ok {
		return "", false
	}
	return o.settled(found)
}

// settled returns the index of an event whose names and kinds have all been seen in its index.
func (o *opener) settled(found cut) (index string, known bool) {
	switch {
	case len(found.index) > 0:
		index = o.names.name(found.index)
	case o.unnamed(found.source):
		return o.names.fallback, true
	case o.view.Read(found.source) != nil:
		return "", false
	default:
		var err error
		if index, err = o.names.stream(o.view, found.source); err != nil {
			return "", false
		}
	}
	seen := o.seen[index]
	return index, seen != nil && seen.document(found.source)
}

// unnamed reports whether a source is settled and names no index: all its names were seen in events
// without one, and none of them is a data stream field.
func (o *opener) unnamed(source []byte) bool {
	seen := o.seen[o.names.fallback]
	return seen != nil && !o.streams && seen.document(source)
}

// see adds an event.
func (o *opener) see(index string, source map[string]any) {
	o.inferred.infer(index, source)
	for name := range source {
		o.streams = o.streams || index == o.names.fallback && strings.HasPrefix(name, "data_stream")
	}
	if o.seen[index] == nil {
		o.seen[index] = &seenName{}
	}
	o.seen[index].see(o.inferred.byName[index], "", source)
}

// take counts lines and extends the mapping, in the order of the lines.
func (l *loader) take(b loaded) {
	for _, p := range b.good {
		index := p.indexOr(l.events.options.Index)
		l.events.mapped.infer(index, p.source)
		l.count(b.file, index, 1)
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

// remarks returns the diagnostics, file by file.
func (l *loader) remarks() diag.List {
	var out diag.List
	for i, r := range l.reports {
		name := l.events.options.Files[i]
		out = append(out, r.bad...)
		if r.more > 0 {
			out = append(out, diag.Diagnostic{
				Severity: diag.Error, Code: codeBadLine, File: name,
				Message: fmt.Sprintf("%d more lines are not events", r.more),
			})
		}
		if r.err != nil {
			out = append(out, unreadable(name, r.err))
		}
	}
	return out
}
