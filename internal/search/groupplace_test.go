package search_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// spanFields are fields whose groups are listed in order.
var spanFields = []mapping.Field{
	{Name: "k", Type: mapping.Keyword},
	{Name: "l", Type: mapping.Long},
	{Name: "d", Type: mapping.Double},
	{Name: "b", Type: mapping.Boolean},
	{Name: "t", Type: mapping.Date},
	{Name: "ip", Type: mapping.IP},
}

// aKey draws a key of a field.
func aKey(rt *rapid.T, f mapping.Field) string {
	var raw any
	switch f.Type {
	case mapping.Long:
		raw = json.Number(strconv.FormatInt(rapid.Int64().Draw(rt, "long"), 10))
	case mapping.Double:
		raw = json.Number(fmt.Sprint(rapid.OneOf(rapid.Float64Range(-1e6, 1e6), rapid.SampledFrom([]float64{0, 1, -1, 1e300})).Draw(rt, "double")))
	case mapping.Boolean:
		raw = rapid.Bool().Draw(rt, "bool")
	case mapping.Date:
		raw = time.UnixMilli(rapid.Int64Range(-1e12, 4e12).Draw(rt, "ms")).UTC().Format(time.RFC3339Nano)
	case mapping.IP:
		raw = rapid.SampledFrom([]string{"0.0.0.0", "10.0.0.1", "10.0.0.2", "9.255.255.255", "::", "::1", "2001:db8::1", "ffff::"}).Draw(rt, "ip")
	default:
		raw = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a", "ab", "ab!", "ab ", "abc", "é"})).Draw(rt, "text")
	}
	v, ok := f.Index(raw)
	if !ok {
		rt.Fatalf("%v is no value of %s", raw, f.Type)
	}
	return f.Key(v)
}

// TestGroupSpan: all requested groups come after the beginning of the range, and none comes after its end.
func TestGroupSpan(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		by := rapid.SliceOfN(rapid.SampledFrom(spanFields), 1, 3).Draw(rt, "fields")
		compare := func(a, b []string) int {
			for i, f := range by {
				if c := f.CompareKeys(a[i], b[i]); c != 0 {
					return c
				}
			}
			return 0
		}
		var all [][]string
		for range rapid.IntRange(1, 12).Draw(rt, "keys") {
			var key []string
			for _, f := range by {
				key = append(key, aKey(rt, f))
			}
			all = append(all, key)
		}
		slices.SortFunc(all, compare)
		from := rapid.IntRange(0, len(all)-1).Draw(rt, "from")
		wanted := all[from:rapid.IntRange(from+1, len(all)).Draw(rt, "to")]
		r := search.GroupRequest{By: by}
		for _, key := range rapid.Permutation(wanted).Draw(rt, "only") {
			r.Only = append(r.Only, search.Selection{Key: key})
		}
		span := r.Span()
		last := wanted[len(wanted)-1]
		for _, key := range all {
			if got, want := span.Passed(key), compare(key, last) >= 0; got != want {
				rt.Fatalf("passed at %q: %t, the last of %q", key, got, wanted)
			}
		}
		if after := placeOf(by, span.After()); after != nil && compare(after, wanted[0]) >= 0 {
			rt.Fatalf("the list is read behind %q, which leaves out %q", after, wanted[0])
		}
		if all := slices.ContainsFunc(by, func(f mapping.Field) bool { return f.Type == mapping.Double }); all && span.After() == nil {
			rt.Fatalf("the list is read from its beginning, for %q", wanted[0])
		}
	})
}

// placeOf is a place in the list as a key.
func placeOf(by []mapping.Field, after map[string]any) []string {
	if after == nil {
		return nil
	}
	var key []string
	for i, f := range by {
		switch v := after[search.AggKey(i)].(type) {
		case int64:
			if f.Type == mapping.Date {
				key = append(key, mapping.TimeKey(time.UnixMilli(v)))
			} else {
				key = append(key, strconv.FormatInt(v, 10))
			}
		case float64:
			key = append(key, mapping.FloatKey(v))
		default:
			key = append(key, fmt.Sprint(v))
		}
	}
	return key
}

// TestGroupSpanUnordered: where the order of a list is not known, all of it is read.
func TestGroupSpanUnordered(t *testing.T) {
	for _, typ := range []mapping.Type{mapping.Version, mapping.UnsignedLong, mapping.Unknown} {
		r := search.GroupRequest{By: []mapping.Field{spanFields[0], {Name: "x", Type: typ}}, Only: []search.Selection{{Key: []string{"a", "1"}}}}
		if span := r.Span(); span.After() != nil || span.Passed([]string{"z", "9"}) {
			t.Errorf("%s: a stretch of a list without a known order", typ)
		}
	}
}
