package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/failure"
	"tocsin/internal/mapping"
	"tocsin/internal/search"
)

// DefaultMaxLine is the length in bytes that a line may have unless told otherwise.
const DefaultMaxLine = 100 << 20

// EventsOptions says which events there are. The zero value has none.
type EventsOptions struct {
	// Files are read in this order. "-" is Stdin; what ends in .gz or begins like gzip is
	// decompressed. Files that can be read only once are copied to a temporary file.
	Files []string
	// Index is the index of events that name none. With "", the default, such an event belongs to
	// every index: all patterns match it.
	Index string
	// Mapping has the fields of each index; nil: those of ECS by name, in every index. Either way a
	// field that it does not know is what dynamic mapping makes of it in its index, by the mapping's
	// templates: its first value decides.
	Mapping *mapping.Indices
	// MaxLine is the greatest length of a line in bytes, up to 2 GiB; 0 means [DefaultMaxLine].
	MaxLine int
	// Stdin is read for "-"; nil means the standard input of the process.
	Stdin io.Reader
	// Watch, when not nil, is told when files begin to be read: what for, and how many bytes there are. It
	// returns what is called with the bytes that were read since, and what is called at the end.
	Watch Watch
	// TempDir is where temporary files go; "" means the system's place for them.
	TempDir string
}

// Watch looks on while files are read; see [EventsOptions].
type Watch func(what string, size int64) (advance func(n int64), end func())

// begin is never nil, nor is what it returns.
func (w Watch) begin(what string, size int64) (advance func(n int64), end func()) {
	if w == nil {
		return func(int64) {}, func() {}
	}
	return w(what, size)
}

// Events are the events of files. It implements [search.Events] and is safe for concurrent use.
//
// It keeps the names of fields and of indices, with a type and a count, and nothing of any event.
// Each index has a mapping of its own. A field that it (or ECS) does not know has the type of its first
// value in that index; later values that are none of that type are not indexed, where Elasticsearch
// would refuse the document.
type Events struct {
	files   []*file
	spool   spool
	options EventsOptions
	indices map[string]int64
	mapped  *mappings
	fields  mapping.Fields
}

var _ search.Events = (*Events)(nil)

// OpenEvents reads every file once. A line that is no event, and a file that cannot be read, are
// errors of the list; all other events count. The error is for what stops the whole: an expired
// context, no room for temporary files. Close the Events when done.
func OpenEvents(ctx context.Context, opts EventsOptions) (*Events, diag.List, error) {
	if opts.MaxLine <= 0 {
		opts.MaxLine = DefaultMaxLine
	}
	opts.MaxLine = min(opts.MaxLine, math.MaxInt32)
	if opts.Stdin == nil {
		opts.Stdin = os.Stdin
	}
	e := &Events{options: opts, indices: map[string]int64{}, mapped: newMappings(opts.Mapping), spool: spool{dir: opts.TempDir}}
	l := loader{events: e}
	if err := l.load(ctx); err != nil {
		return nil, nil, errors.Join(err, e.Close())
	}
	e.fields = e.mapped.fields(slices.Sorted(maps.Keys(e.indices)))
	return e, l.remarks(), nil
}

// Close frees temporary files. The Events cannot be used any more.
func (e *Events) Close() error {
	if err := e.spool.close(); err != nil {
		return fmt.Errorf("close temporary file: %w", err)
	}
	return nil
}

// Len returns the number of events.
func (e *Events) Len() int64 {
	var n int64
	for _, f := range e.files {
		n += f.events
	}
	return n
}

// Fields returns the fields of all events by index, and those that ECS or the given mapping know besides.
func (e *Events) Fields() mapping.Fields { return e.fields }

// unavailable types an error of the file system.
func unavailable(op string, err error) error {
	return &failure.Error{Kind: failure.Unavailable, Op: op, Err: err}
}
