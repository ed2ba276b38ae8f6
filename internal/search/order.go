package search

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// key is a sort value in a form that is fast to compare and refers to nothing of the event but a short text.
type key struct {
	kind keyKind
	// nanos is the part of a time below a millisecond, whole the rest of it or a number.
	nanos int32
	whole int64
	text  string
}

type keyKind uint8

// The kinds in their order; an event without a value is last in either direction.
const (
	numberKey keyKind = iota
	textKey
	versionKey
	missingKey
)

func (k key) compare(o key) int {
	switch {
	case k.kind != o.kind:
		return cmp.Compare(k.kind, o.kind)
	case k.kind == versionKey:
		return mapping.CompareVersions(k.text, o.text)
	case k.kind == textKey:
		return strings.Compare(k.text, o.text)
	}
	return cmp.Or(cmp.Compare(k.whole, o.whole), cmp.Compare(k.nanos, o.nanos))
}

// maxOrder is the maximum number of fields in an order: time, fallback, tiebreaker.
const maxOrder = 3

// Place is the sort position of an event, without its index and id.
type Place [maxOrder]key

// Ordering computes and compares sort positions in memory, as Elasticsearch does.
type Ordering struct {
	fields     []*mapping.Field // nil: not mapped, missing in every event
	descending bool
	// times is the number of leading fields that are times.
	times int
}

// NewOrdering looks up the fields of a request's order. A field whose values have no order is an error, as in
// Elasticsearch.
func NewOrdering(r Request) (Ordering, error) {
	o := Ordering{descending: r.Descending}
	for _, by := range r.Order() {
		if by.IsTime {
			o.times++
		}
		f, mapped := r.FieldTypes.Field(by.Name)
		if !mapped {
			o.fields = append(o.fields, nil)
			continue
		}
		if err := orderable(f.Type.Family()); err != nil {
			return o, fmt.Errorf("order by field [%s] of type [%s]: %w", f.Name, f.Type, err)
		}
		o.fields = append(o.fields, &f)
	}
	return o, nil
}

func orderable(family mapping.Family) error {
	switch family {
	case mapping.FamilyText:
		return condition.ErrAnalysed
	case mapping.FamilyObject, mapping.FamilyOther:
		return condition.ErrOperator
	default:
		return nil
	}
}

// Fields returns the mapped fields of the order.
func (o Ordering) Fields() []mapping.Field {
	var out []mapping.Field
	for _, f := range o.fields {
		if f != nil {
			out = append(out, *f)
		}
	}
	return out
}

// Of returns the sort position of a document.
func (o Ordering) Of(d condition.Document) Place {
	var keys Place
	for i, f := range o.fields {
		keys[i] = o.key(d, f)
	}
	return keys
}

// Time returns the time at a sort position: of the first time field that the event has. ok is false if it has none.
func (o Ordering) Time(p Place) (at time.Time, ok bool) {
	for _, k := range p[:o.times] {
		if k.kind == numberKey {
			return time.UnixMilli(k.whole).Add(time.Duration(k.nanos)).UTC(), true
		}
	}
	return time.Time{}, false
}

// key returns the least of the field's values, or the greatest in a descending order.
func (o Ordering) key(d condition.Document, f *mapping.Field) key {
	best := key{kind: missingKey}
	if f == nil {
		return best
	}
	for _, v := range d.Values(*f) {
		k := keyOf(f.Type.Family(), v)
		if best.kind == missingKey || (k.compare(best) < 0) != o.descending {
			best = k
		}
	}
	best.text = strings.Clone(best.text) // not a part of the line
	return best
}

// Compare orders two positions; 0 if only the events' index and id can distinguish them.
func (o Ordering) Compare(a, b Place) int {
	for i := range o.fields {
		if c := o.direct(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

func (o Ordering) direct(a, b key) int {
	if o.descending && a.kind != missingKey && b.kind != missingKey {
		return b.compare(a)
	}
	return a.compare(b)
}

func keyOf(family mapping.Family, v mapping.Value) key {
	switch family {
	case mapping.FamilyDate:
		return timeKey(v.Time)
	case mapping.FamilyInteger:
		return key{whole: v.Whole}
	case mapping.FamilyFloat:
		return key{whole: floatOrder(v.Number)}
	case mapping.FamilyBoolean:
		if v.Bool {
			return key{whole: 1}
		}
		return key{}
	case mapping.FamilyIP:
		address := v.IP.As16()
		return key{kind: textKey, text: string(address[:])}
	case mapping.FamilyVersion:
		return key{kind: versionKey, text: v.String}
	case mapping.FamilyUnknown:
		return unknownKey(v.String)
	default:
		return key{kind: textKey, text: v.String}
	}
}

func timeKey(t time.Time) key {
	return key{whole: t.UnixMilli(), nanos: int32(t.Nanosecond() % int(time.Millisecond))}
}

// unknownKey returns the key of a value of unknown type, by its form.
func unknownKey(s string) key {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return key{whole: n}
	}
	if t, _, err := mapping.ParseDate(s, ""); err == nil {
		return timeKey(t)
	}
	return key{kind: textKey, text: s}
}

// floatOrder maps floats to integers with the same order.
func floatOrder(x float64) int64 {
	if x == 0 {
		return 0 // -0 too
	}
	bits := int64(math.Float64bits(x))
	if bits < 0 {
		bits ^= math.MaxInt64
	}
	return bits
}
