package batch

import (
	"slices"
	"unsafe"

	"tocsin/internal/condition"
	"tocsin/internal/event"
	"tocsin/internal/mapping"
	"tocsin/internal/search"
)

// times are the values of some events that windows ask for: no more of the events is decoded.
type times struct {
	fields []mapping.Field
	// values are those of all events, field by field; ends are where those of each end.
	values []mapping.Value
	ends   []int
}

// timesOf reads the times of hits; false when a hit cannot be read, or time is no date there.
func timesOf(r search.Request, hits []event.Event) (*times, bool) {
	t := &times{}
	for _, name := range condition.Fields(r.Time.Condition()) {
		f, mapped := r.FieldTypes.Field(name)
		switch {
		case !mapped:
		case f.Type.Family() != mapping.FamilyDate:
			return nil, false
		default:
			t.fields = append(t.fields, f)
		}
	}
	view := event.NewSelection(t.fields, nil).NewView()
	for i := range hits {
		if view.Read(hits[i].Source) != nil { // Its Fields need not have the time.
			return nil, false
		}
		for n := range t.fields {
			t.values = append(t.values, view.Column(n)...)
			t.ends = append(t.ends, len(t.values))
		}
	}
	t.values, t.ends = slices.Clip(t.values), slices.Clip(t.ends)
	return t, true
}

// size is the memory that they take, in bytes.
func (t *times) size() int64 {
	return int64(cap(t.values))*int64(unsafe.Sizeof(mapping.Value{})) + int64(cap(t.ends))*int64(unsafe.Sizeof(0))
}

// moment is one of the events, as a window sees it.
type moment struct {
	times *times
	event int
}

func (m moment) Values(f mapping.Field) []mapping.Value {
	for n := range m.times.fields {
		if own := m.times.fields[n]; own.Name != f.Name || !own.SameValues(f) {
			continue
		}
		at, start := m.event*len(m.times.fields)+n, 0
		if at > 0 {
			start = m.times.ends[at-1]
		}
		return m.times.values[start:m.times.ends[at]]
	}
	panic("batch: a window asks for the field " + f.Name)
}

func (moment) HasObject(name string) bool {
	panic("batch: a window asks for the object " + name)
}

func (moment) AnyObject(name string, _ func() bool) bool {
	panic("batch: a window asks for the objects " + name)
}
