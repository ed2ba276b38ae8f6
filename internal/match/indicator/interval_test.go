package indicator_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/match/event"
	"tocsin/internal/match/indicator"
	"tocsin/internal/match/mapping"
)

// rangeKind is a range type with the spelling of numbers of a small range.
type rangeKind struct {
	ranges, event mapping.Type
	value         func(n int) any
}

var rangeKinds = []rangeKind{
	{mapping.IPRange, mapping.IP, func(n int) any { return netip.AddrFrom4([4]byte{10, 0, byte(n / 256), byte(n)}).String() }},
	{mapping.IPRange, mapping.Keyword, func(n int) any { return fmt.Sprintf("2001:db8::%x", n) }},
	{mapping.LongRange, mapping.Long, func(n int) any { return json.Number(strconv.Itoa(9007199254740990 + n)) }},
	{mapping.LongRange, mapping.Keyword, func(n int) any { return strconv.Itoa(n - 300) }},
	{mapping.IntegerRange, mapping.Double, func(n int) any { return json.Number(strconv.Itoa(n - 300)) }},
	{mapping.DoubleRange, mapping.Double, func(n int) any { return json.Number(fmt.Sprint(float64(n-300) / 8)) }},
	{mapping.FloatRange, mapping.Float, func(n int) any { return json.Number(fmt.Sprint(float64(n-300) / 8)) }},
	{mapping.DateRange, mapping.Date, func(n int) any { return moment(n) }},
	{mapping.DateRange, mapping.Keyword, func(n int) any { return moment(n) }},
}

func moment(n int) string {
	return time.UnixMilli(1601510400000 + int64(n)).UTC().Format("2006-01-02T15:04:05.000Z")
}

// TestRanges: an event matches an indicator exactly when its value lies in one of the indicator's
// ranges, whichever ends they have; a negated entry is the opposite.
func TestRanges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom(rangeKinds).Draw(rt, "kind")
		negate := rapid.Bool().Draw(rt, "negate")
		entry := indicator.Entry{Event: field("e", kind.event), Indicator: field("r", kind.ranges), Negate: negate}
		group := indicator.Group{entry}
		if negate {
			group = append(group, indicator.Entry{Event: field("k", mapping.Keyword), Indicator: field("k", mapping.Keyword)})
		}
		in := [700]bool{}
		var ranges []any
		for range rapid.IntRange(1, 3).Draw(rt, "ranges") {
			first, last := 0, len(in)-1
			ends := map[string]any{}
			if rapid.IntRange(0, 4).Draw(rt, "low") > 0 {
				first = rapid.IntRange(10, 600).Draw(rt, "first")
				if rapid.Bool().Draw(rt, "gt") {
					ends["gt"] = kind.value(first - 1)
				} else {
					ends["gte"] = kind.value(first)
				}
			}
			if rapid.IntRange(0, 4).Draw(rt, "high") > 0 {
				last = first + rapid.IntRange(0, 80).Draw(rt, "length")
				if rapid.Bool().Draw(rt, "lt") {
					ends["lt"] = kind.value(last + 1)
				} else {
					ends["lte"] = kind.value(last)
				}
			}
			ranges = append(ranges, ends)
			for n := first; n <= last; n++ {
				in[n] = true
			}
		}
		set := indicator.New([]indicator.Group{group}, indicator.Options{})
		if err := set.Add(ref("1"), event.NewDocument(map[string]any{"r": ranges, "k": "x"})); err != nil || len(set.Lost()) > 0 {
			rt.Fatal(err, set.Lost())
		}
		for n := range in {
			found := set.Match(event.NewDocument(map[string]any{"e": kind.value(n), "k": "x"}))
			if got := found.Total > 0; got != (in[n] != negate) {
				rt.Fatalf("%s %v beside %v: found is %t", kind.event, kind.value(n), ranges, got)
			}
		}
	})
}

