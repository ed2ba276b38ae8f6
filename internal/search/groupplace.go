package search

import (
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"tocsin/internal/match/mapping"
)

// GroupSpan is a range of the list of groups that contains the requested groups, and few others.
type GroupSpan struct {
	by []mapping.Field
	// after is a key before the first of them; nil: the range begins with the list.
	after map[string]any
	// last is the key of the last one; nil: the range ends with the list.
	last []string
}

// Span returns the range of the list that contains the groups of Only.
func (r GroupRequest) Span() GroupSpan {
	s := GroupSpan{by: r.By}
	if len(r.Only) == 0 {
		return s
	}
	for _, f := range r.By {
		if !listedInOrder(f) {
			return s
		}
	}
	first := r.Only[0].Key
	s.last = first
	for _, o := range r.Only {
		if s.compare(o.Key, first) < 0 {
			first = o.Key
		}
		if s.compare(o.Key, s.last) > 0 {
			s.last = o.Key
		}
	}
	s.after = s.before(first)
	return s
}

// After returns the key after which the list is to begin, by the names of its sources; nil: at its beginning.
func (s GroupSpan) After() map[string]any { return s.after }

// Passed reports whether no group of the range comes after this key.
func (s GroupSpan) Passed(key []string) bool { return s.last != nil && s.compare(key, s.last) >= 0 }

func (s GroupSpan) compare(a, b []string) int {
	for i, f := range s.by {
		if c := f.CompareKeys(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

// listedInOrder reports whether Elasticsearch lists the values of a field in the order of their keys.
func listedInOrder(f mapping.Field) bool {
	switch f.Type.Family() {
	case mapping.FamilyString, mapping.FamilyInteger, mapping.FamilyFloat, mapping.FamilyBoolean, mapping.FamilyDate, mapping.FamilyIP:
		return f.Type != mapping.UnsignedLong
	default:
		return false
	}
}

// before returns a key before the given one in the list, with few groups between the two: the last value that
// can be reduced is slightly less.
func (s GroupSpan) before(key []string) map[string]any {
	for i, value := range slices.Backward(key) {
		less, ok := lesser(s.by[i], value)
		if !ok {
			continue
		}
		after := map[string]any{}
		for j, f := range s.by {
			after[AggKey(j)] = placeValue(f, key[j])
		}
		after[AggKey(i)] = less
		return after
	}
	return nil
}

// placeValue returns a key in the form of the aggregation's after key.
func placeValue(f mapping.Field, key string) any {
	if f.Type.Family() == mapping.FamilyDate {
		if t, err := time.Parse(time.RFC3339Nano, key); err == nil {
			return t.UnixMilli()
		}
	}
	return f.KeyValue(key)
}

// lesser returns a value slightly less than a key; false if none is known.
func lesser(f mapping.Field, key string) (any, bool) {
	switch f.Type.Family() {
	case mapping.FamilyString:
		return lesserText(key)
	case mapping.FamilyInteger:
		n, err := strconv.ParseInt(key, 10, 64)
		return n - 1, err == nil && n > math.MinInt64
	case mapping.FamilyFloat:
		x, err := strconv.ParseFloat(key, 64)
		less := math.Nextafter(x, math.Inf(-1))
		return less, err == nil && !math.IsInf(less, 0)
	case mapping.FamilyBoolean:
		return false, key == "true"
	case mapping.FamilyDate:
		ms, ok := placeValue(f, key).(int64)
		return ms - 1, ok
	case mapping.FamilyIP:
		ip, ok := mapping.ParseIP(key)
		if less := ip.Prev(); ok && less.IsValid() {
			return less.String(), true
		}
	default:
	}
	return nil, false
}

// lesserText returns a text before another: if the last character is a plain one, it is replaced by its
// predecessor, followed by the highest character.
func lesserText(text string) (any, bool) {
	if text == "" {
		return nil, false
	}
	end := len(text) - 1
	if c := text[end]; '!' < c && c < utf8.RuneSelf {
		return text[:end] + string(rune(c-1)) + "\U0010FFFF", true
	}
	_, size := utf8.DecodeLastRuneInString(text)
	return text[:len(text)-size], true
}
