package ledger

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"sync"
	"time"
)

// The layout of an encoded page: a byte with the layout's number, then deflated columns. Numbers
// are varints. A column begins with the number of its runs; a run is a value and its repeat count.
// The columns, in order: slots as the distance in milliseconds from the previous one, statuses,
// attempts, fences, read, hits, created, duplicates, suppressed, queued, took, lateness,
// reasons, errors as indices into the list of texts that follows.
const layout = 3

// maxEntries bounds what is decoded. In practice, no day has more slots.
const maxEntries = 1 << 20

// ErrLayout is wrapped when an encoded page cannot be read: it is damaged, or of a later version.
var ErrLayout = errors.New("the encoded page cannot be read")

// Encode encodes the entries of a page.
func Encode(p Page) ([]byte, error) {
	var columns bytes.Buffer
	w := writer{to: &columns}
	w.number(int64(len(p.Entries)))
	previous := p.Day
	w.column(p.Entries, func(e Entry) int64 {
		gap := e.Slot.Sub(previous).Milliseconds()
		previous = e.Slot
		return gap
	})
	for _, get := range columnsOf {
		w.column(p.Entries, get)
	}
	texts := map[string]int64{"": 0}
	list := []string{}
	w.column(p.Entries, func(e Entry) int64 {
		n, known := texts[e.Error]
		if !known {
			list = append(list, e.Error)
			n = int64(len(list))
			texts[e.Error] = n
		}
		return n
	})
	w.number(int64(len(list)))
	for _, text := range list {
		w.number(int64(len(text)))
		columns.WriteString(text)
	}
	return deflate(columns.Bytes())
}

// columnsOf returns the numbers of an entry in the order of the layout. Decode has the inverse.
var columnsOf = []func(Entry) int64{
	func(e Entry) int64 { return int64(e.Status) },
	func(e Entry) int64 { return e.Attempts },
	func(e Entry) int64 { return e.Fence },
	func(e Entry) int64 { return e.Read },
	func(e Entry) int64 { return e.Hits },
	func(e Entry) int64 { return e.Created },
	func(e Entry) int64 { return e.Duplicates },
	func(e Entry) int64 { return e.Suppressed },
	func(e Entry) int64 { return e.Queued },
	func(e Entry) int64 { return rough(e.Took.Milliseconds()) },
	func(e Entry) int64 {
		if e.Ended.IsZero() {
			return 0
		}
		return rough(1 + max(0, int64(e.Ended.Sub(e.Slot)/time.Second)))
	},
	func(e Entry) int64 { return int64(e.Reason) },
}

// rough keeps the four leading bits of a number, an error of at most one part in sixteen. Run times
// differ in all their digits, and the last ones do not matter but compress badly.
func rough(n int64) int64 {
	if n < 16 {
		return max(n, 0)
	}
	shift := bits.Len64(uint64(n)) - 4
	return n >> shift << shift
}

// deflaters and inflaters are reused: creating one takes longer than encoding or decoding most
// pages.
var (
	deflaters = sync.Pool{New: func() any {
		w, err := flate.NewWriter(nil, flate.BestSpeed)
		if err != nil {
			panic(err) // The only error is an invalid level.
		}
		return w
	}}
	inflaters = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}
)

func deflate(data []byte) ([]byte, error) {
	w, ok := deflaters.Get().(*flate.Writer)
	if !ok {
		return nil, errors.New("deflate a page: no writer")
	}
	defer deflaters.Put(w)
	var out bytes.Buffer
	out.WriteByte(layout)
	w.Reset(&out)
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("deflate a page: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("deflate a page: %w", err)
	}
	return out.Bytes(), nil
}

func inflate(data []byte) ([]byte, error) {
	r, ok := inflaters.Get().(io.Reader)
	if !ok {
		return nil, errors.New("no reader")
	}
	defer inflaters.Put(r)
	again, ok := r.(flate.Resetter)
	if !ok {
		return nil, fmt.Errorf("%T cannot be used again", r)
	}
	if err := again.Reset(bytes.NewReader(data), nil); err != nil {
		return nil, err //nolint:wrapcheck // the caller names the page
	}
	return io.ReadAll(io.LimitReader(r, maxPlain)) //nolint:wrapcheck // the caller names the page
}

type writer struct{ to *bytes.Buffer }

