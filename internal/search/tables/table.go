package tables

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// The size of a table at most, in rows and in bytes of text.
const (
	MaxRows  = 100_000
	MaxBytes = 16 << 20
)

// ErrTooLarge is wrapped when a table would be larger than it may be.
var ErrTooLarge = errors.New("a table has at most 100000 rows and 16 MiB")

// ErrRefused is wrapped when whoever asks may not read the place of tables.
var ErrRefused = errors.New("the place of tables may not be read")

// ErrConflict is wrapped when others keep writing a table at the same time.
var ErrConflict = errors.New("others write the table at the same time")

// Table is what is kept under a name.
type Table struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
	// Updated is when it was written: the moment that the search stood for. Since is when it was first.
	Updated time.Time `json:"updated"`
	Since   time.Time `json:"since"`
	// Earlier is the table as it was before that moment, without one of its own; nil when there was none.
	Earlier *Table `json:"earlier,omitempty"`
}

// AsOf returns the table as searches of a moment see it: with what was written for moments before. So it is of
// no account which searches of one moment run first, and one that is run again sees what it saw. Of times
// that are long past the oldest that is known stands in.
func (t Table) AsOf(slot time.Time) (Table, bool) {
	if !t.Since.Before(slot) {
		return Table{}, false
	}
	if t.Earlier != nil && !t.Updated.Before(slot) {
		return *t.Earlier, true
	}
	return t, true
}

// Next is the table that is written for a moment in place of this one, if there is one.
func (t Table) Next(found bool, columns []string, rows [][]string, slot time.Time) Table {
	out := Table{Columns: columns, Rows: rows, Updated: slot, Since: slot}
	if !found {
		return out
	}
	if out.Since = t.Since; slot.Before(t.Since) {
		out.Since = slot
	}
	switch {
	case t.Updated.Before(slot):
		t.Earlier = nil
		out.Earlier = &t
	default: // another one of the moment wrote it, or a later one: what was before stays
		out.Earlier, out.Updated = t.Earlier, t.Updated
	}
	return out
}

// Change makes of what is kept, nothing if found is false, what is to be kept. It may be called again when
// somebody else was faster.
type Change func(old Table, found bool) (Table, error)

// Store keeps tables. It is safe for concurrent use.
type Store interface {
	// Read returns a table; found is false when there is none.
	Read(ctx context.Context, name string) (t Table, found bool, err error)
	// Write changes a table.
	Write(ctx context.Context, name string, change Change) error
}

// Fits returns an error when a table is too large to be kept.
func (t Table) Fits(name string) error {
	size := 0
	for _, row := range t.Rows {
		for _, cell := range row {
			size += len(cell) + 1
		}
	}
	if len(t.Rows) > MaxRows || size > MaxBytes {
		return fmt.Errorf("the table %s has %d rows and %d bytes: %w", name, len(t.Rows), size, ErrTooLarge)
	}
	return nil
}

// Encode writes a table as it is kept.
func Encode(name string, t Table) ([]byte, error) {
	if err := t.Fits(name); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	err := json.NewEncoder(w).Encode(t)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("encode the table %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// Decode reads what [Encode] wrote.
func Decode(name string, data []byte) (Table, error) {
	var t Table
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err == nil {
		// Cells are at most MaxBytes; what JSON adds to them is bounded by their escapes.
		err = json.NewDecoder(io.LimitReader(r, 16*MaxBytes)).Decode(&t)
	}
	if err != nil {
		return Table{}, fmt.Errorf("decode the table %s: %w", name, err)
	}
	return t, nil
}

// Memory keeps tables as long as the process lives.
type Memory struct {
	mu     sync.Mutex
	tables map[string]Table
}

// NewMemory returns a place without tables.
func NewMemory() *Memory { return &Memory{tables: map[string]Table{}} }

// Read implements [Store].
func (m *Memory) Read(_ context.Context, name string) (Table, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tables[name]
	return t.clone(), ok, nil
}

// Write implements [Store].
func (m *Memory) Write(_ context.Context, name string, change Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, found := m.tables[name]
	t, err := change(old.clone(), found)
	if err == nil {
		err = t.Fits(name)
	}
	if err == nil {
		m.tables[name] = t
	}
	return err
}

func (t Table) clone() Table {
	t.Columns, t.Rows = slices.Clone(t.Columns), slices.Clone(t.Rows)
	return t
}

// Dry reads tables of another place and keeps what is written for as long as the process lives: for runs
// that are to change nothing.
func Dry(from Store) Store { return &dry{from: from, over: NewMemory()} }

type dry struct {
	from Store
	over *Memory
}

func (d *dry) Read(ctx context.Context, name string) (Table, bool, error) {
	if t, found, err := d.over.Read(ctx, name); found || err != nil {
		return t, found, err
	}
	return d.from.Read(ctx, name) //nolint:wrapcheck // it names the table
}

func (d *dry) Write(ctx context.Context, name string, change Change) error {
	under, found, err := d.Read(ctx, name)
	if err != nil {
		return err
	}
	return d.over.Write(ctx, name, func(old Table, ours bool) (Table, error) {
		if ours {
			return change(old, true)
		}
		return change(under, found)
	})
}
