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

// The maximum size of a table, in rows and in bytes of text.
const (
	MaxRows  = 100_000
	MaxBytes = 16 << 20
)

// ErrTooLarge is wrapped by the error for a table that exceeds the limits.
var ErrTooLarge = errors.New("a table has at most 100000 rows and 16 MiB")

// ErrRefused is wrapped when the user may not read tables.
var ErrRefused = errors.New("tables may not be read")

// ErrConflict is the error if others keep writing a table at the same time.
var ErrConflict = errors.New("others write the table at the same time")

// Table is a lookup table.
type Table struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
	// Updated is the slot of the search that wrote it, Since the slot of the first one.
	Updated time.Time `json:"updated"`
	Since   time.Time `json:"since"`
	// Earlier is the table as it was before Updated, without an Earlier of its own; nil if there was none.
	Earlier *Table `json:"earlier,omitempty"`
}

// AsOf returns the table as searches of a slot see it: with the writes of earlier slots only. So the order in
// which searches of one slot run does not matter, and a repeated search sees the same table. For slots long
// past, it returns the oldest version that is known.
func (t Table) AsOf(slot time.Time) (Table, bool) {
	if !t.Since.Before(slot) {
		return Table{}, false
	}
	if t.Earlier != nil && !t.Updated.Before(slot) {
		return *t.Earlier, true
	}
	return t, true
}

// Next returns the table that is written at a slot; t is the existing table if found.
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
	default: // written by another search of the slot, or of a later one: Earlier stays
		out.Earlier, out.Updated = t.Earlier, t.Updated
	}
	return out
}

// Change returns the new table from the existing one; found is false if there is none. It may be called again
// after a conflict.
type Change func(old Table, found bool) (Table, error)

// Store stores tables. It is safe for concurrent use.
type Store interface {
	// Read returns a table; found is false if there is none.
	Read(ctx context.Context, name string) (t Table, found bool, err error)
	// Write changes a table.
	Write(ctx context.Context, name string, change Change) error
}

// Fits returns an error if a table is too large.
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

// Encode encodes a table for storage.
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

// Decode decodes the result of [Encode].
func Decode(name string, data []byte) (Table, error) {
	var t Table
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err == nil {
		// Cells have at most MaxBytes; escaping in JSON makes them at most 16 times as long.
		err = json.NewDecoder(io.LimitReader(r, 16*MaxBytes)).Decode(&t)
	}
	if err != nil {
		return Table{}, fmt.Errorf("decode the table %s: %w", name, err)
	}
	return t, nil
}

// Memory stores tables in memory.
type Memory struct {
	mu     sync.Mutex
	tables map[string]Table
}

// NewMemory returns an empty store.
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

// Dry returns a store that reads the tables of another one and keeps writes in memory, for runs that must not
// change anything.
func Dry(from Store) Store { return &dry{from: from, over: NewMemory()} }

type dry struct {
	from Store
	over *Memory
}

func (d *dry) Read(ctx context.Context, name string) (Table, bool, error) {
	if t, found, err := d.over.Read(ctx, name); found || err != nil {
		return t, found, err
	}
	return d.from.Read(ctx, name) //nolint:wrapcheck // the error names the table
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
