package search

import (
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"tocsin/internal/match/mapping"
)

// GroupSpan is a stretch of the list of groups: those that were asked for lie in it, and few others.
type GroupSpan struct {
	by []mapping.Field
	// after is a place before the first of them; nil: only the beginning of the list is known to be.
	after map[string]any
	// last is the key of the last one; nil: only the end of the list is known to come behind it.
	last []string
}

// Span returns where in the list the groups asked for by Only are.
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

// After is what the list is to begin behind, by the names of its sources; nil: with its first group.
func (s GroupSpan) After() map[string]any { return s.after }

// Passed reports whether all groups of the stretch come before one of this key, or are it.
func (s GroupSpan) Passed(key []string) bool { return s.last != nil && s.compare(key, s.last) >= 0 }

func (s GroupSpan) compare(a, b []string) int {
	for i, f := range s.by {
		if c := f.CompareKeys(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

// listedInOrder reports whether the order in which Elasticsearch lists values is that of their keys.
func listedInOrder(f mapping.Field) bool {
	switch f.Type.Family() {
	case mapping.FamilyString, mapping.FamilyInteger, mapping.FamilyFloat, mapping.FamilyBoolean, mapping.FamilyDate, mapping.FamilyIP:
		return f.Type != mapping.UnsignedLong
	default:
		return false
	}
}

// before is a place in the list before a key, with few groups between the two: the last of its values
// that can be is a little less.
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

// placeValue is a key as a place in the list has it.
func placeValue(f mapping.Field, key string) any {
	if f.Type.Family() == mapping.FamilyDate {
		if t, err := time.Parse(time.RFC3339Nano, key); err == nil {
			return t.UnixMilli()
		}
	}
	return f.KeyValue(key)
}

// lesser is a value a little less than that of a key; false where none is known.
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

// lesserText is a text before another: its last character, if that is plain, becomes the one before it,
// with the last of all characters behind.
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
