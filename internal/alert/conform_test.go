package alert_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
)

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// deep returns a value nested in n objects.
func deep(n int, v any) any {
	for range n {
		v = object{"a": v}
	}
	return v
}

// TestConform: exactly the values that Elasticsearch rejects, as was tried, are moved.
func TestConform(t *testing.T) {
	long := strings.Repeat("x", 32767)
	for name, test := range map[string]struct{ event, moved object }{
		"plain":                        {object{"user": object{"name": "ann"}, "a.b": 1, "u": object{"": 1, "x..y": 2, "_id": 3}}, nil},
		"object for a value":           {object{"user": object{"name": object{"a": 1}}}, object{"user.name": object{"a": 1}}},
		"value for an object":          {object{"host": "web-1"}, object{"host": "web-1"}},
		"part of a list":               {object{"host": []any{"a", object{"name": "h"}, "b"}}, object{"host": []any{"a", "b"}}},
		"dotted through a value":       {object{"user.name.first": "a"}, object{"user.name.first": "a"}},
		"dotted through, within":       {object{"user": object{"name.first": nil}}, object{"user.name.first": nil}},
		"a multi-field":                {object{"process.name.text": "a"}, object{"process.name.text": "a"}},
		"Kibana's":                     {object{"host": object{"asset": []any{"x", "y"}}, "user": object{"asset": "x"}}, object{"host.asset": []any{"x", "y"}, "user.asset": "x"}},
		"Kibana's scores":              {object{"service": object{"risk": 5}}, object{"service.risk": 5}},
		"Tocsin's":                     {object{"splunk": "x"}, object{"splunk": "x"}},
		"Tocsin's, below":              {object{"splunk": object{"result": "x", "search_name": object{}}}, object{"splunk.result": "x", "splunk.search_name": object{}}},
		"no name":                      {object{"": 1, "user": object{"": 2}}, object{"": 1, "user.": 2}},
		"names with nothing in them":   {object{"a..b": 1, ".a": 2, "a. .b": 3, "user.": 4, "\u3000": 5, "a.\x1f": 6}, object{"a..b": 1, ".a": 2, "a. .b": 3, "user.": 4, "\u3000": 5, "a.\x1f": 6}},
		"names of Elasticsearch":       {object{"_id": 1, "_source.x": 2, "_doc_count": 3, "_mine": 4}, object{"_id": 1, "_source.x": 2, "_doc_count": 3}},
		"a term":                       {object{"data_stream": object{"dataset": long, "type": long[1:]}}, object{"data_stream.dataset": long}},
		"a keyword that is left out":   {object{"user": object{"name": long}}, nil},
		"flattened":                    {object{"dll": object{"pe": object{"imports": deep(20, 1)}}}, nil},
		"too deep":                     {object{"dll": object{"pe": object{"imports": deep(21, 1)}}}, object{"dll.pe.imports": deep(21, 1)}},
		"an empty object too deep":     {object{"dll.pe.imports": deep(20, object{})}, object{"dll.pe.imports": deep(20, object{})}},
		"too deep by its name":         {object{"dll.pe.imports.b": deep(20, 1)}, object{"dll.pe.imports.b": deep(20, 1)}},
		"too long in flattened":        {object{"dll.pe.imports": object{"a": long[2:]}}, object{"dll.pe.imports": object{"a": long[2:]}}},
		"a key too long in flattened":  {object{"dll.pe.imports": object{long[1:]: ""}}, object{"dll.pe.imports": object{long[1:]: ""}}},
		"a zero in flattened":          {object{"dll.pe.imports": object{"a\x00": 1}}, object{"dll.pe.imports": object{"a\x00": 1}}},
		"flattened values in a list":   {object{"dll.pe.imports": []any{object{"a": 1}, "b"}}, object{"dll.pe.imports": "b"}},
		"a value for a nested one":     {object{"dll.pe.sections": []any{object{"name": "a"}, 1}}, object{"dll.pe.sections": 1}},
		"half a point":                 {object{"client.geo.location": []any{1}}, object{"client.geo.location": []any{1}}},
		"points":                       {object{"client.geo.location": []any{[]any{1, 2}, "x", object{"lat": 1}}, "host.geo.location": []any{1, 2}}, nil},
		"no point":                     {object{"client.geo.location": []any{1, nil}}, object{"client.geo.location": []any{1, nil}}},
		"the alert's own":              {object{"kibana": object{"x": 1}, "signal.y": 2}, object{"kibana": object{"x": 1}, "signal.y": 2}},
		"so deep that it stays a text": {object{"_id": deep(950, 1)}, object{"_id": text(deep(950, 1))}},
	} {
		t.Run(name, func(t *testing.T) {
			got := build(t, aRule(), anEvent(text(test.event)))
			want := roundTrip(t, test.moved)
			aside, _ := got["tocsin.event"].(object)
			if diff := cmp.Diff(want, aside); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestConformNested: if there are more nested objects than Elasticsearch accepts, all are moved.
func TestConformNested(t *testing.T) {
	for n, moves := range map[int]bool{8000: false, 9001: true, 10001: true} {
		sections := slices.Repeat([]any{object{"name": "s"}}, n)
		for _, e := range []object{
			{"dll": object{"pe": object{"sections": sections}}},
			{"dll": object{"pe": object{"sections": sections[:n/2]}}, "file.elf.segments": sections[n/2:]},
		} {
			got := build(t, aRule(), anEvent(text(e)))
			if _, moved := got["tocsin.event"]; moved != moves {
				t.Errorf("%d objects: moved %t", n, moved)
			}
			if found := strings.Count(text(got), `{"name":"s"}`); found != n {
				t.Errorf("%d of %d objects", found, n)
			}
		}
	}
}

// TestFieldsAreTold: the mapping contains all fields that its documentation names.
func TestFieldsAreTold(t *testing.T) {
	for _, name := range []string{"tocsin.event_omitted\tboolean\n", "tocsin.event_size\tlong\n", "kibana.alert.uuid\t"} {
		if !strings.Contains(alert.Fields, name) {
			t.Errorf("no %q", name)
		}
	}
}
