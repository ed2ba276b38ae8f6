package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/search"
)

var errChanged = errors.New("the file has changed since it was opened")

// maxOpen is how many files are kept open while pages are read.
const maxOpen = 64

// pages reads the hits again, page by page, and hands them out.
func (s *scan) pages(ctx context.Context, result *search.Result, visit search.Visit) error {
	r := reader{events: s.events, open: map[*file]openFile{}}
	defer r.close()
	for hits := range slices.Chunk(s.hits, s.request.Size()) {
		start := time.Now()
		page := make([]event.Event, 0, len(hits))
		for _, h := range hits {
			if err := ctx.Err(); err != nil {
				return err
			}
			found, err := s.event(&r, h)
			if err != nil {
				return err
			}
			page = append(page, found)
		}
		result.Took += time.Since(start)
		result.Pages++
		if more, err := visit(page); err != nil || !more {
			return err
		}
	}
	return nil
}

// event reads one hit.
func (s *scan) event(r *reader, h hit) (event.Event, error) {
	f := s.events.files[h.source]
	text, err := r.read(f, h.offset, int(h.length))
	if err != nil {
		return event.Event{}, unavailable("read event of "+f.name, err)
	}
	p, fault := parse(text)
	if fault != nil {
		return event.Event{}, unavailable("read event of "+f.name, errChanged)
	}
	source, err := p.rawSource(text)
	if err != nil {
		return event.Event{}, unavailable("read event of "+f.name, err)
	}
	return event.Event{
		Index: p.indexOr(s.events.options.Index), ID: p.identity(), Source: source, Fields: s.values(p.source),
	}, nil
}

// values returns the values of the fields that the request wants besides the source.
func (s *scan) values(source map[string]any) map[string][]any {
	var out map[string][]any
	for _, name := range s.request.Fields {
		f, ok := s.request.FieldTypes.Field(name)
		if !ok {
			continue
		}
		var values []any
		if f.Constant != nil {
			values = []any{*f.Constant}
		} else {
			for _, raw := range event.Lookup(source, f.Source()) {
				if _, indexed := f.Index(raw); indexed {
					values = append(values, raw)
				}
			}
		}
		if values != nil && out == nil {
			out = map[string][]any{}
		}
		if values != nil {
			out[name] = values
		}
	}
	return out
}

// reader reads single lines, keeping some files open.
type reader struct {
	events *Events
	open   map[*file]openFile
}

type openFile struct {
	at   io.ReaderAt
	done io.Closer
}

func (r *reader) read(f *file, offset int64, length int) ([]byte, error) {
	o, ok := r.open[f]
	if !ok {
		if len(r.open) == maxOpen {
			r.close()
		}
		var err error
		if o.at, o.done, err = r.events.open(f); err != nil {
			return nil, err
		}
		r.open[f] = o
	}
	text := make([]byte, length)
	if _, err := o.at.ReadAt(text, f.base+offset); err != nil {
		return nil, fmt.Errorf("byte %d: %w", offset, err)
	}
	return text, nil
}

func (r *reader) close() {
	for _, o := range r.open {
		o.done.Close()
	}
	clear(r.open)
}
