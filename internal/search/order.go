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

// key is one value in a form that compares fast and keeps nothing of the event but short text.
type key struct {
	kind keyKind
	// nanos is the part of a time below the millisecond, whole the rest of it or a number.
	nanos int32
	whole int64
	text  string
}

type keyKind uint8

// The kinds in their order; an event without a value comes last, whatever the direction.
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

// maxOrder is the greatest number of fields in an order: time, its fallback, tiebreaker.
const maxOrder = 3

// Place is what decides the place of an event among others, besides where it stands.
type Place [maxOrder]key

// Ordering finds and compares the places of events in memory, as Elasticsearch sorts them.
type Ordering struct {
	fields     []*mapping.Field // nil: not mapped, missing in every event
	descending bool
}

// NewOrdering looks up the fields of a request's order. One whose values have no order is an error,
// as it is for Elasticsearch.
func NewOrdering(r Request) (Ordering, error) {
	o := Ordering{descending: r.Descending}
	for _, by := range r.Order() {
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

// Fields returns the fields of the order that are mapped.
func (o Ordering) Fields() []mapping.Field {
	var out []mapping.Field
	for _, f := range o.fields {
		if f != nil {
			out = append(out, *f)
		}
	}
	return out
}

// Of returns the place of a document.
func (o Ordering) Of(d condition.Document) Place {
	var keys Place
	for i, f := range o.fields {
		keys[i] = o.key(d, f)
	}
	return keys
}

// key returns the least of the field's values, or the greatest where the greatest come first.
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
	best.text = strings.Clone(best.text) // Or it would hold on to the line.
	return best
}

// Compare orders two places; 0 when only where the events stand can tell them apart.
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

// unknownKey takes a value of no known type for what it looks like.
func unknownKey(s string) key {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return key{whole: n}
	}
	if t, _, err := mapping.ParseDate(s, ""); err == nil {
		return timeKey(t)
	}
	return key{kind: textKey, text: s}
}

// floatOrder maps floats to integers that are ordered as they are.
func floatOrder(x float64) int64 {
	if x == 0 {
		return 0 // also of -0
	}
	bits := int64(math.Float64bits(x))
	if bits < 0 {
		bits ^= math.MaxInt64
	}
	return bits
}
