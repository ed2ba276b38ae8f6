//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/indicator"
	"tocsin/internal/match/mapping"
)

// rangeEnds are a few bounds of ranges, by range type.
var rangeEnds = map[string][]any{
	"ip_range":      {"10.0.0.1", "10.0.0.5", "::ffff:10.0.0.9", "10.0.1.0", "2001:db8::1", "2001:db8::5", "::"},
	"integer_range": {0, 1, 2, -1, "3", 2.7, 2147483647, -2147483648},
	"long_range":    {0, 1, -1, json.Number("9007199254740992"), json.Number("9007199254740993"), json.Number("9223372036854775806"), "5"},
	"float_range":   {0, 0.1, 1.3, -0.5, "2.5", 16777217},
	"double_range":  {0, 0.1, 1.3, -0.5, "2.5", 1e300},
	"date_range":    {"2020-10-01", "2020-10-01T05", "2020-10-01T05:08:53.000Z", "2020-10-01T05:08:53.123Z", "2020-10-02", 1601510400000, "1601510400001", "2020", "2020-10-01T07:08:53+02:00"},
}

// rangeAsked are values of events, by range type.
var rangeAsked = map[string][]string{
	"ip_range":      {"10.0.0.1", "10.0.0.2", "10.0.0.9", "::ffff:10.0.0.5", "10.0.1.0", "10.0.1.1", "2001:db8::3", "::", "::1", "a"},
	"integer_range": {"0", "1", "2", "3", "4", "-1", "-2", "2.0", "2.5", "2147483647", "2147483648", "-2147483648", "a"},
	"long_range":    {"0", "1", "5", "-1", "6", "9007199254740992", "9007199254740993", "9007199254740994", "9223372036854775807", "2.5", "a"},
	"float_range":   {"0", "0.1", "0.2", "1.3", "1.30001", "-0.5", "-0.6", "2.5", "16777216", "16777217", "1e30", "a"},
	"double_range":  {"0", "0.1", "0.2", "1.3", "1.30001", "-0.5", "-0.6", "2.5", "1e300", "1e301", "a"},
	"date_range": {
		"2020-10-01T00:00:00.000Z", "2020-10-01T05:08:53.000Z", "2020-10-01T05:08:53.001Z", "2020-10-01T05:59:59.999Z", "2020-10-01T06:00:00.000Z", "2020-10-01T23:59:59.999Z",
		"2020-10-02T00:00:00.000Z", "2020-10-03T00:00:00.000Z", "2020-01-01T10:00:00.000Z", "2020-01-02T10:00:00.000Z", "1601510400001", "2020-10-01T05:08:53.123Z", "a",
	},
}

// TestIndicatorRangesFindAsTerms: an event's value matches an indicator's ranges exactly when a term query for it
// does. Ranges that the node refuses to index match nothing.
func TestIndicatorRangesFindAsTerms(t *testing.T) {
	n := newNode(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	index := n.Name("ranges")
	properties := object{}
	for typ := range rangeEnds {
		properties[typ] = object{"type": typ}
	}
	n.CreateIndex(t, index, object{"dynamic": "strict", "properties": properties})
	types := slices.Sorted(maps.Keys(rangeEnds))
	compared, found, refused := 0, 0, 0
	sets := map[string]*indicator.Set{}
	for _, typ := range types {
		for i := range 60 {
			id := fmt.Sprintf("%s-%d", typ, i)
			source := object{typ: anyRanges(r, typ)}
			status, answer := n.Do(t, "PUT", "/"+index+"/_doc/"+id, source)
			set := indicator.New([]indicator.Group{{{
				Event: mapping.Field{Name: "e", Type: mapping.Keyword}, Indicator: mapping.Field{Name: typ, Type: mapping.Type(typ)},
			}}}, indicator.Options{})
			decoded, err := event.DecodeObject(mustJSON(t, source))
			must(t, err)
			must(t, set.Add(event.Ref{Index: index, ID: id}, event.NewDocument(decoded)))
			if status >= 300 {
				refused++
				if len(set.Lost()) == 0 {
					t.Errorf("%s: the node refuses %s (%s), and its ranges are read", typ, mustJSON(t, source), answer.At("error", "reason"))
				}
				continue
			}
			if len(set.Lost()) > 0 {
				t.Errorf("%s: the node takes %s, and it is not read", typ, mustJSON(t, source))
			}
			sets[id] = set
		}
	}
	n.Refresh(t, index)
	for _, typ := range types {
		for _, value := range rangeAsked[typ] {
			_, answer := n.Do(t, "POST", "/"+index+"/_search", object{"size": 500, "_source": false, "query": object{"term": object{typ: object{"value": value}}}})
			ids := idsOf(answer) // none if the type cannot have the value
			for id, set := range sets {
				if len(id) < len(typ) || id[:len(typ)] != typ {
					continue
				}
				compared++
				want := slices.Contains(ids, id)
				if want {
					found++
				}
				if got := set.Match(event.NewDocument(map[string]any{"e": value})).Total > 0; got != want {
					source := n.Must(t, "GET", "/"+index+"/_doc/"+id, nil).At("_source")
					t.Errorf("%s %s in %v: %t, the term query says %t", typ, value, source, got, want)
				}
			}
		}
	}
	t.Logf("%d pairs, %d found, %d documents refused", compared, found, refused)
	if found < compared/10 || refused == 0 {
		t.Error("too few of a kind")
	}
}

// anyRanges generates one or more ranges, some of them invalid.
func anyRanges(r *rand.Rand, typ string) any {
	ends := rangeEnds[typ]
	one := func() any {
		if typ == "ip_range" && r.IntN(3) == 0 {
			return []any{"10.0.0.0/24", "10.0.0.4/30", "2001:db8::/64", "10.0.0.0/33", "10.0.0.1", "::ffff:10.0.0.0/104", "::ffff:10.0.0.0/24"}[r.IntN(7)]
		}
		out := object{}
		if r.IntN(4) > 0 {
			out[[]string{"gte", "gt"}[r.IntN(2)]] = ends[r.IntN(len(ends))]
		}
		if r.IntN(4) > 0 {
			out[[]string{"lte", "lt"}[r.IntN(2)]] = ends[r.IntN(len(ends))]
		}
		if r.IntN(10) == 0 {
			out["lte"] = nil
		}
		return out
	}
	if r.IntN(3) == 0 {
		return []any{one(), one()}
	}
	return one()
}
