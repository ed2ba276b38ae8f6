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
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// DefaultMaxLine is the default maximum length of a line in bytes.
const DefaultMaxLine = 100 << 20

// EventsOptions selects the events. The zero value selects none.
type EventsOptions struct {
	// Files are read in this order. "-" is Stdin; a file that ends in .gz or begins like gzip is
	// decompressed. Files that can be read only once are copied to a temporary file.
	Files []string
	// Index is the index of events that name none. With "", the default, such an event belongs to
	// every index: all patterns match it.
	Index string
	// Mapping has the fields of each index; nil: the fields of ECS by name, in every index. Either
	// way an unknown field is mapped by dynamic mapping in its index, with the mapping's templates:
	// its first value decides.
	Mapping *mapping.Indices
	// MaxLine is the maximum length of a line in bytes, up to 2 GiB; 0 means [DefaultMaxLine].
	MaxLine int
	// Stdin is read for "-"; nil means the standard input of the process.
	Stdin io.Reader
	// Watch, when not nil, is called when a read of files begins, with its purpose and the number
	// of bytes. It returns a func to call with the bytes read since the last call, and a func to
	// call at the end.
	Watch Watch
	// TempDir is the directory of temporary files; "" means the system's.
	TempDir string
}

// Watch observes reads of files; see [EventsOptions].
type Watch func(what string, size int64) (advance func(n int64), end func())

// begin never returns nil funcs, also for a nil Watch.
func (w Watch) begin(what string, size int64) (advance func(n int64), end func()) {
	if w == nil {
		return func(int64) {}, func() {}
	}
	return w(what, size)
}

// Events are the events of files. It implements [search.Events] and is safe for concurrent use.
//
// It keeps the names of fields and of indices, with a type and a count, and no events. Each index
// has its own mapping. A field that is in neither the mapping nor ECS has the type of its first
// value in that index; later values of another type are not indexed, where Elasticsearch would
// reject the document.
type Events struct {
	files   []*file
	spool   spool
	options EventsOptions
	indices map[string]int64
	mapped  *mappings
	fields  mapping.Fields
}

var _ search.Events = (*Events)(nil)

// OpenEvents reads every file once. A line that is not an event, and a file that cannot be read,
// are errors of the list; all other events count. The error is for failures of the whole: an
// expired context, no room for temporary files. Close the Events when done.
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

// Close removes temporary files. The Events cannot be used any more.
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

// Fields returns the fields of all events by index, and the fields of ECS or the given mapping.
func (e *Events) Fields() mapping.Fields { return e.fields }

// unavailable classifies an error of the file system.
func unavailable(op string, err error) error {
	return &failure.Error{Kind: failure.Unavailable, Op: op, Err: err}
}
