package batch

import (
	"slices"
	"unsafe"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// times holds the values of the time fields of some events, for windows: nothing else of the events
// is decoded.
type times struct {
	names []string
	// values holds the values of all events, field by field; ends holds where each event's values
	// end.
	values []mapping.Value
	ends   []int
}

// timesOf reads the times of hits; false when a hit cannot be parsed or does not contain its time.
func timesOf(r search.Request, hits []event.Event) (*times, bool) {
	t := &times{names: condition.Fields(r.Time.Condition())}
	ways := mapping.Ways(r.FieldTypes, t.names)
	var readers []timeReader
	for _, way := range ways {
		w, ok := newTimeReader(way.Fields, t.names)
		if !ok {
			return nil, false
		}
		readers = append(readers, w)
	}
	for i := range hits {
		if !t.read(&readers[mapping.WayOf(ways, hits[i].Index)], hits[i].Source) { // Its Fields may lack the time field.
			return nil, false
		}
	}
	t.values, t.ends = slices.Clip(t.values), slices.Clip(t.ends)
	return t, true
}

// timeReader reads times under one mapping of their fields.
type timeReader struct {
	view *event.View
	// columns are the columns of the fields in the view, -1 for unmapped fields.
	columns []int
}

func newTimeReader(types mapping.Fields, names []string) (timeReader, bool) {
	var w timeReader
	var fields []mapping.Field
	for _, name := range names {
		f, mapped := types.Field(name)
		switch {
		case !mapped:
			w.columns = append(w.columns, -1)
			continue
		case f.Type.Family() != mapping.FamilyDate, f.InMemory() != nil:
			return w, false
		}
		w.columns, fields = append(w.columns, len(fields)), append(fields, f)
	}
	w.view = event.NewSelection(fields, nil).NewView()
	return w, true
}

func (t *times) read(w *timeReader, source []byte) bool {
	if w.view.Read(source) != nil {
		return false
	}
	for _, n := range w.columns {
		if n >= 0 {
			t.values = append(t.values, w.view.Column(n)...)
		}
		t.ends = append(t.ends, len(t.values))
	}
	return true
}

// size returns the memory of the times, in bytes.
func (t *times) size() int64 {
	return int64(cap(t.values))*int64(unsafe.Sizeof(mapping.Value{})) + int64(cap(t.ends))*int64(unsafe.Sizeof(0))
}

// moment is the times of one event, as a window sees them.
type moment struct {
	times *times
	event int
}

func (m moment) Values(f mapping.Field) []mapping.Value {
	n := slices.Index(m.times.names, f.Name)
	if n < 0 {
		panic("batch: a window asks for the field " + f.Name)
	}
	at, start := m.event*len(m.times.names)+n, 0
	if at > 0 {
		start = m.times.ends[at-1]
	}
	return m.times.values[start:m.times.ends[at]]
}

func (moment) HasObject(name string) bool {
	panic("batch: a window asks for the object " + name)
}

func (moment) AnyObject(name string, _ func() bool) bool {
	panic("batch: a window asks for the objects " + name)
}
