package store

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"tocsin/internal/alert"
	"tocsin/internal/search"
)

// Kept searches the documents of a store as if they were events of an index. Every search reads the
// current documents.
type Kept struct {
	// Records are the documents, Index is the name that patterns are matched with.
	Records alert.Reader
	Index   string
	// TempDir is the directory of the copy that is searched; "" means the system's.
	TempDir string
}

var _ search.Events = (*Kept)(nil)

// Resolve finds the indices that patterns match.
func (k *Kept) Resolve(ctx context.Context, patterns, fields []string) (target search.Target, err error) {
	events, err := k.open(ctx)
	if err != nil {
		return target, err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	return events.Resolve(ctx, patterns, fields)
}

// Search searches a copy.
func (k *Kept) Search(ctx context.Context, r search.Request, visit search.Visit) (result search.Result, err error) {
	events, err := k.open(ctx)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	return events.Search(ctx, r, visit)
}

// kept are Events over a copy, which is removed when they are closed.
type kept struct {
	*Events
	file string
}

func (e kept) Close() error { return errors.Join(e.Events.Close(), os.Remove(e.file)) }

// open copies the documents to a file of events, so that memory does not grow with their number.
func (k *Kept) open(ctx context.Context) (kept, error) {
	f, err := os.CreateTemp(k.TempDir, "tocsin-kept-*.ndjson")
	if err != nil {
		return kept{}, unavailable("search kept documents", err)
	}
	err = k.copy(ctx, f)
	err = errors.Join(err, f.Close())
	var events *Events
	if err == nil {
		events, _, err = OpenEvents(ctx, EventsOptions{Files: []string{f.Name()}, TempDir: k.TempDir})
	}
	if err != nil {
		return kept{}, errors.Join(err, os.Remove(f.Name()))
	}
	return kept{events, f.Name()}, nil
}

func (k *Kept) copy(ctx context.Context, f *os.File) error {
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	err := k.Records.List(ctx, alert.Filter{}, func(d alert.Document) (bool, error) {
		line := map[string]any{"_index": k.Index, "_id": d.ID, "_source": d.Source}
		return true, enc.Encode(line)
	})
	if err != nil {
		return fmt.Errorf("copy kept documents: %w", err)
	}
	if err := w.Flush(); err != nil {
		return unavailable("copy kept documents", err)
	}
	return nil
}
