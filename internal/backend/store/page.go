package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

var errChanged = errors.New("the file has changed since it was opened")

// maxOpen is how many files are kept open while pages are read.
const maxOpen = 64

// pageBytes is the maximum size of a page's lines, unless it is one line: each of many searches holds a
// page.
const pageBytes = 6 << 20

// onPage returns how many of the hits make a page of at most size hits.
func onPage(hits []hit, size int) int {
	bytes := 0
	for i, h := range hits[:min(size, len(hits))] {
		if bytes += int(h.length); i > 0 && bytes > pageBytes {
			return i
		}
	}
	return min(size, len(hits))
}

// pages reads the hits again, page by page, and passes them to visit.
func (s *scan) pages(ctx context.Context, result *search.Result, visit search.Visit) error {
	r := reader{events: s.events, open: map[*file]openFile{}}
	defer r.close()
	for left := s.hits; len(left) > 0; {
		hits := left[:onPage(left, s.request.Size())]
		left = left[len(hits):]
		start := time.Now()
		page, err := s.page(ctx, &r, hits)
		if err != nil {
			return err
		}
		result.Took += time.Since(start)
		result.Pages++
		if more, err := visit(page); err != nil || !more {
			return err
		}
	}
	return nil
}

// page reads the lines of some hits one by one, and decodes them concurrently.
func (s *scan) page(ctx context.Context, r *reader, hits []hit) ([]event.Event, error) {
	texts := make([][]byte, len(hits))
	for i, h := range hits {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var err error
		f := s.events.files[h.source]
		if texts[i], err = r.read(f, h.offset, int(h.length)); err != nil {
			return nil, unavailable("read event of "+f.name, err)
		}
	}
	page, errs := make([]event.Event, len(hits)), make([]error, len(hits))
	var running sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), len(hits))
	for first := range workers {
		running.Go(func() {
			for i := first; i < len(hits); i += workers {
				errs[i] = failure.Guard("read an event", func() (err error) { page[i], err = s.event(texts[i]); return err })
				if errs[i] != nil {
					errs[i] = unavailable("read event of "+s.events.files[hits[i].source].name, errs[i])
				}
			}
		})
	}
	running.Wait()
	return page, cmp.Or(errs...)
}

// event makes an event of the line of a hit.
func (s *scan) event(text []byte) (event.Event, error) {
	var own cutter
	c, ok := own.of(text)
	if !ok {
		return event.Event{}, errChanged
	}
	source, err := event.DecodeObject(c.source)
	if err != nil {
		return event.Event{}, errChanged
	}
	e := event.Event{Index: string(c.index), ID: string(c.id), Source: c.source}
	if e.Index == "" {
		e.Index = streamOf(source, s.events.options.Index)
	}
	e.Types = s.types(e.Index)
	e.Fields = s.values(s.request.TypesOf(e.Index), source)
	if e.ID == "" {
		e.ID = event.Content(source)
	}
	if s.request.OmitSource {
		e.Source = json.RawMessage("{}")
	}
	return e, nil
}

// types returns an index's mapping of the request's fields.
func (s *scan) types(index string) mapping.Fields {
	if s.given == nil {
		return nil
	}
	return mapping.OfIndex(s.given, index)
}

// values returns the values of the fields that the request needs besides the source.
func (s *scan) values(types mapping.Fields, source map[string]any) map[string][]any {
	if len(s.request.Fields) == 0 {
		return nil
	}
	out := map[string][]any{}
	for _, name := range s.request.Fields {
		f, ok := types.Field(name)
		switch {
		case !ok:
			out[name] = nil
		case f.IsMetadata(), f.Copied != nil: // Every hit has it, or its source does.
		case f.Type == mapping.Flattened && !f.Keyed, ranges(f): // Its values are in the source.
		case f.Constant != nil:
			out[name] = []any{*f.Constant}
		default:
			out[name] = indexed(f, event.Lookup(source, f.Source()))
		}
	}
	return out
}

func ranges(f mapping.Field) bool {
	_, ranges := f.Type.Element()
	return ranges
}

func indexed(f mapping.Field, raws []any) []any {
	var out []any
	for _, raw := range raws {
		if _, ok := f.Index(raw); ok {
			out = append(out, raw)
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