func (w writer) number(n int64) { w.to.Write(binary.AppendVarint(nil, n)) }

// column writes the values of all entries as runs of equal values.
func (w writer) column(entries []Entry, get func(Entry) int64) {
	type run struct{ value, count int64 }
	var runs []run
	for _, e := range entries {
		v := get(e)
		if n := len(runs); n > 0 && runs[n-1].value == v {
			runs[n-1].count++
			continue
		}
		runs = append(runs, run{v, 1})
	}
	w.number(int64(len(runs)))
	for _, r := range runs {
		w.number(r.value)
		w.number(r.count)
	}
}

// Decode decodes the entries of a page into p.
func Decode(p *Page, data []byte) error {
	if len(data) == 0 || data[0] != layout {
		return fmt.Errorf("page %s: %w", p.ID(), ErrLayout)
	}
	plain, err := inflate(data[1:])
	if err != nil {
		return fmt.Errorf("page %s: %w: %w", p.ID(), ErrLayout, err)
	}
	r := reader{from: bytes.NewReader(plain)}
	entries := r.entries(p.Day)
	if r.err != nil {
		return fmt.Errorf("page %s: %w: %w", p.ID(), ErrLayout, r.err)
	}
	p.Entries = entries
	return nil
}

// maxPlain bounds the size of a page's columns.
const maxPlain = 64 << 20

type reader struct {
	from *bytes.Reader
	err  error
}

func (r *reader) number() int64 {
	if r.err != nil {
		return 0
	}
	var n int64
	n, r.err = binary.ReadVarint(r.from)
	return n
}

func (r *reader) entries(day time.Time) []Entry {
	n := r.number()
	if n < 0 || n > maxEntries {
		r.fail("%d entries", n)
		return nil
	}
	entries := make([]Entry, n)
	at := day
	r.column(n, func(i int, gap int64) {
		at = at.Add(time.Duration(gap) * time.Millisecond)
		entries[i].Slot = at
	})
	for _, set := range []func(e *Entry, v int64){
		func(e *Entry, v int64) { e.Status = Status(v) },
		func(e *Entry, v int64) { e.Attempts = v },
		func(e *Entry, v int64) { e.Fence = v },
		func(e *Entry, v int64) { e.Read = v },
		func(e *Entry, v int64) { e.Hits = v },
		func(e *Entry, v int64) { e.Created = v },
		func(e *Entry, v int64) { e.Duplicates = v },
		func(e *Entry, v int64) { e.Suppressed = v },
		func(e *Entry, v int64) { e.Queued = v },
		func(e *Entry, v int64) { e.Took = time.Duration(v) * time.Millisecond },
		func(e *Entry, v int64) {
			if v > 0 {
				e.Ended = e.Slot.Add(time.Duration(v-1) * time.Second)
			}
		},
		func(e *Entry, v int64) { e.Reason = Reason(v) },
	} {
		r.column(n, func(i int, v int64) { set(&entries[i], v) })
	}
	texts := make([]int64, n)
	r.column(n, func(i int, v int64) { texts[i] = v })
	list := r.texts()
	for i, t := range texts {
		switch {
		case t == 0:
		case t < 0 || t > int64(len(list)):
			r.fail("text %d of %d", t, len(list))
		default:
			entries[i].Error = list[t-1]
		}
	}
	return entries
}

// column reads the runs of a column, which must add up to n values.
func (r *reader) column(n int64, set func(i int, v int64)) {
	i := int64(0)
	for runs := r.number(); runs > 0 && r.err == nil; runs-- {
		v, count := r.number(), r.number()
		if count <= 0 || count > n-i {
			r.fail("a run of %d values, %d are left", count, n-i)
			return
		}
		for end := i + count; i < end; i++ {
			set(int(i), v)
		}
	}
	if i != n {
		r.fail("a column of %d values, not %d", i, n)
	}
}

func (r *reader) texts() []string {
	n := r.number()
	if n < 0 || n > maxEntries {
		r.fail("%d texts", n)
		return nil
	}
	var list []string
	for ; n > 0 && r.err == nil; n-- {
		length := r.number()
		if length < 0 || length > int64(r.from.Len()) {
			r.fail("a text of %d bytes", length)
			return nil
		}
		text := make([]byte, length)
		_, _ = io.ReadFull(r.from, text) // The length was checked.
		list = append(list, string(text))
	}
	return list
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}