// Valid and invalid texts of ranges. The rows were tried on Elasticsearch 8.19.
func TestRangeValues(t *testing.T) {
	for _, tt := range []struct {
		ranges mapping.Type
		raw    string
		has    []string
		lacks  []string
		lost   bool
	}{
		{mapping.IPRange, `"192.0.2.0/30"`, []string{"192.0.2.0", "192.0.2.3", "::ffff:192.0.2.1", "::ffff:c000:203"}, []string{"192.0.2.4", "192.0.1.255", "x", "::1"}, false},
		{mapping.IPRange, `"10.0.0.5/8"`, []string{"10.0.0.9"}, []string{"11.0.0.0"}, false},
		{mapping.IPRange, `"2001:db8::/32"`, []string{"2001:db8::5"}, []string{"2001:db9::"}, false},
		{mapping.IPRange, `{"gt": "192.0.2.0"}`, []string{"192.0.2.1", "2001:db8::5"}, []string{"192.0.2.0", "::"}, false},
		{mapping.IPRange, `{}`, []string{"::", "255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}, []string{"x"}, false},
		{mapping.IPRange, `"192.0.2.1"`, nil, []string{"192.0.2.1"}, true},
		{mapping.IPRange, `"10.0.0.0-10.0.0.9"`, nil, []string{"10.0.0.1"}, true},
		{mapping.IPRange, `{"gte": "10.0.0.0/8"}`, nil, []string{"10.0.0.1"}, true},
		{mapping.IPRange, `"::ffff:10.0.0.0/104"`, nil, []string{"10.0.0.1"}, true},
		{mapping.IntegerRange, `{"gte": "1.7", "lte": 5.2}`, []string{"1", "5", "5.0"}, []string{"0", "6", "1.7", "99999999999"}, false},
		{mapping.IntegerRange, `{"gte": null, "lte": 3}`, []string{"3", "-2147483648"}, []string{"4", "-2147483649"}, false},
		{mapping.IntegerRange, `{"gt": 5, "lt": 5}`, nil, []string{"5"}, true},
		{mapping.IntegerRange, `{"gte": 7, "lte": 5}`, nil, []string{"6"}, true},
		{mapping.IntegerRange, `{"from": 7}`, nil, []string{"7"}, true},
		{mapping.LongRange, `{"gte": 9007199254740993}`, []string{"9007199254740993", "9223372036854775807"}, []string{"9007199254740992"}, false},
		{mapping.FloatRange, `{"gte": 1.3, "lte": 1.3}`, []string{"1.3", "1.3000000001"}, []string{"1.31"}, false},
		{mapping.DoubleRange, `{"gte": 1, "lt": 2}`, []string{"1", "1.9999999"}, []string{"2", "0.99", "NaN"}, false},
		{mapping.DateRange, `{"gte": "2020-10-01", "lte": "2020-10-01"}`, []string{"2020-10-01T12:00:00Z", "2020-10-01", "1601510400000"}, []string{"2020-10-02T00:00:00Z", "xyz"}, false},
		{mapping.DateRange, `{"gt": "2020-10-01", "lte": "2020-10-05"}`, []string{"2020-10-02T00:00:00Z"}, []string{"2020-10-01T12:00:00Z"}, false},
		{mapping.DateRange, `{"gte": "2020-10-01", "lt": "2020-10-02"}`, []string{"2020-10-01T23:59:59.999Z"}, []string{"2020-10-02T00:00:00Z"}, false},
		{mapping.DateRange, `{"lte": "2020"}`, []string{"2020-01-01T05:00:00Z"}, []string{"2020-01-02T05:00:00Z"}, false},
		{mapping.DateRange, `"2020-10-01"`, nil, []string{"2020-10-01T00:00:00Z"}, true},
		{mapping.IPRange, `[null, "10.0.0.0/8"]`, []string{"10.0.0.1"}, []string{"11.0.0.1"}, false},
	} {
		set := indicator.New([]indicator.Group{{{Event: field("e", mapping.Keyword), Indicator: field("r", tt.ranges)}}}, indicator.Options{})
		if err := set.Add(ref("1"), document(t, `{"r": `+tt.raw+`}`)); err != nil {
			t.Fatal(err)
		}
		if lost := len(set.Lost()) > 0; lost != tt.lost {
			t.Errorf("%s %s: lost is %t", tt.ranges, tt.raw, lost)
		}
		for i, texts := range [][]string{tt.lacks, tt.has} {
			for _, text := range texts {
				if got := set.Match(event.NewDocument(map[string]any{"e": text})).Total; got != i {
					t.Errorf("%s %s: %s is found %d times", tt.ranges, tt.raw, text, got)
				}
			}
		}
	}
}
