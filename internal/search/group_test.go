package search_test

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// TestKeys: the key of a value, and the condition that finds it again.
func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		typ       mapping.Type
		raw       any
		key, want string
	}{
		{mapping.Keyword, "A b", "A b", `(term f "A b")`},
		{mapping.Long, json.Number("9007199254740993"), "9007199254740993", `(term f 9007199254740993)`},
		{mapping.Double, json.Number("1.50"), "1.5", `(term f 1.5)`},
		{mapping.Double, json.Number("1e300"), "1e+300", `(term f 1e+300)`},
		{mapping.Float, json.Number("0.1"), "0.10000000149011612", `(term f 0.10000000149011612)`},
		{mapping.Boolean, "true", "true", `(term f true)`},
		{mapping.Boolean, "", "false", `(term f false)`},
		{mapping.IP, "::ffff:10.0.0.1", "10.0.0.1", `(term f "10.0.0.1")`},
		{mapping.Version, "1.10", "1.10", `(term f "1.10")`},
		{mapping.Date, "2026-01-15", "2026-01-15T00:00:00.000Z", `(range f gte "2026-01-15T00:00:00.000Z" lt "2026-01-15T00:00:00.001Z" format "strict_date_optional_time")`},
		{mapping.DateNanos, "2026-01-15T00:00:00.999999999Z", "2026-01-15T00:00:00.999Z", `(range f gte "2026-01-15T00:00:00.999Z" lt "2026-01-15T00:00:01.000Z" format "strict_date_optional_time")`},
		{mapping.Unknown, json.Number("5"), "5", `(term f "5")`},
	} {
		f := mapping.Field{Name: "f", Type: tt.typ}
		v, ok := f.Index(tt.raw)
		key := f.Key(v)
		e := search.KeyEquals(f, key)
		if !ok || key != tt.key || e.String() != tt.want {
			t.Errorf("%s %v: key %s, %s", tt.typ, tt.raw, key, e)
		}
		if tt.typ == mapping.Unknown {
			continue
		}
		if _, err := condition.Compile(e, mapping.Table{"f": f}); err != nil {
			t.Errorf("%s: %v", e, err)
		}
	}
	if search.KeyName([]string{"a", "b"}) == search.KeyName([]string{"ab", ""}) || search.KeyName([]string{"1:a"}) == search.KeyName([]string{"", "a"}) {
		t.Error("two keys have one name")
	}
}

// TestGroupBody pins the three forms of a request.
func TestGroupBody(t *testing.T) {
	k, l := mapping.Field{Name: "k", Type: mapping.Keyword}, mapping.Field{Name: "l", Type: mapping.Long}
	r := search.GroupRequest{Request: search.Request{Where: condition.Const(true), Time: search.TimeRange{Field: "t"}}, By: []mapping.Field{k, l}, NoTimes: true}
	only := []search.Selection{{Key: []string{"a", "1"}}, {Key: []string{"b", "1"}}}
	chosen := r
	chosen.Only, chosen.NoTimes, chosen.Time.Fallback, chosen.Samples = only, false, "u", 2
	chosen.Only[0].Except = []window.Window{{From: time.Unix(0, 0)}}
	dense := r
	dense.Only = []search.Selection{{Key: []string{"a", "1"}}, {Key: []string{"b", "1"}}}
	listed := r
	for i := range 2000 {
		listed.Only = append(listed.Only, search.Selection{Key: []string{"k" + strconv.Itoa(i), strconv.Itoa(i)}})
	}
	few := listed
	few.Only = few.Only[:5]
	all := chosen
	all.Only, all.By, all.Samples, all.Time.Fallback = nil, nil, 0, ""
	for name, tt := range map[string]struct {
		r    search.GroupRequest
		want []string // parts of the body
	}{
		"all": {r, []string{`"groups":{"composite":{"size":10000,"sources":[{"by0":{"terms":{"field":"k"}}},{"by1":{"terms":{"field":"l"}}}]}}`, `"size":0`, `"filter":[{"match_all":{}}]`}},
		"chosen": {chosen, []string{
			`"filters":{"filters":[{"bool":{"filter":[{"term":{"k":{"value":"a"}}},{"term":{"l":{"value":1}}},{"bool":{"must_not":[`,
			`{"bool":{"filter":[{"terms":{"k":["a","b"]}},{"term":{"l":{"value":"1"}}}]}}`,
			`"fallback":{"aggs":{"first":{"min":{"field":"u"}},"last":{"max":{"field":"u"}},"samples":`, `"filter":{"bool":{"must_not":[{"exists":{"field":"t"}}]}}`,
		}},
		"listed":     {few, []string{`"composite":{"size":10000`, `{"bool":{"minimum_should_match":1,"should":[{"bool":{"filter":[{"term":{"k":{"value":"k0"}}}`}},
		"dense":      {dense, []string{`"composite":{"size":10000`, `{"bool":{"filter":[{"terms":{"k":["a","b"]}},{"term":{"l":{"value":"1"}}}]}}`}},
		"everything": {all, []string{`"filters":{"filters":[{"match_all":{}}]}`, `"first":{"min":{"field":"t"}}`}},
	} {
		body, err := search.JSON(tt.r.Body(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range tt.want {
			if !strings.Contains(string(body), part) {
				t.Errorf("%s: no %s in\n%s", name, part, body)
			}
		}
	}
	one := listed
	one.By, one.Only = []mapping.Field{k}, nil
	for i := range 20_000 {
		one.Only = append(one.Only, search.Selection{Key: []string{strconv.Itoa(i)}})
	}
	// The first thousand are all that ten values and a hundred can make, the others have nothing in common.
	mixed := listed
	mixed.Only = nil
	for i := range 1024 {
		mixed.Only = append(mixed.Only, search.Selection{Key: []string{strconv.Itoa(i % 8), strconv.Itoa(i / 8)}})
	}
	mixed.Only = append(mixed.Only, listed.Only[1000:]...)
	keyed := one
	keyed.By = []mapping.Field{{Name: "flat.k", Type: mapping.Flattened, Keyed: true}}
	got := []any{listed.Selections(), chosen.Selections(), listed.Selections(), one.Selections(), mixed.Selections(), keyed.Selections(), chosen.Listed(), keyed.Listed(), one.Listed()}
	if diff := cmp.Diff([]any{300, 250, 300, 10000, 1012, 500, false, false, true}, got); diff != "" {
		t.Errorf("how many at once (-want +got):\n%s", diff)
	}
}

func TestSampleTime(t *testing.T) {
	fields := mapping.Table{"t": {Name: "t", Type: mapping.Date}, "n": {Name: "n", Type: mapping.DateNanos}}
	r := search.GroupRequest{Request: search.Request{FieldTypes: fields}}
	ms, _ := r.SampleTime("t", 1500)
	ns, _ := r.SampleTime("n", 1500)
	_, missing := r.SampleTime("t", math.MaxInt64)
	if !ms.Equal(time.UnixMilli(1500)) || !ns.Equal(time.Unix(0, 1500)) || missing {
		t.Errorf("%s, %s, %t", ms, ns, missing)
	}
}
